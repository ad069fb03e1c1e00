"""List what there is: sources, rules, formats, targets, boundaries, tasks, polynomials."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from esru import __version__
from esru.cli.terminal import add_json, emit_json, note, print_table
from esru.errors import InputError

Rows = list[tuple[str, str]]


def _sources() -> Rows:
    from esru.design import SOURCES

    return [(name if name == "none" else f"{name}L", text) for name, text in SOURCES.items()]


def _rules() -> Rows:
    from esru.design import RULES

    return list(RULES.items())


def _formats() -> Rows:
    from esru.float_formats import FLOAT_FORMATS, FLOAT_INPUTS, FLOAT_OUTPUTS

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
    ]


def _targets() -> Rows:
    from esru.flow.targets import TARGETS

    return [(name, f"{found.summary}; cells: {found.counts}") for name, found in TARGETS.items()]


def _boundaries() -> Rows:
    from esru.design import BOUNDARIES

    return list(BOUNDARIES.items())


def _tasks() -> Rows:
    from esru.train.tasks import tasks

    return [(name, task.summary) for name, task in tasks().items()]


def _polynomials() -> Rows:
    from esru.sources.polynomial import CATALOGUE, format_polynomial

    return [(f"{p:#x}", format_polynomial(p)) for p in CATALOGUE.values()]


KINDS: dict[str, tuple[str, Callable[[], Rows]]] = {
    "sources": ("random sources; L is the register's length", _sources),
    "rules": ("how the random word and the fraction make the decision", _rules),
    "formats": ("number formats of the unit's words", _formats),
    "targets": ("what cost can be measured on", _targets),
    "boundaries": ("what the hardware includes", _boundaries),
    "tasks": ("trainings that judge a design", _tasks),
    "polynomials": ("the default primitive polynomial of each length", _polynomials),
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
        listed = [{"name": name, "summary": text} for name, text in rows]
        emit_json("list", {"esru": __version__}, {"kind": kind, "rows": listed})
        return 0
    print_table(["name", "summary"], [[name, text] for name, text in rows])
    if args.kind is None:
        note("next: esru list KIND")
    return 0
