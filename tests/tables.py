"""Tables on the pages of docs/, whose rows are tests."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

DOCS = Path(__file__).parent.parent / "docs"

T = TypeVar("T")


def table(page: str, heading: str) -> dict[str, str]:
    """Return the second column of the first table below a heading, by the first column."""
    text = (DOCS / page).read_text(encoding="utf-8")
    assert text.count(f"\n{heading}\n") == 1
    below = text[text.index(f"\n{heading}\n") :]
    lines = re.search(r"(?:^\|.*\n)+", below, re.MULTILINE)
    assert lines is not None
    cells = [re.split(r" \| ", line[2:-2]) for line in lines[0].splitlines()[2:]]
    assert all(len(row) == 2 for row in cells)
    found = dict(cells)
    assert len(found) == len(cells)
    return found


def registry(rows: dict[str, T]) -> Callable[[str], Callable[[T], T]]:
    """Return a decorator that keeps the test of a row by the row's name."""

    def row(name: str) -> Callable[[T], T]:
        def keep(test: T) -> T:
            assert name not in rows
            rows[name] = test
            return test

        return keep

    return row
