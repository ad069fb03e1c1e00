"""docs/quality.md: its example is what `esru show` prints, its times are the result file's."""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib
from scripts import script

ROOT = Path(__file__).parent.parent.parent


def test_generated_parts_are_fresh() -> None:
    page = script("docs", "quality")
    pinned = f"matplotlib=={matplotlib.__version__}" in (ROOT / "requirements.lock").read_text()
    for path, content in page.generated().items():
        if path.suffix == ".svg" and not pinned:
            continue  # another matplotlib draws the same points with other bytes
        assert path.read_text(encoding="utf-8") == content, f"{path.name}: run docs/quality.py"


def test_the_bar_of_checked_roundings_is_met() -> None:
    """Every design of the benchmark, above 10,000 a second of processor time."""
    found = json.loads((ROOT / "docs" / "results" / "benchmark-cocotb.json").read_text())
    assert all(row["per_second"] > 10_000 for row in found["rows"])
    assert sum("out=ocp_" in row["design"] for row in found["rows"]) == 3
