"""What a float unit drops in each binade, and its exact bias there."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from esru.design import Design
from esru.errors import InputError
from esru.rounding import up_counts
from esru.sources import source_model


@dataclass(frozen=True)
class Binades:
    """Binades of the input, next to each other, in which a float unit does the same.

    With a block's scale it is the quotient's binade, for inputs that are not subnormal.

    Attributes
    ----------
    low, high : int
        Exponents of the lowest and the highest: 2^low <= magnitude < 2^(high+1).
    dropped : int
        D, the bits below the output's ulp. With uniform words k >= D random bits make P(up) the
        fraction itself, in every rule; fewer cannot, as P(up) is a multiple of 2^-k.
    bias : Fraction
        Greatest magnitude of E[rounded] - exact over the fractions there, in ulp.
    """

    low: int
    high: int
    dropped: int
    bias: Fraction


def binades(design: Design) -> list[Binades]:
    """Return the binades of a float unit from the highest finite result down, in groups.

    Beyond the last one every input is rounded to zero: the unit sees f = 0.

    Raises
    ------
    InputError
        If the design is no float unit.
    """
    if design.floats is None:
        raise InputError.must("Formats of the design", "floats here", design)
    source, out = design.floats
    counts = up_counts(design)
    words = int(source_model(design).word_counts().sum())
    # P(up | f) - f / 2^n in units of 1/(words * 2^n), as in `esru.quality`.
    excess = (counts << design.n) - np.arange(1 << design.n, dtype=np.int64) * words
    least = out.least_exponent
    highest = (out.highest >> out.fraction) - out.bias
    lowest = least - out.fraction - design.n
    if not source.scale:
        highest = min(highest, source.bias)
        lowest = max(lowest, source.least_exponent - source.fraction)
    found = []
    for exponent in range(highest, lowest - 1, -1):
        dropped = max(exponent, least) - out.fraction
        # A scale moves the input's subnormals, and with them fewer bits, to any binade.
        plain = exponent if source.scale else max(exponent, source.least_exponent)
        dropped -= plain - source.fraction
        # Units of the output's ulp: 2^above <= magnitude < 2^(above+1).
        above = exponent - (max(exponent, least) - out.fraction)
        bias = _greatest(excess, design.n, max(dropped, 0), above, words)
        found.append(Binades(exponent, exponent, max(dropped, 0), bias))
    return _grouped(found)


def _greatest(
    excess: npt.NDArray[np.int64], n: int, dropped: int, above: int, words: int
) -> Fraction:
    """Return the greatest bias over the fractions of `dropped` bits that a binade has."""
    first, last = 0, 1 << n
    if above < 0:
        # Below one ulp the leading bit is one of the fraction's.
        first, last = 1 << (n + above), 1 << (n + above + 1)
    seen = excess[first : last : 1 << max(n - dropped, 0)]
    unit = words << n
    extra = max(dropped - n, 0)
    lost = Fraction((1 << extra) - 1, 1 << dropped)
    ends = [Fraction(int(end), unit) for end in (seen.min(), seen.max())]
    return max(max(abs(end), abs(end - lost)) for end in ends)


def _grouped(found: list[Binades]) -> list[Binades]:
    """Join neighbours that differ in nothing but the exponent."""
    starts = [0]
    for index, (one, other) in enumerate(pairwise(found), 1):
        if (one.dropped, one.bias) != (other.dropped, other.bias):
            starts.append(index)
    ends = [*starts[1:], len(found)]
    return [
        Binades(found[end - 1].low, found[start].high, found[start].dropped, found[start].bias)
        for start, end in zip(starts, ends, strict=True)
    ]
