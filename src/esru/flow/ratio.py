"""How many times a reference costs what a design costs."""

from __future__ import annotations

from typing import Any

#: By target, boundary: `esru.flow.cost.LaneCost.to_json`.
Costs = dict[str, dict[str, dict[str, Any]]]


def ratios(costs: Costs, reference: Costs) -> Costs:
    """Return the reference's counts over a design's, by target, boundary and count.

    A count that is 0 or was not measured on either side has no ratio: None.
    """

    def ratio(of: float | None, to: float | None) -> float | None:
        return None if not of or not to else round(to / of, 4)

    return {
        target: {
            boundary: {
                name: ratio(value, reference.get(target, {}).get(boundary, {}).get(name))
                for name, value in counts.items()
            }
            for boundary, counts in boundaries.items()
        }
        for target, boundaries in costs.items()
    }
