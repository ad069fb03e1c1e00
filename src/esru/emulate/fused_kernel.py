"""The fused kernels, in Triton: `esru.emulate.fused` says what they are given and when they run.

One program rounds `BLOCK` elements that follow one another: it reads each value, looks up what
the element's lane compares its fraction with in its cycle, rounds, and writes the output. Fixed
point is computed as in `esru.emulate.kernel`, floats as in `esru.emulate.floats.round_bits`.
"""

from __future__ import annotations

import triton
import triton.language as tl

#: Numbers that differ from call to call: none of their values is worth a kernel of its own.
_RUNTIME = ("base", "period", "per")


@triton.jit
def _compared(
    values, rows, starts, offsets, inside, first, base, period,
    LANES: tl.constexpr, TABLE: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Return what each element is compared with (int32), by its lane and cycle."""
    if TABLE:
        # Counted from the cycle in which the block begins.
        at = (first % LANES).to(tl.int32) + tl.arange(0, BLOCK)
        lane, later = at % LANES, at // LANES
        cycle = ((base + first // LANES) % period).to(tl.int32)
        place = cycle + tl.load(starts + lane)
        place = tl.where(place >= period, place - period, place) + later
        found = tl.load(values + tl.load(rows + lane) + place)
    else:
        found = tl.load(values + offsets, mask=inside, other=0)
    return found.to(tl.int32)


@triton.jit
def _up(f, compared, ups, RULE: tl.constexpr, N: tl.constexpr):
    """Return the decisions, 0 or 1, for fractions (int32) of N bits.

    RULE: 0 compares, 1 selects a bit of the fraction, 2 looks up in a table.
    """
    if RULE == 0:
        up = (f >= compared).to(tl.int32)
    elif RULE == 1:
        up = (f >> compared) & 1
    else:
        up = tl.load(ups + ((compared << N) + f)).to(tl.int32)
    return up


@triton.jit
def _raise_flag(flag, wrong):
    """Put 1 into `flag` if anything is wrong."""
    tl.store(flag, 1, mask=tl.max(wrong.to(tl.int32), 0) > 0)


@triton.jit(do_not_specialize=_RUNTIME)
def round_fixed(
    x, out, flag, values, rows, starts, ups, size, base, period,
    LANES: tl.constexpr, TABLE: tl.constexpr, RULE: tl.constexpr, N: tl.constexpr,
    LOW: tl.constexpr, HIGH: tl.constexpr, WRAP: tl.constexpr, WIDE: tl.constexpr,
    BLOCK: tl.constexpr,
):  # fmt: skip
    """Round values in ulps to words from LOW to HIGH; put 1 into `flag` if one is no number.

    WRAP is 2^width of an output that wraps, else 0; WIDE: N and the width together need int64.
    """
    first = tl.program_id(0).to(tl.int64) * BLOCK
    offsets = first + tl.arange(0, BLOCK)
    inside = offsets < size
    v = tl.load(x + offsets, mask=inside, other=0.0)
    lost = v != v
    _raise_flag(flag, inside & lost)
    v = tl.where(lost, 0.0, v)
    v = tl.minimum(tl.maximum(v, 1.0 * LOW), 1.0 * (HIGH + 1))
    # A power of two times a float is exact, and so is its floor, which is not tl.floor: on a GPU
    # that takes the subnormal numbers below zero for zero.
    v = v * (1.0 * (1 << N))
    q = v.to(tl.int64) if WIDE else v.to(tl.int32)
    q = q - (q.to(v.dtype) > v).to(q.dtype)
    # Beyond HIGH stands the last value below HIGH + 1.
    q = tl.minimum(q, ((HIGH + 1) << N) - 1)
    compared = _compared(
        values, rows, starts, offsets, inside, first, base, period, LANES, TABLE, BLOCK
    )
    f = (q & ((1 << N) - 1)).to(tl.int32)
    y = (q >> N).to(tl.int32) + _up(f, compared, ups, RULE, N)
    y = tl.where(y > HIGH, y - WRAP, y) if WRAP else tl.minimum(y, HIGH)
    tl.store(out + offsets, y, mask=inside)


@triton.jit(do_not_specialize=_RUNTIME)
def round_float(
    x, out, flag, values, rows, starts, ups, numbers, scales, size, base, period, per,
    LANES: tl.constexpr, TABLE: tl.constexpr, RULE: tl.constexpr, N: tl.constexpr,
    NARROW: tl.constexpr, SCALED: tl.constexpr, FRACTION: tl.constexpr, LEAST: tl.constexpr,
    HIGHEST: tl.constexpr, BEYOND: tl.constexpr, NAN: tl.constexpr, SIGN: tl.constexpr,
    WIDE: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """Round values to those of a float format; put 1 into `flag` if the input format lacks one.

    `numbers` holds the value of each pattern of the output, `scales` an exponent for every `per`
    elements if SCALED. FRACTION: its fraction bits; LEAST: the exponent of its least normal
    number; HIGHEST, BEYOND, NAN: its patterns of the greatest number, of an overflow and of NaN
    (-1: none); SIGN: the place of its sign. NARROW: 1 an input of bfloat16, 2 of float16, else 0.
    WIDE: N is above the bits that a normal number drops.
    """
    first = tl.program_id(0).to(tl.int64) * BLOCK
    offsets = first + tl.arange(0, BLOCK)
    inside = offsets < size
    v = tl.load(x + offsets, mask=inside, other=0.0)
    if v.dtype == tl.bfloat16:
        # The upper half of a float32; the interpreter's conversion of subnormal numbers is wrong.
        v = (v.to(tl.int16, bitcast=True).to(tl.int32) << 16).to(tl.float32, bitcast=True)
    v = v.to(tl.float32)
    bits = v.to(tl.int32, bitcast=True)
    magnitude = bits & 0x7FFFFFFF
    if NARROW == 1:
        wrong = (bits & 0xFFFF) != 0
        _raise_flag(flag, inside & wrong & (v == v))
    if NARROW == 2:
        wrong = v.to(tl.float16).to(tl.float32) != v
        _raise_flag(flag, inside & wrong & (v == v))
    field = magnitude >> 23
    leading = tl.minimum(field, 1)
    significand = (magnitude & 0x7FFFFF) | (leading << 23)
    above = field + (1 - leading) - 127 - LEAST
    if SCALED:
        # A subnormal divided by a small scale may be a normal result. The bit length of the
        # significand follows from its exponent as a float32, which holds it exactly.
        length = (significand.to(tl.float32).to(tl.int32, bitcast=True) >> 23) - 126
        missing = 24 - tl.maximum(length, 0)
        significand = significand << missing
        block = first // per + ((first % per).to(tl.int32) + tl.arange(0, BLOCK)) // per
        scale = tl.load(scales + block, mask=inside, other=0).to(tl.int32)
        above = above - missing - scale
    dropped = 23 - FRACTION - tl.minimum(above, 0)
    if WIDE:
        scaled = (significand.to(tl.int64) << N) >> tl.minimum(dropped, 60).to(tl.int64)
    else:
        scaled = significand >> tl.minimum(dropped - N, 31)
    f = (scaled & ((1 << N) - 1)).to(tl.int32)
    compared = _compared(
        values, rows, starts, offsets, inside, first, base, period, LANES, TABLE, BLOCK
    )
    code = (tl.maximum(above, 0) << FRACTION) + (scaled >> N).to(tl.int32)
    code = code + _up(f, compared, ups, RULE, N)
    code = tl.where((code > HIGHEST) | (field == 255), BEYOND, code)
    if NAN >= 0:
        code = tl.where(magnitude > 0x7F800000, NAN, code)
    code = code | (((bits >> 31) & 1) << SIGN)
    tl.store(out + offsets, tl.load(numbers + code), mask=inside)


#: Whether the kernels were made for Triton's interpreter, which runs on the CPU.
INTERPRETED = not isinstance(round_fixed, triton.JITFunction)
