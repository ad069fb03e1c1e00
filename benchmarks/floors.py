"""Measure units in plain structure and given cell by cell; docs/floors.md shows the result.

Run as ``python benchmarks/floors.py`` to see the counts, ``--write`` to keep them in
docs/results/floors.json. The counts are exact: the same tools give the same file everywhere.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from esru import __version__
from esru.design import ALIASES, parse
from esru.flow.cost import STRUCTURES, lane_costs
from esru.flow.measure import required_tools

RESULT = Path(__file__).parent.parent / "docs" / "results" / "floors.json"

TARGETS = ("ice40", "ecp5", "xc7", "lut4", "lut6")
BOUNDARIES = ("decision", "unit")

#: What the page compares: the prior art, the papers' point, and what trains as well.
COMPARED = (
    ALIASES["reference"],
    ALIASES["reference"] + ",lanes=64",
    ALIASES["papers"],
    "4:3:select:lfsr24,leap=4,lanes=64",
    "8:7:select:lfsr13,leap=7,lanes=64",
)

#: The winner's source shared by more and more lanes.
SHARED = "4:3:select:lfsr24,leap=4"
LANES = (1, 4, 16, 64, 256)

#: An accumulator's lanes with this decision, and truncating.
ACCUMULATOR = "4:3:select:lfsr24,leap=4,lanes=64"


def measured() -> dict[str, Any]:
    """Return every count, with the tools that it comes from."""
    rows = []
    designs = [parse(text) for text in COMPARED]
    for target in TARGETS:
        for boundary in BOUNDARIES:
            for structure in STRUCTURES:
                print(target, boundary, structure, file=sys.stderr)
                costs = lane_costs(designs, target, boundary, structure=structure)
                for text, cost in zip(COMPARED, costs, strict=True):
                    row: dict[str, Any] = {"design": text, "target": target}
                    row |= {"boundary": boundary, "structure": structure}
                    rows.append(row | _counts(cost.to_json()))
    shared = [replace(parse(SHARED), lanes=lanes) for lanes in LANES]
    costs = lane_costs(shared, "ice40", "decision", structure="helped")
    return {
        "schema": "esru.floors/1",
        "versions": {"esru": __version__}
        | {tool.name: tool.identity for tool in required_tools(TARGETS)},
        "rows": rows,
        "shared": {
            "design": SHARED,
            "target": "ice40",
            "rows": [
                {"lanes": lanes, **_counts(cost.to_json())}
                for lanes, cost in zip(LANES, costs, strict=True)
            ],
        },
        "sums": {"design": ACCUMULATOR, "rows": sums()},
    }


def sums() -> list[dict[str, Any]]:
    """Return the cells of an accumulator's lane, rounding and truncating."""
    rows = []
    for target in TARGETS:
        for structure in STRUCTURES:
            (cost,) = lane_costs([parse(ACCUMULATOR)], target, "accumulator", structure=structure)
            assert cost.truncating is not None
            truncating = cost.truncating.cells
            assert cost.cells is not None and truncating is not None
            row = {"rounding": cost.cells + truncating, "truncating": truncating}
            rows.append({"target": target, "structure": structure} | row)
    return rows


def _counts(cost: dict[str, float | None]) -> dict[str, float | None]:
    return {name: cost[name] for name in ("cells", "lut", "ff", "carry")}


def main() -> int:
    """Print the counts, or keep them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help=f"write {RESULT.name}")
    args = parser.parse_args()
    text = json.dumps(measured(), indent=1) + "\n"
    if args.write:
        RESULT.write_text(text, encoding="utf-8")
    else:
        print(text, end="")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
