"""The vectorised twin of `esru.rounding`, on PyTorch tensors of any device.

Values in ulps are held in float32 (or float64). For a value v and n <= 24 rounding bits,
f = floor(v * 2^n) - floor(v) * 2^n is exact: both terms are exact, being a power of two times a
float and its floor, and the result is an integer below 2^24. The tempting v - floor(v) is not:
for a tiny negative v it is 1, and 1 is no fraction.
"""

from __future__ import annotations

import numpy as np
import torch

from esru.decision_table import decision_table, is_table
from esru.design import Design
from esru.emulate.arrays import decision_values
from esru.emulate.device import device_values
from esru.emulate.floats import round_float_tensor
from esru.emulate.stream import Array, tensor_cycles
from esru.errors import InputError

#: float32 holds every integer up to 2^24.
MAX_FLOAT_BITS = 24

_INTEGERS = (torch.int8, torch.uint8, torch.int16, torch.int32, torch.int64)
_FLOATS = (torch.float32, torch.float64)


def check_float_bits(design: Design) -> None:
    """Refuse designs whose fraction or output float32 cannot hold.

    Raises
    ------
    InputError
        If n or the output's width is above 24.
    """
    if design.n > MAX_FLOAT_BITS:
        rule = f"at most {MAX_FLOAT_BITS} for floating-point tensors"
        raise InputError.must("Rounding bits (n)", rule, design.n)
    if design.out_format.width > MAX_FLOAT_BITS:
        rule = f"at most {MAX_FLOAT_BITS} bits wide for floating-point tensors"
        raise InputError.must("Output format", rule, design.out_format)


def round_torch(array: Array, x: torch.Tensor, phase: int) -> tuple[torch.Tensor, int]:
    """Round a tensor; `esru.emulate.round_tensor` is the documented entry."""
    design = array.design
    if not design.floats and x.dtype not in _INTEGERS + _FLOATS:
        raise InputError.must("Tensor type", "an integer type, float32 or float64", x.dtype)
    if x.device.type == "cpu":
        words, following = array.tensor_words(x.numel(), phase)
        compared = torch.from_numpy(decision_values(design, words)).reshape(x.shape)
    else:
        following = phase + tensor_cycles(x.numel(), array.lanes)
        values = device_values(design, array.lanes, x.device)
        compared = values(x.numel(), phase).reshape(x.shape)
    if design.floats:
        return round_float_tensor(design, x, lambda f: _up(design, f, compared)), following
    if x.dtype in _INTEGERS:
        return _round_words(design, x.to(torch.int64), compared), following
    check_float_bits(design)
    if bool(torch.isnan(x).any()):
        raise InputError.must("Values", "numbers", "nan")
    return _round_values(design, x, compared), following


def _up(design: Design, f: torch.Tensor, compared: torch.Tensor) -> torch.Tensor:
    """Return the decisions (bool) for integer fractions of any dtype."""
    if is_table(design.rule):
        ups = torch.from_numpy(decision_table(design.rule, design.n, design.k).ups())
        return ups.to(f.device)[compared, f.to(torch.int64)]
    if design.rule == "select":
        return ((f.to(torch.int64) >> compared) & 1).to(torch.bool)
    return f >= compared


def _round_words(design: Design, x: torch.Tensor, compared: torch.Tensor) -> torch.Tensor:
    (fmt, out), dropped = design.fixed, design.dropped
    if x.numel():
        low, high = int(x.min()), int(x.max())
        if low < fmt.low or high > fmt.high:
            bad = low if low < fmt.low else high
            raise InputError.must(f"Input word of {fmt}", f"between {fmt.low} and {fmt.high}", bad)
    f = (x >> (dropped - design.n)) & ((1 << design.n) - 1)
    y = (x >> dropped) + _up(design, f, compared)
    if design.overflow == "wrap":
        return y if out.width >= 64 else ((y - out.low) & ((1 << out.width) - 1)) + out.low
    return y.clamp(out.low, min(out.high, np.iinfo(np.int64).max))


def _round_values(design: Design, x: torch.Tensor, compared: torch.Tensor) -> torch.Tensor:
    _, out = design.fixed
    scale = float(1 << design.n)
    # Beyond the format the value is the last one below high + 1, whose fraction is all ones.
    whole = torch.floor(x).clamp(out.low, out.high)
    f = torch.floor(x.clamp(out.low, out.high + 1) * scale) - whole * scale
    y = whole + _up(design, f.clamp(max=scale - 1), compared).to(x.dtype)
    if design.overflow == "wrap":
        return torch.where(y > out.high, y - float(1 << out.width), y)
    return y.clamp(out.low, out.high)
