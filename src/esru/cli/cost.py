"""Count a design's cells on FPGA targets and in standard cells."""

from __future__ import annotations

import argparse
from dataclasses import replace

from esru.cli.terminal import (
    add_design,
    add_json,
    emit_json,
    note,
    print_caption,
    print_table,
    progress,
    read_design,
)
from esru.errors import InputError
from esru.flow.cost import STRUCTURES

DEFAULT_TARGETS = "ice40,ecp5,xc7"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_design(parser)
    parser.add_argument(
        "--target", default=DEFAULT_TARGETS, metavar="T[,T...]",
        help=f"targets (default {DEFAULT_TARGETS}; esru list targets)",
    )  # fmt: skip
    parser.add_argument(
        "--boundary", default="decision,unit", metavar="B[,B...]",
        help="boundaries (default decision,unit)",
    )  # fmt: skip
    parser.add_argument(
        "--structure", choices=STRUCTURES, default="plain",
        help="plain: textbook; helped: given cell by cell for the target (docs/floors.md)",
    )  # fmt: skip
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print a design's cost per lane on each target, at each boundary."""
    from esru.flow.targets import target

    design = read_design(args.design)
    chosen = [target(name) for name in args.target.split(",")]
    boundaries = args.boundary.split(",")
    for boundary in boundaries:
        replace(design, boundary=boundary)  # refuses an unknown one
    grid = [(found, boundary) for found in chosen for boundary in boundaries]
    if len(set(grid)) != len(grid):
        raise InputError.must("Targets and boundaries", "named once", args.target)

    from esru.flow import toolchain
    from esru.flow.cost import fabric_of, lane_costs
    from esru.flow.measure import required_tools
    from esru.hdl.structure import check_fabric

    for found, boundary in grid:
        if fabric_of(found.name, args.structure) is not None:
            check_fabric(replace(design, boundary=boundary))
    required_tools(found.name for found in chosen)
    costs: dict[str, dict[str, dict[str, float | None]]] = {}
    with progress(f"cost of {design}") as step:
        for index, (found, boundary) in enumerate(grid):
            step(index, len(grid))
            (cost,) = lane_costs([design], found.name, boundary, structure=args.structure)
            costs.setdefault(found.name, {})[boundary] = cost.to_json()
        step(len(grid), len(grid))
    if args.json:
        content = {"design": str(design), "structure": args.structure, "cost": costs}
        emit_json("cost", toolchain.versions(), content)
        return 0
    header = ["target", "boundary", "cells", "LUT", "FF", "carry"]
    keys = ["cells", "lut", "ff", "carry"]
    if any(found.area is not None for found in chosen):
        header.append("area")
        keys.append("area")
    rows = []
    for name, by_boundary in costs.items():
        for boundary, counts in by_boundary.items():
            values = [counts[key] for key in keys]
            rows.append([name, boundary, *("-" if v is None else f"{v:.2f}" for v in values)])
    sharing = f"{design.lanes} lanes to a source" if design.lanes > 1 else "a source each"
    print(f"Per lane, {sharing}\n")
    print_table(header, rows)
    print_caption(list(costs))
    print("  LUT, FF and carry: Yosys' own counts, before packing")
    note("next: esru compare papers --peers, esru cost reference --target nand2")
    return 0
