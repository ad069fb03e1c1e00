"""How many times a reference costs what a design costs."""

from __future__ import annotations

from typing import Any

from esru.boundaries import TRUNCATING
from esru.flow.targets import target

#: By target, boundary: `esru.flow.cost.LaneCost.to_json`.
Costs = dict[str, dict[str, dict[str, Any]]]


def headline(name: str) -> str:
    """Return the count that stands for a target: ``area`` where it has one, else ``cells``.

    Raises
    ------
    InputError
        If there is no such target.
    """
    return "cells" if target(name).area is None else "area"


def ratios(costs: Costs, reference: Costs) -> Costs:
    """Return the reference's counts over a design's, by target, boundary and count.

    A count that is 0 (a difference: below 0) or was not measured on either side has no ratio: None.
    """

    def ratio(of: float | None, to: float | None) -> float | None:
        if of is None or to is None or of <= 0 or to <= 0:
            return None
        return round(to / of, 4)

    return {
        target: {
            boundary: {
                name: ratio(value, reference.get(target, {}).get(boundary, {}).get(name))
                for name, value in counts.items()
                if name != TRUNCATING
            }
            for boundary, counts in boundaries.items()
        }
        for target, boundaries in costs.items()
    }
