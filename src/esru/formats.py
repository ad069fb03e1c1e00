"""Number formats by name: fixed point as Q notation has it (``sW.F``, ``uW.F``), and floats."""

from __future__ import annotations

import re
from dataclasses import dataclass

from esru.errors import InputError
from esru.float_formats import FLOAT_FORMATS, MX_FORMATS, FloatFormat

MAX_WIDTH = 64

_FIXED = re.compile(r"([su])([0-9]{1,3})\.([0-9]{1,3})")
_INTEGER = re.compile(r"(u?)int([0-9]{1,3})")


@dataclass(frozen=True)
class FixedFormat:
    """A two's complement (or unsigned) fixed-point format.

    Parameters
    ----------
    signed : bool
        Two's complement when true.
    width : int
        Bits in a word, sign included; 1 <= width <= 64.
    fraction : int
        Bits below the binary point; 0 <= fraction <= width.

    Raises
    ------
    InputError
        If a width is out of range.
    """

    signed: bool
    width: int
    fraction: int

    def __post_init__(self) -> None:
        if not 1 <= self.width <= MAX_WIDTH:
            raise InputError.must("Format width", f"between 1 and {MAX_WIDTH}", self.width)
        if not 0 <= self.fraction <= self.width:
            raise InputError.must(
                "Format fraction", f"between 0 and the width ({self.width})", self.fraction
            )

    @property
    def low(self) -> int:
        """The least word, as an integer in units of the last place."""
        return -(1 << (self.width - 1)) if self.signed else 0

    @property
    def high(self) -> int:
        """The greatest word, as an integer in units of the last place."""
        return (1 << (self.width - (1 if self.signed else 0))) - 1

    def decode(self, bits: int) -> int:
        """Return the integer that a bit pattern of this width stands for."""
        bits &= (1 << self.width) - 1
        return bits - (1 << self.width) if self.signed and bits >> (self.width - 1) else bits

    def encode(self, word: int) -> int:
        """Return the bit pattern of an integer (modulo the width)."""
        return word & ((1 << self.width) - 1)

    def __str__(self) -> str:
        if self.fraction == 0:
            return f"{'' if self.signed else 'u'}int{self.width}"
        return f"{'s' if self.signed else 'u'}{self.width}.{self.fraction}"


Format = FixedFormat | FloatFormat


def parse_format(text: str) -> Format:
    """Return the format that `text` names: ``s16.8``, ``u8.0``, ``int8``, ``uint8``, ``float32``.

    Raises
    ------
    InputError
        If the name is of no known form or a width is out of range.
    """
    if match := _FIXED.fullmatch(text):
        sign, width, fraction = match.groups()
        return FixedFormat(sign == "s", int(width), int(fraction))
    if match := _INTEGER.fullmatch(text):
        return FixedFormat(match.group(1) == "", int(match.group(2)), 0)
    floats = FLOAT_FORMATS | MX_FORMATS
    if text in floats:
        return floats[text]
    rule = f"sW.F, uW.F, intW, uintW or one of {', '.join(floats)}"
    raise InputError.must("Format", rule, repr(text))


INT8 = FixedFormat(True, 8, 0)

#: What becomes of a result beyond the output's ends.
FIXED_OVERFLOWS = ("saturate", "wrap")


def fixed_pair(
    source: Format | None,
    out: FixedFormat,
    overflow: str,
    n: int,
    operand: tuple[str, int] = ("", 0),
) -> tuple[FixedFormat, FixedFormat]:
    """Return the formats of a fixed-point unit with n rounding bits.

    A source of None is the output with n fraction bits more, and below them those from which an
    operand source takes its word: `operand` is its name and their number.

    Raises
    ------
    InputError
        If there is no unit between these formats, or none with this overflow.
    """
    if overflow not in FIXED_OVERFLOWS:
        rule = f"one of {', '.join(FIXED_OVERFLOWS)}"
        raise InputError.must("Overflow", rule, repr(overflow))
    if source is None:
        seen = n + operand[1]
        source = FixedFormat(out.signed, out.width + seen, out.fraction + seen)
    if isinstance(source, FloatFormat):
        raise InputError.must("Input format", f"fixed-point, as {out} is", source)
    dropped = source.fraction - out.fraction
    subject = "Dropped bits (input fraction bits less output fraction bits)"
    if dropped < n:
        raise InputError.must(subject, f"at least the rounding bits ({n})", dropped)
    if dropped < n + operand[1]:
        rule = f"at least rounding and random bits ({n + operand[1]}) of {operand[0]}"
        raise InputError.must(subject, rule, dropped)
    return source, out
