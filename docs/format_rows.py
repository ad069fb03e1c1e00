"""The table by the format of the result in docs/ratio.md, from docs/results/formats.json."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from esru.report.tables import markdown, number

Json = dict[str, Any]
Key = tuple[str, str, str, str]

RESULT = Path(__file__).parent / "results" / "formats.json"

#: What a result is called, by its unit's input; that of benchmarks/ratio.py has none in its rows.
CALLED = {
    None: "`int8`",
    "float32": "`ocp_e2m1`",
    "mx_float32": "`ocp_e2m1`, scaled",
}

HEADER = [
    "target",
    "boundary",
    "result",
    "reference",
    "reference, shared",
    "accepted unit",
    "reference over it",
    "shared : shared",
]


def read() -> Json:
    """Return the result file's content."""
    return dict(json.loads(RESULT.read_text(encoding="utf-8")))


def cut(ratio: float) -> str:
    """Return a ratio's first three decimals, never rounded up: 4.9988 is less than five times."""
    return f"{math.floor(ratio * 1000) / 1000:.3f}x"


def _counts(*results: Json) -> dict[Key, float]:
    """Return what stands for each target by (name, target, boundary, what the result is called)."""
    found = {}
    for result in results:
        for row in result["rows"]:
            if row["structure"] == "plain":
                place = (row["name"], row["target"], row["boundary"], CALLED[row.get("input")])
                found[place] = row["cells"] if row["area"] is None else row["area"]
    return found


def table(result: Json, ungated: Json, gated: Json) -> str:
    """Return the accepted units of two formats, each against the references with its result.

    Parameters
    ----------
    result, ungated, gated : dict
        What benchmarks/formats.py, benchmarks/ratio.py and benchmarks/gated.py have found.
    """
    counts = _counts(result, ungated, gated)
    lines = []
    for target in dict.fromkeys(row["target"] for row in result["rows"]):
        for boundary in dict.fromkeys(row["boundary"] for row in result["rows"]):
            for called in CALLED.values():
                place = (target, boundary, called)
                if ("winner", *place) not in counts:
                    continue  # a decision is the same hardware for every format
                own, shared, unit = (
                    counts[name, *place] for name in ("reference", "reference, shared", "winner")
                )
                shown = [number(count) for count in (own, shared, unit)]
                lines.append([*place, *shown, cut(own / unit), cut(shared / unit)])
    return markdown((HEADER, lines))
