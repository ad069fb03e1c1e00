"""Generate the tables of docs/faults.md from docs/results/faults.json.

Run as ``python docs/faults.py`` to rewrite them, ``--check`` to see whether they are fresh.
The result file is what ``python tests/faults/study.py`` wrote.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

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


def generated() -> str:
    """Return the page with every generated part filled in."""
    result = read()
    text = PAGE.read_text(encoding="utf-8")
    for name, content in {"summary": summary(result), "faults": table(result)}.items():
        begin, end = f"<!-- begin: {name} -->", f"<!-- end: {name} -->"
        pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        if len(pattern.findall(text)) != 1:
            raise SystemExit(f"faults.md must have the part {name!r} once")
        text = pattern.sub(lambda _, new=f"{begin}\n{content}\n{end}": new, text)
    return text


def main() -> int:
    """Rewrite the generated parts, or check them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; 1 if not fresh")
    args = parser.parse_args()
    fresh = generated()
    if fresh == PAGE.read_text(encoding="utf-8"):
        return 0
    if args.check:
        print("not fresh: docs/faults.md", file=sys.stderr)
        return 1
    PAGE.write_text(fresh, encoding="utf-8")
    print("wrote: docs/faults.md", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
