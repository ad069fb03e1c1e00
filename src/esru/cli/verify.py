"""Check a design's hardware: simulation, cocotb on the Verilog, formal proof, mapped netlists."""

from __future__ import annotations

import argparse
from typing import Any

from esru.cli.terminal import (
    add_design,
    add_json,
    add_structure,
    emit_json,
    note,
    print_checks,
    progress,
    read_design,
    read_helped,
)
from esru.design_text import copied_design, short_design
from esru.flow.verify import ALL_LEVELS, LEVELS, verify, versions


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_design(parser)
    parser.add_argument(
        "--level",
        choices=ALL_LEVELS,
        action="append",
        help="only this level; may be given several times (default: all but mapped; with "
        "--structure helped all)",
    )
    parser.add_argument(
        "--lanes",
        metavar="M",
        type=int,
        help="lanes of a whole array (default: the lanes of one source)",
    )
    add_structure(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Verify, and print what was covered; 1 if anything differs."""
    design = read_design(args.design)
    helped = read_helped(args)
    levels = args.level or (LEVELS if helped is None else ALL_LEVELS)
    used = versions(levels, helped)
    with progress(f"verify {short_design(design)}") as step:
        checks = verify(design, lanes=args.lanes, levels=levels, progress=step, helped=helped)
    passed = all(check.passed for check in checks)
    if args.json:
        content: dict[str, Any] = {
            "design": str(design),
            "id": design.id,
            "behaviour": design.behaviour,
            "lanes": design.lanes if args.lanes is None else args.lanes,
            "structure": args.structure,
            "passed": passed,
            "checks": [check.to_json() for check in checks],
        }
        emit_json("verify", used, content)
    else:
        print_checks(checks)
    if passed:
        note(f"{len(checks)} checks passed; next: esru cost {copied_design(args.design)}")
        return 0
    note(f"{sum(not check.passed for check in checks)} of {len(checks)} checks failed")
    return 1
