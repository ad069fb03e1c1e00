"""The table of units with a gated clock in docs/ratio.md, from docs/results/gated.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from esru.design import parse
from esru.report.tables import markdown, number, ratio_text

Json = dict[str, Any]

RESULT = Path(__file__).parent / "results" / "gated.json"

#: What is set against nothing here.
REFERENCES = ("reference", "reference, fresh bits", "reference, shared")

HEADER = [
    "target",
    "boundary",
    "unit",
    "area",
    "reference over it",
    "shared : shared",
    "fresh bits : fresh bits",
    "area, not gated",
    "reference over it, not gated",
]


def read() -> Json:
    """Return the result file's content."""
    return dict(json.loads(RESULT.read_text(encoding="utf-8")))


def _areas(result: Json) -> dict[tuple[str, str, str], float]:
    """Return the plain areas by (name, target, boundary)."""
    return {
        (row["name"], row["target"], row["boundary"]): row["area"]
        for row in result["rows"]
        if row["structure"] == "plain"
    }


def table(result: Json, ungated: Json) -> str:
    """Return each unit against the reference of its kind, both gated, and both not gated.

    Parameters
    ----------
    result, ungated : dict
        What benchmarks/gated.py and benchmarks/ratio.py have found.
    """
    areas, before = _areas(result), _areas(ungated)
    lines = []
    for row in result["rows"]:
        place = (row["target"], row["boundary"])
        plain = (row["target"].removesuffix("-gated"), row["boundary"])
        name, design = row["name"], parse(row["design"])
        # A source for all lanes beside one for all, and words of new bits beside such.
        alike = {
            "reference": True,
            "reference, shared": design.lanes > 1,
            "reference, fresh bits": design.leap >= design.k,
        }
        own, shared, fresh = (
            areas[of, *place] / row["area"] if fits and name not in REFERENCES else None
            for of, fits in alike.items()
        )
        area = before[name, *plain]
        over = before["reference", *plain] / area if name not in REFERENCES else None
        counts = [number(row["area"]), *(ratio_text(ratio) for ratio in (own, shared, fresh))]
        lines.append([*place, name, *counts, number(area), ratio_text(over)])
    return markdown((HEADER, lines))
