"""The exact counts of the reference designs, and the program that records them again.

    python tests/flow/budgets.py [TARGET ...]

A change that costs or saves a cell fails `test_counts.py` or `test_accumulator_counts.py`. If it
is meant, run this, and say in the commit what has changed the counts.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import textbook

from esru.boundaries import ROUNDINGS, truncating_text
from esru.design import Design, parse
from esru.errors import ToolMissing
from esru.flow import targets, toolchain
from esru.flow.cost import fabric_of
from esru.flow.measure import Cells, Netlist, measure, require
from esru.hdl.emit import emit_rtlil, module_name

FILE = Path(__file__).with_name("budgets.json")

#: Whole groups: a source and the lanes that share it.
DESIGNS = (
    "reference",
    "papers",
    "8:7:select:lfsr13,leap=7,lanes=64",
    "4:3:select:lfsr24,leap=4,lanes=64",
)
BOUNDARIES = ROUNDINGS

#: Accumulators in plain structure, by boundary. 16 lanes show a lane's cells as 64 do, in a
#: quarter of the time; the winner's are 64.
EIGHT = "8:7:select:lfsr13,leap=7,lanes=16"
HALF = "4:3:half:lfsr24,leap=4,lanes=16"
ACCUMULATORS = {
    "accumulator": ("reference", "papers", "papers-zero", "winner", EIGHT, HALF),
    "dither": ("reference", "papers", "papers-zero", HALF),
}
#: Accumulators whose sum is given cell by cell.
HELPED_SUMS = ("winner", "8:7:select:lfsr13,leap=7,lanes=64")

UPDATE = "if that is meant: python tests/flow/budgets.py"


def key(text: str, boundary: str, structure: str = "plain") -> str:
    """Return what a group is recorded under."""
    return f"{text} {boundary}{'' if structure == 'plain' else f' {structure}'}"


def truncating_key(text: str, boundary: str, structure: str = "plain") -> str:
    """Return what the accumulators without rounding are recorded under, as many lanes."""
    design = replace(parse(text), boundary=boundary)
    truncating = replace(parse(truncating_text(design)), boundary="decision")
    return key(f"{truncating} x {design.lanes}", boundary, structure)


def netlists(boundary: str) -> dict[str, Netlist]:
    """Return the groups at a boundary by `key`."""
    found = {}
    for text in DESIGNS:
        design = replace(parse(text), boundary=boundary)
        found[key(text, boundary)] = Netlist(module_name(design), emit_rtlil(design))
    return found


@cache
def netlist(
    design: Design, structure: str = "plain", target: str = "", lanes: int | None = None
) -> Netlist:
    """Return a design's hardware; the target matters only where its cells are given."""
    name = module_name(design, lanes)
    if structure == "plain":
        return Netlist(name, emit_rtlil(design, lanes))
    source = emit_rtlil(design, lanes, fabric_of(target, structure))
    # Beside the plain one of the same name.
    return Netlist(f"{name}_{structure}", source.replace(name, f"{name}_{structure}"))


def accumulators(structure: str = "plain", target: str = "") -> dict[str, Netlist]:
    """Return the accumulators by `key`, and those without rounding by `truncating_key`."""
    found = {}
    wanted = ACCUMULATORS if structure == "plain" else {"accumulator": HELPED_SUMS}
    for boundary, texts in wanted.items():
        for text in texts:
            design = replace(parse(text), boundary=boundary)
            found[key(text, boundary, structure)] = netlist(design, structure, target)
            truncating = parse(truncating_text(design))
            found[truncating_key(text, boundary, structure)] = netlist(
                truncating, structure, target, design.lanes
            )
    return found


def helped(target: str) -> dict[str, Netlist]:
    """Return what is given cell by cell for a target, by `key`; none if it names no cells."""
    if targets.target(target).fabric is None:
        return {}
    found = {
        key(text, boundary, "helped"): netlist(
            replace(parse(text), boundary=boundary), "helped", target
        )
        for boundary in BOUNDARIES
        for text in DESIGNS
    }
    return found | accumulators("helped", target)


def counts(cells: Cells) -> dict[str, float]:
    """Return what is recorded of a group: whole numbers as such."""
    names = ("cells", "lut", "ff", "carry", "area")
    found = {name: getattr(cells, name) for name in names if getattr(cells, name) is not None}
    return {name: int(value) if value == int(value) else value for name, value in found.items()}


def measured(target: str) -> dict[str, dict[str, float]]:
    """Return the counts of every textbook module and every group on a target."""
    groups = {name: netlist for b in BOUNDARIES for name, netlist in netlists(b).items()}
    groups |= accumulators() | helped(target)
    wanted = {netlist.name: netlist for netlist in textbook.measured()} | groups
    cells = measure(list(wanted.values()), target)
    return {name: counts(cells[netlist.name]) for name, netlist in wanted.items()}


def main(names: list[str]) -> None:
    """Measure again, and write what was found."""
    recorded: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    tools = recorded["tools"]
    for name in names or list(targets.TARGETS):
        recipe = targets.target(name)
        try:
            used = [tool for tool in require(recipe) if tool is not None]
        except ToolMissing as error:
            print(f"{name}: left as it is ({error})")
            continue
        for tool in used:
            if tool.identity not in tools.setdefault(tool.name, []):
                tools[tool.name].append(tool.identity)
        for module, found in measured(name).items():
            by_target = recorded["counts"].setdefault(module, {})
            before = by_target.get(name, {})
            kept = {"alone": before["alone"]} if "alone" in before else {}
            by_target[name] = found | kept
            if before and before != by_target[name]:
                print(f"{module} on {name}: {before} -> {by_target[name]}")
    lines = []
    for module, by_target in recorded["counts"].items():
        inner = [
            f"      {json.dumps(name)}: {json.dumps(found)}" for name, found in by_target.items()
        ]
        lines.append(f"    {json.dumps(module)}: {{\n" + ",\n".join(inner) + "\n    }")
    versions = [f"    {json.dumps(name)}: {json.dumps(found)}" for name, found in tools.items()]
    text = '{\n  "tools": {\n' + ",\n".join(versions) + '\n  },\n  "counts": {\n'
    FILE.write_text(text + ",\n".join(lines) + "\n  }\n}\n", encoding="utf-8")
    print(f"{FILE}; recorded with {', '.join(toolchain.versions().values())}")


if __name__ == "__main__":
    main(sys.argv[1:])
