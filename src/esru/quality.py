"""Exact properties of a design: sums over the whole period of its source, never samples.

Biases are in ulp of the output, over every fraction of the D dropped bits. They explain and
order candidates; they do not judge them: that is training's part.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt, sqrt

import numpy as np
import numpy.typing as npt

from esru.design import Design
from esru.rounding import leading_zeros, thresholds, up_counts
from esru.sources import source_model
from esru.sources.lfsr import TABLE_PERIOD


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


def quality(design: Design) -> Quality:
    """Return the exact bias and dead zone of a design.

    Time and memory grow with 2^n and with the period (up to 2^24 words).
    """
    model = source_model(design)
    counts = up_counts(design)
    return Quality(model.period, _bias(design, counts), _dead_zone(design, counts))


def _bias(design: Design, counts: npt.NDArray[np.int64]) -> Bias:
    n, extra = design.n, design.dropped - design.n
    if extra < 0:
        # A float unit that looks further down than normal inputs go: zeros.
        counts, n, extra = counts[:: 1 << -extra], design.dropped, 0
    words = int(source_model(design).word_counts().sum())
    # P(up | f) - f/2^n in units of 1/(words * 2^n): at most 2^57, exact in int64.
    excess = (counts << n) - np.arange(1 << n, dtype=np.int64) * words
    unit = words << n
    # Summed in two halves: the sum itself may exceed 64 bits.
    total = (int((excess >> 24).sum()) << 24) + int((excess & 0xFFFFFF).sum())
    lost = Fraction((1 << extra) - 1, 1 << design.dropped)  # greatest value of the cut-off bits
    mean = Fraction(total, unit << n) - lost / 2
    high, low = Fraction(int(excess.max()), unit), Fraction(int(excess.min()), unit)
    top = max(abs(high), abs(low), abs(high - lost), abs(low - lost))
    # The cut-off bits are independent of f, so the mean squares add up term by term.
    scaled = excess / unit
    step = Fraction(1, 1 << design.dropped)
    square_lost = float(lost * (2 * lost + step) / 6)
    cross = 2 * float(lost / 2) * float(Fraction(total, unit << n))
    return Bias(mean, top, sqrt(max(float(np.mean(scaled * scaled)) - cross + square_lost, 0.0)))


def _dead_zone(design: Design, counts: npt.NDArray[np.int64]) -> Fraction:
    rising = np.flatnonzero(counts)
    return Fraction(int(rising[0]), 1 << design.n) if rising.size else Fraction(1)


def _decider(
    design: Design, words: npt.NDArray[np.uint32]
) -> Callable[[int], npt.NDArray[np.bool_]]:
    """Return a function from a fraction (n bits) to the decision on each of the words."""
    if design.rule == "select":
        zeros = np.array([leading_zeros(r, design.k) for r in range(1 << design.k)])
        chosen = (design.n - 1 - zeros)[words]
        return lambda f: ((f >> chosen) & 1).astype(np.bool_)
    least = thresholds(design).astype(np.uint32)[words]
    return lambda f: least <= f


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
        divided by the sum of N p (1-p); NaN if no fraction is rounded at random.
    """
    model = source_model(design)
    if model.period > TABLE_PERIOD:
        return float("nan")
    decide = _decider(design, model.words(0, model.period))
    rest = roundings % model.period
    found = ideal = 0.0
    for i in range(1, fractions + 1):
        up = decide((i << design.n) // (fractions + 1))
        p = float(up.mean())
        ideal += roundings * p * (1 - p)
        # Whole turns add a constant; what varies is the window of the remaining roundings.
        run = np.concatenate(([0], np.cumsum(np.concatenate((up, up[:rest])), dtype=np.int64)))
        window = run[rest : rest + model.period] - run[: model.period]
        found += float(window.var()) if rest else 0.0
    return found / ideal if ideal else float("nan")


def resonance_classes(period: int) -> list[tuple[int, int]]:
    """Return (gcd, words) for every gcd(C, period) that a weight's cycle count C can have.

    A weight that meets the unit every C cycles sees period / gcd(C, period) words only.
    """
    low = [g for g in range(1, isqrt(period) + 1) if period % g == 0]
    divisors = sorted({*low, *(period // g for g in low)})
    return [(g, period // g) for g in divisors]
