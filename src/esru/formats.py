"""Fixed-point number formats, named as Q notation names them: ``sW.F`` and ``uW.F``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from esru.errors import InputError

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


def parse_format(text: str) -> FixedFormat:
    """Return the format that `text` names: ``s16.8``, ``u8.0``, ``int8`` or ``uint8``.

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
    raise InputError.must("Format", "sW.F, uW.F, intW or uintW", repr(text))


INT8 = FixedFormat(True, 8, 0)
