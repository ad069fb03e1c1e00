"""docs/sources.md: every source is there with its theory, cost and use; the costs are measured."""

from __future__ import annotations

import json
import re
from types import ModuleType

import pytest
from scripts import script

from esru.design import SOURCES, parse
from esru.flow.cost import lane_costs
from esru.report.fresh import stale


def _page() -> ModuleType:
    return script("docs", "sources")


def test_the_table_is_fresh() -> None:
    assert not stale(_page().generated()), "run docs/sources.py"


def test_every_source_is_there() -> None:
    page = _page()
    text = page.PAGE.read_text(encoding="utf-8")
    rows = [parse(row["design"]) for row in json.loads(page.RESULT.read_text())["rows"]]
    assert {design.source for design in rows} == SOURCES.keys() - {"none"}
    for source in SOURCES.keys() - {"none"}:
        section = re.search(
            rf"^## (?:[^\n]*, )?{source}(?:, [^\n]*)?\n(.*?)^## ", text, re.M | re.S
        )
        assert section is not None, source
        assert "Use it" in section[1], f"{source}: when to use it"


@pytest.mark.parametrize(
    "target", ["lut6", *(pytest.param(t, marks=pytest.mark.slow) for t in ("ice40", "ecp5", "xc7"))]
)
def test_the_counts_are_measured(target: str) -> None:
    rows = json.loads(_page().RESULT.read_text(encoding="utf-8"))["rows"]
    costs = lane_costs([parse(row["design"]) for row in rows], target, "decision")
    for row, cost in zip(rows, costs, strict=True):
        assert row["cost"][target] == {"cells": cost.cells, "ff": cost.ff}, row["design"]
