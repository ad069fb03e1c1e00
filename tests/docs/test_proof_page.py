"""The page on proofs: its table is what the result file says."""

from __future__ import annotations

import json
from types import ModuleType

from scripts import script

from esru.report.fresh import stale


def _page() -> ModuleType:
    return script("docs", "proof")


def test_the_table_is_fresh() -> None:
    page = _page()
    assert not stale(page.generated()), "run docs/proof.py"


def test_the_table_counts_every_flip_once() -> None:
    page = _page()
    result = json.loads(page.RESULT.read_text(encoding="utf-8"))
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in page.flips(result).splitlines()
        if line.startswith("|")
    ][2:]
    total = rows.pop()
    assert total[0] == "all"
    for column in (2, 3, 4, 5, 6):
        assert sum(int(row[column] or 0) for row in rows) == int(total[column])
    assert sum(int(cell) for cell in total[3:]) == int(total[2]) == len(result["flips"])
