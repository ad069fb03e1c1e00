"""Verify a design's hardware on several levels, each with an oracle of its own.

- ``simulation``: the Amaranth module against the vectorised model that training uses;
- ``cocotb``: the emitted Verilog in Icarus against the testbench's own model;
- ``formal``: rounder and whole module against an independent Verilog, for all inputs;
- ``mapped``, if asked for: the module against its netlists of vendor cells, for all inputs.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from esru.design import Design
from esru.errors import InputError, ToolFailed
from esru.flow import toolchain
from esru.flow.checks import Check
from esru.flow.cost import fabric_of
from esru.hdl.emit import emit_rtlil
from esru.hdl.structure import check_fabric

__all__ = ["ALL_LEVELS", "LEVELS", "Check", "require_tools", "verify", "versions"]

#: What is verified unless something else is asked for.
LEVELS = ("simulation", "cocotb", "formal")
#: `mapped` is about the tools, not the design, and synthesis takes longer than all the rest.
ALL_LEVELS = (*LEVELS, "mapped")

#: Levels whose proofs are yosys-abc's.
_PROOFS = frozenset(("formal", "mapped"))

Progress = Callable[[int, int], None]

#: What progress counts per level.
_STEPS = 100


def versions(levels: Sequence[str] = LEVELS, helped: str | None = None) -> dict[str, str]:
    """Return the versions of everything that takes part; `helped` as `verify` takes it.

    Raises
    ------
    ToolMissing
        If something is missing.
    """
    import importlib.metadata

    from esru import __version__

    require_tools(levels, helped)
    found = {"esru": __version__, "amaranth": importlib.metadata.version("amaranth")}
    if "cocotb" in levels:
        found["cocotb"] = importlib.metadata.version("cocotb")
    if _in_icarus(levels, helped):
        found["iverilog"] = toolchain.iverilog().identity
    if _in_icarus(levels, helped) or _PROOFS & set(levels):
        found["yosys"] = toolchain.yosys().identity
    if _PROOFS & set(levels):
        found["yosys-abc"] = toolchain.yosys_abc().identity
    return found


def _in_icarus(levels: Sequence[str], helped: str | None) -> bool:
    """Return whether Icarus runs Verilog: a target's cells have no simulation in Amaranth."""
    return "cocotb" in levels or (helped is not None and "simulation" in levels)


def require_tools(levels: Sequence[str] = LEVELS, helped: str | None = None) -> None:
    """Raise unless the tools of some levels are here; `helped` as `verify` takes it.

    Raises
    ------
    ToolMissing
        If Yosys, yosys-abc, Icarus or cocotb is missing where it is needed.
    """
    if "cocotb" in levels:
        from esru.flow.cocotb_run import require_cocotb

        require_cocotb()
    if _in_icarus(levels, helped):
        toolchain.iverilog()
    if _in_icarus(levels, helped) or _PROOFS & set(levels):
        toolchain.yosys()
    if _PROOFS & set(levels):
        toolchain.yosys_abc()


def verify(
    design: Design,
    *,
    lanes: int | None = None,
    levels: Sequence[str] = LEVELS,
    progress: Progress | None = None,
    workdir: Path | None = None,
    cocotb_xml: Path | None = None,
    helped: str | None = None,
) -> list[Check]:
    """Verify a design's hardware.

    Parameters
    ----------
    design : Design
        The unit, at its own boundary.
    lanes : int or None
        Lanes of a whole array, a multiple of ``design.lanes``; None: the lanes of one source.
    levels : sequence of str
        Which of `ALL_LEVELS`, in any order.
    progress : callable or None
        Called with the steps done and in all.
    workdir : Path or None
        Keeps scripts, logs and the generated files; None: a temporary folder.
    cocotb_xml : Path or None
        Receives cocotb's JUnit results, without this machine's name and paths.
    helped : str or None
        Target whose cells the lanes are made of (`esru.hdl.structure`); None: plain structure.
        The `simulation` is that of the Verilog then, with models of the cells, in Icarus.

    Returns
    -------
    list of Check
        In the order of `ALL_LEVELS`. A mismatch is a check that did not pass, not an error.

    Raises
    ------
    InputError
        If a level is unknown or the lanes do not fit the design.
    ToolMissing
        If a tool is missing; before any work.
    ToolFailed
        If a tool fails or a proof comes to no conclusion.
    """
    for level in levels:
        if level not in ALL_LEVELS:
            raise InputError.must("Level", f"one of {', '.join(ALL_LEVELS)}", repr(level))
    if helped is not None:
        fabric_of(helped, "helped")
        check_fabric(design)
    require_tools(levels, helped)
    wanted = [level for level in ALL_LEVELS if level in levels]
    checks: list[Check] = []
    with _folder(workdir) as folder:
        for index, level in enumerate(wanted):
            done = index * _STEPS
            whole = len(wanted) * _STEPS

            def step(part: int, parts: int, done: int = done, whole: int = whole) -> None:
                if progress is not None:
                    progress(done + _STEPS * part // max(parts, 1), whole)

            step(0, 1)
            if helped is None:
                checks += _level(level, design, lanes, folder, step, cocotb_xml)
            else:
                checks += _helped_level(level, design, lanes, folder, helped, cocotb_xml)
            step(1, 1)
    return checks


def _level(
    level: str,
    design: Design,
    lanes: int | None,
    folder: Path,
    step: Progress,
    cocotb_xml: Path | None,
) -> list[Check]:
    """Run one level."""
    if level == "simulation":
        from esru.flow.simulate import simulate

        checks = [simulate(design, lanes, step)]
        if design.load:
            from esru.flow.loads import simulate_loads

            checks.append(simulate_loads(design, lanes))
        return checks
    if level == "cocotb":
        from esru.flow.cocotb_run import run_cocotb

        return run_cocotb(design, folder, lanes, cocotb_xml)
    if level == "mapped":
        from esru.flow.mapped import MODELS, prove_cells

        found = []
        for index, target in enumerate(MODELS):
            step(index, len(MODELS))
            found.append(prove_cells(design, folder / target, target, lanes))
        return found
    from esru.flow.formal import prove_design, prove_rounder

    proofs = [prove_rounder(design, folder)]
    step(1, 2)
    if design.recover:
        from esru.flow.recovery import prove_recovery

        proofs.append(prove_recovery(design, folder))
    return [*proofs, prove_design(design, folder, lanes)]


def _helped_level(
    level: str,
    design: Design,
    lanes: int | None,
    folder: Path,
    target: str,
    cocotb_xml: Path | None,
) -> list[Check]:
    """Run one level of the structure that is made of a target's cells."""
    from esru.flow.formal import prove_design
    from esru.flow.mapped import prove_cells, structure_reads
    from esru.flow.simulate_cells import cells_verilog, simulate_cells

    if level == "simulation":
        return [simulate_cells(design, folder / "simulation", target, lanes)]
    if level == "cocotb":
        from esru.flow.cocotb_run import run_cocotb

        text = cells_verilog(design, target, lanes)
        checks = run_cocotb(design, folder, lanes, cocotb_xml, text)
        named = f"Verilog of {target} cells:"
        return [replace(check, name=check.name.replace("Verilog:", named)) for check in checks]
    if level == "mapped":
        return [prove_cells(design, folder / target, target, lanes, structure="helped")]
    text = emit_rtlil(design, lanes, fabric_of(target, "helped"))
    return [prove_design(design, folder, lanes, text, structure_reads(folder, target))]


@contextmanager
def _folder(workdir: Path | None) -> Iterator[Path]:
    """Yield the folder to work in; a temporary one stays if a tool fails, for its logs."""
    if workdir is not None:
        workdir.mkdir(parents=True, exist_ok=True)
        yield workdir.resolve()
        return
    folder = Path(tempfile.mkdtemp(prefix="esru-verify-"))
    try:
        yield folder
    except ToolFailed:
        raise
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)
