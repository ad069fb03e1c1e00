"""Load a bitstream into a board, with the board's own program."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import tempfile
from pathlib import Path
from typing import Any

from esru import __version__
from esru.cli.terminal import add_json, emit_json, note
from esru.demo.config import DEFAULT_BAUD
from esru.errors import ToolFailed, ToolMissing
from esru.flow import programming
from esru.flow.boards import BOARDS, Board
from esru.flow.diagnosis import Diagnosis, bootloader, diagnose
from esru.flow.loadable import Loadable, read_loadable
from esru.flow.programming import PROGRAMMERS, Memory, Programmer
from esru.flow.usb import RELOAD, RULES_FILE, find_nodes, udev_rules

_FOR_HOW_LONG: dict[Memory, str] = {
    "flash": "flash: stays when the power goes",
    "sram": "SRAM: gone when the power goes",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "what", metavar="FOLDER|BITSTREAM", type=Path, help="what esru build wrote, or a bitstream"
    )
    parser.add_argument(
        "--board", metavar="B", help=f"one of {', '.join(BOARDS)} (default: what it was built for)"
    )
    parser.add_argument(
        "--programmer",
        metavar="P",
        help=f"one of {', '.join(PROGRAMMERS)} (default: the board's first, see esru list boards)",
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--flash",
        dest="memory",
        action="store_const",
        const="flash",
        help="load to the flash, where it stays (default for iCE40 and OrangeCrab)",
    )
    where.add_argument(
        "--sram",
        dest="memory",
        action="store_const",
        const="sram",
        help="load into the chip alone, until the power goes (default for other ECP5 and Gowin)",
    )
    parser.add_argument(
        "--cable",
        metavar="C",
        help="openFPGALoader's cable, for a board without a programmer of its own "
        f"(default {programming.DEFAULT_CABLE})",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="print the command, run nothing; needs no board"
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Load, and say what is next."""
    loadable = read_loadable(args.what, args.board)
    board = loadable.board
    programmer = programming.find_programmer(board, args.programmer)
    memory = programming.choose_memory(board, programmer, args.memory)
    cable = programming.cable_of(board, programmer, args.cable)
    arguments = programming.command(board, programmer, memory, loadable.path, cable)
    for warning in loadable.warnings:
        note(f"warning: {warning}")
    content: dict[str, Any] = {
        "board": board.name,
        "bitstream": str(loadable.path),
        "sha256": loadable.sha256,
        "bytes": loadable.size,
        "programmer": programmer.name,
        "memory": memory,
        "command": list(arguments),
        "dry_run": args.dry_run,
    }
    try:
        path = programming.locate(programmer)
    except ToolMissing:
        if args.dry_run:
            _show(args, content | {"result": "tool-missing"}, {})
        raise
    identity = programming.identity(programmer, path)
    versions = {programmer.program: identity}
    note(f"{board.title}: {identity}, {path}")
    note(f"to {_FOR_HOW_LONG[memory]}{_other(board, programmer, memory)}")
    if bootloader(board):
        note(f"{board.title}: {bootloader(board)}")
    if cable is not None:
        note(f"{board.title} has no programmer of its own: a JTAG adapter, --cable {cable}")
    if args.dry_run:
        _show(args, content | {"result": "not-run"}, versions)
        note("nothing was run; next: the same without --dry-run")
        return 0
    if not args.json:
        _print_command(arguments)
    ids = programming.usb_ids(board, cable)
    log = _log(loadable)
    status, output = programming.run(arguments, path, log, _pass_on)
    if output and not output.endswith("\n"):
        note("")  # it ended within a line
    found = diagnose(board, programmer, ids, status, output, find_nodes(ids, programmer.node))
    if args.json:
        content |= {"result": found.verdict, "reason": found.reason or None, "log": str(log)}
        _show(args, content, versions)
    if found.verdict != "loaded":
        raise _failure(board, programmer, found, ids, log)
    note(f"loaded {loadable.path} into the {board.title}; log {log}; {_next(loadable)}")
    return 0


def _show(args: argparse.Namespace, content: dict[str, Any], versions: dict[str, str]) -> None:
    if args.json:
        emit_json("program", {"esru": __version__} | versions, content)
    else:
        _print_command(content["command"])


def _print_command(arguments: Any) -> None:
    print(shlex.join(arguments), flush=True)


def _other(board: Board, programmer: Programmer, memory: Memory) -> str:
    """Return what to say for the other memory, where there is a choice."""
    there = programming.memories(board, programmer)
    return "".join(f" (or --{other})" for other in there if other != memory)


def _pass_on(piece: str) -> None:
    """Show what the programmer prints as it comes: standard error, for it is not our data."""
    sys.stderr.write(piece)
    sys.stderr.flush()


def _log(loadable: Loadable) -> Path:
    """Return where to keep what the programmer prints: in the build folder, else a new file."""
    folder = loadable.path.parent / "log"
    if loadable.manifest is not None and folder.is_dir() and os.access(folder, os.W_OK):
        return folder / "program.log"
    handle, name = tempfile.mkstemp(prefix="esru-program-", suffix=".log")
    os.close(handle)
    return Path(name)


def _failure(
    board: Board, programmer: Programmer, found: Diagnosis, ids: tuple[str, ...], log: Path
) -> ToolFailed:
    if found.verdict == "no-permission" and ids:
        note(f"put this into {RULES_FILE}:")
        note(udev_rules(ids, board.title))
        note(f"then run: {RELOAD}")
        note("and plug the board in again")
    return ToolFailed(programmer.program, found.reason, log)


def _next(loadable: Loadable) -> str:
    """Return what to do next: check the chip, or look at its LEDs."""
    board, manifest = loadable.board, loadable.manifest
    if manifest is None:
        return "it was not built by esru build here: see that it does what it should"
    baud = manifest.get("baud", DEFAULT_BAUD)
    check = "esru check-board --port PORT" + ("" if baud == DEFAULT_BAUD else f" --baud {baud}")
    if board.serial:
        return f"next: {check} ({board.serial}; without --port it lists the ports)"
    from esru.flow.pins import LED_MEANING, pins

    lights = "; ".join(
        f"{pin.port} {LED_MEANING[pin.port]}" for pin in pins(board) if pin.port in LED_MEANING
    )
    by_adapter = ""
    if board.labels:
        rx, tx = board.labels
        by_adapter = f"; with a 3.3 V serial adapter on pins {rx} (rx) and {tx} (tx): {check}"
    return f"next: look at the board: {lights}{by_adapter}"
