"""The page on proofs: its table is what the result file says."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

from esru.report.fresh import stale

ROOT = Path(__file__).parent.parent.parent


def _page() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_proof", ROOT / "docs" / "proof.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


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
