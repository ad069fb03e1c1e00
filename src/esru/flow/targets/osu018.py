"""The 180 nm standard cells of Oklahoma State University, as Debian packages them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from esru.errors import InputError, ToolMissing
from esru.flow.targets import asic
from esru.flow.targets.target import Json, Target

#: Names the Liberty file where it is not in one of the usual places.
VARIABLE = "ESRU_OSU018"

PLACES = (
    Path("/usr/share/qflow/tech/osu018/osu018_stdcells.lib"),
    Path("/usr/local/share/qflow/tech/osu018/osu018_stdcells.lib"),
)

_CELL = re.compile(r"^\s*cell\s*\(\s*\"?(\w+)\"?\s*\)(.*?)\barea\s*:\s*([0-9.]+)", re.M | re.S)


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
def _read(path: Path) -> tuple[str, dict[str, float]]:
    """Return the text of a Liberty file and the area of each of its cells."""
    text = path.read_text(encoding="utf-8", errors="replace")
    return text, {name: float(area) for name, _, area in _CELL.findall(text)}


def _files() -> Mapping[str, str]:
    return {**asic.FILES, "cells.lib": _read(liberty())[0]}


def _cells(module: Json) -> float:
    return len(module["cells"])


def _area(module: Json) -> float:
    return asic.area(module, _read(liberty())[1])


OSU018 = Target(
    name="osu018",
    summary="OSU 180 nm standard cells (Debian qflow-tech-osu018), Yosys and ABC",
    counts="standard cells; area in the units of the Liberty file, in which a NAND2 has 24",
    synthesis=asic.synthesis("dfflibmap -liberty cells.lib", "-liberty cells.lib"),
    ff=("DFF*",),
    headline=_cells,
    area=_area,
    weaker="no wires, no clock tree, no scan; one drive strength, since ABC maps for area alone;"
    " builds of Yosys differ by 3 %",
    files=_files,
)

TARGETS = (OSU018,)
