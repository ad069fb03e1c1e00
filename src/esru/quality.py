"""Exact properties of a design: sums over the whole period of its source, never samples.

Biases are in ulp of the output, over every fraction of the D dropped bits. They explain and
order candidates; they do not judge them: that is training's part. `esru.resonance` says the same
of the parts of a period that a weight sees, `esru.correlation` how roundings hang together.

All rests on one number per random word: for every rule but `select` the least fraction t that it
rounds up, so that P(up | f) is a staircase with a step at each t; for `select` the fraction bit
that it chooses, so that P(up | f) is a sum over the bits of f.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from esru.design import Design
from esru.emulate.arrays import decision_values
from esru.errors import InputError
from esru.rounding import thresholds
from esru.sources import seen_counts, seen_words, source_model
from esru.sources.register import TABLE_PERIOD

Ints = npt.NDArray[np.int64]

#: Words that are worked on at a time: what a processor's cache holds.
BLOCK = 1 << 16

#: Words of more random bits than this are too many for a sum over them.
MOST_RANDOM_BITS = 26


@dataclass(frozen=True)
class Bias:
    """E[rounded] - exact, in ulp: mean, greatest magnitude and root mean square."""

    mean: Fraction
    max: Fraction
    rms: float


@dataclass(frozen=True)
class Quality:
    """Exact properties of a design.

    Attributes
    ----------
    period : int
        Words until the source repeats.
    bias : Bias
        Over all 2^D fractions, ulp.
    dead_zone : Fraction
        The least fraction that is ever rounded up, in ulp (1: none is).
    """

    period: int
    bias: Bias
    dead_zone: Fraction


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
    """Return the worst errors of word lists of every rule but `select`.

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


def quality(design: Design) -> Quality:
    """Return the exact bias and dead zone of a design.

    Raises
    ------
    InputError
        If the words have more than `MOST_RANDOM_BITS` bits.
    """
    _check_bits(design)
    model = source_model(design)
    errors = _errors(design)
    return Quality(model.period, errors.bias(design), errors.dead_zone(design))


def _check_bits(design: Design) -> None:
    if design.k > MOST_RANDOM_BITS:
        rule = f"at most {MOST_RANDOM_BITS} for sums over all words"
        raise InputError.must("Random bits (k)", rule, design.k)


def _errors(design: Design) -> Errors:
    """Return the errors over one whole period, from how often each word occurs."""
    counts = seen_counts(design)
    if design.rule == "select":
        return chosen_errors(design, _choices(design, counts)[None, :])
    at = thresholds(design)
    order = np.argsort(at, kind="stable")
    seen = order[counts[order] > 0]
    return staircase_errors(design, at[seen][None, :], np.cumsum(counts[seen]))


def _choices(design: Design, counts: Ints) -> Ints:
    """Return how many words of a period choose each fraction bit of `select`."""
    bits = np.frexp(np.arange(1 << design.k, dtype=np.float64))[1]
    return np.bincount(bits, weights=counts, minlength=design.n).astype(np.int64)


def listed_probabilities(design: Design, most: int) -> tuple[list[int], list[Fraction]]:
    """Return evenly spaced fractions, at most so many, and P(up) at each.

    Parameters
    ----------
    design : Design
        The unit.
    most : int
        A power of two; all 2^n fractions are listed if they are not more.
    """
    _check_bits(design)
    stride = max(1, (1 << design.n) // most)
    fractions = np.arange(0, 1 << design.n, stride, dtype=np.int64)
    counts = seen_counts(design)
    words = int(counts.sum())
    if design.rule == "select":
        weight = _choices(design, counts)
        ups = sum((weight[b] * (fractions >> b & 1) for b in range(design.n)), fractions * 0)
    else:
        order = np.argsort(at := thresholds(design), kind="stable")
        arrived = np.concatenate(([0], np.cumsum(counts[order])))
        ups = arrived[np.searchsorted(at[order], fractions, side="right")]
    return fractions.tolist(), [Fraction(up, words) for up in ups.tolist()]


def decider(design: Design, words: npt.NDArray[Any]) -> Callable[[int], npt.NDArray[np.bool_]]:
    """Return a function from a fraction (n bits) to the decision on each of the words."""
    values = decision_values(design, words)
    if design.rule == "select":
        chosen = values.astype(np.uint8)
        bits = np.arange(design.n)
        return lambda f: ((f >> bits) & 1).astype(np.bool_)[chosen]
    # One less than the least f that rounds up: 2^32 would not fit.
    below = (values - 1).astype(np.uint32)
    return lambda f: below < f


def pooled_fractions(design: Design, fractions: int = 15) -> list[int]:
    """Return the evenly spaced fractions i/(fractions+1), as n bits, that sums are taken over."""
    return [(i << design.n) // (fractions + 1) for i in range(1, fractions + 1)]


def variance_inflation(design: Design, roundings: int, fractions: int = 15) -> float:
    """Return the variance of a sum of successive roundings over that of independent ones.

    Parameters
    ----------
    design : Design
        The unit; the period of its source must not exceed 2^24 words.
    roundings : int
        Successive roundings N of one fraction in the sum.
    fractions : int
        How many evenly spaced fractions i/(fractions+1) are taken together.

    Returns
    -------
    float
        Sum over the fractions of Var(sum of N), the phase uniform over the whole period,
        divided by the sum of N p (1-p); NaN if no fraction is rounded at random, and for a source
        that makes no words itself.
    """
    model = source_model(design)
    if not 0 < model.period <= TABLE_PERIOD:
        return float("nan")
    period, rest = model.period, roundings % model.period
    chosen = pooled_fractions(design, fractions)
    ups, sums, squares = ([0] * fractions for _ in range(3))
    for start in range(0, period, BLOCK):
        size = min(BLOCK, period - start)
        decide = decider(design, seen_words(design, start, size + rest))
        for i, f in enumerate(chosen):
            up = decide(f)
            ups[i] += int(np.count_nonzero(up[:size]))
            # Whole turns add a constant; what varies is the window of the remaining roundings.
            run = np.concatenate(([0], np.cumsum(up, dtype=np.int64)))
            window = run[rest : rest + size] - run[:size]
            sums[i] += int(window.sum())
            squares[i] += int(np.dot(window, window))
    found = sum(s2 * period - s * s for s, s2 in zip(sums, squares, strict=True))
    ideal = roundings * sum(up * (period - up) for up in ups)
    return found / ideal if ideal else float("nan")


def lag_correlations(design: Design, lags: int = 16, fractions: int = 15) -> list[float]:
    """Return the correlation of the decisions of one fraction, 1, 2, .. `lags` roundings apart.

    Parameters
    ----------
    design : Design
        The unit; the period of its source must not exceed 2^24 words.
    lags : int
        The greatest distance.
    fractions : int
        How many evenly spaced fractions i/(fractions+1) are taken together.

    Returns
    -------
    list of float
        For each lag the sum over the fractions of the covariance, the phase uniform over the
        whole period, over the sum of p (1-p); NaN if no fraction is rounded at random.
    """
    model = source_model(design)
    if not 0 < model.period <= TABLE_PERIOD:
        return [float("nan")] * lags
    period = model.period
    ups, both = [0] * fractions, np.zeros((lags, fractions), np.int64)
    for start in range(0, period, BLOCK):
        size = min(BLOCK, period - start)
        decide = decider(design, seen_words(design, start, size + lags))
        for i, f in enumerate(pooled_fractions(design, fractions)):
            up = decide(f)
            ups[i] += int(np.count_nonzero(up[:size]))
            for lag in range(1, lags + 1):
                both[lag - 1, i] += np.count_nonzero(up[:size] & up[lag : lag + size])
    # In units of 1/period^2: exact integers.
    square = sum(up * up for up in ups)
    spread = period * sum(ups) - square
    if not spread:
        return [float("nan")] * lags
    return [(period * int(row.sum()) - square) / spread for row in both]
