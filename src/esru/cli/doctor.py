"""Which tools are installed, and what to install for the rest."""

from __future__ import annotations

import argparse
import importlib.metadata
import os
from collections.abc import Callable

from esru import __version__
from esru.cli.terminal import add_json, emit_json, print_table
from esru.errors import EsruError, ToolMissing

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
    ]


def run(args: argparse.Namespace) -> int:
    """Print what is there; 3 if anything is missing."""
    found: list[dict[str, str | None]] = []
    for name, purpose, find in _tools():
        try:
            identity = getattr(find(), "identity", "")
            found.append({"name": name, "for": purpose, "found": identity, "install": None})
        except ToolMissing as error:
            entry = {"name": name, "for": purpose, "found": None, "install": error.install}
            found.append(entry)
        except EsruError as error:
            found.append({"name": name, "for": purpose, "found": None, "install": str(error)})
    for package, purpose in PACKAGES.items():
        try:
            version = f"{package} {importlib.metadata.version(package)}"
            found.append({"name": package, "for": purpose, "found": version, "install": None})
        except importlib.metadata.PackageNotFoundError:
            extra = "esru[train]" if "extra train" in purpose else "esru"
            install = f"pip install '{extra}'"
            found.append({"name": package, "for": purpose, "found": None, "install": install})
    names = ("ESRU_CACHE", "ESRU_RUNS", "ESRU_JOBS", "ESRU_YOSYS")
    settings = {name: os.environ.get(name) for name in names}
    if args.json:
        emit_json("doctor", {"esru": __version__}, {"tools": found, "environment": settings})
    else:
        rows = [
            [str(t["name"]), str(t["for"]), t["found"] or f"MISSING: {t['install']}"] for t in found
        ]
        print_table(["tool", "for", "found"], rows)
        for name, value in settings.items():
            print(f"{name}: {value or 'not set'}")
    return 3 if any(entry["found"] is None for entry in found) else 0
