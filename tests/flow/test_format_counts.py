"""The counts of units that round to FP4, docs/results/formats.json, come again from the tools."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from recorded import require_recorded_tools

from esru.design import parse
from esru.flow.cost import lane_costs

FILE = Path(__file__).parents[2] / "docs" / "results" / "formats.json"
ROWS = {
    (row["name"], row["target"], row["boundary"], row["input"]): row
    for row in json.loads(FILE.read_text(encoding="utf-8"))["rows"]
}


def compare(names: tuple[str, ...], target: str, boundary: str, source: str) -> None:
    """Count some of the units again, and fail on every count that is another."""
    require_recorded_tools(target)
    rows = [ROWS[name, target, boundary, source] for name in names]
    designs = [parse(row["design"]) for row in rows]
    for row, cost in zip(rows, lane_costs(designs, target, boundary), strict=True):
        found = cost.to_json()
        counts = {key: found[key] for key in ("cells", "lut", "ff", "carry", "area")}
        assert counts == {key: row[key] for key in counts}, row["name"]


def test_decisions_come_again() -> None:
    compare(("reference", "reference, shared", "winner"), "nand2", "decision", "float32")


@pytest.mark.slow
@pytest.mark.parametrize(
    "target", ["nand2-gated", pytest.param("osu018", marks=pytest.mark.library)]
)
def test_units_come_again(target: str) -> None:
    compare(("reference", "winner"), target, "unit", "float32")
