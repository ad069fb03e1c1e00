"""Plant every seeded fault, apply every level, and record which levels see it.

    python tests/faults/study.py               writes docs/results/faults.json
    python tests/faults/study.py NAME ...      some faults: rewrites their rows

A fault counts as caught by a level only if the level ended in a mismatch with its place; a tool
that fails, or hardware that cannot be built, ends the study. Every fault is shown to be one: the
counterexample of the first level that caught it is kept.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from catalogue import FAULTS
from fault import LEVELS, Fault

from esru.demo.check import check_board
from esru.demo.config import DemoConfig
from esru.demo.link import Link
from esru.design import Design, parse
from esru.flow import cocotb_run, formal, mapped, simulate
from esru.flow.checks import Check
from esru.flow.loads import simulate_loads
from esru.flow.recovery import prove_recovery
from esru.flow.simulated_board import SimulatedBoard, compile_demo
from esru.flow.verify import ALL_LEVELS, versions

RESULT = Path(__file__).parents[2] / "docs" / "results" / "faults.json"

SCHEMA = "esru.faults/1"


def check(level: str, design: Design, folder: Path, lanes: int | None, target: str) -> list[Check]:
    """Run one level on a design."""
    folder.mkdir(parents=True, exist_ok=True)
    if level == "simulation":
        loads = [simulate_loads(design, lanes)] if design.load else []
        return [simulate.simulate(design, lanes), *loads]
    if level == "cocotb":
        return cocotb_run.run_cocotb(design, folder, lanes)
    if level == "rounder":
        return [formal.prove_rounder(design, folder)]
    if level == "module":
        recovery = [prove_recovery(design, folder)] if design.recover else []
        return [*recovery, formal.prove_design(design, folder, lanes)]
    if level == "mapped":
        return [mapped.prove_cells(design, folder, target, lanes)]
    return _board(design, folder, lanes)


def _board(design: Design, folder: Path, lanes: int | None) -> list[Check]:
    """Check a simulated board as `esru check-board --simulate` does, with fewer random blocks."""
    config = DemoConfig(design, lanes=lanes, clock_hz=12_000_000, baud=1_000_000)
    program = compile_demo(config, folder)
    with (
        SimulatedBoard(program) as board,
        Link(board.port, config.baud, patience=board.patience(config.clock_hz)) as link,
    ):
        outcome = check_board(link, design, blocks=64)
    assert not outcome.lost, outcome.lost
    return outcome.checks


def caught(fault: Fault, level: str, folder: Path) -> str:
    """Return what a level says of a planted fault; an empty text if it sees nothing."""
    design = parse(fault.design)
    with pytest.MonkeyPatch.context() as patch:
        fault.plant(patch)
        checks = check(level, design, folder, fault.lanes, fault.target)
    failed = [check for check in checks if not check.passed]
    if not failed:
        return ""
    assert failed[0].detail, f"{fault.name}: {level} names no place"
    return f"{failed[0].name}: {failed[0].detail}"


def described(fault: Fault) -> dict[str, Any]:
    """Return what the result file says of a fault itself."""
    return {
        "name": fault.name,
        "module": fault.module,
        "what": fault.what,
        "design": str(parse(fault.design)),
        "lanes": fault.lanes,
        "target": fault.target if fault.caught_by == ("mapped",) else None,
        "asked": list(fault.asked),
    }


def study(names: Sequence[str]) -> list[dict[str, Any]]:
    """Return one row per fault: what it is, which levels caught it, and a counterexample."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="esru-faults-") as place:
        for number, name in enumerate(names):
            fault = FAULTS[name]
            began = time.monotonic()
            folder = Path(place) / str(number)
            said = {level: caught(fault, level, folder / level) for level in fault.asked}
            seen = [level for level, text in said.items() if text]
            shown = next((text for text in said.values() if text), None)
            rows.append(
                {
                    **described(fault),
                    "asked": list(fault.asked),
                    "caught_by": seen,
                    "counterexample": shown,
                }
            )
            right = "" if seen == list(fault.caught_by) else f", not {', '.join(fault.caught_by)}"
            spent = time.monotonic() - began
            print(
                f"{name}: {', '.join(seen) or 'NOT CAUGHT'}{right} ({spent:.0f} s)",
                file=sys.stderr,
                flush=True,
            )
    return rows


def write(rows: list[dict[str, Any]]) -> None:
    """Write the result file in the catalogue's order; rows of other faults in it are kept.

    Raises
    ------
    SystemExit
        If they were found with other versions.
    """
    content = {"schema": SCHEMA, "versions": versions(ALL_LEVELS), "levels": LEVELS}
    found = {row["name"]: row for row in rows}
    if RESULT.exists() and found.keys() < FAULTS.keys():
        old = json.loads(RESULT.read_text(encoding="utf-8"))
        if any(old[key] != content[key] for key in content):
            raise SystemExit("other versions made the result file: study all faults again")
        found = {row["name"]: row for row in old["faults"]} | found
    kept = [found[name] for name in FAULTS if name in found]
    part = RESULT.with_suffix(".part")
    part.write_text(json.dumps(content | {"faults": kept}, indent=1) + "\n", encoding="utf-8")
    part.replace(RESULT)


def main() -> int:
    """Run the study; 1 if a level saw less, or more, than the catalogue says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these faults' rows")
    arguments = parser.parse_args()
    for name in arguments.names:
        if name not in FAULTS:
            parser.error(f"no fault {name!r}; there are: {', '.join(FAULTS)}")
    rows = study(arguments.names or list(FAULTS))
    write(rows)
    print(RESULT)
    return int(any(tuple(row["caught_by"]) != FAULTS[row["name"]].caught_by for row in rows))


if __name__ == "__main__":
    raise SystemExit(main())
