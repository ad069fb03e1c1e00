"""The worst biases of word lists, each rounded with a P(up | f) of its own: exact sums.

What a list of words does is a staircase, a sum over the bits of f, or a list over all f, by the
rule (`esru.quality`).
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from esru.decision_table import decision_table
from esru.design import Design

Ints = npt.NDArray[np.int64]

#: Words that are worked on at a time: what a processor's cache holds.
BLOCK = 1 << 16


@dataclass(frozen=True)
class Bias:
    """E[rounded] - exact, in ulp: mean, greatest magnitude and root mean square."""

    mean: Fraction
    max: Fraction
    rms: float


@dataclass
class Errors:
    """The worst of some word lists of equal length, each with a P(up | f) of its own.

    With N words in a list, E[up] - f/2^n is a multiple of 1/(N 2^n), and 2^n times the mean over
    f a multiple of 1/(2 N 2^n); `high`, `low`, `most` and `least` count those.

    Attributes
    ----------
    words : int
        N.
    high, low : int
        Greatest and least error at any fraction, in any list.
    most, least : int
        Greatest and least sum of errors over all fractions, twice.
    square : float
        Greatest mean square of what is left of the error when the mean of the cut-off bits is
        taken away, ulp^2; without the variance of the cut-off bits.
    start : int
        Greatest first fraction that is rounded up (2^n: none).
    """

    words: int
    high: int
    low: int
    most: int
    least: int
    square: float
    start: int

    def merge(self, other: Errors) -> None:
        """Take the worse of both."""
        self.high, self.low = max(self.high, other.high), min(self.low, other.low)
        self.most, self.least = max(self.most, other.most), min(self.least, other.least)
        self.square = max(self.square, other.square)
        self.start = max(self.start, other.start)

    def bias(self, design: Design) -> Bias:
        """Return the worst biases, with the sign of the worse mean."""
        lost, _ = cut_off(design)
        unit = Fraction(1, self.words << design.n)
        means = [count * unit / (2 << design.n) - lost / 2 for count in (self.most, self.least)]
        ends = [self.high * unit, self.low * unit, self.low * unit - lost, self.high * unit - lost]
        spread = float(_variance_of_cut_off(design))
        return Bias(max(means, key=abs), max(map(abs, ends)), sqrt(self.square + spread))

    def dead_zone(self, design: Design) -> Fraction:
        """Return the worst dead zone, in ulp."""
        return Fraction(self.start, 1 << design.n)


def cut_off(design: Design) -> tuple[Fraction, Fraction]:
    """Return the greatest and the mean value of the dropped bits below the top n, in ulp."""
    dropped = _depth(design)
    greatest = Fraction((1 << (dropped - design.n)) - 1, 1 << dropped)
    return greatest, greatest / 2


def _variance_of_cut_off(design: Design) -> Fraction:
    dropped = _depth(design)
    values = 1 << (dropped - design.n)
    return Fraction(values * values - 1, 12 << (2 * dropped))


def _depth(design: Design) -> int:
    """Return D; of a float unit at least n, for its subnormal results have more dropped bits."""
    return max(design.dropped, design.n)


def staircase_errors(design: Design, steps: npt.NDArray[Any], counts: npt.NDArray[Any]) -> Errors:
    """Return the worst errors of word lists of every rule but `select` and tables.

    Parameters
    ----------
    design : Design
        The unit.
    steps : ndarray of integers, shape (lists, m)
        The least fractions that words round up, ascending in each list; 1..2^n.
    counts : ndarray of integers, shape (m,)
        How many words of a list round up at or above each step: ascending, N the last.
    """
    n, words = design.n, int(counts[-1])
    lists, length = steps.shape
    # In units of 1/(2 N 2^n): below 2^62 unless period and n are both large.
    kind: Any = object if words.bit_length() + n + 2 > 62 else np.int64
    high = low = 0
    rising = np.zeros(lists, kind)
    # Up to the first step nothing rounds up.
    square = _squares(design, words, 0, steps[:, :1].astype(kind), 0)
    width = max(1, BLOCK // lists)
    for start in range(0, length, width):
        at = steps[:, start : start + width].astype(kind)
        following = steps[:, start + 1 : start + width + 1].astype(kind)
        if following.shape[1] < at.shape[1]:
            edge = np.full((lists, 1), 1 << n, kind)
            following = np.concatenate((following, edge), axis=1)
        up = counts[start : start + width].astype(kind)
        before = np.concatenate(([counts[start - 1] if start else 0], up[:-1])).astype(kind)
        falls = at * words
        high = max(high, int(((up << n) - falls).max()))
        low = min(low, int(((before << n) - falls).min()) + words)
        # The sum over f of E[up] is the sum over the words of 2^n - t.
        rising += (((1 << n) - at) * (up - before)).sum(axis=1)
        square += _squares(design, words, at, following, up)
    zero = words * ((1 << n) - 1) << n
    most, least = (2 * (int(value) << n) - zero for value in (rising.max(), rising.min()))
    first = int(steps[:, 0].max())
    return Errors(words, high, low, most, least, float(square.max()), first)


def _squares(design: Design, words: int, start: Any, end: Any, up: Any) -> Any:
    """Return what stretches of constant E[up] add to the mean square, for each list, ulp^2.

    From one step to the next the error falls by 2^-n a fraction: l fractions about the middle m
    add l m^2 + (l^3 - l) / 12 / 4^n. Every term is positive, so nothing cancels. The mean of the
    cut-off bits is taken away from m.
    """
    n = design.n
    _, mean = cut_off(design)
    middle = (2 * (up << n) - words * (start + end - 1)).astype(np.float64)
    middle = middle / (words << (n + 1)) - float(mean)
    length = (end - start).astype(np.float64)
    spread = (length * length - 1) * (4.0**-n / 12)
    return (length * (middle * middle + spread)).sum(axis=1) * 2.0**-n


def chosen_errors(design: Design, counts: Ints) -> Errors:
    """Return the worst errors of word lists of `select`.

    Parameters
    ----------
    design : Design
        The unit.
    counts : ndarray of int64, shape (lists, n)
        How many words of each list choose each fraction bit, the lowest first.
    """
    n, words = design.n, int(counts[0].sum())
    # P(up | f) - f/2^n is the sum over the set bits of f of these, in units of 1/(N 2^n).
    excess = (counts << n) - (np.int64(words) << np.arange(n, dtype=np.int64))
    high = np.maximum(excess, 0).sum(axis=1).max()
    low = np.minimum(excess, 0).sum(axis=1).min()
    sums = excess.sum(axis=1)  # twice the mean over f
    _, mean = cut_off(design)
    scaled = excess / (words << n)
    middle = scaled.sum(axis=1) / 2 - float(mean)
    square = middle * middle + (scaled * scaled).sum(axis=1) / 4
    lowest = (counts > 0).argmax(axis=1).max()
    return Errors(
        words,
        int(high),
        int(low),
        int(sums.max()) << n,
        int(sums.min()) << n,
        float(square.max()),
        1 << int(lowest),
    )


def listed_errors(design: Design, counts: Ints) -> Errors:
    """Return the worst errors of word lists of a table.

    Parameters
    ----------
    design : Design
        The unit.
    counts : ndarray of int64, shape (lists, codes)
        How many words of each list lead to each code.
    """
    n, words = design.n, int(counts[0].sum())
    ups = counts @ decision_table(design.rule, n, design.k).ups().astype(np.int64)
    excess = (ups << n) - np.int64(words) * np.arange(1 << n, dtype=np.int64)
    sums = 2 * excess.sum(axis=1)
    _, mean = cut_off(design)
    square = ((excess / (words << n) - float(mean)) ** 2).mean(axis=1)
    first = np.where((ups > 0).any(axis=1), (ups > 0).argmax(axis=1), 1 << n)
    return Errors(
        words,
        int(excess.max()),
        int(excess.min()),
        int(sums.max()),
        int(sums.min()),
        float(square.max()),
        int(first.max()),
    )
