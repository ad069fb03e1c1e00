"""Exact properties of a design: sums over the whole period of its source, never samples.

Biases are in ulp of the output, over every fraction of the D dropped bits. They explain and
order candidates; they do not judge them: that is training's part. `esru.resonance` says the same
of the parts of a period that a weight sees, `esru.correlation` how roundings hang together.

All rests on one number per random word: for every rule but `select` the least fraction t that it
rounds up, so that P(up | f) is a staircase with a step at each t; for `select` the fraction bit
that it chooses, so that P(up | f) is a sum over the bits of f. A table, which is small, has its
codes, and P(up | f) is listed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from esru.bias import BLOCK as BLOCK
from esru.bias import Bias as Bias
from esru.bias import Errors as Errors
from esru.bias import chosen_errors, listed_errors, staircase_errors
from esru.decision_table import decision_table, is_table
from esru.design import Design
from esru.emulate.arrays import decision_values
from esru.errors import InputError
from esru.rounding import thresholds, up_counts
from esru.sources import seen_counts, seen_words, source_model
from esru.sources.register import TABLE_PERIOD

Ints = npt.NDArray[np.int64]

#: Words of more random bits than this are too many for a sum over them.
MOST_RANDOM_BITS = 26


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


def summable(design: Design) -> bool:
    """Return whether a design's words are few enough for a sum over them."""
    return design.k <= MOST_RANDOM_BITS


def _check_bits(design: Design) -> None:
    if not summable(design):
        rule = f"at most {MOST_RANDOM_BITS} for sums over all words"
        raise InputError.must("Random bits (k)", rule, design.k)


def _errors(design: Design) -> Errors:
    """Return the errors over one whole period, from how often each word occurs."""
    counts = seen_counts(design)
    if design.rule == "select":
        return chosen_errors(design, _choices(design, counts)[None, :])
    if is_table(design.rule):
        return listed_errors(design, _code_counts(design, counts)[None, :])
    at = thresholds(design)
    order = np.argsort(at, kind="stable")
    seen = order[counts[order] > 0]
    return staircase_errors(design, at[seen][None, :], np.cumsum(counts[seen]))


def _choices(design: Design, counts: Ints) -> Ints:
    """Return how many words of a period choose each fraction bit of `select`."""
    bits = np.frexp(np.arange(1 << design.k, dtype=np.float64))[1]
    return np.bincount(bits, weights=counts, minlength=design.n).astype(np.int64)


def _code_counts(design: Design, counts: Ints) -> Ints:
    """Return how many words of a period lead to each code of a table."""
    table = decision_table(design.rule, design.n, design.k)
    codes = table.codes(np.arange(1 << design.k, dtype=np.int64))
    return np.bincount(codes, weights=counts, minlength=1 << table.s).astype(np.int64)


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
    elif is_table(design.rule):
        ups = up_counts(design)[fractions]
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
    if is_table(design.rule):
        ups = decision_table(design.rule, design.n, design.k).ups()
        return lambda f: ups[values, f]
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
    words, chosen = seen_words(design), pooled_fractions(design, fractions)
    ups, sums, squares = ([0] * fractions for _ in range(3))
    for start in range(0, period, BLOCK):
        size = min(BLOCK, period - start)
        decide = decider(design, words(start, size + rest))
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
    period, words = model.period, seen_words(design)
    ups, both = [0] * fractions, np.zeros((lags, fractions), np.int64)
    for start in range(0, period, BLOCK):
        size = min(BLOCK, period - start)
        decide = decider(design, words(start, size + lags))
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
