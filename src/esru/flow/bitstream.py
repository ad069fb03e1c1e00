"""Build the demo of a design for a board, to a bitstream, with the platforms of amaranth-boards.

amaranth-boards knows each board's chip, package and options, and writes the build script; the
hardware goes into it as the plain Verilog ``demo.v`` and the pin file, both of which build the
same without Amaranth (docs/constraints.md). The script's tools are the yowasp packages,
whatever is on PATH: the same inputs give the same bitstream everywhere.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import shlex
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from esru import __version__
from esru.demo.config import DEFAULT_BAUD, DemoConfig
from esru.design import Design
from esru.errors import InputError, ToolFailed, ToolMissing
from esru.flow import nextpnr_report
from esru.flow.boards import Board
from esru.flow.dfu import add_suffix
from esru.flow.output import beside, refuse
from esru.flow.pins import pin_file, pin_file_name, platform
from esru.flow.process import run
from esru.flow.toolchain import Tool, bitstream_tool
from esru.hdl.board import board_verilog, clock_settings
from esru.hdl.board_plan import board_plan

MANIFEST_SCHEMA = "esru.bitstream/1"

#: The tools of each family's build script, in the order of their use.
TOOLS = {
    "ice40": ("yosys", "nextpnr-ice40", "icepack"),
    "ecp5": ("yosys", "nextpnr-ecp5", "ecppack"),
    "gowin": ("yosys", "nextpnr-gowin", "gowin_pack"),
}

#: Files of the build folder that are worth keeping beside the bitstream.
_KEPT = (".json", ".asc", ".config", ".fasm", ".pcf", ".lpf", ".cst", ".il", ".ys", ".sh")


def versions(board: Board) -> dict[str, str]:
    """Return the versions of what a board's bitstream comes from.

    Raises
    ------
    ToolMissing
        If one is missing.
    """
    try:
        boards = importlib.metadata.version("amaranth-boards")
    except importlib.metadata.PackageNotFoundError:
        raise ToolMissing("amaranth-boards", "pip install esru") from None
    found = {
        "esru": __version__,
        "amaranth": importlib.metadata.version("amaranth"),
        "amaranth-boards": boards,
    }
    return found | {name: bitstream_tool(name).identity for name in TOOLS[board.family]}


def default_folder(design: Design, board: Board) -> Path:
    """Return where a build goes unless it is said: ``build/<id>-<board>``."""
    return Path("build", f"{design.id}-{board.name}")


def file_names(design: Design, board: Board) -> tuple[str, ...]:
    """Return the names of the files that `build` writes, its folders left out."""
    return (f"{design.id}{board.suffix}", "demo.v", pin_file_name(board), "manifest.json")


def build(
    design: Design,
    board: Board,
    folder: Path,
    *,
    lanes: int | None = None,
    baud: int = DEFAULT_BAUD,
    clock_hz: int | None = None,
    force: bool = False,
) -> dict[str, Any]:
    """Build the demo of a design for a board.

    The folder gets ``<id>.bin`` (or ``.bit``, ``.fs``), ``demo.v``, the pin file,
    ``manifest.json``, and the folders ``log`` (what the tools printed) and ``work`` (netlist and
    placed design). The bitstream is written even if the clock is missed: compare ``fmax_mhz``
    with ``clock_hz`` in what is returned.

    Parameters
    ----------
    design : Design
        The unit.
    board : Board
        The board.
    folder : Path
        Where; made with its parents if it does not exist. Other files in it are left alone.
    lanes : int or None
        Lanes of the array, a multiple of ``design.lanes``; None: the smallest that is >= 8.
    baud : int
        Speed of the serial port in bits per second.
    clock_hz : int or None
        The demo's clock in hertz; None: the board's default.
    force : bool
        Replace files that are there.

    Returns
    -------
    dict
        What ``manifest.json`` holds, and ``seconds``, the wall-clock time that it took.

    Raises
    ------
    InputError
        If files are in the way, the board cannot make the clock, the clock and the baud rate do
        not fit, or the demo does not fit the FPGA.
    ToolMissing
        If amaranth-boards or a tool is not installed.
    ToolFailed
        If a tool fails; its log is kept in the folder's ``failed``.
    """
    began = time.monotonic()
    names = bitstream, verilog, pin_names, manifest = file_names(design, board)
    refuse(folder, names, force)
    hz, pll = clock_settings(board, clock_hz)
    config = DemoConfig(design=design, lanes=lanes, clock_hz=hz, baud=baud)
    used = versions(board)
    texts = {verilog: board_verilog(config, board, pll), pin_names: pin_file(board)}
    with beside(folder, names, force) as place:
        work, log = place / "work", place / "log"
        work.mkdir()
        log.mkdir()
        for name, text in texts.items():
            (place / name).write_text(text, encoding="utf-8")
        try:
            _run(board, hz, texts[verilog], texts[pin_names], work)
        except ToolFailed as error:
            raise _explained(error, board, config, work, _keep_logs(work, folder)) from None
        content = work.joinpath(f"board{board.suffix}").read_bytes()
        if board.programmers[0] == "dfu-util":
            vendor, product = (int(part, 16) for part in board.usb[0].split(":"))
            content = add_suffix(content, vendor, product)
        (place / bitstream).write_bytes(content)
        figures = nextpnr_report.read(work)
        _tidy(work, log)
        files = {
            name: hashlib.sha256((place / name).read_bytes()).hexdigest()
            for name in sorted(names)
            if name != manifest
        }
        described = {
            "schema": MANIFEST_SCHEMA,
            "versions": used,
            "design": str(design),
            "id": design.id,
            "behaviour": design.behaviour,
            "board": board.name,
            "device": board.device,
            "lanes": config.lanes,
            "clock_hz": hz,
            "baud": baud,
            "fmax_mhz": figures.fmax_mhz,
            "cells": figures.cells,
            "cell": figures.cell,
            "available": figures.available,
            "bitstream": bitstream,
            "pins": pin_names,
            "files": files,
        }
        text = json.dumps(described, indent=2, allow_nan=False) + "\n"
        (place / manifest).write_text(text, encoding="utf-8")
    shutil.rmtree(folder / "failed", ignore_errors=True)
    return described | {"seconds": round(time.monotonic() - began, 2)}


def clock_met(manifest: dict[str, Any]) -> bool:
    """Return whether the design is as fast as its clock, as far as the tools can say."""
    fmax = manifest["fmax_mhz"]
    return fmax is None or bool(fmax * 1e6 >= manifest["clock_hz"])


def _run(board: Board, clock_hz: int, verilog: str, pin_text: str, work: Path) -> None:
    """Run amaranth-boards' build script with our Verilog, our pin file and our tools."""
    plan = board_plan(platform(board), board, clock_hz, verilog)
    # The pins are the same (a test compares them); ours has plain port names and pull-ups.
    plan.files[f"board{Path(pin_file_name(board)).suffix}"] = pin_text
    for name, content in plan.files.items():
        data = content.encode() if isinstance(content, str) else content
        (work / name).write_bytes(data)
    with tempfile.TemporaryDirectory(prefix="esru-tools-") as name:
        environment = {**os.environ, "TMPDIR": str(work.resolve())}
        environment |= _shims(board, Path(name))
        status = run(
            ["sh", f"{plan.script}.sh"],
            cwd=work,
            log=work / "build.log",
            environment=environment,
        )
    if status != 0 or not (work / f"board{board.suffix}").is_file():
        raise ToolFailed("The build for " + board.name, f"exit status {status}")


def _shims(board: Board, folder: Path) -> dict[str, str]:
    """Write a small program for each tool; return the variables that lead the script to them."""
    variables = {}
    for name in TOOLS[board.family]:
        shim = folder / name
        shim.write_text(_shim(bitstream_tool(name)), encoding="utf-8")
        shim.chmod(0o755)
        variables[name.upper().replace("-", "_")] = str(shim)
    # Programmers, and a tool that we do without, that some platforms name in their scripts.
    nothing = folder / "nothing"
    nothing.write_text("#!/bin/sh\nexit 0\n", encoding="utf-8")
    nothing.chmod(0o755)
    for variable in ("OPENFPGALOADER", "DFU_SUFFIX"):
        variables[variable] = str(nothing)
    return variables


def _shim(tool: Tool) -> str:
    start = "exec " + shlex.join(tool.command)
    if tool.name != "nextpnr-gowin":
        return f'#!/bin/sh\n{start} "$@"\n'
    # Amaranth 0.5 calls the retired nextpnr-gowin; its successor takes two options differently.
    return f"""#!/bin/sh
for argument do
  shift
  case $next in
    family | cst) set -- "$@" --vopt "$next=$argument"; next= ;;
    *) case $argument in
         --family) next=family ;;
         --cst) next=cst ;;
         *) set -- "$@" "$argument" ;;
       esac ;;
  esac
done
{start} "$@"
"""


def _keep_logs(work: Path, folder: Path) -> Path:
    """Copy what the tools printed to the folder's ``failed``; return the first that there is."""
    failed = folder / "failed"
    shutil.rmtree(failed, ignore_errors=True)
    failed.mkdir(parents=True)
    first = failed / "build.log"
    for name, kept in _LOGS.items():
        if (work / name).is_file():
            shutil.copyfile(work / name, failed / kept)
    return first


#: The logs' names in amaranth-boards' builds, and ours.
_LOGS = {"board.rpt": "yosys.log", "board.tim": "nextpnr.log", "build.log": "build.log"}


def _explained(
    error: ToolFailed, board: Board, config: DemoConfig, work: Path, log: Path
) -> InputError | ToolFailed:
    """Return the error that says why: the demo is too large, or a tool's own words."""
    full = nextpnr_report.overfull(work)
    if full is not None:
        cell, used, available = full
        rule = f"one that fits the {available} {cell} of the {board.device}"
        shared = config.design.lanes
        fewer = f"; try --lanes {max(shared, config.lanes // 2 // shared * shared)}"
        value = f"one of {used} with {config.lanes} lanes"
        return InputError.must("Demo", rule, value + (fewer if config.lanes > shared else ""))
    text = (work / "build.log").read_text(encoding="utf-8", errors="replace")
    lines = [line for line in text.splitlines() if "ERROR" in line]
    return ToolFailed(error.tool, lines[0].strip() if lines else str(error), log)


def _tidy(work: Path, log: Path) -> None:
    """Move the logs to their folder, and drop what nobody needs again."""
    for name, kept in _LOGS.items():
        if (work / name).is_file():
            (work / name).replace(log / kept)
    (work / "report.json").replace(log / "report.json")
    for path in work.iterdir():
        if path.suffix not in _KEPT or path.name.startswith("build_"):
            path.unlink()
