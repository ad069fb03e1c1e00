"""Generate the times of docs/cost.md from docs/results/benchmark-costs.json.

Run as ``python docs/costs.py`` to rewrite them, ``--check`` to see whether they are fresh. The
result file is what ``benchmarks/costs.py --write`` wrote.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from esru.report.fresh import fill, refresh

ROOT = Path(__file__).parent.parent
RESULT = ROOT / "docs" / "results" / "benchmark-costs.json"
PAGE = ROOT / "docs" / "cost.md"


def times(result: dict[str, Any]) -> str:
    """Return what numbers of designs took, as a table and in a sentence for each number."""
    lines = [
        "| designs | target | processor ms a count | processor s | wall-clock s | load |",
        "|---|---|---|---|---|---|",
    ]
    sums = []
    for run in result["runs"]:
        for target, row in run["targets"].items():
            low, high = sorted(row["load"])
            lines.append(
                f"| {run['designs']:,} | {target} | {row['processor_ms_per_count']:.0f} |"
                f" {row['processor']:.0f} | {row['seconds']:.0f} | {low:.0f} to {high:.0f} |"
            )
        count, minutes = len(run["targets"]), run["processor"] / 60
        sums.append(
            f"{run['designs']:,} designs ({run['groups_of_64_lanes']} of them groups of 64 lanes)"
            f" on {count} target{'' if count == 1 else 's'} took"
            f" {run['seconds'] / 60:.1f} minutes: {minutes:.1f} of the processor, which"
            f" {result['workers']} idle cores share in {minutes / result['workers']:.1f},"
            f" {run['processor_ms_per_count']:.0f} ms a count."
        )
    used = ", ".join(result["versions"][name] for name in ("yosys", "nextpnr-ice40"))
    where = f"{result['machine']}, {result['workers']} worker processes, {used}"
    return "\n".join([*lines, "", " ".join(sums) + f" {where}."])


def generated() -> dict[Path, str]:
    """Return the page with the times filled in."""
    return {PAGE: fill(PAGE, {"times": times(json.loads(RESULT.read_text(encoding="utf-8")))})}


if __name__ == "__main__":
    raise SystemExit(refresh(__doc__, generated))
