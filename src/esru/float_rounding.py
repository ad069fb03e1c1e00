"""Float to float: the scalar reference of a float unit, in exact fractions.

It is written from the contract's sentences, not from the hardware, and is what the vectorised
emulation is checked against.
"""

from __future__ import annotations

import math
from fractions import Fraction

from esru.design import Design
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

    Raises
    ------
    InputError
        If the design is no float unit.
    """
    if design.floats is None:
        raise InputError.must("Formats of the design", "floats here", design)
    source, out = design.floats
    value = source.decode(x)
    sign = 1 << (out.width - 1) if math.copysign(1.0, value) < 0 else 0
    highest = out.decode(out.highest)
    if math.isnan(value):
        return sign + (out.highest if out.nan is None else out.nan)
    if not math.isinf(value):
        whole, frac, ulp = split(abs(Fraction(value)), out)
        whole += round_up(design.rule, design.n, design.k, int(frac * (1 << design.n)), r)
        rounded = whole * Fraction(2) ** ulp
        if rounded <= Fraction(highest):
            return sign + out.encode(float(rounded))
    if design.overflow == "saturate":
        return sign + out.highest
    assert out.overflow is not None
    return sign + out.overflow
