"""Count units of standard cells whose enables gate the clock, and the reference with the same.

    python benchmarks/gated.py [--write FILE]

The result (with ``--write`` docs/results/gated.json) is the table "With a gated clock" of
docs/ratio.md; the designs are those of benchmarks/ratio.py. A target whose library is missing is
left out and said so. Nothing depends on the machine: the same tools give the same counts.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from ratio import DESIGNS, LANES, give, measured

from esru.design import parse
from esru.errors import ToolMissing
from esru.flow.measure import require, required_tools
from esru.flow.targets import target

TARGETS = ("nand2-gated", "osu018-gated")

BOUNDARIES = ("decision", "result", "unit")

#: What of benchmarks/ratio.py is counted: each kind of reference, then what is set against it.
NAMES = (
    "reference",
    "reference, fresh bits",
    "reference, shared",
    "papers",
    "papers, shared",
    "winner",
    "half n = 4",
    "select n = 5",
    "select n = 8",
)


def rows() -> list[Any]:
    """Return a row for each target that is there, boundary and design."""
    designs = {name: parse(DESIGNS[name]) for name in NAMES}
    found: list[Any] = []
    for name in TARGETS:
        try:
            require(target(name))
        except ToolMissing as missing:
            print(f"{name} left out: {missing}", file=sys.stderr)
            continue
        for boundary in BOUNDARIES:
            found += measured(name, boundary, "plain", designs)
            print(f"{name} {boundary}: {len(found)} rows", file=sys.stderr)
    return found


def main() -> int:
    """Print the counts, or keep them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the result there")
    args = parser.parse_args()
    versions = {tool.name: tool.identity for tool in required_tools(TARGETS[:1])}
    result = {"schema": "esru.gated/1", "versions": versions, "lanes": LANES}
    give(result, rows(), args.write)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
