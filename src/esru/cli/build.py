"""Build a design's demo for a board, to a bitstream."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from esru.cli.terminal import (
    add_design,
    add_json,
    emit_json,
    note,
    print_checks,
    print_table,
    progress,
    read_design,
)
from esru.demo.config import DEFAULT_BAUD
from esru.design_text import short_design
from esru.errors import InputError
from esru.flow.boards import BOARDS, board


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_design(parser)
    parser.add_argument("--board", metavar="B", required=True, help=f"one of {', '.join(BOARDS)}")
    parser.add_argument(
        "-o", "--out", metavar="DIR", type=Path, help="folder to write to (default build/<id>-<B>)"
    )
    parser.add_argument(
        "--lanes",
        metavar="M",
        type=int,
        help="lanes, a multiple of the lanes that share a source (default: the least from 8 on)",
    )
    parser.add_argument(
        "--baud",
        metavar="N",
        type=int,
        default=DEFAULT_BAUD,
        help=f"speed of the serial port, bits per second (default {DEFAULT_BAUD})",
    )
    parser.add_argument(
        "--clock",
        metavar="MHZ",
        type=float,
        help="the demo's clock, by the PLL unless it is the board's own (default: the board's)",
    )
    parser.add_argument(
        "--prove", action="store_true", help="prove what was built against the design"
    )
    parser.add_argument("--force", action="store_true", help="replace files that are there")
    add_json(parser)


def _clock_hz(megahertz: float | None) -> int | None:
    if megahertz is None:
        return None
    if not 0 < megahertz <= 4000:
        raise InputError.must("Clock", "between 0 and 4000 MHz", f"{megahertz:g}")
    return round(megahertz * 1e6)


def run(args: argparse.Namespace) -> int:
    """Build, say what was built and where; 1 if the clock is missed or a proof fails."""
    chosen = board(args.board)
    design = read_design(args.design)
    clock = _clock_hz(args.clock)
    from esru.flow.bitstream import build, clock_met, default_folder, versions

    folder = default_folder(design, chosen) if args.out is None else args.out
    with progress(f"build {short_design(design)} for {chosen.name}"):
        built = build(
            design,
            chosen,
            folder,
            lanes=args.lanes,
            baud=args.baud,
            clock_hz=clock,
            force=args.force,
        )
    checks = []
    if args.prove:
        from esru.flow.bitproof import prove_board

        with progress(f"prove {folder}"):
            checks = prove_board(folder)
    passed = all(check.passed for check in checks)
    met = clock_met(built)
    size = (folder / built["bitstream"]).stat().st_size
    if args.json:
        content: dict[str, Any] = {"folder": str(folder)}
        content |= {key: built[key] for key in built if key not in ("schema", "versions")}
        content |= {"bytes": size, "clock_met": met}
        if args.prove:
            content |= {"proved": passed, "checks": [check.to_json() for check in checks]}
        emit_json("build", versions(chosen), content)
    else:
        _print(built, chosen.title, folder, size)
        if args.prove:
            print_checks(checks)
    return _last_words(built, folder, met, args.prove, passed)


def _print(built: dict[str, Any], title: str, folder: Path, size: int) -> None:
    fmax = built["fmax_mhz"]
    rows = [
        ("board", f"{title}, {built['device']}"),
        ("clock", f"{built['clock_hz'] / 1e6:g} MHz"),
        ("Fmax", "not known: nextpnr gave none" if fmax is None else f"{fmax:g} MHz"),
        ("lanes", str(built["lanes"])),
        ("cells", f"{built['cells']} of {built['available']} {built['cell']}"),
        ("bitstream", f"{folder / built['bitstream']}, {size} bytes"),
        ("time", f"{built['seconds']:.1f} s"),
    ]
    print_table(("built", str(built["design"])), rows)


def _last_words(built: dict[str, Any], folder: Path, met: bool, asked: bool, passed: bool) -> int:
    """Say what is wrong, or what is next; return the exit code."""
    if not met:
        note(
            f"clock missed: {built['clock_hz'] / 1e6:g} MHz is more than the Fmax of "
            f"{built['fmax_mhz']:g} MHz; the bitstream in {folder} may not work, "
            "a lower --clock or fewer --lanes may"
        )
    if not passed:
        note(f"not proved: do not trust the bitstream in {folder}")
    if not met or not passed:
        return 1
    done = "built and proved" if asked else "built"
    note(f"{done}, in {folder}; next: esru program {folder}")
    return 0
