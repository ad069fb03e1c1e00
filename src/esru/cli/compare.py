"""Compare designs, and published units, side by side: cost, bias, training."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
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
from esru.errors import InputError

if TYPE_CHECKING:
    from esru.flow.peers import Peer
    from esru.train.experiment import Cell

DEFAULT_TARGETS = "ice40,ecp5,xc7,lut6"

#: With published units an area stands beside the cells of FPGAs.
PEERS_TARGETS = f"{DEFAULT_TARGETS},nand2"

#: What stands beside the peers, if no design is given.
DEFAULT_DESIGNS = ("papers", "winner")

MAX_SEEDS = 10_000


@dataclass(frozen=True)
class Row:
    """One line of the comparison: a design of ours, or a peer with the design that it is."""

    name: str
    design: Design
    peer: Peer | None = None


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
        help="boundaries (default decision,unit)")  # fmt: skip
    add("--task", default="digits-mlp", metavar="T", help="esru list tasks (default digits-mlp)")
    add("--seeds", type=int, default=8, metavar="N",
        help="runs of each cell (default 8; 0: no training)")  # fmt: skip
    add("--lanes", type=int, default=64, metavar="M",
        help="lanes of the array that trains (default 64)")  # fmt: skip
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print what each design costs, how biased it is and how it trains, beside the others."""
    from esru.flow.targets import target

    chosen = args.design or DEFAULT_DESIGNS
    against, *rest = [_row(text, args.peers) for text in (args.against, *chosen)]
    rows = [against, *rest]
    if args.peers:
        from esru.flow.peers import PEERS

        rows += [Row(name, peer.design, peer) for name, peer in PEERS.items()]
    names = [row.name for row in rows]
    if len(set(names)) != len(names):
        raise InputError.must("Designs", "named once", ", ".join(names))
    asked = args.target or (PEERS_TARGETS if args.peers else DEFAULT_TARGETS)
    targets = [target(name).name for name in asked.split(",")]
    boundaries = args.boundary.split(",")
    for row in rows:
        for boundary in boundaries:
            row.peer.verilog(boundary, "x") if row.peer else replace(row.design, boundary=boundary)
    if not 0 <= args.seeds <= MAX_SEEDS:
        raise InputError.must("Seeds", f"between 0 and {MAX_SEEDS}", args.seeds)
    task = _checked_task(rows, args) if args.seeds else None

    from esru.flow import toolchain

    costs = _costs(rows, targets, boundaries)
    cells: list[list[Cell]] = []
    if task is not None:
        import torch

        from esru.train import SCHEDULES
        from esru.train.experiment import compare_all

        torch.set_num_threads(1)
        with progress(f"training {task.name}") as step:
            cells = compare_all(
                task, [row.design for row in rows[1:]], against.design, range(args.seeds),
                SCHEDULES, args.lanes, progress=step,
            )  # fmt: skip
    content = _content(rows, costs, cells, args)
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


def _checked_task(rows: Sequence[Row], args: argparse.Namespace) -> Any:
    """Return the task, after refusing whatever it could not train."""
    from esru.train import SCHEDULES, find_task, schedule_cycles
    from esru.train.needs import require_training
    from esru.train.tasks import Job, check_job

    task = find_task(args.task)
    for row in rows:
        check_job(task, Job(row.design, 0, task.learning_rates[0]))
        for schedule in SCHEDULES:
            schedule_cycles(task, row.design, schedule, args.lanes)
    require_training()
    return task


def _costs(
    rows: Sequence[Row], targets: Sequence[str], boundaries: Sequence[str]
) -> list[dict[str, Any]]:
    """Return for each row its counts per lane, by target and boundary."""
    from esru.flow.cost import lane_cost, lane_costs
    from esru.flow.measure import measure
    from esru.flow.peers import peer_netlist

    found: list[dict[str, Any]] = [{name: {} for name in targets} for _ in rows]
    grid = [(name, boundary) for name in targets for boundary in boundaries]
    ours = [i for i, row in enumerate(rows) if row.peer is None]
    with progress("cost") as step:
        for done, (name, boundary) in enumerate(grid):
            step(done, len(grid))
            own = lane_costs([rows[i].design for i in ours], name, boundary)
            for i, cost in zip(ours, own, strict=True):
                found[i][name][boundary] = cost.to_json()
            peers = {i: peer_netlist(row.peer, boundary) for i, row in enumerate(rows) if row.peer}
            cells = measure(list(peers.values()), name)
            for i, netlist in peers.items():
                found[i][name][boundary] = lane_cost(cells[netlist.name], 1).to_json()
        step(len(grid), len(grid))
    return found


def _content(
    rows: Sequence[Row],
    costs: Sequence[dict[str, Any]],
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
        entry |= {"dead_zone": float(exact.dead_zone), "cost": cost}
        entry["ratio"] = ratios(cost, costs[0])
        entry["tests"] = [
            {"task": args.task, "lr": cell.lr, "schedule": cell.schedule, "C": cell.cycles}
            | {"gcd": cell.gcd, "accuracy": cell.accuracy.mean, "diff": cell.difference.mean}
            | {"sd": cell.difference.sd, "seeds": cell.difference.count}
            for cell in (cells[i - 1] if cells and i else [])
        ]
        table.append(entry)
    return {"against": rows[0].name, "lanes": args.lanes, "rows": table}


def _print(
    content: dict[str, Any],
    targets: Sequence[str],
    boundaries: Sequence[str],
    args: argparse.Namespace,
) -> None:
    from esru.flow.ratio import headline
    from esru.report.tables import number, ratio_text

    rows, against = content["rows"], content["against"]
    print(f"Per lane; in brackets how many times that {against} costs\n")
    table = []
    for target in targets:
        count = headline(target)
        for boundary in boundaries:
            line = [target, boundary, count]
            for row in rows:
                value, ratio = (row[key][target][boundary][count] for key in ("cost", "ratio"))
                bare = row is rows[0] or ratio is None
                line.append(number(value) + ("" if bare else f" ({ratio_text(ratio)})"))
            table.append(line)
    print_table(["target", "boundary", "count", *(row["name"] for row in rows)], table)
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
    for row in rows:
        bias = row["bias"]
        line = [row["name"], str(row["n"]), str(row["k"]), str(row["period"] or "-")]
        line += [f"{bias['mean']:+.2g}", f"{bias['max']:.2g}", f"{row['dead_zone']:.2g}"]
        if args.seeds:
            line += _worst(row["tests"])
        table.append(line)
    header = ["name", "n", "k", "period", "mean", "greatest", "dead zone"]
    print_table(header + ["worst loss", "where"] * bool(args.seeds), table)
    print()
    print_table(
        ["name", "design", "what"],
        [
            [row["name"], row["design"], ": ".join((row["publication"], row["summary"]))]
            if "publication" in row
            else [row["name"], row["design"], ""]
            for row in rows
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
