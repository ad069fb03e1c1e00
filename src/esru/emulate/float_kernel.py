"""The fast path of `round_tensor` for float units: float32 values to a narrow format, by blocks.

A normal result needs no unpacking: the float32 pattern of a magnitude, cut n bits below the
output's last place, plus the addend in those bits, carries into the exponent by itself. Below the
output's least normal number the last place stays where it is, and rounding is that of a
fixed-point number. Both are computed for a whole block, of magnitudes cut off at that number from
below and from above: one of the two is always the number itself, and the result is their sum
without it. Choosing between them, element by element, would take longer than all the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from esru.design import Design
from esru.emulate.addends import CARRY, AddendStream, scratch
from esru.float_formats import FLOAT32
from esru.sources.settings import GIVEN

_ZERO, _SIGN = np.float32(0), np.int32(-1 << 31)

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


@dataclass(frozen=True)
class _Constants:
    """What a design's values are computed with, as float32 and int32."""

    least: np.float32
    highest: np.float32
    #: From values to fixed point with n bits below the unit in the last place at `least`.
    scale: np.float32
    #: The pattern of a float whose last place is that unit: m more are m units more.
    lifted: np.int32
    lifted_least: np.float32
    #: Bits below the n rounding bits of a pattern, and those above them.
    below: int
    kept: np.int32
    lost: np.float32


@lru_cache(maxsize=64)
def _constants(design: Design) -> _Constants:
    assert design.floats is not None
    word, n = design.floats[1], design.n
    least, highest = np.float32(2.0**word.least_exponent), np.float32(word.decode(word.highest))
    unit = least * np.float32(2.0**-word.fraction)
    lifted = unit * np.float32(1 << FLOAT32.fraction)
    dropped = FLOAT32.fraction - word.fraction
    return _Constants(
        least,
        highest,
        scale=np.float32(2.0**n) / unit,
        lifted=lifted.view(np.int32),
        lifted_least=lifted + least,
        below=dropped - n,
        kept=np.int32(-1 << dropped),
        lost=highest if word.nan is None else np.float32(np.nan),
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
    c, n = _constants(design), design.n
    direct = out.dtype == np.float32 and not np.may_share_memory(values, out)
    for part, addends in stream.blocks(len(values), phase):
        x = values[part]
        v, s, q, m = scratch((np.float32, np.float32, np.int32, np.int32), len(x))
        if direct:
            q = out[part].view(np.int32)
        np.abs(x, out=v)
        lost = np.isnan(x) if np.isnan(np.maximum.reduce(v)) else None
        if lost is not None:
            v[lost] = 0  # put in at the end
        # Below the least normal number: a fixed-point number in units of the last place.
        v.clip(_ZERO, c.least, out=s)
        np.multiply(s, c.scale, out=s)
        np.copyto(m, s, casting="unsafe")
        # Above it: the pattern itself. Saturated before rounding, which changes nothing.
        v.clip(c.least, c.highest, out=v)
        bits = v.view(np.int32)
        if stream.kind == CARRY:
            np.add(m, addends, out=m)
            np.right_shift(m, n, out=m)
            # Bits below the n rounding bits meet zeros: they carry nothing.
            np.left_shift(addends, c.below, out=q)
        else:
            ups = s.view(np.int32)
            stream.decide(m, addends, ups)
            np.right_shift(m, n, out=m)
            np.add(m, ups, out=m)
            np.right_shift(bits, c.below, out=q)
            stream.decide(q, addends, ups)
            np.left_shift(ups, c.below + n, out=q)
        np.add(bits, q, out=q)
        np.bitwise_and(q, c.kept, out=q)
        np.bitwise_or(m, c.lifted, out=m)
        np.subtract(m.view(np.float32), c.lifted_least, out=s)
        found = q.view(np.float32)
        np.add(found, s, out=found)
        np.bitwise_and(x.view(np.int32), _SIGN, out=m)
        np.bitwise_or(q, m, out=q)
        if lost is not None:
            found[lost] = np.copysign(c.lost, x[lost])
        if not direct:
            np.copyto(out[part], found, casting="unsafe")
