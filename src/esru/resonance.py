"""What a weight sees of a source that it meets every C cycles.

With g = gcd(C, period) it sees every g-th word only: one of g *classes* of period / g words. Which
one depends on the cycle in which it first met the unit. A class is rounded with a P(up | f) of
its own, whose biases and dead zone are worse than the whole period's; they do not depend on the
order of the words, hence on nothing of C but g.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import isqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from esru.bias import BLOCK, Bias, Errors, chosen_errors, listed_errors, staircase_errors
from esru.decision_table import decision_table, is_table
from esru.design import Design
from esru.emulate.arrays import decision_values
from esru.quality import quality, summable
from esru.sources import seen_words, source_model
from esru.sources.register import TABLE_PERIOD


@dataclass(frozen=True)
class Resonance:
    """The classes of one gcd, and the worst of each metric over them.

    Attributes
    ----------
    gcd : int
        gcd(C, period): the number of classes.
    words : int
        Words in a class, period / gcd.
    bias : Bias or None
        The worst mean (with its sign), greatest and rms bias; None for a part of a period above
        2^24 words.
    dead_zone : Fraction or None
        The worst dead zone, in ulp; None as above.
    """

    gcd: int
    words: int
    bias: Bias | None
    dead_zone: Fraction | None


def divisors(number: int) -> list[int]:
    """Return the divisors of a number >= 1, ascending."""
    low = [g for g in range(1, isqrt(number) + 1) if number % g == 0]
    return sorted({*low, *(number // g for g in low)})


def resonance_classes(period: int) -> list[tuple[int, int]]:
    """Return (gcd, words) for every gcd(C, period) that a weight's cycle count C can have.

    A weight that meets the unit every C cycles sees period / gcd(C, period) words only.
    """
    return [(g, period // g) for g in divisors(period)]


def resonances(
    design: Design,
    progress: Callable[[int, int], None] | None = None,
    most: int | None = None,
) -> list[Resonance]:
    """Return every gcd's worst metrics, exact, by ascending gcd.

    Parameters
    ----------
    design : Design
        The unit. Of a period above 2^24 words only the whole is known, of its parts the sizes;
        a source that makes no words itself has no classes.
    progress : callable or None
        Called with gcds done and in all.
    most : int or None
        Only the so many least gcds, in less time; None: all.
    """
    period = source_model(design).period
    if not period:
        return []  # the words are given: there is no cycle to be in step with
    classes = resonance_classes(period)[:most]
    if period > TABLE_PERIOD:
        first = Resonance(1, period, None, None)
        if summable(design):
            whole = quality(design)
            first = Resonance(1, period, whole.bias, whole.dead_zone)
        return [first, *(Resonance(g, words, None, None) for g, words in classes[1:])]
    found = {}
    for g, errors in _worst(design, period, {g for g, _ in classes}):
        found[g] = Resonance(g, period // g, errors.bias(design), errors.dead_zone(design))
        if progress is not None:
            progress(len(found), len(classes))
    return [found[g] for g, _ in classes]


def _worst(design: Design, period: int, wanted: set[int]) -> Iterator[tuple[int, Errors]]:
    table = is_table(design.rule)
    chooses = design.rule == "select" or table
    # A table has at most 2^11 codes.
    values = np.empty(period, (np.uint16 if table else np.uint8) if chooses else np.uint32)
    words = seen_words(design)
    for start in range(0, period, BLOCK):
        part = words(start, min(BLOCK, period - start))
        # One less than the least f that rounds up: 2^32 would not fit.
        values[start : start + BLOCK] = decision_values(design, part) - (not chooses)
    if chooses:
        for g in sorted(wanted):
            yield g, _worst_choice(design, values.reshape(-1, g))
        return
    for g, classes in _sorted_classes(values[:, None], period, wanted):
        yield g, _worst_staircase(design, classes)


def _worst_choice(design: Design, table: npt.NDArray[Any]) -> Errors:
    """Return the worst errors of the columns of a table of chosen bits, or of codes."""
    words, classes = table.shape
    worst = None
    kinds, errors_of = design.n, chosen_errors
    if is_table(design.rule):
        kinds = 1 << decision_table(design.rule, design.n, design.k).s
        errors_of = listed_errors
    width = max(1, BLOCK // max(words, kinds))
    for start in range(0, classes, width):
        part = table[:, start : start + width]
        size = part.shape[1]
        place = part + np.arange(size, dtype=np.int64) * kinds
        counts = np.bincount(place.reshape(-1), minlength=size * kinds)
        worst = _worse(worst, errors_of(design, counts.reshape(size, kinds)))
    assert worst is not None
    return worst


def _worst_staircase(design: Design, classes: npt.NDArray[Any]) -> Errors:
    """Return the worst errors of classes, each an ascending row of steps less one."""
    number, words = classes.shape
    counts = np.arange(1, words + 1, dtype=np.int64)
    worst = None
    height = max(1, BLOCK // words)
    for start in range(0, number, height):
        steps = classes[start : start + height].astype(np.int64) + 1
        worst = _worse(worst, staircase_errors(design, steps, counts))
    assert worst is not None
    return worst


def _worse(worst: Errors | None, other: Errors) -> Errors:
    if worst is None:
        return other
    worst.merge(other)
    return worst


def _sorted_classes(
    classes: npt.NDArray[Any], smallest: int, wanted: set[int]
) -> Iterator[tuple[int, npt.NDArray[Any]]]:
    """Yield the wanted divisors of the number of classes with their classes, each a sorted row.

    The classes of g/p are unions of p classes of g, so that sorted ones need only be merged:
    each divisor is made of one of its multiples, down a tree that holds few of them at a time.

    Parameters
    ----------
    classes : ndarray, shape (g, words)
        The classes of g, sorted.
    smallest : int
        Primes above it are left to another branch of the tree.
    wanted : set of int
        Divisors of the number; branches without one are not made.
    """
    number = len(classes)
    if number in wanted:
        yield number, classes
    for prime in _primes(number):
        if prime > smallest:
            continue
        if below := {g for g in wanted if _is_below(g, number // prime, prime)}:
            apart = classes.reshape(prime, number // prime, -1).swapaxes(0, 1)
            # A copy in any case: the other branches need the classes as they are.
            merged = np.array(apart, order="C").reshape(number // prime, -1)
            merged.sort(axis=1, kind="stable")
            yield from _sorted_classes(merged, prime, below)


def _is_below(divisor: int, number: int, largest: int) -> bool:
    """Return whether a number leads to a divisor by taking away primes up to the largest."""
    rest, missing = divmod(number, divisor)
    return not missing and max(_primes(rest), default=1) <= largest


@lru_cache(maxsize=1024)
def _primes(number: int) -> list[int]:
    """Return the primes that divide a number, ascending."""
    found, prime = [], 2
    while number > 1:
        if prime * prime > number:
            prime = number
        if number % prime == 0:
            found.append(prime)
            while number % prime == 0:
                number //= prime
        prime += 1
    return found
