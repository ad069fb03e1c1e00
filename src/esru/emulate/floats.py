"""Float units on arrays and tensors: the vectorised twin of `esru.float_rounding`.

Every input format is a part of float32, so that all are computed with as float32's bits, in
int64. The same lines serve NumPy and PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from esru.design import Design
from esru.design_text import short_design
from esru.errors import InputError
from esru.float_formats import FLOAT32, FLOAT_FORMATS, SCALE_BIAS, FloatFormat

if TYPE_CHECKING:
    import torch

Ints = npt.NDArray[np.int64]

#: From fractions (n bits) to decisions.
Decide = Callable[[Any], Any]

#: Of the inputs only float16 has an exponent field of this width.
_HALF = FLOAT_FORMATS["float16"].exponent

#: A shift by this many bits leaves nothing of a 24-bit significand with 32 bits below it.
_ALL = 60


def pair_of(design: Design) -> tuple[FloatFormat, FloatFormat]:
    """Return the formats of a float unit.

    Raises
    ------
    InputError
        If the design is no float unit.
    """
    if design.floats is None:
        raise InputError.must("Formats of the design", "floats here", short_design(design))
    return design.floats


def _bit_length(x: Any) -> Any:
    """Return the bit length of each integer, 0 <= x < 2^53, from the exponent of its float64."""
    if isinstance(x, np.ndarray):
        wide: Any = x.astype(np.float64).view(np.int64)
    else:
        import torch

        wide = x.to(torch.float64).view(torch.int64)
    return ((wide >> 52) - 1022).clip(0, None)


def round_bits(
    design: Design,
    bits: Any,
    decide: Decide,
    where: Callable[..., Any],
    scale: Any = None,
    n: int | None = None,
) -> Any:
    """Return output patterns (int64) for float32 bits (int64, without the sign's extension).

    Parameters
    ----------
    design : Design
        A float unit.
    bits : ndarray or torch.Tensor of int64
        float32 patterns of the inputs' values.
    decide : callable
        From fractions, 0 <= f < 2^n, to decisions (0 or 1, or bool).
    where : callable
        ``numpy.where`` or ``torch.where``.
    scale : ndarray or torch.Tensor of int64, or None
        Exponents of the scales by which the values are divided.
    n : int, optional
        Fraction bits that `decide` is given, at most 24; None: the design's rounding bits.
    """
    _, out = pair_of(design)
    n = design.n if n is None else n
    magnitude = bits & 0x7FFFFFFF
    field = magnitude >> FLOAT32.fraction
    leading = field.clip(0, 1)
    significand = (magnitude & 0x7FFFFF) | leading << FLOAT32.fraction
    # Binades above the output's least one; below it the output's ulp stays.
    above = field + (1 - leading) - FLOAT32.bias - out.least_exponent
    if scale is not None:
        # A subnormal divided by a small scale may be a normal result.
        missing = FLOAT32.fraction + 1 - _bit_length(significand)
        significand = significand << missing
        above = above - missing - scale
    dropped = (FLOAT32.fraction - out.fraction - above.clip(None, 0)).clip(None, _ALL)
    scaled = significand << n >> dropped
    f = scaled & ((1 << n) - 1)
    code = (above.clip(0, None) << out.fraction) + (scaled >> n) + where(decide(f), 1, 0)
    beyond = out.highest if design.overflow == "saturate" else out.overflow
    code = where((code > out.highest) | (field == 255), beyond, code)
    if out.nan is not None:
        code = where(magnitude > 0x7F800000, out.nan, code)
    return code | bits >> 31 << (out.width - 1)


def _split_scale(source: FloatFormat, patterns: Any) -> tuple[Any, Any]:
    """Return the words without their scales, and the scales' exponents; None without scales."""
    if not source.scale:
        return patterns, None
    below = source.width - source.scale
    return patterns & ((1 << below) - 1), (patterns >> below) - SCALE_BIAS


def float32_bits(fmt: FloatFormat, patterns: npt.NDArray[Any]) -> Ints:
    """Return the float32 patterns (int64) of the values of a format's patterns, unscaled."""
    if fmt.exponent == _HALF:
        with np.errstate(invalid="ignore"):  # signalling NaN
            values = patterns.astype(np.uint16).view(np.float16).astype(np.float32)
        return values.view(np.uint32).astype(np.int64)
    return patterns.astype(np.int64) << (FLOAT32.width + fmt.scale - fmt.width)


def _check_patterns(source: FloatFormat, x: Any, size: int) -> None:
    """Refuse what is no bit pattern of the input format."""
    if size and (int(x.min()) < 0 or int(x.max()) >= 1 << source.width):
        bad = int(x.min()) if int(x.min()) < 0 else int(x.max())
        rule = f"between 0 and {(1 << source.width) - 1:#x}"
        raise InputError.must(f"Bit pattern of {source}", rule, f"{bad:#x}")


def _check_unscaled(source: FloatFormat) -> None:
    if source.scale:
        plain = source.name.removeprefix("mx_")
        rule = f"given with scale=, or divided by it and given to a unit from {plain}"
        raise InputError.must(f"Values for an input {source}", rule, "floats")


def check_values(source: FloatFormat, exact: bool, dtype: object) -> None:
    """Refuse values of a type that an input format does not hold exactly."""
    if not exact:
        rule = f"values of {source}, all of them"
        raise InputError.must(f"{dtype} values for an input {source}", rule, "beyond it")


def round_float_array(design: Design, x: npt.NDArray[Any], decide: Decide) -> npt.NDArray[Any]:
    """Round bit patterns to bit patterns (int64), or float values to float32 values.

    `esru.emulate.round_array` and `round_tensor` are the documented entries.

    Parameters
    ----------
    design : Design
        A float unit.
    x : ndarray
        Integers are bit patterns of the input format; float16 and float32 are values, which the
        input format must hold exactly.
    decide : callable
        As `round_bits` takes it.

    Raises
    ------
    InputError
        If the type is another one, a pattern is out of range, or the format has no such value.
    """
    source, out = pair_of(design)
    if np.issubdtype(x.dtype, np.integer):
        _check_patterns(source, x, x.size)
        words, scale = _split_scale(source, x.astype(np.int64))
        bits = float32_bits(source, words)
        patterns: Ints = round_bits(design, bits, decide, np.where, scale)
        return patterns
    codes: Ints = round_bits(design, _value_bits(source, x), decide, np.where)
    return value_table(out)[codes]


def _value_bits(source: FloatFormat, x: npt.NDArray[Any]) -> Ints:
    """Return the float32 patterns of values that the input format holds."""
    _check_unscaled(source)
    if x.dtype not in (np.float16, np.float32):
        raise InputError.must("Array type", "an integer type, float16 or float32", x.dtype)
    with np.errstate(invalid="ignore", over="ignore"):
        values = x.astype(np.float32)
        bits: Ints = values.view(np.uint32).astype(np.int64)
        if source.name == "bfloat16":
            exact = not ((bits & 0xFFFF != 0) & ~np.isnan(values)).any()
        else:
            narrow = values.astype(np.float16) if source.name == "float16" else values
            exact = np.array_equal(narrow.astype(np.float32), values, equal_nan=True)
    check_values(source, exact, x.dtype)
    return bits


def bit_patterns(source: FloatFormat, x: npt.NDArray[Any]) -> Ints:
    """Return the bit patterns in an input format of what `round_float_array` takes."""
    if np.issubdtype(x.dtype, np.integer):
        _check_patterns(source, x, x.size)
        return x.astype(np.int64)
    bits = _value_bits(source, x)
    if source.exponent != _HALF:
        return bits >> (FLOAT32.width - source.width)
    with np.errstate(invalid="ignore"):  # signalling NaN
        halves = bits.astype(np.uint32).view(np.float32).astype(np.float16)
    return halves.view(np.uint16).astype(np.int64)


def round_float_tensor(design: Design, x: torch.Tensor, decide: Decide) -> torch.Tensor:
    """Do as `round_float_array` for a tensor on any device; values may be bfloat16 too."""
    import torch

    source, out = pair_of(design)
    if not x.dtype.is_floating_point:
        wide = x.to(torch.int64)
        _check_patterns(source, wide, wide.numel())
        wide, scale = _split_scale(source, wide)
        bits = wide << (FLOAT32.width + source.scale - source.width)
        if source.exponent == _HALF:
            halves = torch.where(wide >= 1 << 15, wide - (1 << 16), wide).to(torch.int16)
            bits = _bits(halves.view(torch.float16).to(torch.float32))
        return torch.as_tensor(round_bits(design, bits, decide, torch.where, scale))
    _check_unscaled(source)
    if x.dtype not in (torch.float16, torch.bfloat16, torch.float32):
        rule = "an integer type, float16, bfloat16 or float32"
        raise InputError.must("Tensor type", rule, x.dtype)
    values = x.to(torch.float32)
    narrow = values.to(getattr(torch, source.name)).to(torch.float32)
    check_values(source, bool(((narrow == values) | values.isnan()).all()), x.dtype)
    codes = round_bits(design, _bits(values), decide, torch.where)
    return torch.from_numpy(value_table(out)).to(x.device)[codes]


def _bits(values: torch.Tensor) -> torch.Tensor:
    """Return float32 patterns as int64."""
    import torch

    return values.view(torch.int32).to(torch.int64) & 0xFFFFFFFF


@lru_cache(maxsize=16)
def value_table(fmt: FloatFormat) -> npt.NDArray[np.float32]:
    """Return the value of each pattern of a format of at most 16 bits."""
    return np.array([fmt.decode(bits) for bits in range(1 << fmt.width)], np.float32)
