"""Count a design's cells on FPGA targets and in standard cells."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from esru.boundaries import TRUNCATING
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
from esru.design_text import short_design
from esru.errors import InputError

if TYPE_CHECKING:
    from esru.design import Design

DEFAULT_TARGETS = "ice40,ecp5,xc7"

#: What is known of a design: its cost by target and boundary, and more if it was asked for.
Entry = dict[str, Any]

_ACTIVITY = ("toggles", "registers")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_design(parser)
    add = parser.add_argument
    add("--target", default=DEFAULT_TARGETS, metavar="T[,T...]",
        help=f"targets (default {DEFAULT_TARGETS}; esru list targets)")  # fmt: skip
    add("--boundary", default="decision,unit", metavar="B[,B...]",
        help="boundaries (default decision,unit; esru list boundaries)")  # fmt: skip
    add("--lanes", metavar="M[,M...]",
        help="the design with so many lanes to a source, such as 1,4,16,64,256")  # fmt: skip
    add("--fmax", action="store_true",
        help="also the clock frequency: median of five placements by nextpnr")  # fmt: skip
    add("--activity", action="store_true",
        help="also the switching activity, a proxy for energy")  # fmt: skip
    add("--structure", choices=("plain", "helped"), default="plain",
        help="plain: textbook; helped: given cell by cell for the target "
        "(docs/floors.md)")  # fmt: skip
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print a design's cost per lane on each target, at each boundary."""
    from esru.flow.cost import check_structure
    from esru.flow.fmax import placeable
    from esru.flow.targets import target

    design = read_design(args.design)
    targets = args.target.split(",")
    boundaries = args.boundary.split(",")
    for name in targets:
        target(name)
    if len(set(targets)) != len(targets) or len(set(boundaries)) != len(boundaries):
        raise InputError.must("Targets and boundaries", "named once", args.target)
    shared = [design] if args.lanes is None else _with_lanes(design, args.lanes)
    for boundary in boundaries:
        for one in shared:
            replace(one, boundary=boundary)  # refuses what it cannot be

    check_structure(args.structure, targets, [replace(design, boundary=b) for b in boundaries])
    if args.structure != "plain" and args.activity:
        raise InputError.must("Structure", "plain for --activity", args.structure)
    if args.fmax and not any(placeable(name) for name in targets):
        raise InputError.must("Target", "one that nextpnr places, for --fmax", args.target)

    from esru.flow import toolchain

    entries = [{"cost": cost} for cost in _costs(shared, targets, boundaries, args.structure)]
    if args.fmax:
        _add_fmax(entries, shared, targets, boundaries, args.structure)
    if args.activity:
        _add_activity(entries, shared, boundaries)
    if args.json:
        content: dict[str, Any] = {"design": str(design), "structure": args.structure}
        if args.lanes is None:
            content |= entries[0]
        else:
            pairs = zip(shared, entries, strict=True)
            content["sweep"] = [{"lanes": one.lanes} | entry for one, entry in pairs]
        emit_json("cost", toolchain.versions(), content)
        return 0
    _print(shared, entries, args)
    note("next: esru compare papers --peers, esru cost reference --target nand2")
    return 0


def _with_lanes(design: Design, text: str) -> list[Design]:
    """Return the design with each number of lanes to a source."""
    lanes = text.split(",")
    if not all(part.isascii() and part.isdigit() and int(part) >= 1 for part in lanes):
        raise InputError.must("Lanes", "integers of at least 1, such as 1,2,4", repr(text))
    if len(set(lanes)) != len(lanes):
        raise InputError.must("Lanes", "named once", text)
    return [replace(design, lanes=int(part)) for part in lanes]


def _costs(
    designs: Sequence[Design], targets: Sequence[str], boundaries: Sequence[str], structure: str
) -> list[dict[str, dict[str, Any]]]:
    """Return the cost of each design, by target and boundary."""
    from esru.search.evaluate import Request
    from esru.search.measured import cached_costs

    grid = [(t, b) for t in targets for b in boundaries]
    requests = [Request(design, t, b, structure) for design in designs for t, b in grid]
    with progress(f"cost of {short_design(designs[0])}") as step:
        counts = iter(cached_costs(requests, step))
    return [{t: {b: dict(next(counts)) for b in boundaries} for t in targets} for _ in designs]


def _add_fmax(
    entries: Sequence[Entry],
    designs: Sequence[Design],
    targets: Sequence[str],
    boundaries: Sequence[str],
    structure: str,
) -> None:
    """Add the clock frequencies to each entry, and fill them in where its cost is."""
    from esru.flow.fmax import placeable
    from esru.search.evaluate import Request
    from esru.search.measured import cached_fmax

    placed = [name for name in targets if placeable(name)]
    grid = [(name, boundary) for name in placed for boundary in boundaries]
    requests = [Request(one, name, b, structure) for one in designs for name, b in grid]
    with progress(f"clock frequency of {short_design(designs[0])}") as step:
        for number, request in enumerate(requests):

            def tell(done: int, total: int, number: int = number) -> None:
                step(number * total + done, len(requests) * total)

            entry = entries[designs.index(request.design)]
            found = cached_fmax(request, tell)
            by_target = entry.setdefault("fmax", {}).setdefault(request.target, {})
            by_target[request.boundary] = found
            entry["cost"][request.target][request.boundary]["fmax_mhz"] = found["median"]


def _add_activity(
    entries: Sequence[Entry], designs: Sequence[Design], boundaries: Sequence[str]
) -> None:
    """Add the switching activity at each boundary to each entry."""
    from esru.search.measured import cached_activity

    pairs = [(i, boundary) for i in range(len(designs)) for boundary in boundaries]
    with progress(f"activity of {short_design(designs[0])}") as step:
        for done, (i, boundary) in enumerate(pairs):
            step(done, len(pairs))
            found = cached_activity(designs[i], boundary)
            entries[i].setdefault("activity", {})[boundary] = found
        step(len(pairs), len(pairs))


def _print(designs: Sequence[Design], entries: Sequence[Entry], args: argparse.Namespace) -> None:
    """Print the tables."""
    from esru.flow.targets import target

    costs = [entry["cost"] for entry in entries]
    keys = {"cells": "cells", "lut": "LUT", "ff": "FF", "carry": "carry"}
    if any(target(name).area is not None for name in costs[0]):
        keys["area"] = "area"
    if args.fmax:
        keys["fmax_mhz"] = "MHz"
    swept = args.lanes is not None
    lanes = [[str(design.lanes)] if swept else [] for design in designs]
    rows = [
        [*head, *shared, *(_number(counts.get(key)) for key in keys)]
        for name, boundaries in costs[0].items()
        for boundary in boundaries
        for shared, cost in zip(lanes, costs, strict=True)
        for head, counts in _terms(name, boundary, cost[name][boundary])
    ]
    count = designs[0].lanes
    sharing = f"{count} lanes to a source" if count > 1 else "a source each"
    sharing = "by lanes to a source" if swept else sharing
    print(f"Per lane, {sharing}, structure {args.structure}\n")
    more = ["lanes"] if swept else []
    print_table(["target", "boundary", *more, *keys.values()], rows)
    print_caption(list(costs[0]))
    print("  LUT, FF and carry: Yosys' own counts, before packing")
    if any(TRUNCATING in counts for counts in costs[0][next(iter(costs[0]))].values()):
        print(
            "  accumulators: with rounding less the same accumulator truncating; both stand below"
        )
    if args.fmax:
        by_boundary = next(iter(entries[0]["fmax"].values()))
        seeds = ", ".join(next(iter(by_boundary.values()))["seeds"])
        print(f"  MHz: of the group, a register at every port; median of nextpnr's seeds {seeds}")
    if not args.activity:
        return
    rows = [
        [boundary, *shared, *(_number(entry["activity"][boundary][key]) for key in _ACTIVITY)]
        for boundary in entries[0]["activity"]
        for shared, entry in zip(lanes, entries, strict=True)
    ]
    how = next(iter(entries[0]["activity"].values()))
    print("\nSwitching activity: changes of outputs in a rounding, per lane\n")
    print_table(["boundary", *more, "all", "flip-flops"], rows)
    print(
        f"\nA proxy for energy: settled values of gates (target nand2) over {how['cycles']} cycles "
        f"of {how['streams']} streams\nof random operands (seed {how['seed']}); no glitches, no "
        "clock, every output counts the same"
    )


def _terms(name: str, boundary: str, counts: Entry) -> list[tuple[list[str], Entry]]:
    """Return the rows of one cost: a difference's two terms stand below it."""
    rows = [([name, boundary], counts)]
    if TRUNCATING in counts:
        less = counts[TRUNCATING]
        whole = {key: None if less[key] is None else counts[key] + less[key] for key in less}
        rows += [(["", "  rounding"], whole), (["", "  truncating"], less)]
    return rows


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
