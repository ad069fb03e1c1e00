"""The fast path of `round_tensor`: values to fixed point, block by block.

A value v (in ulps, clipped to the output's range) becomes q = floor(v * 2^n), which is exact: a
power of two times a float, its floor, and an integer that int32 holds. The output is then
(q + addend) >> n, for `select` (q >> n) + (q & mask != 0), for a table (q >> n) + its decision.
Clipping before rounding instead of after it changes nothing in a unit that saturates: beyond the
greatest word, and in the ulp below its end, everything ends there anyway.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from esru.design import Design
from esru.emulate.addends import CARRY, AddendStream, scratch
from esru.emulate.float_kernel import round_float_blocks, suits_floats
from esru.emulate.stream import lanes_array
from esru.errors import InputError
from esru.formats import FixedFormat
from esru.sources.settings import GIVEN


@lru_cache(maxsize=256)
def suits(design: Design, dtype: Any) -> bool:
    """Return whether the fast path rounds arrays of a type by this design."""
    if suits_floats(design, dtype):
        return True
    out = design.out_format
    return (
        isinstance(out, FixedFormat)
        and dtype in (np.float32, np.float64)
        and design.overflow == "saturate"
        and max(-out.low, out.high + 1) << design.n <= 1 << 31
        and out.width <= np.finfo(dtype).nmant + 1
        and design.source not in GIVEN
    )


@lru_cache(maxsize=32)
def _stream(design: Design, lanes: int) -> AddendStream:
    return AddendStream(lanes_array(design, lanes))


@lru_cache(maxsize=32)
def fast_stream(design: Design, lanes: int, dtype: Any) -> AddendStream | None:
    """Return the addends with which `round_blocks` rounds arrays of a type; None: it does not.

    Raises
    ------
    InputError
        If the lanes do not suit the design.
    """
    lanes_array(design, lanes)
    return _stream(design, lanes) if suits(design, dtype) else None


def round_blocks(
    stream: AddendStream, values: npt.NDArray[Any], phase: int, out: npt.NDArray[Any]
) -> None:
    """Round flat values in ulps into `out`, beginning in the cycle `phase`.

    Parameters
    ----------
    stream : AddendStream
        Of a design that suits the values' type (`fast_stream`); floats are values, not ulps, of a
        float unit.
    values : ndarray of float32 or float64, shape (size,)
        Contiguous; may be `out` itself.
    phase : int
        Cycles since reset, >= 0.
    out : ndarray, shape (size,)
        Where to write; of any type that holds the output format's words.

    Raises
    ------
    InputError
        If a value is not a number (`out` is then written in part).
    """
    design = stream.array.design
    if design.floats:
        round_float_blocks(stream, values, phase, out)
        return
    word = design.out_format
    assert isinstance(word, FixedFormat)
    n = design.n
    scale = values.dtype.type(1 << n)
    low, high = values.dtype.type(word.low), values.dtype.type(word.high)
    for part, addends in stream.blocks(len(values), phase):
        v, q, ups = scratch((values.dtype.type, np.int32, np.int32), part.stop - part.start)
        values[part].clip(low, high, out=v)
        np.multiply(v, scale, out=v)
        np.floor(v, out=v)
        if np.isnan(np.minimum.reduce(v)):
            raise InputError.must("Values", "numbers", "nan")
        np.copyto(q, v, casting="unsafe")
        if stream.kind == CARRY:
            np.add(q, addends, out=q)
            np.right_shift(q, n, out=q)
        else:
            stream.decide(q, addends, ups)
            np.right_shift(q, n, out=q)
            np.add(q, ups, out=q)
        np.copyto(out[part], q, casting="unsafe")
