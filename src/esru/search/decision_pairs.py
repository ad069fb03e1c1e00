"""Searches decisions of two look-up tables (LUTs) a lane, the first of which feeds the second.

The first LUT sees some fraction bits and p code bits, the second the first one's output, some
fraction bits and t code bits. Sharing a code bit gains nothing: two bits of their own allow every
joint law. `excluded` proves with a mixed-integer program that no contents of the two LUTs and no
weights, of any resolution, have a greatest bias below a limit. `climb` looks for good ones: it
changes one bit of a LUT's contents at a time, and a linear program gives the best weights. What
is known of the least greatest bias is in `esru.search.decision_bounds`.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csr_array

from esru.search.decisions import BITS, FULL, cells

Floats = npt.NDArray[np.float64]

#: A sum: numbers of variables, each with its factor.
Terms = list[tuple[Any, float]]

#: Changes that `climb` tries, and where its chance begins.
STEPS = 200
_SEED = 20230417

#: Branches that are gone through for whole weights.
NODES = 500


@dataclass(frozen=True)
class Wiring:
    """Which inputs two LUTs have.

    Attributes
    ----------
    seen : int
        m, the fraction bits that the lane looks at.
    first, second : tuple of int
        Fraction bits of each LUT, 0 the lowest of the m.
    p, t : int
        Code bits of each LUT.
    """

    seen: int
    first: tuple[int, ...]
    second: tuple[int, ...]
    p: int
    t: int

    def places(self, bits: tuple[int, ...]) -> list[int]:
        """Return for each value of the m bits what a LUT sees of it."""
        values = range(1 << self.seen)
        return [sum((f >> b & 1) << i for i, b in enumerate(bits)) for f in values]


def wirings(width: int, seen: int) -> Iterator[Wiring]:
    """Yield every way to give two LUTs all m fraction bits, each one's free inputs to the code.

    A fraction bit of both is left out where m leaves no input for it; `excluded` needs no more.
    """
    for many in range(min(seen, width) + 1):
        if seen - many > width - 1:
            continue
        for first in combinations(range(seen), many):
            second = tuple(b for b in range(seen) if b not in first)
            yield Wiring(seen, first, second, width - many, width - 1 - len(second))


class _Program:
    """Rows of a mixed-integer program, as they come."""

    def __init__(self) -> None:
        self.size = 0
        self.rows: list[tuple[Terms, float, float]] = []

    def new(self, *shape: int) -> npt.NDArray[np.int64]:
        """Return numbers of new variables."""
        count = int(np.prod(shape))
        self.size += count
        return np.arange(self.size - count, self.size).reshape(shape)

    def row(self, terms: Terms, low: float, high: float) -> None:
        """Ask that a sum lies between two ends."""
        self.rows.append((terms, low, high))

    def constraint(self) -> LinearConstraint:
        """Return all rows."""
        entries = [(v, i, int(c)) for i, (terms, _, _) in enumerate(self.rows) for c, v in terms]
        values, rows, columns = zip(*entries, strict=True)
        matrix = csr_array((values, (rows, columns)), shape=(len(self.rows), self.size))
        return LinearConstraint(
            matrix, [low for _, low, _ in self.rows], [high for _, _, high in self.rows]
        )


def excluded(wiring: Wiring, below: float, limit: float = 600.0) -> bool | None:
    """Return whether no LUT contents and no weights have a greatest bias of at most `below`.

    Parameters
    ----------
    wiring : Wiring
        The inputs.
    below : float
        In 1/256 ulp.
    limit : float
        Seconds; None is returned when they are over.
    """
    program = _Program()
    codes, modes = 1 << wiring.p, 1 << wiring.t
    weights = program.new(codes, modes)
    inner = program.new(codes, 1 << len(wiring.first))
    outer = program.new(modes, 2, 1 << len(wiring.second))
    size = 1 << wiring.seen
    ups, parts = program.new(codes, modes, size), program.new(codes, modes, size)
    xs, ys = wiring.places(wiring.first), wiring.places(wiring.second)
    high = np.ones(program.size)
    high[weights] = high[parts] = FULL
    high[parts[:, :, 0]] = 0  # the fraction 0 never rounds up
    high[inner[0, 0]] = 0  # else complement the first LUT
    program.row([(w, 1) for w in weights.ravel()], FULL, FULL)
    for code, mode, f in np.ndindex(codes, modes, size):
        a, low, up = inner[code, xs[f]], outer[mode, 0, ys[f]], outer[mode, 1, ys[f]]
        u, part, w = ups[code, mode, f], parts[code, mode, f], weights[code, mode]
        # u = up if a else low; part = w if u else 0.
        program.row([(u, 1), (up, -1), (a, 1)], -np.inf, 1)
        program.row([(u, 1), (up, -1), (a, -1)], -1, np.inf)
        program.row([(u, 1), (low, -1), (a, -1)], -np.inf, 0)
        program.row([(u, 1), (low, -1), (a, 1)], 0, np.inf)
        program.row([(part, 1), (u, -FULL)], -np.inf, 0)
        program.row([(part, 1), (w, -1)], -np.inf, 0)
        program.row([(part, 1), (w, -1), (u, -FULL)], -FULL, np.inf)
    first, last = cells(wiring.seen)
    for f in range(size):
        terms = [(part, 1.0) for part in parts[:, :, f].ravel()]
        program.row(terms, float(last[f]) - below, float(first[f]) + below)
    # Codes in order of their weight: which is which does not matter.
    for rows in (weights, weights.T):
        for one, other in pairwise(rows):
            program.row([(w, 1) for w in one] + [(w, -1) for w in other], 0, np.inf)
    whole = np.zeros(program.size)
    whole[inner] = whole[outer] = 1
    found = milp(
        np.zeros(program.size),
        constraints=program.constraint(),
        integrality=whole,
        bounds=Bounds(np.zeros(program.size), high),
        options={"time_limit": limit},
    )
    return {0: False, 2: True}.get(found.status)


def columns_of(
    wiring: Wiring, inner: npt.NDArray[np.bool_], outer: npt.NDArray[np.bool_]
) -> Floats:
    """Return each code's decisions, shape (codes, 2^m); codes of the first LUT change fastest.

    `inner` has the shape (2^p, fractions of the first LUT), `outer` (2^t, 2, of the second).
    """
    xs, ys = wiring.places(wiring.first), wiring.places(wiring.second)
    a = inner[:, xs].astype(np.int64)
    return np.concatenate([mode[a, ys] for mode in outer]).astype(np.float64)


def weigh(seen: int, columns: Floats) -> tuple[float, float, Floats]:
    """Return the least greatest bias, then the least mean distance, and the weights for it.

    All in 1/256 ulp; distances are from the middle of what looks the same.
    """
    first, last = cells(seen)
    usable = np.where(columns[:, 0] > 0, 0.0, FULL)
    count, size = columns.shape
    laws = columns.T
    one = np.ones((size, 1))
    total = np.concatenate((np.ones(count), [0.0]))[None, :]
    box = [(0.0, high) for high in usable]
    found = linprog(
        [0.0] * count + [1.0],
        A_ub=np.block([[laws, -one], [-laws, -one]]),
        b_ub=np.concatenate((first, -last)),
        A_eq=total,
        b_eq=[FULL],
        bounds=[*box, (0.0, FULL)],
    )
    if found.status:
        return float("inf"), float("inf"), np.zeros(count)
    greatest = float(found.x[-1])
    middle = (first + last) / 2
    eye = np.eye(size)
    slack = greatest + 1e-6
    close = linprog(
        [0.0] * count + [1.0] * size,
        A_ub=np.block([[laws, -eye], [-laws, -eye], [laws, 0 * eye], [-laws, 0 * eye]]),
        b_ub=np.concatenate((middle, -middle, first + slack, slack - last)),
        A_eq=np.concatenate((np.ones(count), np.zeros(size)))[None, :],
        b_eq=[FULL],
        bounds=[*box, *[(0.0, FULL)] * size],
    )
    if close.status:
        return greatest, float("inf"), found.x[:count]
    return greatest, float(close.fun) / size, close.x[:count]


def chain(wiring: Wiring) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return the LUT contents of a chain that selects one of the bits: where `climb` begins.

    Codes of the first LUT choose one of its bits, then 0 and 1. The second LUT passes the result
    on, or its other codes choose one of its own bits, two to a code by the first one's result.
    """
    inner = np.zeros((1 << wiring.p, 1 << len(wiring.first)), np.bool_)
    for code in range(len(inner)):
        for x in range(inner.shape[1]):
            spare = code - len(wiring.first)
            inner[code, x] = x >> code & 1 if spare < 0 else spare == 1
    outer = np.zeros((1 << wiring.t, 2, 1 << len(wiring.second)), np.bool_)
    outer[0, 1] = True
    own, free = len(wiring.second), len(outer) - 1
    doubled = max(0, own - free)
    for y in range(outer.shape[2]):
        for mode in range(free):
            low = min(2 * mode if mode < doubled else mode + doubled, own)
            high = low + 1 if mode < doubled else low
            outer[mode + 1, 0, y] = y >> low & 1
            outer[mode + 1, 1, y] = y >> high & 1
    return inner, outer


def climb(wiring: Wiring, steps: int = STEPS) -> tuple[float, float, Floats, Floats]:
    """Return the best greatest bias, mean distance, columns and weights that were met.

    A fixed number of steps from a fixed seed: the same result each time.
    """
    rng = random.Random(_SEED)
    inner, outer = chain(wiring)
    columns = columns_of(wiring, inner, outer)
    best = (*weigh(wiring.seen, columns), columns)
    for _ in range(steps):
        table = rng.choice((inner, outer))
        place = rng.randrange(table.size)
        table.flat[place] ^= True
        columns = columns_of(wiring, inner, outer)
        found = weigh(wiring.seen, columns)
        if (round(found[0], 4), round(found[1], 4)) <= (round(best[0], 4), round(best[1], 4)):
            best = (*found, columns)
        else:
            table.flat[place] ^= True
    return best[0], best[1], best[3], best[2]


def whole_weights(seen: int, columns: Floats, k: int) -> tuple[int, tuple[int, ...]] | None:
    """Return the best greatest bias with weights in steps of 2^-k, and these; None: no law."""
    first, last = cells(seen)
    count, size = columns.shape
    step = 1 << (BITS - k)
    high = np.where(columns[:, 0] > 0, 0.0, 1 << k)
    laws, one, eye = step * columns.T, np.ones((size, 1)), np.eye(size)
    none, zero = np.zeros((size, 1)), np.zeros((size, size))
    middle = (first + last) / 2
    rows = [[laws, -one, zero], [-laws, -one, zero], [laws, none, -eye], [-laws, none, -eye]]
    ends = np.concatenate((first, -last, middle, -middle))
    total = np.concatenate((np.ones(count), np.zeros(1 + size)))[None, :]
    found = milp(
        # The greatest bias first: it is whole or half, and the mean distance below 256.
        np.concatenate((np.zeros(count), [FULL], np.full(size, 1 / size))),
        constraints=[
            LinearConstraint(np.block(rows), -np.inf, ends),
            LinearConstraint(total, 1 << k, 1 << k),
        ],
        integrality=np.concatenate((np.ones(count), np.zeros(1 + size))),
        bounds=Bounds(0, np.concatenate((high, np.full(1 + size, float(FULL))))),
        options={"node_limit": NODES},
    )
    if found.x is None:
        return None
    weights = tuple(round(w) for w in found.x[:count])
    values = np.array(weights) @ columns * step
    return int(max(np.abs(values - first).max(), np.abs(values - last).max())), weights
