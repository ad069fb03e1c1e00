"""Floating-point formats of units: their fields, values and special patterns, by their standards.

A word is a sign bit, an exponent field and a fraction field, the sign highest. An exponent field
of 0 holds zero and the subnormal numbers; without the sign, a pattern with a greater magnitude is
a greater integer, so that "the next greater magnitude" is "the next code".
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction

from esru.errors import InputError

#: What the patterns above the greatest finite one stand for.
SPECIALS = {
    "ieee": "an exponent field of ones: infinity if the fraction is 0, else NaN",
    "nan": "all ones below the sign: NaN; no infinity",
    "none": "neither infinity nor NaN",
}


#: The scale of a block is a power of two in the format E8M0 of the OCP MX specification.
SCALE_BITS = 8
SCALE_BIAS = 127


@dataclass(frozen=True)
class FloatFormat:
    """A binary floating-point format with a sign, subnormal numbers and two zeros.

    Parameters
    ----------
    name : str
        The standard's name, with the standard in front where two would differ.
    exponent : int
        Bits of the exponent field.
    fraction : int
        Bits of the fraction field: the significand without its leading bit.
    bias : int
        What the exponent field has more than the exponent.
    specials : str
        One of `SPECIALS`.
    standard : str
        Where the format is defined.
    scale : int
        Bits of a block's scale above the sign, 0 or `SCALE_BITS`: the value is divided by
        2^(scale - `SCALE_BIAS`). Only inputs have one.
    """

    name: str
    exponent: int
    fraction: int
    bias: int
    specials: str
    standard: str
    scale: int = 0

    @property
    def width(self) -> int:
        """Bits in a word, sign and scale included."""
        return self.scale + 1 + self.exponent + self.fraction

    @property
    def sign(self) -> int:
        """The pattern of the sign bit alone."""
        return 1 << (self.exponent + self.fraction)

    @property
    def least_exponent(self) -> int:
        """Exponent of the least normal number."""
        return 1 - self.bias

    @property
    def special_values(self) -> str:
        """What there is besides numbers, in words."""
        return {"ieee": "infinity and NaN", "nan": "NaN", "none": "no infinity or NaN"}[
            self.specials
        ]

    @property
    def highest(self) -> int:
        """The greatest finite number's pattern, without its sign."""
        top = (1 << (self.exponent + self.fraction)) - 1
        if self.specials == "ieee":
            return top - (1 << self.fraction)
        return top - 1 if self.specials == "nan" else top

    @property
    def infinity(self) -> int | None:
        """The pattern of infinity, without its sign; None if there is none."""
        return self.highest + 1 if self.specials == "ieee" else None

    @property
    def nan(self) -> int | None:
        """The pattern of the quiet NaN with an empty payload, without a sign; None without NaN."""
        if self.specials == "ieee":
            return self.highest + 1 + (1 << (self.fraction - 1))
        return self.highest + 1 if self.specials == "nan" else None

    @property
    def overflow(self) -> int | None:
        """What a non-saturating conversion makes of an overflow: infinity, or else NaN."""
        return self.nan if self.infinity is None else self.infinity

    def magnitude(self, code: int) -> Fraction:
        """Return the exact value of a finite pattern without its sign."""
        field, fraction = divmod(code, 1 << self.fraction)
        leading = 1 << self.fraction if field else 0
        scale = max(field, 1) - self.bias - self.fraction
        return (leading + fraction) * Fraction(2) ** scale

    def decode(self, bits: int) -> float:
        """Return what a pattern stands for; a Python float holds every value of every format."""
        scale, word = divmod(bits, 2 * self.sign)
        sign, code = divmod(word, self.sign)
        if code <= self.highest:
            value = math.ldexp(self.magnitude(code), SCALE_BIAS - scale if self.scale else 0)
        else:
            value = math.inf if code == self.infinity else math.nan
        return math.copysign(value, -1.0 if sign else 1.0)

    def encode(self, value: float) -> int:
        """Return the pattern of a value of the format, of a signed zero, infinity or NaN.

        A scale is 1: the pattern `SCALE_BIAS`.

        Raises
        ------
        InputError
            If the format has no such value.
        """
        high = self.sign if math.copysign(1.0, value) < 0 else 0
        if self.scale:
            high += 2 * self.sign * SCALE_BIAS
        code = self._special(value) if not math.isfinite(value) else self._finite(value)
        if code is None:
            raise InputError.must("Value", f"one of {self}", value)
        return high + code

    def _special(self, value: float) -> int | None:
        return self.nan if math.isnan(value) else self.infinity

    def _finite(self, value: float) -> int | None:
        if value == 0:
            return 0
        exponent = max(math.frexp(value)[1] - 1, self.least_exponent)
        whole = abs(Fraction(value)) / Fraction(2) ** (exponent - self.fraction)
        code = ((exponent - self.least_exponent) << self.fraction) + int(whole)
        return code if whole.denominator == 1 and code <= self.highest else None

    def __str__(self) -> str:
        return self.name


_IEEE = "IEEE 754-2019"
_OFP8 = "OCP 8-bit Floating Point Specification (OFP8) v1.0"
_MX = "OCP Microscaling Formats (MX) v1.0"

FLOAT_FORMATS = {
    found.name: found
    for found in (
        FloatFormat("float32", 8, 23, 127, "ieee", f"{_IEEE} binary32"),
        FloatFormat("float16", 5, 10, 15, "ieee", f"{_IEEE} binary16"),
        FloatFormat("bfloat16", 8, 7, 127, "ieee", "upper half of binary32, in no IEEE standard"),
        FloatFormat("ocp_e5m2", 5, 2, 15, "ieee", _OFP8),
        FloatFormat("ocp_e4m3", 4, 3, 7, "nan", _OFP8),
        FloatFormat("ocp_e3m2", 3, 2, 3, "none", _MX),
        FloatFormat("ocp_e2m3", 2, 3, 1, "none", _MX),
        FloatFormat("ocp_e2m1", 2, 1, 1, "none", _MX),
    )
}

#: The same with a scale above the sign: elements of a block before they are divided by it.
MX_FORMATS = {
    f"mx_{name}": replace(FLOAT_FORMATS[name], name=f"mx_{name}", scale=SCALE_BITS)
    for name in ("float32", "bfloat16", "float16")
}

FLOAT32 = FLOAT_FORMATS["float32"]

#: What a float unit can convert from and to.
FLOAT_INPUTS = ("float32", "bfloat16", "float16", *MX_FORMATS)
FLOAT_OUTPUTS = ("bfloat16", "ocp_e4m3", "ocp_e5m2", "ocp_e3m2", "ocp_e2m3", "ocp_e2m1")

#: Lanes that may share a scale: as many as an array has.
MAX_BLOCK = 1024

#: Elements of the blocks of OCP MX: MXFP8, MXFP6 and MXFP4.
MX_OUTPUTS = FLOAT_OUTPUTS[1:]

#: What a conversion makes of a magnitude beyond the greatest finite one, and of infinity.
FLOAT_OVERFLOWS = {
    "saturate": "the greatest finite magnitude",
    "nonsaturate": "infinity; NaN in a format without infinity",
}


def float_pair(
    source: object,
    out: FloatFormat,
    overflow: str,
    n: int = 0,
    operand: tuple[str, int] = ("", 0),
) -> tuple[FloatFormat, FloatFormat]:
    """Return the formats of a float unit: `source`, or float32 if that is None, and `out`.

    An operand source takes its word from the lowest fraction bits of the input, which must lie
    below the n rounding bits of a normal result: `operand` is its name and their number.

    Raises
    ------
    InputError
        If there is no unit between these formats, or none with this overflow.
    """
    if out.name not in FLOAT_OUTPUTS:
        raise InputError.must("Output format of a float unit", _one_of(FLOAT_OUTPUTS), out)
    source = FLOAT32 if source is None else source
    if not isinstance(source, FloatFormat) or source.name not in FLOAT_INPUTS:
        raise InputError.must(f"Input format of a unit to {out}", _one_of(FLOAT_INPUTS), source)
    if source.fraction <= out.fraction:
        rule = f"one with more than the {out.fraction} fraction bits of {out}"
        raise InputError.must("Input format", rule, source)
    if source.scale and out.name not in MX_OUTPUTS:
        raise InputError.must(f"Output format of a unit from {source}", _one_of(MX_OUTPUTS), out)
    if overflow not in FLOAT_OVERFLOWS:
        raise InputError.must("Overflow of a float unit", _one_of(FLOAT_OVERFLOWS), repr(overflow))
    if overflow == "nonsaturate" and out.overflow is None:
        rule = f"saturate, as {out} has neither infinity nor NaN"
        raise InputError.must("Overflow", rule, overflow)
    dropped = source.fraction - out.fraction
    if operand[1] and dropped < n + operand[1]:
        subject = "Dropped bits (input fraction bits less output fraction bits)"
        rule = f"at least rounding and random bits ({n + operand[1]}) of {operand[0]}"
        raise InputError.must(subject, rule, dropped)
    return source, out


def check_block(block: int, source: object) -> None:
    """Raise if lanes cannot share a block's scale: too many, or an input without one.

    Raises
    ------
    InputError
        Saying what it must be; 0 lanes are no block.
    """
    if not block:
        return
    if not 1 <= block <= MAX_BLOCK:
        raise InputError.must("Lanes of a block", f"between 1 and {MAX_BLOCK}", block)
    if not isinstance(source, FloatFormat) or not source.scale:
        raise InputError.must("Input format of lanes with block=", _one_of(MX_FORMATS), source)


def _one_of(names: Iterable[str]) -> str:
    return f"one of {', '.join(names)}"
