"""What a float unit drops in each binade, and its exact bias there."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

import numpy as np

from esru.decision_table import is_table
from esru.design import Design
from esru.design_text import short_design
from esru.emulate.arrays import decision_values
from esru.errors import InputError
from esru.rounding import up_counts
from esru.sources import seen_counts


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
        raise InputError.must("Formats of the design", "floats here", short_design(design))
    source, out = design.floats
    errors = _Errors(design)
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
        bias = errors.greatest(max(dropped, 0), above)
        found.append(Binades(exponent, exponent, max(dropped, 0), bias))
    return _grouped(found)


class _Errors:
    """P(up | f) - f / 2^n of a design, where it can be greatest; no list of all 2^n fractions."""

    def __init__(self, design: Design) -> None:
        self.design = design
        counts = seen_counts(design)
        self.words = int(counts.sum())
        if is_table(design.rule):
            self.ups = up_counts(design)
            return
        values = decision_values(design, np.arange(1 << design.k))
        if design.rule == "select":
            self.weights = np.bincount(values, weights=counts, minlength=design.n).astype(np.int64)
            return
        order = np.argsort(values, kind="stable")
        self.steps = values[order]
        self.arrived = np.concatenate(([0], np.cumsum(counts[order])))

    def greatest(self, dropped: int, above: int) -> Fraction:
        """Return the greatest bias over the fractions of `dropped` bits that a binade has.

        `above` is the binade's exponent over the ulp's: below 0 the leading bit is a fraction's.
        """
        n = self.design.n
        first, last = (0, 1 << n) if above >= 0 else (1 << (n + above), 2 << (n + above))
        stride = 1 << max(n - dropped, 0)
        extra = max(dropped - n, 0)
        lost = Fraction((1 << extra) - 1, 1 << dropped)
        ends = [Fraction(end, self.words << n) for end in self._ends(first, last, stride)]
        return max(max(abs(end), abs(end - lost)) for end in ends)

    def _ends(self, first: int, last: int, stride: int) -> tuple[int, int]:
        """Return the least and greatest error of every stride-th fraction, in 1/(words 2^n)."""
        if self.design.rule == "select":
            # The error is a sum over the bits of f: each is chosen as often as its weight says.
            n = self.design.n
            unit = [(int(self.weights[b]) << n) - (self.words << b) for b in range(n)]
            fixed = unit[first.bit_length() - 1] if first else 0
            free = [unit[b] for b in range(n) if stride <= 1 << b < (first or last)]
            return fixed + sum(min(e, 0) for e in free), fixed + sum(max(e, 0) for e in free)
        if is_table(self.design.rule):
            seen = np.arange(first, last, stride, dtype=np.int64)
            errors = (self.ups[seen] << self.design.n) - seen * self.words
            return int(errors.min()), int(errors.max())
        # Between two steps the error falls: look at each step and at the fraction before it.
        at = -(-self.steps // stride) * stride
        seen = np.concatenate((at, at - stride, [first, last - stride]))
        seen = np.unique(seen[(seen >= first) & (seen < last)])
        ups = self.arrived[np.searchsorted(self.steps, seen, side="right")]
        errors = (ups << self.design.n) - seen * self.words
        return int(errors.min()), int(errors.max())


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
