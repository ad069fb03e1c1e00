"""Prove the netlists whose cells `esru cost` counts equal to the hardware, for all inputs.

Synthesis is the one that the cost comes from (`esru.flow.targets`). PDR decides whether its
netlist of vendor cells can ever differ from the hardware, from power-up on, whatever the inputs
do. The proof rests on a model of these cells.
"""

from __future__ import annotations

import time
from pathlib import Path

from esru.design import Design
from esru.flow import targets, toolchain
from esru.flow.bitproof_unit import CLOCK, model_reads, ports
from esru.flow.checks import Check, controls, words_covered
from esru.flow.cost import fabric_of
from esru.flow.measure import write_files
from esru.flow.miter import compare
from esru.flow.netlist import read_netlist, unfit
from esru.flow.targets.cells import FILE as CELLS
from esru.flow.yosys import run_script
from esru.hdl.emit import emit_rtlil, module_name

#: By target, the models of its cells: Yosys' own, or a file of ours (Yosys' models of the ECP5
#: define some modules twice).
MODELS = {
    "ice40": "+/ice40/cells_sim.v",
    "ecp5": "cells_ecp5.v",
    "gowin": "+/gowin/cells_sim.v",
    "xc7": "+/xilinx/cells_sim.v",
}

#: The same of targets whose netlists hold cells of theirs only where they were given one by one.
GENERIC_MODELS = {"lut4": CELLS, "lut6": CELLS}

_SYNTHESIS = """\
read_rtlil hardware.il
setattr -mod -unset top
{library}
hierarchy -check
proc -latches error
flatten
{synthesis}
select {module}
write_rtlil -selected mapped.il
"""


def structure_reads(folder: Path, target: str) -> list[str]:
    """Return the commands that read models of the cells that a target's structure is made of."""
    models = (MODELS | GENERIC_MODELS)[target]
    # The iCE40's netlist before synthesis has a cell of ours, too.
    names = sorted({models, CELLS})
    return [command for name in names for command in model_reads(folder, name)]


def synthesise(
    design: Design,
    folder: Path,
    target: str,
    lanes: int | None = None,
    structure: str = "plain",
) -> str:
    """Map a design's hardware to a target's cells and return the netlist as RTLIL.

    Parameters
    ----------
    design : Design
        The unit.
    folder : Path
        Where scripts and logs go; made if it is not there.
    target : str
        A key of `MODELS` or `GENERIC_MODELS`.
    lanes : int or None
        Lanes of a whole array; None: the lanes of one source.
    structure : str
        Of the hardware that is mapped (`esru.flow.cost.fabric_of`).

    Raises
    ------
    InputError
        If the lanes do not fit the design.
    ToolMissing, ToolFailed
        If there is no Yosys, or it fails.
    """
    recipe = targets.target(target)
    folder.mkdir(parents=True, exist_ok=True)
    write_files(recipe, folder)
    text = emit_rtlil(design, lanes, fabric_of(target, structure))
    (folder / "hardware.il").write_text(text, encoding="utf-8")
    script = _SYNTHESIS.format(
        library="\n".join(recipe.library),
        synthesis="\n".join(recipe.synthesis),
        module=module_name(design, lanes),
    )
    run_script(script, cwd=folder, log=folder / "synthesis.log")
    return (folder / "mapped.il").read_text(encoding="utf-8")


def prove_cells(
    design: Design,
    folder: Path,
    target: str,
    lanes: int | None = None,
    netlist: str | None = None,
    structure: str = "plain",
) -> Check:
    """Prove the mapped netlist of a unit for all sequences of inputs.

    Parameters
    ----------
    design : Design
        The unit.
    folder : Path
        Where scripts and logs go; made if it is not there.
    target : str
        A key of `MODELS` or `GENERIC_MODELS`.
    lanes : int or None
        Lanes of a whole array; None: the lanes of one source.
    netlist : str or None
        RTLIL to prove instead of what `synthesise` returns, for tests with seeded faults.
    structure : str
        Of the hardware that is mapped. What it is compared with is the plain one in any case.

    Returns
    -------
    Check
        A difference is a check that did not pass, not an error.

    Raises
    ------
    InputError
        If the lanes do not fit the design.
    ToolMissing, ToolFailed
        If a tool is missing, fails or comes to no conclusion.
    """
    began = time.monotonic()
    toolchain.yosys_abc()
    text = synthesise(design, folder, target, lanes, structure) if netlist is None else netlist
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "hardware.il").write_text(emit_rtlil(design, lanes), encoding="utf-8")
    (folder / "mapped.il").write_text(text, encoding="utf-8")
    failure = _difference(design, folder, target, lanes)
    count = design.lanes if lanes is None else lanes
    words, covered = words_covered(design)
    whose = "Yosys' own models" if MODELS.get(target, "").startswith("+") else "a model"
    proved = (
        f"every input, {controls(design)} in every cycle, {covered}, "
        f"{'1 lane' if count == 1 else f'{count} lanes'}; rests on {whose} of the cells"
    )
    return Check(
        "mapped",
        f"module == {target} netlist{' of cells given one by one' if structure != 'plain' else ''}"
        " (PDR)",
        words * count,
        not failure,
        failure or proved,
        time.monotonic() - began,
    )


def _difference(design: Design, folder: Path, target: str, lanes: int | None) -> str:
    """Compare ``mapped.il`` with ``hardware.il``; return the difference or an empty text."""
    module = module_name(design, lanes)
    reads = ["read_rtlil mapped.il", *structure_reads(folder, target)]
    netlist = read_netlist(folder, reads, module, "cells")
    wanted = ports(design, lanes)
    if reason := unfit(netlist, wanted, CLOCK):
        return f"the mapped netlist has {reason}"
    hardware = "read_rtlil hardware.il", module
    return compare(folder, hardware, (f"read_rtlil {netlist.file}", module), wanted)
