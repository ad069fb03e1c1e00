"""The page on cost: its times are what the result file says."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest
from scripts import script

from esru.flow.targets import caption
from esru.report.fresh import stale

ROOT = Path(__file__).parent.parent.parent

TARGETS_OF_RATIO = ("ice40", "ecp5", "gowin", "xc7", "lut4", "lut6", "nand2", "osu018")


def _page() -> ModuleType:
    return script("docs", "costs")


def test_the_times_are_fresh() -> None:
    page = _page()
    assert not stale(page.generated()), "run docs/costs.py"


@pytest.mark.parametrize(
    ("page", "targets"),
    [
        ("docs/ratio.md", TARGETS_OF_RATIO),
        ("docs/floors.md", ("ice40", "ecp5", "xc7", "lut4", "lut6")),
        ("docs/decisions-found.md", ("ice40", "ecp5", "xc7", "lut4", "lut6")),
        ("docs/sources.md", ("ice40", "ecp5", "xc7", "lut6")),
        ("README.md", ("ice40", "ecp5", "xc7")),
    ],
)
def test_a_page_says_what_its_counts_are(page: str, targets: tuple[str, ...]) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    lines = [line.strip().removeprefix("- ") for line in text.splitlines()]
    for line in caption(targets):
        assert line in lines
    where = [lines.index(line) for line in caption(targets)]
    assert where == list(range(where[0], where[0] + len(targets))), "no other, in one list"


def test_the_sums_are_those_of_the_rows() -> None:
    result = json.loads(_page().RESULT.read_text(encoding="utf-8"))
    for run in result["runs"]:
        rows = run["targets"].values()
        assert run["processor"] == pytest.approx(sum(row["processor"] for row in rows), abs=0.1)
        counts = run["designs"] * len(rows)
        assert run["processor_ms_per_count"] == pytest.approx(
            1e3 * run["processor"] / counts, abs=0.1
        )
