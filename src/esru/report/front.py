"""The front of a search with its clock frequencies and switching activity, as a table."""

from __future__ import annotations

from typing import Any

from esru.design_text import short_design
from esru.report.tables import Table, loss_text, number, row_cost

Json = dict[str, Any]

CAPTION = (
    "The front, per lane; MHz is the median of five placements between registers, toggles are "
    "signal changes of a lane in each rounding, over the netlist of NAND2 gates: a proxy for energy"
)


def front_table(result: Json) -> Table | None:
    """Return the front, cheapest first, below it the reference; None if neither was measured."""
    where = result["target"], result["boundary"]
    chosen = set(result["front"])
    rows = [row for row in result["rows"] if row["id"] in chosen]
    rows.sort(key=lambda row: row_cost(row, *where, result["objective"]) or 0.0)
    rows.append(result["reference"])
    if all(row_cost(row, *where, "fmax_mhz") is None and "activity" not in row for row in rows):
        return None
    header = ["design", f"{result['objective']}/lane", "loss [95 %]", "MHz", "toggles", "verdict"]
    return header, [
        [
            short_design(row["design"]),
            number(row_cost(row, *where, result["objective"])),
            loss_text(row),
            number(row_cost(row, *where, "fmax_mhz"), 1),
            number(row.get("activity"), 1),
            "" if row is result["reference"] else row["verdict"],
        ]
        for row in rows
    ]
