"""Tensors in blocks with a scale: elements and exponents apart, as a unit with `block=` has them.

The unit takes a power of two. A scale with a significand of its own, as NVFP4's, is split first
(`split_scales`), and the elements are divided by the significand before they reach the unit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from esru.design import Design
from esru.emulate.arrays import round_generally
from esru.emulate.floats import bit_patterns, pair_of, value_table
from esru.emulate.results import check_array, check_unmasked
from esru.emulate.stream import lanes_array, tensor_cycles
from esru.errors import InputError
from esru.float_formats import FLOAT_FORMATS, MX_FORMATS, SCALE_BIAS, SCALE_BITS, FloatFormat

if TYPE_CHECKING:
    import torch

Ints = npt.NDArray[np.int64]

#: The greatest exponent that E8M0 has, NaN's place counted in.
_MOST_EXPONENT = (1 << SCALE_BITS) - 1 - SCALE_BIAS


def round_scaled(
    design: Design, x: Any, scale: Any, phase: int, lanes: int, out: Any
) -> tuple[Any, int]:
    """Round a tensor with a scale; `esru.emulate.round_tensor` is the documented entry."""
    check_unmasked("Exponents of the scales", scale)
    if isinstance(x, np.ndarray):
        target = None if out is None else check_array(design, x, out)
        y, following = _round(design, x, scale, phase, lanes)
        if target is None:
            return y, following
        np.copyto(target, y, casting="unsafe")
        return target, following
    return _round_torch(design, x, scale, phase, lanes, out)


def _round(
    design: Design, x: npt.NDArray[Any], scale: Any, phase: int, lanes: int
) -> tuple[npt.NDArray[Any], int]:
    codes = round_generally(design, _joined(design, x, scale), phase, lanes)
    following = phase + tensor_cycles(x.size, lanes)
    if np.issubdtype(x.dtype, np.integer):
        return codes, following
    return value_table(pair_of(design)[1])[codes], following


def _round_torch(
    design: Design, x: torch.Tensor, scale: Any, phase: int, lanes: int, out: Any
) -> tuple[torch.Tensor, int]:
    import torch

    from esru.emulate.fused import is_fused, round_fused, suits_kernel
    from esru.emulate.straight import check_dense, check_out

    check_dense(x)
    if x.requires_grad and torch.is_grad_enabled():
        # The quotient's derivative is the scale's reciprocal, not 1.
        raise InputError.must("Tensor with a scale", "without a gradient", "one that requires it")
    target = None if out is None else check_out(design, x, out, False)
    if is_fused(x) and suits_kernel(design, x.dtype, scaled=True):
        lanes_array(design, lanes)
        on_device = _exponents(x, scale)
        if on_device is not None:
            rounded = round_fused(design, x, phase, lanes, target, on_device)
            if rounded is not None:
                return rounded, phase + tensor_cycles(x.numel(), lanes)
    held = x.detach().float() if x.dtype == torch.bfloat16 else x.detach()
    exponents = scale.cpu().numpy() if isinstance(scale, torch.Tensor) else scale
    y, following = _round(design, held.cpu().numpy(), exponents, phase, lanes)
    found = torch.from_numpy(np.asarray(y)).to(x.device)
    return (found if target is None else target.copy_(found)), following


def _exponents(x: torch.Tensor, scale: Any) -> torch.Tensor | None:
    """Return exponents on the device of `x`; None if they are to be refused, the plain way."""
    import torch

    if isinstance(scale, torch.Tensor):
        held, size = scale, scale.numel()
        whole = not (held.is_floating_point() or held.is_complex() or held.dtype == torch.bool)
    else:
        scale = np.asarray(scale)
        size, whole = scale.size, np.issubdtype(scale.dtype, np.integer)
    if not whole or not _in_range(scale, size):
        return None
    if isinstance(scale, np.ndarray):
        held = torch.from_numpy(scale.astype(np.int16))
    try:
        held.expand(x.shape)
    except RuntimeError:
        return None
    return held.to(x.device)


def _in_range(exponents: Any, size: int) -> bool:
    return not size or bool(exponents.min() >= -SCALE_BIAS and exponents.max() <= _MOST_EXPONENT)


def _joined(design: Design, x: npt.NDArray[Any], scale: Any) -> Ints:
    """Return patterns of the input format, each with its scale above the sign."""
    source = design.input
    if not isinstance(source, FloatFormat) or not source.scale:
        rule = f"one of {', '.join(MX_FORMATS)}"
        raise InputError.must("Input format of a unit that takes a scale", rule, source)
    exponents = np.asarray(scale)
    if not np.issubdtype(exponents.dtype, np.integer):
        raise InputError.must("Exponents of the scales", "integers", exponents.dtype)
    if not _in_range(exponents, exponents.size):
        bad = exponents.min() if exponents.min() < -SCALE_BIAS else exponents.max()
        rule = f"between {-SCALE_BIAS} and {_MOST_EXPONENT}"
        raise InputError.must("Exponent of a scale", rule, bad)
    try:
        high = np.broadcast_to(exponents.astype(np.int64) + SCALE_BIAS, x.shape)
    except ValueError:
        rule = f"of a shape that broadcasts to {x.shape}"
        raise InputError.must("Exponents of the scales", rule, exponents.shape) from None
    plain = FLOAT_FORMATS[source.name.removeprefix("mx_")]
    return high << plain.width | bit_patterns(plain, x)


def split_scales(patterns: npt.NDArray[Any]) -> tuple[npt.NDArray[np.float32], Ints]:
    """Return significands m, 1 <= m < 2, and exponents e of NVFP4's scales m * 2^e.

    Divide a block by m, in float32 or wider, and give e to the unit.

    Parameters
    ----------
    patterns : ndarray of integers
        Bit patterns of ocp_e4m3, above zero.

    Raises
    ------
    InputError
        If a pattern is no number above zero.
    """
    scale = FLOAT_FORMATS["ocp_e4m3"]
    if not np.issubdtype(patterns.dtype, np.integer):
        raise InputError.must("Scales", f"bit patterns of {scale}", patterns.dtype)
    wrong = (patterns < 1) | (patterns > scale.highest)
    if wrong.any():
        rule = f"a number above zero, 0x1 to {scale.highest:#x}"
        raise InputError.must(f"Scale in {scale}", rule, f"{int(patterns[wrong][0]):#x}")
    half, above = np.frexp(value_table(scale)[patterns])
    return half * np.float32(2), above.astype(np.int64) - 1
