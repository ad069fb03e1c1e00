"""Measure what each random source costs; docs/sources.md shows the result.

Run as ``python benchmarks/sources.py`` to see the counts, ``--write`` to keep them in
docs/results/sources.json. The counts are exact: the same tools give the same file everywhere.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from esru import __version__
from esru.design import parse
from esru.flow.cost import lane_costs
from esru.flow.measure import required_tools

RESULT = Path(__file__).parent.parent / "docs" / "results" / "sources.json"

TARGETS = ("ice40", "ecp5", "xc7", "lut6")

#: The rule alone, then every family, then the options; words of 8 bits, one source a lane where
#: there may be.
DESIGNS = (
    "8:8:zero:port",
    "8:8:zero:lfsr8",
    "8:8:zero:lfsr8,form=galois",
    "8:8:zero:lfsr13,leap=9",
    "8:8:zero:debruijn8",
    "8:8:zero:debruijn8,leap=9",
    "8:8:zero:plateau8",
    "8:8:zero:cellular8",
    "8:8:zero:cellular13",
    "8:8:zero:counter8",
    "8:8:zero:operand-own",
    "8:8:zero:operand-prev",
    "8:8:zero:operand-neighbour,lanes=2",
    "8:8:zero:operand-xor,lanes=2",
    "8:8:zero:lfsr8,recover=1",
    "8:8:zero:lfsr8,load=1",
    "8:8:zero:plateau8,load=1",
    "8:8:zero:counter8,load=1",
)


def measured() -> dict[str, Any]:
    """Return every count at the boundary ``decision``, with the tools that it comes from."""
    rows: dict[str, dict[str, Any]] = {text: {} for text in DESIGNS}
    for target in TARGETS:
        print(target, file=sys.stderr)
        costs = lane_costs([parse(text) for text in DESIGNS], target, "decision")
        for text, cost in zip(DESIGNS, costs, strict=True):
            rows[text][target] = {"cells": cost.cells, "ff": cost.ff}
    return {
        "schema": "esru.source-costs/1",
        "versions": {"esru": __version__}
        | {tool.name: tool.identity for tool in required_tools(TARGETS)},
        "boundary": "decision",
        "rows": [{"design": text, "cost": rows[text]} for text in DESIGNS],
    }


def main() -> int:
    """Measure, and print or keep the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help=f"write {RESULT.name}")
    arguments = parser.parse_args()
    text = json.dumps(measured(), indent=1) + "\n"
    if arguments.write:
        RESULT.write_text(text, encoding="utf-8")
        print(RESULT)
    else:
        print(text, end="")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
