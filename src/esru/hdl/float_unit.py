"""A float unit's lane: align, decide, increment, saturate.

The output's fields are one integer whose next value is the next greater magnitude, so that the
increment carries from the fraction into the exponent by itself, and a subnormal becomes normal.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import NamedTuple

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed

from esru.design import Design
from esru.float_formats import SCALE_BIAS, SCALE_BITS, FloatFormat
from esru.hdl.rounder import add_round_up


class _Aligned(NamedTuple):
    """A magnitude at the output's ulp.

    Attributes
    ----------
    field : Value
        The output's exponent field, 0 for a subnormal, as if it had no upper end.
    kept : Value
        The output's fraction field before the increment.
    fraction : Value
        The n bits below.
    """

    field: Value
    kept: Value
    fraction: Value


def _normalised(m: Module, source: FloatFormat, fields: Value, suffix: str) -> tuple[Value, Value]:
    """Return exponent field and significand of a word, its subnormals normalised.

    The field then counts from `source.fraction` binades further down.
    """
    field, fraction = fields[source.fraction :], fields[: source.fraction]
    low = Signal(range(source.fraction + 1), name=f"leading{suffix}")
    # The place of the leading 1 of a subnormal, counted from the lowest bit.
    for place in range(1, source.fraction):
        with m.If(fraction[place]):
            m.d.comb += low.eq(place)
    exponent = Signal(range((1 << source.exponent) + source.fraction), name=f"exponent{suffix}")
    significand = Signal(source.fraction + 1, name=f"significand{suffix}")
    with m.If(field == 0):
        m.d.comb += exponent.eq(low + 1)
        m.d.comb += significand.eq(fraction << (source.fraction - low).as_unsigned())
    with m.Else():
        m.d.comb += exponent.eq(field + source.fraction)
        m.d.comb += significand.eq(Cat(fraction, Const(1, 1)))
    return exponent, significand


def _plain(m: Module, source: FloatFormat, fields: Value, suffix: str) -> tuple[Value, Value]:
    """Return exponent field (of a subnormal: 1) and significand of a word."""
    field, fraction = fields[source.fraction :], fields[: source.fraction]
    normal = Signal(name=f"normal{suffix}")
    m.d.comb += normal.eq(field.any())
    return Cat(field[0] | ~normal, field[1:]), Cat(fraction, normal)


def _doubled(m: Module, source: FloatFormat, fields: Value, suffix: str) -> tuple[Value, Value]:
    """Return exponent field (of a subnormal: 0) and significand, of a subnormal twice its own."""
    field, fraction = fields[source.fraction :], fields[: source.fraction]
    normal = Signal(name=f"normal{suffix}")
    m.d.comb += normal.eq(field.any())
    return field, Mux(normal, Cat(fraction, Const(1, 1)), Cat(Const(0, 1), fraction))


def _split(design: Design) -> tuple[Callable[..., tuple[Value, Value]], int]:
    """Return how a lane takes exponent field and significand, and that field of the least binade.

    The binade is the output's least normal one, the field as the exponent then counts.
    """
    source, out = design.floats
    least = source.bias - out.bias + 1
    if source.scale and source.bias == SCALE_BIAS and out.least_exponent >= 0:
        # Of subnormal inputs only the upper half at the least scale can be normal outputs.
        return _doubled, least
    if least < 1 or source.scale:
        # Some subnormal inputs are normal outputs.
        return _normalised, least + source.fraction
    return _plain, least


def add_scale(m: Module, design: Design, scale: Value, suffix: str = "") -> Value:
    """Add what all lanes of a block share, and return what each takes off its exponent field.

    Parameters
    ----------
    m : Module
        Gets the logic, combinational.
    design : Design
        A float unit whose input has a scale.
    scale : Value
        The scale's pattern.
    suffix : str
        Ends the signal's name.
    """
    _, least = _split(design)
    lowest = least - 1 - SCALE_BIAS
    offset = Signal(range(lowest, lowest + (1 << SCALE_BITS)), name=f"offset{suffix}")
    m.d.comb += offset.eq(scale + lowest)
    return offset


def _align(m: Module, design: Design, fields: Value, offset: Value | None, suffix: str) -> _Aligned:
    """Shift a significand to the output's ulp; what falls below n fraction bits is lost."""
    source, out = design.floats
    take, least = _split(design)
    exponent, significand = take(m, source, fields, suffix)
    width = 1 + out.fraction + design.n
    missing = width - len(significand)
    window = Cat(Const(0, missing), significand) if missing > 0 else significand[-missing:]
    top = (1 << len(exponent)) - 1
    if offset is not None:
        # Any binade may be the least one.
        top += SCALE_BIAS
    field = Signal(range(top - least + 2), name=f"field{suffix}")
    aligned = Signal(width, name=f"aligned{suffix}")
    if least > 1 or offset is not None:
        most = least if offset is None else least + (1 << SCALE_BITS)
        shift = Signal(range(most), name=f"shift{suffix}")
        above = Signal(signed(max(len(exponent), len(shift)) + 1), name=f"above{suffix}")
        m.d.comb += above.eq(exponent - (least - 1 if offset is None else offset))
        # A shift by the width or more leaves nothing: its upper bits need no shifter.
        near = min((width - 1).bit_length(), len(shift))
        far = Signal(name=f"far{suffix}")
        m.d.comb += far.eq(shift[near:].any())
        m.d.comb += aligned.eq(Mux(far, 0, window >> shift[:near]))
        normal = (above > 0) if offset is None else (above > 0) & significand[-1]
        with m.If(normal):
            m.d.comb += field.eq(above)
        with m.Else():
            m.d.comb += shift.eq(1 - above)
    else:
        m.d.comb += aligned.eq(window)
        # Without a leading bit a number is subnormal (or zero) in both formats.
        with m.If(significand[-1]):
            m.d.comb += field.eq(exponent - (least - 1))
    return _Aligned(field, aligned[design.n : -1], aligned[: design.n])


def add_float_result(
    m: Module,
    design: Design,
    x: Value,
    draw: Value,
    suffix: str = "",
    offset: Value | None = None,
) -> Value:
    """Add one lane of a float unit and return its output word, W_out bits.

    Parameters
    ----------
    m : Module
        Gets the logic, combinational.
    design : Design
        A float unit.
    x : Value
        Input word, W_in bits; without its scale if there is an `offset`.
    draw : Value
        What lanes share of the random word (`esru.hdl.rounder.add_draw`).
    suffix : str
        Ends the names of the signals.
    offset : Value or None
        What `add_scale` made of the scale of the lane's block; None: the scale, if the input has
        one, is in `x`.
    """
    source, out = design.floats
    below = source.exponent + source.fraction
    fields, sign = x[:below], x[below]
    if source.scale and offset is None:
        offset = add_scale(m, design, x[below + 1 :], suffix)
    found = _align(m, design, fields, offset, suffix)
    fraction = Signal(design.n, name=f"frac{suffix}")
    m.d.comb += fraction.eq(found.fraction)
    up = add_round_up(m, design, fraction, draw, suffix)
    code = Signal(len(found.field) + out.fraction, name=f"code{suffix}")
    m.d.comb += code.eq(Cat(found.kept, found.field) + up)
    wide = out.width - 1
    over = Signal(name=f"over{suffix}")
    m.d.comb += over.eq(code > out.highest)
    infinite = Fraction(2) ** ((1 << source.exponent) - 1 - source.bias)
    if offset is not None or infinite <= out.magnitude(out.highest):
        # Infinity may be no greater than other numbers of the output.
        m.d.comb += over.eq((code > out.highest) | (fields >= source.infinity))
    beyond = out.highest if design.overflow == "saturate" else out.overflow
    magnitude = Mux(over, Const(beyond, wide), code[:wide])
    if out.nan is not None:
        nan = Signal(name=f"nan{suffix}")
        m.d.comb += nan.eq(fields > source.infinity)
        magnitude = Mux(nan, Const(out.nan, wide), magnitude)
    return Cat(magnitude, sign)
