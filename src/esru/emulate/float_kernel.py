"""The fast path of `round_tensor` for float units: float32 values to a narrow format, by blocks.

A normal result needs no unpacking: the float32 pattern of a magnitude, cut n bits below the
output's last place, plus the addend in those bits, carries into the exponent by itself. Below the
output's least normal number the last place stays where it is, and rounding is that of a
fixed-point number. Both are computed for a whole block, and the pattern says which one holds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from esru.design import Design
from esru.emulate.addends import BLOCK, AddendStream
from esru.float_formats import FLOAT32
from esru.sources.settings import GIVEN

_MAGNITUDE = np.int32(0x7FFFFFFF)

#: An output format whose numbers below the least normal one can be scaled within float32.
_LEAST_EXPONENT = -60


def suits_floats(design: Design, dtype: Any) -> bool:
    """Return whether the fast path rounds arrays of a type by this float unit."""
    if design.floats is None:
        return False
    source, out = design.floats
    return (
        source == FLOAT32
        and dtype == np.float32
        and design.overflow == "saturate"
        and design.n <= FLOAT32.fraction - out.fraction
        and out.least_exponent >= _LEAST_EXPONENT
        and design.source not in GIVEN
    )


def round_float_blocks(
    stream: AddendStream, values: npt.NDArray[Any], phase: int, out: npt.NDArray[Any]
) -> None:
    """Round flat values into `out`, beginning in the cycle `phase`.

    Parameters
    ----------
    stream : AddendStream
        Of a design that suits (`suits_floats`).
    values : ndarray of float32, shape (size,)
        Contiguous; may be `out` itself.
    phase : int
        Cycles since reset, >= 0.
    out : ndarray, shape (size,)
        Where to write: float32 or float64.
    """
    design = stream.array.design
    assert design.floats is not None
    word, n, select = design.floats[1], design.n, design.rule == "select"
    dropped = FLOAT32.fraction - word.fraction
    kept = np.int32(-1 << dropped)
    highest = np.float32(word.decode(word.highest))
    zero, least = np.float32(0), np.float32(2.0**word.least_exponent)
    unit = np.float32(2.0 ** (word.least_exponent - word.fraction))
    scale = np.float32(2.0 ** (n + word.fraction - word.least_exponent))
    room = min(BLOCK, len(values))
    magnitudes, scaled = np.empty(room, np.float32), np.empty(room, np.float32)
    ints, small, below = np.empty(room, np.int32), np.empty(room, np.int32), np.empty(room, bool)
    for part, addends in stream.blocks(len(values), phase):
        count = part.stop - part.start
        x = values[part]
        v, s, q, m, low = (a[:count] for a in (magnitudes, scaled, ints, small, below))
        np.abs(x, out=v)
        numbers = not np.isnan(np.maximum.reduce(v))
        lost = None if numbers else np.isnan(x)
        # Saturated before rounding, which changes nothing; NaN is put in at the end.
        np.clip(v, zero, highest, out=v)
        if lost is not None:
            v[lost] = 0
        np.less(v, least, out=low)
        bits = v.view(np.int32)
        # Below the least normal number: a fixed-point number in units of the last place.
        np.clip(v, zero, least, out=s)
        np.multiply(s, scale, out=s)
        np.copyto(m, s, casting="unsafe")
        # Above it: the pattern itself.
        np.left_shift(addends, dropped - n, out=q)
        if select:
            np.bitwise_and(q, bits, out=q)
            np.not_equal(q, 0, out=q)
            np.left_shift(q, dropped, out=q)
            np.add(bits, q, out=q)
            chosen = np.not_equal(np.bitwise_and(m, addends), 0)
            np.right_shift(m, n, out=m)
            m += chosen
        else:
            # Bits below the n rounding bits meet zeros: they carry nothing.
            np.add(bits, q, out=q)
            m += addends
            np.right_shift(m, n, out=m)
        np.bitwise_and(q, kept, out=q)
        np.copyto(s, m, casting="unsafe")
        np.multiply(s, unit, out=s)
        found = q.view(np.float32)
        np.copyto(found, s, where=low)
        np.clip(found, zero, highest, out=found)
        if lost is not None:
            found[lost] = highest if word.nan is None else np.float32(np.nan)
        if out.dtype == np.float32:
            np.copysign(found, x, out=out[part])
        else:
            np.copysign(found, x, out=found)
            np.copyto(out[part], found, casting="unsafe")
