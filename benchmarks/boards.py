"""Measure boards without a board: builds, proofs of bitstreams, and the check of a simulated one.

Run as ``python benchmarks/boards.py [--write FILE]``. Every tool has run once before, so that its
first-use compilation is done. A build is the whole command, as a user starts it.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import io
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from figures import machine

from esru.cli import main as esru
from esru.design import parse
from esru.flow import toolchain
from esru.flow.bitproof_unit import prove_bitstream
from esru.flow.bitstream import versions
from esru.flow.boards import BOARDS

BUILDS = ("icebreaker", "ulx3s-12f", "tang-nano-9k")
PROVED = ("papers", "reference")
CHECKED = ("papers", "reference", "8:7:select:lfsr13,leap=7,lanes=64")

#: The unit whose mean the README shows: eight random bits, exactly uniform.
SHOWN = "8:8:zero:debruijn8"
MEAN = ["check-board", SHOWN, "--simulate", "--mean", "0.3"]


def _build(board: str, folder: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "esru", "build", "papers", "--board", board, "--force"]
    seconds = []
    for _ in range(4):
        start = time.monotonic()
        subprocess.run([*command, "-o", str(folder / board)], capture_output=True, check=True)
        seconds.append(time.monotonic() - start)
    manifest = json.loads((folder / board / "manifest.json").read_text(encoding="utf-8"))
    kept = {key: manifest[key] for key in ("clock_hz", "fmax_mhz", "cells", "cell", "lanes")}
    # The first one may have compiled a tool.
    return {"seconds": round(statistics.median(seconds[1:]), 1)} | kept


def _prove(design: str, folder: Path) -> dict[str, Any]:
    start = time.monotonic()
    (check,) = prove_bitstream(parse(design), folder / "proof")
    assert check.passed
    return {"seconds": round(time.monotonic() - start, 1), "detail": check.detail}


def _printed(words: list[str]) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = esru(words)
    if code:
        raise SystemExit(f"esru {' '.join(words)}: exit code {code}")
    return out.getvalue()


def _check(design: str) -> dict[str, Any]:
    shown = json.loads(_printed(["check-board", design, "--simulate", "--json"]))
    return {
        "lanes": shown["lanes"],
        "line_roundings_per_second": shown["rates"]["line_roundings_per_second"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, help="write the figures to this JSON file")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        builds = {board: _build(board, folder) for board in BUILDS}
        proofs = {design: _prove(design, folder) for design in PROVED}
    used = {name: text for board in BUILDS for name, text in versions(BOARDS[board]).items()} | {
        "icebox_vlog": toolchain.icebox_vlog().identity,
        "yosys-abc": toolchain.yosys_abc().identity,
        "pyserial": importlib.metadata.version("pyserial"),
        "python": platform.python_version(),
    }
    figures = {
        "schema": "esru.benchmark-boards/1",
        "versions": used,
        "machine": machine(),
        "builds": builds,
        "proofs": proofs,
        "checks": {design: _check(design) for design in CHECKED},
        "mean": {
            "command": "esru " + " ".join(MEAN),
            "printed": [
                line for line in _printed(MEAN).splitlines() if not line.startswith("over the line")
            ],
        },
    }
    text = json.dumps(figures, indent=1, ensure_ascii=False) + "\n"
    print(text, end="")
    if args.write:
        args.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
