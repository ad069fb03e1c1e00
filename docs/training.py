"""Generate the tables of docs/training.md from the result files in docs/results.

Run as ``python docs/training.py`` to rewrite them, ``--check`` to see whether they are fresh.
The result files are what ``esru train --json`` and ``benchmarks/training.py --write`` wrote.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

Json = dict[str, Any]

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "docs" / "results"
PAGE = ROOT / "docs" / "training.md"

_HEAD = "| {} | learning rate | accuracy, % | loss, nats | difference, points | loses less than |"


def read(name: str) -> Json:
    """Return a result file's content."""
    return dict(json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8")))


def _spread(found: Json, digits: int) -> str:
    return f"{found['mean']:.{digits}f} ± {found['sd']:.{digits}f}"


def _row(name: str, test: Json) -> str:
    exponent = int(float(test["lr"]).hex().partition("p")[2])
    return (
        f"| {name} | 2^{exponent} | {_spread(test['accuracy'], 2)} | {_spread(test['loss'], 3)} "
        f"| {test['diff']:+.2f} ± {test['sd']:.2f} | {test['bound']:+.2f} |"
    )


def controls(result: Json) -> str:
    """Return the table of a task's controls and the rules of admission."""
    rows = [_row(row["control"], row) for row in result["controls"]]
    rules = [f"- {rule}: {'yes' if holds else 'no'}" for rule, holds in result["admission"].items()]
    head = [_HEAD.format("control"), "|---|---|---|---|---|---|"]
    note = f"{result['seeds']} seeds, natural schedule; differences to float32."
    return "\n".join([*head, *rows, "", note, "", *rules])


def designs(results: list[Json]) -> str:
    """Return the table of designs against the reference."""
    lines = [_HEAD.format("design, schedule"), "|---|---|---|---|---|---|"]
    for result in results:
        for test in result["tests"]:
            at = result["schedule"][test["schedule"]]
            schedule = f"{test['schedule']} (C = {at['C']}, gcd {at['gcd']})"
            lines.append(_row(f"`{result['design']}`, {schedule}", test))
    periods = ", ".join(f"{result['period']}" for result in results)
    seeds = results[0]["seeds"]
    lines += ["", f"{seeds} seeds, {results[0]['lanes']} lanes; periods in this order: {periods}."]
    return "\n".join(lines)


def speed(figures: Json) -> str:
    """Return the benchmark's ratios."""
    lines = ["| trainings per core-second, compared with one run at a time | |", "|---|---|"]
    for task, rates in figures["trainings_per_core_second"].items():
        one = rates["one_run"]
        lines.append(f"| `{task}`, one design's runs | {rates['one_design'] / one:.1f} |")
        lines.append(f"| `{task}`, eight designs' runs | {rates['eight_designs'] / one:.1f} |")
    throughput = dict(figures["elements_per_second"])
    plain, rate = next(iter(throughput.items()))
    lines += ["", f"| elements per second, compared with {plain} | |", "|---|---|"]
    for way, elements in throughput.items():
        if way != plain:
            design, _, array = way.rpartition(", ")
            lines.append(f"| `{design}`, {array} | {elements / rate:.2f} |")
    return "\n".join(lines)


def generated() -> str:
    """Return the page with every generated part filled in."""
    parts = {
        "controls digits-mlp": controls(read("controls-digits-mlp")),
        "controls digits-cnn": controls(read("controls-digits-cnn")),
        "designs": designs([read("train-papers"), read("train-select")]),
        "speed": speed(read("benchmark-training")),
    }
    text = PAGE.read_text(encoding="utf-8")
    for name, content in parts.items():
        begin, end = f"<!-- begin: {name} -->", f"<!-- end: {name} -->"
        pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        if len(pattern.findall(text)) != 1:
            raise SystemExit(f"training.md must have the part {name!r} once")
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
        print("not fresh: docs/training.md", file=sys.stderr)
        return 1
    PAGE.write_text(fresh, encoding="utf-8")
    print("wrote: docs/training.md", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
