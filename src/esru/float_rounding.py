"""Float to float: the scalar reference of a float unit, in exact fractions.

It is written from the contract's sentences, not from the hardware, and is what the vectorised
emulation is checked against.
"""

from __future__ import annotations

import math
from fractions import Fraction

from esru.design import Design
from esru.design_text import short_design
from esru.errors import InputError
from esru.float_formats import FloatFormat
from esru.rounding import round_up


def split(value: Fraction, out: FloatFormat) -> tuple[int, Fraction, int]:
    """Return a magnitude in units of the output's last place at it.

    Parameters
    ----------
    value : Fraction
        A magnitude, >= 0.
    out : FloatFormat
        The output format, as if its exponents had no upper end.

    Returns
    -------
    whole : int
        Units below it.
    frac : Fraction
        What is left, 0 <= frac < 1, in units.
    ulp : int
        Exponent of the unit: that of the binade less the fraction bits; below the least normal
        number the unit is that of the least binade.
    """
    exponent = out.least_exponent
    if value >= Fraction(2) ** exponent:
        exponent = math.frexp(value)[1] - 1
    ulp = exponent - out.fraction
    whole, frac = divmod(value / Fraction(2) ** ulp, 1)
    return int(whole), frac, ulp


def neighbours(design: Design, x: int) -> tuple[int, int, int]:
    """Return the two outputs between which a float unit chooses for an input, and the fraction.

    Parameters
    ----------
    design : Design
        A float unit.
    x : int
        Bit pattern of the input format.

    Returns
    -------
    down, up : int
        Bit patterns of the output format: toward zero, and the next one away from zero.
    f : int
        The n bits below the output's ulp, 0 <= f < 2^n; 0 if the input is no finite number.

    Raises
    ------
    InputError
        If the design is no float unit.
    """
    if design.floats is None:
        raise InputError.must("Formats of the design", "floats here", short_design(design))
    source, out = design.floats
    value = source.decode(x)
    sign = 1 << (out.width - 1) if math.copysign(1.0, value) < 0 else 0
    beyond = out.highest if design.overflow == "saturate" else out.overflow
    assert beyond is not None
    if math.isnan(value):
        made = sign + (out.highest if out.nan is None else out.nan)
        return made, made, 0
    if math.isinf(value):
        return sign + beyond, sign + beyond, 0
    whole, frac, ulp = split(abs(Fraction(value)), out)
    highest = out.magnitude(out.highest)
    patterns = []
    for units in (whole, whole + 1):
        rounded = units * Fraction(2) ** ulp
        patterns.append(sign + (out.encode(float(rounded)) if rounded <= highest else beyond))
    return patterns[0], patterns[1], int(frac * (1 << design.n))


def round_float(design: Design, x: int, r: int) -> int:
    """Return a float unit's output pattern for an input pattern and a random word.

    Parameters
    ----------
    design : Design
        A float unit.
    x : int
        Bit pattern of the input format.
    r : int
        Random word, 0 <= r < 2^k.
    """
    down, up, f = neighbours(design, x)
    return up if round_up(design.rule, design.n, design.k, f, r) else down
