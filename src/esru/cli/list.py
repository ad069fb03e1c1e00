"""List what there is: sources, rules, formats, targets, boundaries, boards and more."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from esru import __version__
from esru.cli.terminal import add_json, emit_json, note, print_table
from esru.errors import InputError

Rows = list[tuple[str, str]]


def _sources() -> Rows:
    from esru.sources.settings import SOURCES, WITHOUT_LENGTH

    return [
        (name if name in WITHOUT_LENGTH else f"{name}L", text) for name, text in SOURCES.items()
    ]


def _rules() -> Rows:
    from esru.decision_table import SUMMARY
    from esru.design import RULES

    return [*RULES.items(), ("table-HEX", SUMMARY)]


def _formats() -> Rows:
    from esru.float_formats import FLOAT_FORMATS, FLOAT_INPUTS, FLOAT_OUTPUTS, MX_FORMATS

    def use(name: str) -> str:
        return " and ".join(
            way for way, names in (("in", FLOAT_INPUTS), ("out", FLOAT_OUTPUTS)) if name in names
        )

    floats = [
        (
            name,
            f"float ({use(name)}): 1 sign, {found.exponent} exponent, {found.fraction} fraction "
            f"bits, bias {found.bias}, greatest {found.decode(found.highest):.6g}, "
            f"{found.special_values}; {found.standard}",
        )
        for name, found in FLOAT_FORMATS.items()
    ]
    return [
        ("sW.F", "signed fixed point, two's complement: W bits, F of them fraction"),
        ("uW.F", "unsigned fixed point: W bits, F of them fraction"),
        ("intW", "signed integer, the same as sW.0"),
        ("uintW", "unsigned integer, the same as uW.0"),
        *floats,
        *(
            (
                name,
                f"input {name.removeprefix('mx_')} to be divided by a block's E8M0 scale, above "
                "it in each lane's word or on a port of its own (block=LANES)",
            )
            for name in MX_FORMATS
        ),
    ]


def _targets() -> Rows:
    from esru.flow.targets import all_targets

    return [
        (name, f"{found.summary}; cells: {found.counts}") for name, found in all_targets().items()
    ]


def _boundaries() -> Rows:
    from esru.design import BOUNDARIES

    return list(BOUNDARIES.items())


def _tasks() -> Rows:
    from esru.search.plugin import entry_points
    from esru.train.images.task import RESNET20
    from esru.train.tasks import tasks

    own = [(RESNET20.name, RESNET20.summary)]
    own += [
        (name, f"{place}, for esru search --evaluator") for name, place in entry_points().items()
    ]
    return [(name, task.summary) for name, task in tasks().items()] + own


def _polynomials() -> Rows:
    from esru.sources.polynomial import CATALOGUE, format_polynomial

    return [(f"{p:#x}", format_polynomial(p)) for p in CATALOGUE.values()]


def _automata() -> Rows:
    from esru.sources.cellular import CATALOGUE, format_rules

    return [
        (f"cellular{length}", f"{rules:#x}: {format_rules(rules)}")
        for length, rules in CATALOGUE.items()
    ]


def _maps() -> Rows:
    from esru.sources.lane_maps import MAPS

    return list(MAPS.items())


def _boards() -> Rows:
    return [(row["name"], row["summary"]) for row in board_rows()]


def board_rows() -> list[dict[str, Any]]:
    """Return what is known of every board, as the rows of ``esru list boards --json``."""
    from esru.flow.boards import BOARDS
    from esru.flow.hardware_runs import recorded_runs

    runs = recorded_runs()
    rows = []
    for name, found in BOARDS.items():
        passed = sum(run.verdict == "passed" for run in runs[name])
        rows.append(
            {
                "name": name,
                "summary": f"{found.title}: {found.device}",
                "title": found.title,
                "device": found.device,
                "serial": found.serial or None,
                "serial_by_adapter": list(found.labels) or None,
                "built_in_ci": found.ci,
                "hardware_runs": len(runs[name]),
                "hardware_runs_passed": passed,
                "programmers": list(found.programmers),
                "url": found.url,
            }
        )
    return rows


def _print_boards() -> None:
    """Write the boards as a table."""
    rows = []
    for row in board_rows():
        pins = row["serial_by_adapter"]
        adapter = "no (an adapter on pins " + " and ".join(pins) + ")" if pins else "no"
        runs, passed = row["hardware_runs"], row["hardware_runs_passed"]
        rows.append(
            [
                row["name"],
                row["device"],
                row["serial"] or adapter,
                "yes" if row["built_in_ci"] else "no",
                f"{runs} ({passed} passed)" if runs else "none yet",
                ", ".join(row["programmers"]),
            ]
        )
    header = ["name", "device", "serial port", "built in CI", "hardware runs", "programmed by"]
    print_table(header, rows)
    note("next: esru build DESIGN --board NAME")


KINDS: dict[str, tuple[str, Callable[[], Rows]]] = {
    "sources": ("random sources; L is the register's length", _sources),
    "maps": ("how each lane of a source sees its word", _maps),
    "rules": ("how the random word and the fraction make the decision", _rules),
    "formats": ("number formats of the unit's words", _formats),
    "targets": ("what cost can be measured on", _targets),
    "boundaries": ("what the hardware includes", _boundaries),
    "boards": ("FPGA boards that the demo is built for, and how each is loaded", _boards),
    "tasks": ("trainings that judge a design", _tasks),
    "polynomials": ("the default primitive polynomial of each length", _polynomials),
    "automata": ("the default rule vector of each cellular source", _automata),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("kind", nargs="?", metavar="KIND", help=f"one of {', '.join(KINDS)}")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print the rows of a kind, or the kinds."""
    if args.kind is None:
        kind, rows = "kinds", [(name, text) for name, (text, _) in KINDS.items()]
    elif args.kind in KINDS:
        kind, rows = args.kind, KINDS[args.kind][1]()
    else:
        raise InputError.must("Kind", f"one of {', '.join(KINDS)}", repr(args.kind))
    if args.json:
        listed: list[dict[str, Any]] = [{"name": name, "summary": text} for name, text in rows]
        if kind == "boards":
            listed = board_rows()
        emit_json("list", {"esru": __version__}, {"kind": kind, "rows": listed})
        return 0
    if kind == "boards":
        _print_boards()
        return 0
    print_table(["name", "summary"], [[name, text] for name, text in rows])
    if args.kind is None:
        note("next: esru list KIND")
    return 0
