"""Generate the tables of docs/faults.md from docs/results/faults.json.

Run as ``python docs/faults.py`` to rewrite them, ``--check`` to see whether they are fresh.
The result file is what ``python tests/faults/study.py`` wrote.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from esru.report.fresh import fill, refresh

Json = dict[str, Any]

ROOT = Path(__file__).parent.parent
RESULT = ROOT / "docs" / "results" / "faults.json"
PAGE = ROOT / "docs" / "faults.md"


def read() -> Json:
    """Return the result file's content."""
    return dict(json.loads(RESULT.read_text(encoding="utf-8")))


def summary(result: Json) -> str:
    """Return how many faults there are, and how many each level caught."""
    faults = result["faults"]
    modules = {fault["module"] for fault in faults}
    lines = [
        f"{len(faults)} faults in {len(modules)} places; "
        f"{sum(not fault['caught_by'] for fault in faults)} not caught.",
        "",
        "| level | what it compares | caught | alone |",
        "|---|---|---|---|",
    ]
    for level, what in result["levels"].items():
        seen = [fault["caught_by"] for fault in faults if level in fault["caught_by"]]
        lines.append(f"| {level} | {what} | {len(seen)} | {sum(len(by) == 1 for by in seen)} |")
    versions = ", ".join(
        version if " " in version else f"{name} {version}"
        for name, version in result["versions"].items()
    )
    return "\n".join([*lines, "", f"Found with {versions}."])


def table(result: Json) -> str:
    """Return a row per fault: what is wrong, where, and which levels see it."""
    levels = list(result["levels"])
    lines = [
        f"| fault | what is wrong | design | {' | '.join(levels)} |",
        "|---|---|---|" + "---|" * len(levels),
    ]
    counts = Counter(fault["module"] for fault in result["faults"])
    module = ""
    for fault in result["faults"]:
        if fault["module"] != module:
            module = fault["module"]
            lines.append(f"| **{module}** | {counts[module]} faults | |" + " |" * len(levels))
        design = f"`{fault['design']}`"
        if fault["lanes"] is not None:
            design += f" × {fault['lanes']}"
        marks = " | ".join(_mark(fault, level) for level in levels)
        lines.append(f"| {fault['name']} | {fault['what']} | {design} | {marks} |")
    return "\n".join(lines)


def _mark(fault: Json, level: str) -> str:
    if level in fault["caught_by"]:
        return "×"
    return "·" if level in fault["asked"] else " "


def generated() -> dict[Path, str]:
    """Return the page with every generated part filled in."""
    result = read()
    return {PAGE: fill(PAGE, {"summary": summary(result), "faults": table(result)})}


if __name__ == "__main__":
    raise SystemExit(refresh(__doc__, generated))
