"""The best decision of two look-up tables (LUTs) a lane, the first of which feeds the second."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from esru.decision_table import DecisionTable
from esru.search.decision_bounds import least_wirings, lower_bound
from esru.search.decision_pairs import STEPS, Floats, Wiring, climb, whole_weights
from esru.search.decisions import BITS, FULL, Decision, cells


@lru_cache(maxsize=4)
def two_luts(width: int, steps: int = STEPS) -> Decision:
    """Return the best decision of two LUTs that was met.

    `climb` runs once for each wiring that may have the least greatest bias. Every k up to 8 is
    tried with what it finds.
    """
    best: tuple[tuple[int, int, float, int], Wiring, Floats, tuple[int, ...]] | None = None
    for wiring in least_wirings(width):
        least, _, columns, _ = climb(wiring, steps)
        if best is not None and least > best[0][0] + 1e-6:
            continue  # whole weights are no better than any
        for k in range(wiring.p + wiring.t, BITS + 1):
            found = whole_weights(wiring.seen, columns, k)
            if found is None:
                continue
            greatest, weights = found
            values = (np.array(weights) @ columns) * (1 << (BITS - k))
            first, last = cells(wiring.seen)
            zone = int(first[(values > 0).argmax()]) if values.any() else FULL
            squares = float(((values - (first + last) / 2)[1:] ** 2).mean())
            key = (greatest, zone, round(squares, 9), k)
            if best is None or key < best[0]:
                best = key, wiring, columns, weights
    assert best is not None
    key, wiring, columns, weights = best
    table = _table(wiring, columns, weights, key[3])
    bound, method = lower_bound(width)
    return Decision(2, width, wiring.seen, table, key[0], bound, method)


def _table(wiring: Wiring, columns: Floats, weights: tuple[int, ...], k: int) -> DecisionTable:
    """Return a table of columns over m bits for n = max(m, k) bits."""
    n = max(wiring.seen, k)
    bits = 0
    for code, column in enumerate(columns.astype(np.int64).tolist()):
        bits |= sum(column[f >> (n - wiring.seen)] << (f + (code << n)) for f in range(1 << n))
    return DecisionTable(n, k, wiring.p + wiring.t, bits, weights)
