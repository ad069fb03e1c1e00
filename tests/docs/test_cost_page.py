"""The page on cost: its times are what the result file says."""

from __future__ import annotations

import json
from types import ModuleType

import pytest
from scripts import script

from esru.report.fresh import stale


def _page() -> ModuleType:
    return script("docs", "costs")


def test_the_times_are_fresh() -> None:
    page = _page()
    assert not stale(page.generated()), "run docs/costs.py"


def test_the_sums_are_those_of_the_rows() -> None:
    result = json.loads(_page().RESULT.read_text(encoding="utf-8"))
    for run in result["runs"]:
        rows = run["targets"].values()
        assert run["processor"] == pytest.approx(sum(row["processor"] for row in rows), abs=0.1)
        counts = run["designs"] * len(rows)
        assert run["processor_ms_per_count"] == pytest.approx(
            1e3 * run["processor"] / counts, abs=0.1
        )
