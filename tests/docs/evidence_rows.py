"""What the tests of docs/evidence.md read: its script, text and result file, and rows of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scripts import script

ROOT = Path(__file__).parent.parent.parent
SCHEDULES = ("natural", "worst")


PAGE = script("docs", "evidence")
TEXT = " ".join((ROOT / "docs" / "evidence.md").read_text(encoding="utf-8").split())
RESULT: dict[str, Any] = PAGE.read()


def found(study: str, series: str, at: int | None, schedule: str = "natural") -> list[Any]:
    """Return a point's rows, the greatest learning rate first."""
    rows = [
        row
        for row in RESULT["studies"][study]["rows"]
        if (row["series"], row["at"]) == (series, at) and row["schedule"].startswith(schedule)
    ]
    assert rows, (study, series, at, schedule)
    return rows


def diffs(*where: Any) -> list[float]:
    return [row["diff"] for row in found(*where)]
