"""Count the unit that rounds to FP4 which the search accepted, and its reference.

    python benchmarks/formats.py [--write FILE]

The result (with ``--write`` docs/results/formats.json) is the part on FP4 of the table "By the
format of the result" of docs/ratio.md; its rows in int8 are those of benchmarks/ratio.py and
benchmarks/gated.py. The winner is that of docs/results/search-fp4-transformer.json. If a tool or a
library is missing nothing is counted, so that a result has all targets. Nothing depends on the
machine: the same tools give the same counts.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from ratio import LANES, give, measured

from esru.design import parse
from esru.errors import ToolMissing
from esru.flow.measure import require, required_tools
from esru.flow.targets import target

TARGETS = ("ice40", "ecp5", "xc7", "nand2", "osu018", "nand2-gated", "osu018-gated")

BOUNDARIES = ("decision", "result", "unit")

#: The input: a number alone, or with the exponent of its block's scale, which the unit divides by.
INPUTS = ("float32", "mx_float32")

OUTPUT = "ocp_e2m1"

SEARCH = Path(__file__).parent.parent / "docs" / "results" / "search-fp4-transformer.json"


def designs() -> dict[str, str]:
    """Return the references, with a PRNG in every lane and with one for all, and the winner."""
    winner = json.loads(SEARCH.read_text(encoding="utf-8"))["winner"]["design"]
    found = {"reference": "reference", "reference, shared": f"reference,lanes={LANES}"}
    return found | {"winner": winner}


def inputs(boundary: str) -> tuple[str, ...]:
    """Return the inputs that are counted: a decision is the same hardware for every format."""
    return INPUTS[:1] if boundary == "decision" else INPUTS


def rows() -> list[Any]:
    """Return a row for each target, boundary, input and design."""
    found: list[Any] = []
    for name in TARGETS:
        for boundary in BOUNDARIES:
            for source in inputs(boundary):
                units = {
                    label: parse(f"{design},in={source},out={OUTPUT}")
                    for label, design in designs().items()
                }
                found += [
                    row | {"input": source} for row in measured(name, boundary, "plain", units)
                ]
                print(f"{name} {boundary} {source}: {len(found)} rows", file=sys.stderr)
    return found


def main() -> int:
    """Print the counts, or keep them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the result there")
    args = parser.parse_args()
    try:
        for name in TARGETS:
            require(target(name))
    except ToolMissing as missing:
        parser.error(str(missing))
    versions = {tool.name: tool.identity for tool in required_tools(TARGETS)}
    result = {"schema": "esru.formats/1", "versions": versions, "lanes": LANES}
    give(result, rows(), args.write)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
