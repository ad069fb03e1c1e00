"""Count a design's cells on FPGA targets."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

from esru.boundaries import ACCUMULATORS
from esru.cli.terminal import (
    add_design,
    add_json,
    emit_json,
    note,
    print_table,
    progress,
    read_design,
)
from esru.errors import InputError

Counts = dict[str, float | None]

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
        help="boundaries (default decision,unit; esru list boundaries)",
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
    from esru.flow.cost import lane_terms

    toolchain.yosys()
    for found in chosen:
        if found.packer is not None:
            toolchain.nextpnr(found.packer)
    costs: dict[str, dict[str, Counts]] = {}
    terms: dict[str, dict[str, dict[str, Counts]]] = {}
    with progress(f"cost of {design}") as step:
        for index, (found, boundary) in enumerate(grid):
            step(index, len(grid))
            ((cost, truncating),) = lane_terms([design], found.name, boundary)
            if boundary in ACCUMULATORS:
                both = {"rounding": cost.to_json(), "truncating": truncating.to_json()}
                terms.setdefault(found.name, {})[boundary] = both
                cost = cost.less(truncating)
            costs.setdefault(found.name, {})[boundary] = cost.to_json()
        step(len(grid), len(grid))
    if args.json:
        result: dict[str, Any] = {"design": str(design), "cost": costs}
        emit_json("cost", toolchain.versions(), result | ({"terms": terms} if terms else {}))
        return 0
    rows = []
    for name, by_boundary in costs.items():
        for boundary, counts in by_boundary.items():
            rows.append([name, boundary, *_shown(counts)])
            for term, part in terms.get(name, {}).get(boundary, {}).items():
                rows.append(["", f"  {term}", *_shown(part)])
    sharing = f"{design.lanes} lanes to a source" if design.lanes > 1 else "a source each"
    print(
        f"Per lane, {sharing}; cells are what the target's packer counts, the rest is Yosys' own\n"
    )
    if terms:
        print(
            "At an accumulator's boundary: with rounding less the same accumulator truncating; "
            "the two terms\nstand below the difference\n"
        )
    print_table(["target", "boundary", "cells", "LUT", "FF", "carry"], rows)
    note("next: esru list targets (what the cells are), esru cost reference")
    return 0


def _shown(counts: Counts) -> list[str]:
    values = [counts[key] for key in ("cells", "lut", "ff", "carry")]
    return ["-" if value is None else f"{value:.2f}" for value in values]
