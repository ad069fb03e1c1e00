"""Generate the table of docs/sources.md from docs/results/sources.json.

Run as ``python docs/sources.py`` to rewrite it, ``--check`` to see whether it is fresh. The result
file is what ``benchmarks/sources.py --write`` wrote.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from esru.report.fresh import fill, refresh
from esru.report.tables import counted_markdown

ROOT = Path(__file__).parent.parent
RESULT = ROOT / "docs" / "results" / "sources.json"
PAGE = ROOT / "docs" / "sources.md"


def cost(result: dict[str, Any]) -> str:
    """Return the counts as a table, a row per source."""
    targets = list(result["rows"][0]["cost"])
    lines = [
        f"| design | {' | '.join(f'`{name}`' for name in targets)} | flip-flops |",
        "|---|" + "---|" * (len(targets) + 1),
    ]
    for row in result["rows"]:
        counts = [f"{row['cost'][name]['cells']:g}" for name in targets]
        lines.append(
            f"| `{row['design']}` | {' | '.join(counts)} | {row['cost'][targets[0]]['ff']:g} |"
        )
    versions = (text if " " in text else f"{n} {text}" for n, text in result["versions"].items())
    used = f"Counted with {', '.join(versions)}."
    return "\n".join([*lines, "", f"{used} {counted_markdown(targets)}"])


def generated() -> dict[Path, str]:
    """Return the page with the table filled in."""
    return {PAGE: fill(PAGE, {"cost": cost(json.loads(RESULT.read_text(encoding="utf-8")))})}


if __name__ == "__main__":
    raise SystemExit(refresh(__doc__, generated))
