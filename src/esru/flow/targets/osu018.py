"""The 180 nm standard cells of Oklahoma State University, as Debian packages them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

from esru.errors import InputError, ToolMissing
from esru.flow.targets import asic, clock_gate
from esru.flow.targets.target import Json, Target

#: Names the Liberty file where it is not in one of the usual places.
VARIABLE = "ESRU_OSU018"

PLACES = (
    Path("/usr/share/qflow/tech/osu018/osu018_stdcells.lib"),
    Path("/usr/local/share/qflow/tech/osu018/osu018_stdcells.lib"),
)

_CELL = re.compile(r"^\s*cell\s*\(\s*\"?(\w+)\"?\s*\)", re.M)
_AREA = re.compile(r"\barea\s*:\s*([0-9.]+)")
_FUNCTION = re.compile(r"\bfunction\s*:\s*\"([^\"]*)\"")
_PIN = re.compile(r"\bpin\s*\(\s*\"?(\w+)\"?\s*\)")

#: What makes a cell no gate: a memory, or an output that can let go.
_NO_GATE = re.compile(r"^\s*(?:ff|latch)\s*\(|\bthree_state\b", re.M)

#: Yosys takes cells of these names for constants.
_CONSTANTS = (asic.Gate("_const0_", 0, "Y", "CONST0"), asic.Gate("_const1_", 0, "Y", "CONST1"))


#: The AND of a clock gate.
_AND = "AND2X1"

#: A gate takes 128 (flip-flop 96, AND 32) and an OR of enable and reset 32, and saves the enable's
#: inverter (16): 144. In front of a flip-flop's reset (a NOR2X1) the enable is an AOI22X1 (40)
#: instead of an inverter. So a gate saves 24 a flip-flop: as much as it takes with six, and it pays
#: from seven on.
_LEAST = 7


def liberty() -> Path:
    """Return the Liberty file.

    Raises
    ------
    InputError
        If `VARIABLE` names no file.
    ToolMissing
        If there is none.
    """
    named = os.environ.get(VARIABLE, "")
    if named:
        if not Path(named).is_file():
            raise InputError.must(VARIABLE, "the path of a Liberty file", repr(named))
        return Path(named)
    for path in PLACES:
        if path.is_file():
            return path
    install = f"apt-get install qflow-tech-osu018 (or set {VARIABLE} to its osu018_stdcells.lib)"
    raise ToolMissing("osu018_stdcells.lib", install)


@cache
def _read(path: Path) -> tuple[str, dict[str, float], tuple[asic.Gate, ...]]:
    """Return the text of a Liberty file, the area of each of its cells, and its gates."""
    text = path.read_text(encoding="utf-8", errors="replace")
    starts = list(_CELL.finditer(text))
    ends = [start.start() for start in starts[1:]] + [len(text)]
    areas: dict[str, float] = {}
    gates = []
    for start, end in zip(starts, ends, strict=True):
        name, body = start[1], text[start.end() : end]
        area = _AREA.search(body)
        if area is None:
            continue
        areas[name] = float(area[1])
        functions = list(_FUNCTION.finditer(body))
        # ABC maps to gates of one output. The pin is the last that is named before its function.
        if len(functions) == 1 and _NO_GATE.search(body) is None:
            output = _PIN.findall(body, 0, functions[0].start())[-1]
            gates.append(asic.Gate(name, areas[name], output, _genlib(functions[0][1])))
    return text, areas, tuple(gates)


def _genlib(function: str) -> str:
    """Return a Liberty function as genlib has it, where a space is no operator."""
    tight = re.sub(r"\s*([+*&|^])\s*|([(!])\s+|\s+(\))", r"\1\2\3", function.strip())
    return re.sub(r"\s+", "*", tight)


def _files() -> Mapping[str, str]:
    text, _, gates = _read(liberty())
    return {**asic.files((*_CONSTANTS, *gates)), "cells.lib": text}


def _cells(module: Json) -> float:
    return len(module["cells"])


def _area(module: Json) -> float:
    return asic.area(module, _read(liberty())[1])


OSU018 = Target(
    name="osu018",
    summary="OSU 180 nm standard cells (Debian qflow-tech-osu018), Yosys and ABC",
    counts="standard cells; area in the units of the Liberty file, in which a NAND2 has 24",
    synthesis=asic.SYNTHESIS,
    mapping=(*asic.MAPPING, "dfflibmap -liberty cells.lib", "opt_clean"),
    ff=("DFF*",),
    headline=_cells,
    area=_area,
    weaker="no wires, no clock tree, no scan; one drive strength, since ABC maps for area alone",
    files=_files,
)

OSU018_GATED = replace(
    clock_gate.gated(OSU018, _AND, _LEAST), counts=f"{OSU018.counts} and a clock gate 128"
)

TARGETS = (OSU018, OSU018_GATED)
