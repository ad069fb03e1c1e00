"""The vectorised twin of `esru.rounding`, on NumPy arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from esru.decision_table import decision_table, is_table
from esru.design import Design
from esru.emulate.floats import bit_patterns, round_float_array
from esru.emulate.operand import tensor_words
from esru.emulate.stream import Array
from esru.errors import InputError
from esru.sources.settings import OPERANDS

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

#: float64 holds every integer of this many bits.
_EXACT_BITS = 53


def decision_values(design: Design, words: npt.NDArray[Any]) -> Ints:
    """Return what a lane compares its fraction with, for each random word.

    Parameters
    ----------
    design : Design
        The unit.
    words : ndarray of integers
        Random words, 0 <= r < 2^k.

    Returns
    -------
    ndarray of int64
        The least f that rounds up (2^n: none does); for `select` the index of the bit of f that
        decides, 0 the lowest; for a table the code.
    """
    r = words.astype(np.int64)
    n, k = design.n, design.k
    if is_table(design.rule):
        return decision_table(design.rule, n, k).codes(r)
    if design.rule == "select":
        # frexp's exponent is the bit length, exactly, for every r < 2^53 (0 for r = 0).
        bit_length = np.frexp(r.astype(np.float64))[1].astype(np.int64)
        zeros: Ints = k - bit_length
        return (n - 1) - zeros
    full = 1 << n
    if design.rule == "zero":
        return full - (r << (n - k))
    if design.rule == "half":
        return full - (1 << (n - k - 1)) - (r << (n - k))
    if design.rule == "replicate":
        addend = np.zeros_like(r)
        whole, rest = divmod(n, k)
        for _ in range(whole):
            addend = addend << k | r
        return full - (addend << rest | r >> (k - rest))
    if design.rule == "nearest":
        if n == k:
            return full - r
        multiple = (1 << k) - r
        return (multiple << (n - k)) - (1 << (n - k - 1)) + (multiple & 1)
    raise AssertionError(design.rule)


def round_up_array(design: Design, fractions: Ints, words: npt.NDArray[Any]) -> Bools:
    """Return the decision of a rule for each fraction: twin of `esru.rounding.round_up`.

    Parameters
    ----------
    design : Design
        The unit.
    fractions : ndarray of int64
        The fractions' top n bits, 0 <= f < 2^n.
    words : ndarray of integers
        Random words, 0 <= r < 2^k, of a shape that broadcasts with `fractions`.
    """
    values = decision_values(design, words)
    if is_table(design.rule):
        found: Bools = decision_table(design.rule, design.n, design.k).ups()[values, fractions]
        return found
    if design.rule == "select":
        return ((fractions >> values) & 1).astype(np.bool_)
    return fractions >= values


def _finish(design: Design, y: Ints) -> Ints:
    """Saturate or wrap rounded words, as the design says."""
    _, out = design.fixed
    if design.overflow == "wrap":
        if out.width >= 64:
            return y
        return ((y - out.low) & ((1 << out.width) - 1)) + out.low
    return np.clip(y, out.low, min(out.high, np.iinfo(np.int64).max))


def _check_words(design: Design, words: npt.NDArray[Any]) -> None:
    if not np.issubdtype(words.dtype, np.integer):
        raise InputError.must("Random words", "integers", words.dtype)
    if words.size and (int(words.min()) < 0 or int(words.max()) >= 1 << design.k):
        bad = int(words.min()) if int(words.min()) < 0 else int(words.max())
        raise InputError.must("Random word", f"between 0 and {(1 << design.k) - 1}", bad)


def round_array(design: Design, x: npt.NDArray[Any], words: npt.NDArray[Any]) -> Ints:
    """Round input words: the vectorised twin of `esru.rounding.round_word` and `round_float`.

    Parameters
    ----------
    design : Design
        The unit.
    x : ndarray of integers
        Inputs, integers in units of the input format's last place, within that format; of a
        float unit bit patterns.
    words : ndarray of integers
        Random words, 0 <= r < 2^k, one per input: same shape as `x`, or one that broadcasts.

    Returns
    -------
    ndarray of int64
        Outputs, integers in units of the output format's last place; of a float unit bit patterns.

    Raises
    ------
    InputError
        If an input or a word is out of range or not an integer.
    """
    if not np.issubdtype(x.dtype, np.integer):
        raise InputError.must("Input words", "integers", x.dtype)
    _check_words(design, words)
    if design.floats:
        return round_float_array(design, x, lambda f: round_up_array(design, f, words))
    fmt, _ = design.fixed
    if x.size:
        low, high = int(x.min()), int(x.max())
        # An unsigned 64-bit input's upper half does not fit the int64 that is computed with.
        top = min(fmt.high, np.iinfo(np.int64).max)
        if low < fmt.low or high > top:
            bad = low if low < fmt.low else high
            raise InputError.must(f"Input word of {fmt}", f"between {fmt.low} and {top}", bad)
    wide = x.astype(np.int64)
    dropped = design.dropped
    fractions = (wide >> (dropped - design.n)) & ((1 << design.n) - 1)
    up = round_up_array(design, fractions, words)
    return _finish(design, (wide >> dropped) + up)


def _round_values(design: Design, x: npt.NDArray[Any], words: npt.NDArray[Any]) -> Ints:
    """Round values given in ulps: floored to n fraction bits, saturated to the input, rounded."""
    n = design.n
    wide = _floored(design, x, n, "rounding bits (n)")
    up = round_up_array(design, wide & ((1 << n) - 1), words)
    return _finish(design, (wide >> n) + up)


def _floored(design: Design, x: npt.NDArray[Any], bits: int, named: str) -> Ints:
    """Return values in ulps as integers with so many fraction bits, saturated to the input."""
    _, out = design.fixed
    if out.width + bits > _EXACT_BITS:
        rule = f"at most {_EXACT_BITS} for floating-point arrays"
        raise InputError.must(f"Output width plus {named}", rule, out.width + bits)
    if np.isnan(x).any():
        raise InputError.must("Values", "numbers", "nan")
    scaled = np.floor(np.clip(x.astype(np.float64), out.low, out.high + 1) * float(1 << bits))
    return np.minimum(scaled, float(((out.high + 1) << bits) - 1)).astype(np.int64)


def _check_float_type(x: npt.NDArray[Any]) -> None:
    if x.dtype.itemsize not in (4, 8):
        raise InputError.must("Array type", "an integer type, float32 or float64", x.dtype)


def round_by_operands(design: Design, x: npt.NDArray[Any], lanes: int) -> npt.NDArray[Any]:
    """Round an array by words from its own elements; values keep all D dropped bits."""
    if design.floats:
        words = tensor_words(design, bit_patterns(design.floats[0], x), lanes)
        return round_float_array(design, x, lambda f: round_up_array(design, f, words))
    if not np.issubdtype(x.dtype, np.floating):
        words = tensor_words(design, x.astype(np.int64), lanes)
        return round_array(design, x, words)
    _check_float_type(x)
    dropped = design.dropped
    wide = _floored(design, x, dropped, "dropped bits (D)")
    words = tensor_words(design, wide, lanes)
    fractions = (wide >> (dropped - design.n)) & ((1 << design.n) - 1)
    up = round_up_array(design, fractions, words)
    return _finish(design, (wide >> dropped) + up).astype(x.dtype)


def round_generally(
    design: Design, x: npt.NDArray[Any], phase: int, lanes: int
) -> npt.NDArray[Any]:
    """Round any array by any design, all words at once; `esru.emulate.round_tensor` checks them."""
    array = Array(design, lanes)
    if design.source in OPERANDS:
        return round_by_operands(design, x, lanes)
    words, _ = array.tensor_words(x.size, phase)
    words = words.reshape(x.shape)
    if design.floats:
        return round_float_array(design, x, lambda f: round_up_array(design, f, words))
    if np.issubdtype(x.dtype, np.floating):
        _check_float_type(x)
        return _round_values(design, x, words).astype(x.dtype)
    return round_array(design, x, words)
