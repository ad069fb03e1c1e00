"""Measure what the ratio of the papers is: reference over design, by whatever it is counted.

Run as ``python benchmarks/ratio.py [--write FILE] [--only TARGET[/BOUNDARY[/STRUCTURE]] ...]``.
Designs, targets, boundaries and structures are those of docs/ratio.md; a target whose tool or
library is missing is left out and said so. With `--only`, all other rows stay as they are in FILE.
Nothing depends on the machine: the same tools give the same counts.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from esru.design import Design, parse
from esru.errors import InputError, ToolMissing
from esru.flow import toolchain
from esru.flow.cost import STRUCTURES, LaneCost, check_structure, lane_costs
from esru.flow.targets import target
from esru.search.folder import write_whole
from esru.sources import fresh_leap

TARGETS = ("ice40", "ecp5", "gowin", "xc7", "lut4", "lut6", "nand2", "osu018")

BOUNDARIES = ("decision", "result", "unit", "accumulator", "dither")

#: The array of the training and of the search.
LANES = 64

#: By name: reference, the papers' point in every reading of it, and what esru found.
DESIGNS = {
    "reference": "reference",
    "reference, fresh bits": f"reference,leap={fresh_leap('lfsr', 24, 24)}",
    "reference, shared": f"reference,lanes={LANES}",
    "reference, shared, fresh bits": f"reference,lanes={LANES},leap={fresh_leap('lfsr', 24, 24)}",
    "papers": "papers",
    "papers, fresh bits": f"papers,leap={fresh_leap('plateau', 3, 3)}",
    "papers, shared": f"papers,lanes={LANES}",
    "papers-zero": "papers-zero",
    "papers-zero, LFSR": "3:3:zero:lfsr3",
    "papers-zero, LFSR, fresh bits": f"3:3:zero:lfsr3,leap={fresh_leap('lfsr', 3, 3)}",
    "papers-zero, 8-bit LFSR": "3:3:zero:lfsr8",
    "winner": "winner",
    "winner, alone": str(replace(parse("winner"), lanes=1)),
    "half n = 4": f"4:3:half:lfsr24,leap=4,lanes={LANES}",
    "select n = 5": f"5:4:select:lfsr13,leap=4,lanes={LANES}",
    "select n = 8": f"8:7:select:lfsr13,leap=7,lanes={LANES}",
    "select n = 8, alone": "8:7:select:lfsr13,leap=7",
}

#: What says where a row was measured.
PLACE = ("target", "boundary", "structure")

#: Lanes that share one source, for the winner and the reference.
SHARING = (1, 2, 4, 8, 16, 32, 64, 128, 256)

#: Where the cost by lanes to a source is measured.
SHARED_ON = ("ice40", "ecp5", "xc7")


def sharing() -> dict[str, Design]:
    """Return the reference and the winner at every number of lanes."""
    return {
        f"{name}, {lanes} lanes": replace(parse(name), lanes=lanes)
        for name in ("reference", "winner")
        for lanes in SHARING
    }


def wrapping() -> dict[str, Design]:
    """Return all of them without saturation: at `result`, where another stage may saturate."""
    return {
        f"{name}, wrap": replace(parse(design), overflow="wrap") for name, design in DESIGNS.items()
    }


def counts(cost: LaneCost) -> dict[str, float | None]:
    """Return the counts that are not all null."""
    found = cost.to_json()
    return {key: found[key] for key in ("cells", "lut", "ff", "carry", "area")}


def measured(name: str, boundary: str, structure: str, designs: dict[str, Design]) -> list[Any]:
    """Return a row for each design that can be built so; none if the target has no such cells."""
    fit = {}
    for label, design in designs.items():
        try:
            bounded = replace(design, boundary=boundary)
            check_structure(structure, [name], [bounded])
        except InputError:
            continue  # `dither` is for rules that add; not every lane is given cell by cell
        fit[label] = bounded
    if not fit:
        return []
    costs = lane_costs(list(fit.values()), name, boundary, structure=structure)
    where = {"target": name, "boundary": boundary, "structure": structure}
    return [
        {"name": label, "design": str(designs[label])} | where | counts(cost)
        for label, cost in zip(fit, costs, strict=True)
    ]


def places() -> list[str]:
    """Return what `--only` may name: every target, with a boundary, and with a structure."""
    pairs = [f"{name}/{boundary}" for name in TARGETS for boundary in BOUNDARIES]
    return [*TARGETS, *pairs, *(f"{pair}/{how}" for pair in pairs for how in STRUCTURES)]


def give(result: dict[str, Any], rows: list[Any], path: Path | None) -> None:
    """Print a result with its rows, or keep it in a file."""
    # A line for each row: thousands of lines of one number each help nobody.
    lines = ",\n".join("  " + json.dumps(row) for row in rows)
    head = json.dumps(result, indent=1).removesuffix("\n}")
    text = f'{head},\n "rows": [\n{lines}\n ]\n}}\n'
    if path:
        write_whole(path, text)
    else:
        sys.stdout.write(text)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, metavar="FILE", help="also write the result there")
    parser.add_argument(
        "--only", nargs="+", choices=places(), metavar="TARGET[/BOUNDARY[/STRUCTURE]]", default=[]
    )
    args = parser.parse_args()
    if args.only and not args.write:
        parser.error("--only must be with --write: the other rows come from that file")
    kept = json.loads(args.write.read_text(encoding="utf-8")) if args.only else {"rows": []}
    versions = toolchain.versions()
    if args.only and kept["versions"] != versions:
        parser.error("--only must be with the tools that gave the other rows")
    designs = {name: parse(text) for name, text in DESIGNS.items()}
    rows: list[Any] = []
    for name in TARGETS:
        chosen = [
            (boundary, structure)
            for boundary in BOUNDARIES
            for structure in STRUCTURES
            if not args.only
            or {name, f"{name}/{boundary}", f"{name}/{boundary}/{structure}"} & set(args.only)
        ]
        if not chosen:
            rows += [row for row in kept["rows"] if row["target"] == name]
            continue
        try:
            found = target(name)
            if found.files is not None:
                found.files()
        except ToolMissing as missing:
            print(f"{name} left out: {missing}", file=sys.stderr)
            continue
        for boundary in BOUNDARIES:
            for structure in STRUCTURES:
                if (boundary, structure) not in chosen:
                    where = [name, boundary, structure]
                    rows += [row for row in kept["rows"] if [row[key] for key in PLACE] == where]
                    continue
                more = sharing() if name in SHARED_ON and boundary == "decision" else {}
                if boundary == "result":
                    more = wrapping()
                rows += measured(name, boundary, structure, designs | more)
                print(f"{name} {boundary} {structure}: {len(rows)} rows", file=sys.stderr)
    give({"schema": "esru.ratio/1", "versions": versions, "lanes": LANES}, rows, args.write)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
