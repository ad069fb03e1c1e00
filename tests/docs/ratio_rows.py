"""The rows of docs/results/ratio.json and what docs/ratio.md shows of them, for its tests."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any

from scripts import script

ROOT = Path(__file__).parent.parent.parent


def _page() -> ModuleType:
    return script("docs", "ratio")


PAGE = _page()
TEXT = (ROOT / "docs" / "ratio.md").read_text(encoding="utf-8")
ROWS: dict[tuple[str, str, str, str], dict[str, Any]] = PAGE.by_key(PAGE.read())


def best(name: str, target: str, boundary: str, metric: str) -> float:
    """Return the lesser count of the two structures."""
    found = [ROWS.get((name, target, boundary, structure)) for structure in ("plain", "helped")]
    return min(float(row[metric]) for row in found if row is not None)


def table_of(name: str) -> dict[tuple[str, ...], list[str]]:
    """Return a table of the page with a row for each of some units: its cells by where and what."""
    (part,) = re.findall(f"<!-- begin: {name} -->(.*?)<!-- end: {name} -->", TEXT, re.DOTALL)
    lines = [line.strip("| ").split(" | ") for line in part.splitlines() if line[:1] == "|"][2:]
    keys = 2 if name == "fresh" else 3
    found = {tuple(line[:keys]): line[keys:] for line in lines}
    assert len(found) == len(lines)
    return found


def times(of: tuple[str, ...], row: tuple[str, ...], metric: str) -> str:
    """Return what the page shows of two rows' ratio; of one that is not there, nothing."""
    if of not in ROWS or row not in ROWS:
        return "-"
    return f"{ROWS[of][metric] / ROWS[row][metric]:.2f}x"  # type: ignore[index]


def shown_counts(name: str, *place: str) -> list[str]:
    rows = [ROWS.get((name, *place, how)) for how in ("plain", "helped")]  # type: ignore[call-overload]
    return [f"{row[metric_of(place[0])]:.2f}" if row else "-" for row in rows]


def metric_of(target: str) -> str:
    return "area" if target in ("nand2", "osu018") else "cells"


def helps(reference: str, name: str, *place: str) -> list[str]:
    """Return the ratios plain : plain, plain : helped and helped : helped."""
    pairs = (("plain", "plain"), ("plain", "helped"), ("helped", "helped"))
    keys = [((reference, *place, of), (name, *place, how)) for of, how in pairs]
    return [times(of, row, metric_of(place[0])) for of, row in keys]


TARGETS = ("ice40", "ecp5", "gowin", "xc7", "lut4", "lut6", "nand2", "osu018")
PLACES = tuple(product(TARGETS, ("decision", "unit")))
