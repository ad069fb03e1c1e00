"""The page on cost: its times are what the result file says."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

from esru.report.fresh import stale

ROOT = Path(__file__).parent.parent.parent


def _page() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_costs", ROOT / "docs" / "costs.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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
