"""Compare designs, and published units, side by side: cost, bias, training."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from esru.cli.terminal import (
    add_json,
    emit_json,
    note,
    print_caption,
    print_table,
    progress,
    read_design,
)
from esru.design import ALIASES, Design, parse
from esru.design_text import short_design
from esru.errors import InputError
from esru.sources.settings import MAX_LANES

if TYPE_CHECKING:
    from esru.flow.peers import Peer
    from esru.train.admission import Admission
    from esru.train.experiment import Cell
    from esru.train.tasks import Task

DEFAULT_TARGETS = "ice40,ecp5,xc7,lut6"

#: What each is measured against: plain RTL, one with the same help, one with a shared PRNG.
RATIOS = ("ratio", "ratio_helped", "ratio_shared")

#: With published units an area stands beside the cells of FPGAs.
PEERS_TARGETS = f"{DEFAULT_TARGETS},nand2"

#: What stands beside the peers, if no design is given.
DEFAULT_DESIGNS = ("papers", "winner")

MAX_SEEDS = 10_000

#: Of one design, by target and boundary: its counts per lane.
Counts = dict[str, dict[str, dict[str, Any]]]


@dataclass(frozen=True)
class Row:
    """One line of the comparison: a design of ours, or a peer with the design that it is."""

    name: str
    design: Design
    peer: Peer | None = None


@dataclass(frozen=True)
class Costs:
    """What a row costs, as plain RTL and given cell by cell, where it can be."""

    plain: Counts = field(default_factory=dict)
    helped: Counts = field(default_factory=dict)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add = parser.add_argument
    add("design", metavar="DESIGN", nargs="*",
        help="designs or aliases (default papers and winner)")  # fmt: skip
    add("--against", default="reference", metavar="DESIGN",
        help="what each is measured against (default reference)")  # fmt: skip
    add("--peers", action="store_true",
        help="also published units, as textbook Verilog of the same interface")  # fmt: skip
    add("--target", metavar="T[,T...]",
        help=f"targets (default {DEFAULT_TARGETS}, with --peers also nand2; "
        "esru list targets)")  # fmt: skip
    add("--boundary", default="decision,unit", metavar="B[,B...]",
        help="boundaries (default decision,unit; esru list boundaries)")  # fmt: skip
    add("--task", default="digits-mlp", metavar="T", help="esru list tasks (default digits-mlp)")
    add("--seeds", type=int, default=8, metavar="N",
        help="runs of each cell (default 8; 0: no training)")  # fmt: skip
    add("--lanes", type=int, default=64, metavar="M",
        help="lanes of the array: those that train, and those that one PRNG serves "
        "(default 64)")  # fmt: skip
    add("--no-controls", dest="controls", action="store_false",
        help="leave out float32, round to nearest and the reference, which are trained too: may "
        "the task judge?")  # fmt: skip
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print what each design costs, how biased it is and how it trains, beside the others."""
    from esru.flow.targets import target
    from esru.train.tasks import find_task

    chosen = args.design or DEFAULT_DESIGNS
    against, *rest = [_row(text, args.peers) for text in (args.against, *chosen)]
    rows = [against, *rest]
    if args.peers:
        from esru.flow.peers import PEERS

        rows += [Row(name, peer.design, peer) for name, peer in PEERS.items()]
    names = [row.name for row in rows]
    if len(set(names)) != len(names):
        raise InputError.must("Designs", "named once", ", ".join(map(short_design, names)))
    asked = args.target or (PEERS_TARGETS if args.peers else DEFAULT_TARGETS)
    targets = [target(name).name for name in asked.split(",")]
    boundaries = args.boundary.split(",")
    for row in rows:
        for boundary in boundaries:
            row.peer.verilog(boundary, "x") if row.peer else replace(row.design, boundary=boundary)
    if not 0 <= args.seeds <= MAX_SEEDS:
        raise InputError.must("Seeds", f"between 0 and {MAX_SEEDS}", args.seeds)
    if not 1 <= args.lanes <= MAX_LANES:
        raise InputError.must("Lanes", f"between 1 and {MAX_LANES}", args.lanes)
    task = find_task(args.task)
    formats = _formats(against.design, args.peers)
    if args.seeds:
        _check_training(task, rows, formats, args)

    from esru.flow import toolchain

    costs, shared = _costs(rows, targets, boundaries, args.lanes)
    cells: list[list[Cell]] = []
    admission = None
    if args.seeds:
        cells, admission = _train(task, rows, formats, args)
    content = _content(rows, costs, shared, cells, args)
    if admission is not None:
        content |= {"format": None if task.gradients else formats[0], "seeds": args.seeds}
        content |= admission.to_json()
    if args.json:
        emit_json("compare", toolchain.versions(), content)
        return 0
    _print(content, targets, boundaries, args)
    return 0


def _name(text: str) -> str:
    return text if text in ALIASES else str(parse(text))


def _row(text: str, peers: bool) -> Row:
    """Return a design's row: beside peers it has their input, unless it names formats itself."""
    design = read_design(text)
    named = any(part.startswith("in=") for part in text.split(","))
    if peers and not named:
        from esru.flow.peers import INPUT
        from esru.train.unit_formats import counterpart

        design = counterpart(design, str(design.out_format), INPUT)
    return Row(_name(text), design)


def _formats(against: Design, peers: bool) -> tuple[str, str | None]:
    """Return the formats of the controls: those of what is compared with, beside peers theirs."""
    from esru.train.unit_formats import formats_of

    out, source = formats_of(against)
    if peers and source is None:
        from esru.flow.peers import INPUT

        return out, INPUT
    return out, source


def _check_training(
    task: Task, rows: Sequence[Row], formats: tuple[str, str | None], args: argparse.Namespace
) -> None:
    """Refuse whatever the task could not train."""
    from esru.train import SCHEDULES, schedule_cycles
    from esru.train.admission import check_controls
    from esru.train.needs import require_training
    from esru.train.tasks import Job, check_job

    for row in rows:
        check_job(task, Job(row.design, 0, task.learning_rates[0]))
        for schedule in SCHEDULES:
            schedule_cycles(task, row.design, schedule, args.lanes)
    if args.controls:
        check_controls(task, formats)
    require_training()


def _train(
    task: Task, rows: Sequence[Row], formats: tuple[str, str | None], args: argparse.Namespace
) -> tuple[list[list[Cell]], Admission | None]:
    """Return the cells of each row but the first, which they are less, and the controls."""
    import torch

    from esru.train import SCHEDULES
    from esru.train.admission import compare_with_controls
    from esru.train.experiment import compare_all

    torch.set_num_threads(1)
    against, *designs = (row.design for row in rows)
    seeds = range(args.seeds)
    if args.controls:
        return compare_with_controls(
            task, designs, against, seeds, SCHEDULES, args.lanes, formats=formats, stage=progress
        )
    with progress(f"training {task.name}") as step:
        return compare_all(
            task, designs, against, seeds, SCHEDULES, args.lanes, progress=step
        ), None


def _costs(
    rows: Sequence[Row], targets: Sequence[str], boundaries: Sequence[str], lanes: int
) -> tuple[list[Costs], Counts]:
    """Return what each row costs, and the first row's design with one source for all lanes."""
    from esru.flow.cost import lane_cost
    from esru.flow.measure import measure
    from esru.flow.peers import peer_netlist
    from esru.search.evaluate import Request
    from esru.search.measured import cached_costs

    found = [Costs() for _ in rows]
    shared = Costs()
    grid = [(name, boundary) for name in targets for boundary in boundaries]
    units = [(cost, row.design) for cost, row in zip(found, rows, strict=True) if not row.peer]
    wanted: list[tuple[Counts, Request]] = []
    for name, boundary in grid:
        for cost, design in units:
            wanted.append((cost.plain, Request(design, name, boundary)))
            if _can_be_helped(design, name, boundary):
                wanted.append((cost.helped, Request(design, name, boundary, "helped")))
        for design in _with_one_source(rows[0].design, boundary, lanes):
            wanted.append((shared.plain, Request(design, name, boundary)))
    with progress("cost") as step:
        counted = cached_costs([request for _, request in wanted], step)
    for (counts, request), one in zip(wanted, counted, strict=True):
        counts.setdefault(request.target, {})[request.boundary] = dict(one)
    peers = [(cost, row.peer) for cost, row in zip(found, rows, strict=True) if row.peer]
    with progress("cost of published units") as step:
        for done, (name, boundary) in enumerate(grid if peers else []):
            step(done, len(grid))
            netlists = [peer_netlist(peer, boundary) for _, peer in peers]
            cells = measure(netlists, name)
            for (cost, _), netlist in zip(peers, netlists, strict=True):
                one = lane_cost(cells[netlist.name], 1).to_json()
                cost.plain.setdefault(name, {})[boundary] = one
        if peers:
            step(len(grid), len(grid))
    return found, shared.plain


def _can_be_helped(design: Design, name: str, boundary: str) -> bool:
    """Return whether lanes can be given cell by cell for a target."""
    from esru.flow.cost import check_structure

    try:
        check_structure("helped", [name], [replace(design, boundary=boundary)])
    except InputError:
        return False
    return True


def _with_one_source(design: Design, boundary: str, lanes: int) -> Iterator[Design]:
    """Yield the design with one source for all lanes, unless its lanes cannot share one."""
    try:
        shared = replace(design, boundary=boundary, lanes=lanes)
        shared.side_inputs(lanes)
    except InputError:
        return
    yield shared


def _content(
    rows: Sequence[Row],
    costs: Sequence[Costs],
    shared: Counts,
    cells: Sequence[Sequence[Cell]],
    args: argparse.Namespace,
) -> dict[str, Any]:
    from esru.flow.ratio import ratios
    from esru.quality import quality

    table = []
    for i, (row, cost) in enumerate(zip(rows, costs, strict=True)):
        exact = quality(row.design)
        entry: dict[str, Any] = {"name": row.name, "design": str(row.design)}
        entry |= {"id": row.design.id, "behaviour": row.design.behaviour}
        if row.peer is not None:
            entry |= {"summary": row.peer.summary, "publication": row.peer.publication}
        entry |= {"n": row.design.n, "k": row.design.k, "period": exact.period or None}
        bias = exact.bias
        entry["bias"] = {"mean": float(bias.mean), "max": float(bias.max), "rms": bias.rms}
        entry |= {"dead_zone": float(exact.dead_zone), "cost": cost.plain, "helped": cost.helped}
        entry["ratio"] = ratios(cost.plain, costs[0].plain)
        entry["ratio_helped"] = ratios(cost.helped, costs[0].helped)
        alike = row.design.lanes == args.lanes
        entry["ratio_shared"] = ratios(cost.plain, shared) if alike else {}
        entry["tests"] = [
            {"task": args.task, "lr": cell.lr, "schedule": cell.schedule, "C": cell.cycles}
            | {"gcd": cell.gcd, "accuracy": cell.accuracy.mean, "diff": cell.difference.mean}
            | {"sd": cell.difference.sd, "seeds": cell.difference.count}
            for cell in (cells[i - 1] if cells and i else [])
        ]
        table.append(entry)
    return {"against": rows[0].name, "lanes": args.lanes, "shared": shared, "rows": table}


def _print(
    content: dict[str, Any],
    targets: Sequence[str],
    boundaries: Sequence[str],
    args: argparse.Namespace,
) -> None:
    from esru.flow.ratio import headline
    from esru.report.tables import number, ratio_text

    rows, against = content["rows"], short_design(content["against"])
    names = [short_design(row["name"]) for row in rows]
    print(
        f"Per lane; in brackets how many times that {against} costs as plain RTL, how many times "
        f"with both\ngiven cell by cell for the target, and with one PRNG for all {args.lanes} "
        "lanes on both sides (-: there is no such unit)\n"
    )
    table = []
    for target in targets:
        count = headline(target)
        for boundary in boundaries:
            line = [target, boundary, count]
            for row in rows:
                text = number(row["cost"][target][boundary][count])
                if row is not rows[0]:
                    by = (row[key].get(target, {}).get(boundary, {}).get(count) for key in RATIOS)
                    text += f" ({', '.join(map(ratio_text, by))})"
                line.append(text)
            table.append(line)
    print_table(["target", "boundary", "count", *names], table)
    print_caption(targets)
    if args.peers:
        from esru.flow.peers import INPUT

        print(
            f"\nInputs: {INPUT} as the published units have it, unless a design names another. "
            "Fractions of\nmore bits have another bias; what looks at their n highest bits alone "
            "costs the same."
        )
    print("\nExact bias over all fractions, ulp" + _trained_caption(rows, against, args) + "\n")
    table = []
    for name, row in zip(names, rows, strict=True):
        bias = row["bias"]
        line = [name, str(row["n"]), str(row["k"]), str(row["period"] or "-")]
        line += [f"{bias['mean']:+.2g}", f"{bias['max']:.2g}", f"{row['dead_zone']:.2g}"]
        if args.seeds:
            line += _worst(row["tests"])
        table.append(line)
    header = ["name", "n", "k", "period", "mean", "greatest", "dead zone"]
    print_table(header + ["worst loss", "where"] * bool(args.seeds), table)
    if "controls" in content:
        from esru.report.training import controls_below
        from esru.train import find_task

        print(f"\n{controls_below(content, find_task(args.task))}")
    print()
    print_table(
        ["name", "design", "what"],
        [
            [
                name,
                short_design(row["design"]),
                ": ".join((row["publication"], row["summary"])) if "publication" in row else "",
            ]
            for name, row in zip(names, rows, strict=True)
        ],
    )
    note("next: esru show DESIGN, esru train DESIGN, esru gen DESIGN -o DIR")


def _trained_caption(rows: Sequence[dict[str, Any]], against: str, args: argparse.Namespace) -> str:
    if not args.seeds:
        return ""
    from esru.train import find_task

    unit = find_task(args.task).unit
    lost = f"accuracy {args.task} loses" if unit == "points" else f"{args.task} loses"
    return (
        f"; then how much {lost}\nto {against} in the worst cell (schedule, "
        f"learning rate): mean ± standard deviation of {args.seeds} paired seeds, {unit}"
    )


def _worst(tests: Sequence[dict[str, Any]]) -> list[str]:
    """Return the loss in the worst cell, and which it is."""
    if not tests:
        return ["-", ""]
    worst = min(tests, key=lambda test: float(test["diff"]))
    spread = "" if worst["sd"] is None else f" ± {worst['sd']:.2f}"
    where = f"{worst['schedule']}, lr {worst['lr']:g}, gcd {worst['gcd']}"
    return [f"{0 - worst['diff']:+.2f}{spread}", where]
