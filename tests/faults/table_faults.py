"""Seeded faults in tables: `esru.hdl.table` and what tables are compared with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fault import DECISION, Fault, Plant, around

from esru.hdl import rounder, table

#: Four fraction bits exactly, as two LUT4 a lane.
EXACT = "4:4:table-ff00f0f0fc30fa50ffff0000ccccaaaa.1.2.1.0.0.0.4.8"


def _code(fault: Callable[[Any], Any]) -> Plant:
    """Plant a fault in the code that lanes share."""
    return around(rounder, "add_code", lambda true, *args: fault(true(*args)))


def _late(true: Any, m: Any, design: Any, word: Any, *rest: Any) -> Any:
    """Begin every code one word late."""
    return true(m, design, word - (word > 0), *rest)


def _inner(true: Any, truth: Any, size: int) -> Any:
    """Complement the first of two tables where its last input is 1."""
    pair = true(truth, size)
    if pair is None:
        return None
    half = len(pair.inner) // 2
    return pair._replace(inner=pair.inner[:half] + tuple(not up for up in pair.inner[half:]))


def _fault(name: str, what: str, design: str, plant: Plant) -> Fault:
    return Fault(name, "table", what, design, plant, DECISION)


FAULTS = [
    _fault(
        "codes a word late",
        "each code begins with the word after its first",
        f"{EXACT}:debruijn4",
        around(rounder, "add_code", _late),
    ),
    _fault(
        "code bits swapped",
        "two bits of the code change places",
        f"{EXACT}:lfsr5,lanes=2",
        _code(lambda code: code[::-1]),
    ),
    _fault(
        "half of a table complemented",
        "the first of a lane's two tables is wrong where its last input is 1",
        f"{EXACT}:lfsr5,boundary=unit",
        around(table, "find_pair", _inner),
    ),
]
