"""The Pareto front of cost against loss of accuracy."""

from __future__ import annotations

from collections.abc import Sequence


def front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Return the indices of the points that none dominates, by cost, then loss.

    A point dominates another if it is no worse in both and better in one. Of equal points the
    first stays.
    """
    best = float("inf")
    chosen = []
    for index in sorted(range(len(points)), key=lambda i: (points[i], i)):
        if points[index][1] < best:
            best = points[index][1]
            chosen.append(index)
    return chosen
