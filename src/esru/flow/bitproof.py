"""Prove what `esru build` has made of a design, as far as each family of FPGAs allows.

- iCE40: the finished bitstream, read back as a netlist: of the unit alone with all its ports on
  pins, and of the whole board.
- ECP5: the mapped netlist of the unit, and the routed netlist of the whole board; of the
  bitstream only that it holds what it was packed from.
- Gowin: the mapped netlists.
"""

from __future__ import annotations

import shlex
import time
from dataclasses import replace
from pathlib import Path
from shutil import copyfile, rmtree

from esru.design import Design
from esru.errors import ToolFailed
from esru.flow import icebox, toolchain
from esru.flow.bitproof_board import (
    Whole,
    clocked_verilog,
    flat_verilog,
    pll_settings,
    prove_whole,
    simulate,
)
from esru.flow.bitproof_unit import json_reads, most_lanes, prove_bitstream, prove_mapped
from esru.flow.checks import Check
from esru.flow.dfu import read_suffix
from esru.flow.finished import Finished, read_finished
from esru.flow.pins import pins, platform
from esru.flow.routed import TOP, close_inputs
from esru.flow.yosys import run_logged
from esru.hdl.board_plan import board_plan

#: Folder for scripts and logs, in the folder of the build.
FOLDER = "proof"


def prove_board(folder: Path) -> list[Check]:
    """Prove what `esru build` has written to a folder.

    Parameters
    ----------
    folder : Path
        The folder. Scripts and logs go to ``proof`` in it; an older one is replaced.

    Returns
    -------
    list of Check
        In the order in which they were made; each says what it rests on, and the last what is
        left unproved. A difference is a check that did not pass, not an error; after one of the
        whole board's simulation, its proof is left out.

    Raises
    ------
    InputError
        If the folder holds no finished build.
    ToolMissing, ToolFailed
        If a tool is missing, fails or comes to no conclusion.
    """
    finished = read_finished(folder)
    toolchain.yosys_abc()
    place = folder / FOLDER
    rmtree(place, ignore_errors=True)
    (place / "board").mkdir(parents=True)
    prove = {"ice40": _prove_ice40, "ecp5": _prove_ecp5, "gowin": _prove_gowin}
    return prove[finished.board.family](finished, place)


def _prove_ice40(finished: Finished, place: Path) -> list[Check]:
    """Prove the bitstream of the unit, then hold the board's own to ``demo.v``."""
    design, lanes, fewer = _on_pins(finished)
    checks = prove_bitstream(design, place / "unit", lanes)
    checks[0] = replace(checks[0], detail=checks[0].detail + fewer)
    folder = place / "board"
    (folder / "board.bin").write_bytes(finished.bitstream)
    icebox.unpack(folder, "board.bin")
    package = str(platform(finished.board).package).lower()
    chip = icebox.recover(folder, package, finished.pins)
    unused = icebox.unconnected(chip)
    used = [pin for pin in pins(finished.board) if not pin.output and pin.port not in unused]
    found = icebox.faults(folder, package, [pin.site for pin in used])
    if not found and finished.clock is None and not icebox.has_oscillator(folder):
        found = ["no clock: the oscillator is not connected"]
    if not found and pll_settings(chip) != pll_settings(finished.verilog):
        found = ["another setting of the PLL than demo.v"]
    whole = Whole(
        "bitstream",
        "the board's bitstream",
        ("read_verilog chip.v",),
        icebox.MODULE,
        "cells_ice40.v",
        "icebox's model of the chip" + _clock_left_out(finished),
    )
    if found:
        detail = f"the bitstream has {found[0]}"
        return [*checks, Check("bitstream", whole.name, 1, False, detail, 0.0)]
    clock = None
    if finished.clock is None:
        chip, clock = clocked_verilog(chip)
    return checks + _hold(finished, whole, chip, folder, clock)


def _prove_ecp5(finished: Finished, place: Path) -> list[Check]:
    """Prove the mapped unit, hold the routed board to ``demo.v``, and pack its bitstream again."""
    checks = prove_mapped(finished.config.design, place / "unit", "ecp5", finished.config.lanes)
    folder = place / "board"
    close_inputs(finished.folder / "work" / "routed.json", folder / "routed.json")
    whole = Whole(
        "netlist",
        "the board's routed netlist",
        tuple(json_reads("routed.json", TOP)),
        TOP,
        "cells_ecp5.v",
        "a model of the routed cells" + _clock_left_out(finished),
    )
    chip = flat_verilog(folder, whole)
    checks += _hold(finished, whole, chip, folder, None)
    return [*checks, _repacked(finished, folder)]


def _prove_gowin(finished: Finished, place: Path) -> list[Check]:
    """Prove the mapped unit and the mapped board."""
    checks = prove_mapped(finished.config.design, place / "unit", "gowin", finished.config.lanes)
    folder = place / "board"
    copyfile(finished.folder / "work" / "board.syn.json", folder / "board.json")
    whole = Whole(
        "netlist",
        "the board's mapped netlist",
        tuple(json_reads("board.json", "board")),
        "board",
        "+/gowin/cells_sim.v",
        "Yosys' own models of the cells; placement, routing and the bitstream stay unproved",
    )
    return [*checks, prove_whole(finished, whole, folder)]


def _hold(
    finished: Finished, whole: Whole, verilog: str, folder: Path, clock: str | None
) -> list[Check]:
    """Simulate a netlist; if that passes, prove it."""
    checks = simulate(finished, whole, verilog, folder / "simulation", clock)
    if all(check.passed for check in checks):
        # A difference that takes many cycles to see would keep the proof busy for minutes.
        checks.append(prove_whole(finished, whole, folder))
    return checks


def _on_pins(finished: Finished) -> tuple[Design, int | None, str]:
    """Choose lanes whose ports have pins: the board's, of fewer sources, or of part of one."""
    design, lanes = finished.config.design, finished.config.lanes
    most = most_lanes(design)
    if lanes <= most:
        return design, lanes, ""
    if most:
        return design, most, f"; {most} of the board's {lanes} lanes, for want of pins"
    alone = Design.from_json(design.to_json() | {"lanes": 1})
    count = min(most_lanes(alone), design.lanes)
    part = Design.from_json(design.to_json() | {"lanes": count})
    what = f"; {count} of the {design.lanes} lanes that share a source, for want of pins"
    return part, None, what


def _clock_left_out(finished: Finished) -> str:
    """Return what a proof leaves out where something other than a pin makes the clock."""
    if finished.clock is None:
        return "; the oscillator and its divisor are taken on trust"
    if finished.config.clock_hz != finished.board.oscillator_hz:
        return "; the PLL is taken to be locked, and its frequency on trust"
    return ""


def _repacked(finished: Finished, folder: Path) -> Check:
    """Unpack an ECP5 bitstream and pack it again."""
    began = time.monotonic()
    content = finished.bitstream
    if read_suffix(content) is not None:
        content = content[: -content[-5]]  # the suffix says how long it is
    (folder / "board.bit").write_bytes(content)
    arguments = ["--input", "board.bit", "--textcfg", "unpacked.config"]
    tool = toolchain.bitstream_tool("ecpunpack")
    run_logged(tool, arguments, cwd=folder, log=folder / "ecpunpack.log")
    arguments = ["--input", "unpacked.config", "--bit", "again.bit"]
    tool = toolchain.bitstream_tool("ecppack")
    options = _pack_options(finished)
    run_logged(tool, [*options, *arguments], cwd=folder, log=folder / "ecppack.log")
    same = (folder / "again.bit").read_bytes() == content
    detail = (
        "the same bytes again; that the configuration in it is the routed netlist stays unproved"
        if same
        else "other bytes after ecpunpack and ecppack"
    )
    name = "bitstream == itself, unpacked and packed"
    return Check("bitstream", name, len(content), same, detail, time.monotonic() - began)


def _pack_options(finished: Finished) -> list[str]:
    """Return the options with which the board's build script calls ecppack."""
    board, clock_hz = finished.board, finished.config.clock_hz
    plan = board_plan(platform(board), board, clock_hz, finished.verilog)
    script = str(plan.files[f"{plan.script}.sh"])
    for line in script.splitlines():
        words = shlex.split(line)
        if words[:1] == ["$ECPPACK"]:
            return words[1 : words.index("--input")]
    raise ToolFailed("The build script", "no call of ecppack in it")
