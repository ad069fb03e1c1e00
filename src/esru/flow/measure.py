"""Cost: what modules take on a target, many at a time."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from esru.errors import InputError, ToolFailed
from esru.flow import gate_order, nextpnr, targets, toolchain, yosys
from esru.flow.batches import batches, chips
from esru.flow.own_names import own_names
from esru.flow.targets import Json, Target, matches
from esru.flow.toolchain import Tool

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

#: Yosys numbers what it makes through all modules, and sorts some of it by its name as text, where
#: 10000 comes before 9999. So each number gets as many digits as any other.
_AS_MANY_DIGITS = "read_rtlil <<EOT\nautoidx 100000000\nEOT"


@dataclass(frozen=True)
class Netlist:
    """A module to measure.

    Attributes
    ----------
    name : str
        The top module's name: letters, digits and underscores, unique in a call.
    source : str
        The text of the top module and of its submodules, whose names no other netlist uses.
        It is flattened before synthesis.
    language : {"rtlil", "verilog"}
        What the text is.
    """

    name: str
    source: str
    language: Literal["rtlil", "verilog"] = "rtlil"


@dataclass(frozen=True)
class Cells:
    """What one module takes, all lanes together.

    Attributes
    ----------
    cells : float or None
        The target's headline count (`Target.counts` says of what).
    lut, ff, carry : int
        Yosys' own counts in the mapped netlist, before packing. A carry cell is one bit on
        ice40 (SB_CARRY), two on ecp5 (CCU2C), four on xc7 (CARRY4).
    area, fmax_mhz : float or None
        Cell area and clock frequency, where something measured them.
    """

    cells: float | None
    lut: int
    ff: int
    carry: int
    area: float | None = None
    fmax_mhz: float | None = None


def measure(
    netlists: Sequence[Netlist],
    target: str,
    *,
    progress: Callable[[int, int], None] | None = None,
    workdir: Path | None = None,
) -> dict[str, Cells]:
    """Synthesise modules for a target, pack them where a packer exists, and count.

    Several processes may call this at once. The count of a module does not depend on the
    others in the call.

    Parameters
    ----------
    netlists : sequence of Netlist
        The modules; none gives an empty result.
    target : str
        A name that `targets.target` knows.
    progress : callable, optional
        Called with (done, total) after every batch, or chip where a packer exists.
    workdir : Path, optional
        Where scripts, netlists and logs stay. By default they go to a temporary folder, which
        is removed again unless a tool fails.

    Returns
    -------
    dict
        By module name, in the order given.

    Raises
    ------
    InputError
        If the target is unknown, or a name is unusable or occurs twice.
    ToolMissing
        If Yosys, or the target's packer, is not installed.
    ToolFailed
        If one fails on these netlists; the message names the log.
    """
    recipe = targets.target(target)
    _check_names(netlists)
    synthesiser, packer = require(recipe)
    result: dict[str, Cells] = {}
    if not netlists:
        return result
    folder = Path(tempfile.mkdtemp(prefix="esru-cost-")) if workdir is None else workdir
    lengths = [len(netlist.source) for netlist in netlists]
    found = batches(lengths)
    together = chips(found, lengths) if recipe.headline == "packed" else [[one] for one in found]
    alone = {netlist.name for netlist in netlists if _alone(netlist, recipe)}
    number = 0
    for chip in together:
        mapped: dict[str, Json] = {}
        for places in chip:
            cwd = folder / f"{recipe.name}-{number:03d}"
            cwd.mkdir(parents=True, exist_ok=True)
            batch = [_apart(netlists[place]) for place in places]
            modules = mapped_modules(batch, recipe, synthesiser, cwd)
            mapped |= {net.name: module for net, module in zip(batch, modules, strict=True)}
            number += 1
        # The packer works in the folder of the chip's last batch.
        result |= _count(mapped, alone, recipe, packer, cwd)
        if progress is not None:
            progress(len(result), len(netlists))
    if workdir is None:
        # Not in a `finally`: after a failure the log in there is what the user needs.
        shutil.rmtree(folder, ignore_errors=True)
    return {netlist.name: result[netlist.name] for netlist in netlists}


def require(recipe: Target) -> tuple[Tool, Tool | None]:
    """Return the Yosys and the packer that a target needs, once everything it needs is there.

    Raises
    ------
    ToolMissing
        If something is not installed; the message says what installs it.
    """
    if recipe.files is not None:
        recipe.files()
    synthesiser = toolchain.yosys()
    return synthesiser, None if recipe.packer is None else toolchain.nextpnr(recipe.packer)


def required_tools(names: Iterable[str]) -> list[Tool]:
    """Return the tools that some targets need, each once, Yosys first.

    Raises
    ------
    InputError
        If there is no such target.
    ToolMissing
        As `require`.
    """
    pairs = [require(targets.target(name)) for name in names]
    packers = [packer for _, packer in pairs if packer is not None]
    return list(dict.fromkeys([synthesiser for synthesiser, _ in pairs] + packers))


def synthesis_script(netlists: Sequence[Netlist], recipe: Target) -> str:
    """Return the Yosys script that maps a batch; module i is read from `source_name` i."""
    tops = " ".join(netlist.name for netlist in netlists)
    lines = [_AS_MANY_DIGITS]
    for index, netlist in enumerate(netlists):
        command = "read_rtlil" if netlist.language == "rtlil" else "read_verilog -sv"
        lines.append(f"{command} {source_name(index, netlist)}")
    lines += [
        # A top attribute would make flatten and synth_* drop every other module.
        "setattr -mod -unset top",
        *recipe.library,
        "hierarchy -check",
        "proc -latches error",
        "flatten",
        # What was flattened into a top would be synthesised again for nothing.
        f"select -set tops {tops}",
        "delete @tops %n",
        *recipe.synthesis,
        f"select {tops}",
        "write_json -selected mapped.json",
    ]
    return "\n".join(lines) + "\n"


def write_files(recipe: Target, folder: Path) -> None:
    """Write the files that a target's commands read."""
    for name, text in ({} if recipe.files is None else recipe.files()).items():
        (folder / name).write_text(text, encoding="utf-8")


def source_name(index: int, netlist: Netlist) -> str:
    """Return the name of the file in which `synthesis_script` looks for a netlist."""
    return f"{index:04d}-{netlist.name}.{'il' if netlist.language == 'rtlil' else 'v'}"


def _check_names(netlists: Sequence[Netlist]) -> None:
    seen = set()
    for netlist in netlists:
        if _NAME.fullmatch(netlist.name) is None:
            raise InputError.must(
                "Netlist name", "letters, digits and underscores", repr(netlist.name)
            )
        if netlist.name in seen:
            raise InputError.must("Netlist name", "unique in a call", f"{netlist.name!r} twice")
        seen.add(netlist.name)


def mapped_modules(
    netlists: Sequence[Netlist], recipe: Target, synthesiser: Tool, cwd: Path
) -> list[Json]:
    """Return a batch as modules of the target's cells, in order; nothing is packed.

    Raises
    ------
    ToolFailed
        If Yosys fails on these netlists; the message names the log.
    """
    modules = synthesised(netlists, recipe, synthesiser, cwd)
    return _mapped_in_order(modules, recipe, synthesiser, cwd) if recipe.mapping else modules


def synthesised(
    netlists: Sequence[Netlist], recipe: Target, synthesiser: Tool, cwd: Path
) -> list[Json]:
    """Return what a target's `synthesis` makes of a batch; the same errors."""
    for index, netlist in enumerate(netlists):
        (cwd / source_name(index, netlist)).write_text(netlist.source, encoding="utf-8")
    write_files(recipe, cwd)
    script = synthesis_script(netlists, recipe)
    log = cwd / "synthesis.log"
    yosys.run_script(script, cwd=cwd, log=log, tool=synthesiser)
    found = json.loads((cwd / "mapped.json").read_text(encoding="utf-8"))["modules"]
    missing = [netlist.name for netlist in netlists if netlist.name not in found]
    if missing:
        raise ToolFailed(synthesiser.identity, f"no module {missing[0]!r} came out", log)
    return [found[netlist.name] for netlist in netlists]


def _mapped_in_order(
    modules: Sequence[Json], recipe: Target, synthesiser: Tool, cwd: Path
) -> list[Json]:
    """Return modules of gates as modules of the target's cells: the smaller of two each."""
    assert recipe.area is not None
    choices = {}
    for number, module in enumerate(modules):
        choices[f"forwards_{number}"] = gate_order.ordered(module)
        choices[f"backwards_{number}"] = gate_order.backwards(choices[f"forwards_{number}"])
    (cwd / "ordered.json").write_text(json.dumps({"modules": choices}), encoding="utf-8")
    commands = [_AS_MANY_DIGITS, "read_json ordered.json", *recipe.mapping]
    commands += ["write_json cells.json"]
    log = cwd / "mapping.log"
    yosys.run_script("\n".join(commands) + "\n", cwd=cwd, log=log, tool=synthesiser)
    found = json.loads((cwd / "cells.json").read_text(encoding="utf-8"))["modules"]
    pairs = [(found[f"forwards_{i}"], found[f"backwards_{i}"]) for i in range(len(modules))]
    return [min(pair, key=recipe.area) for pair in pairs]


def _count(
    mapped: dict[str, Json], alone: AbstractSet[str], recipe: Target, packer: Tool | None, cwd: Path
) -> dict[str, Cells]:
    """Count mapped modules, all but those `alone` packed side by side."""
    packed: dict[str, int] = {}
    if recipe.headline == "packed":
        groups = [[name for name in mapped if name not in alone]]
        groups += [[name] for name in mapped if name in alone]
        for number, names in enumerate(groups):
            chip = cwd / f"alone-{number}" if number else cwd
            chip.mkdir(exist_ok=True)
            counts = _pack([mapped[name] for name in names], recipe, packer, chip)
            packed |= dict(zip(names, counts, strict=True))
    return {name: _cells(module, recipe, packed.get(name)) for name, module in mapped.items()}


def _apart(netlist: Netlist) -> Netlist:
    """Return a module with names of its own, without which its neighbours would matter."""
    if netlist.language != "rtlil":
        return netlist
    return replace(netlist, source=own_names(netlist.source, netlist.name))


def _alone(netlist: Netlist, recipe: Target) -> bool:
    """Return whether a module must have a chip for itself.

    Where flip-flops share the cells of a carry chain, they fill their tiles to the last input, and
    a clock takes one of these if there are more of them than the chip has lines for. A chip has
    few clocks.
    """
    opaque = recipe.fabric.opaque if recipe.fabric is not None else ""
    return bool(opaque) and opaque in netlist.source


def _pack(modules: list[Json], recipe: Target, packer: Tool | None, cwd: Path) -> list[int]:
    """Return the packed cells of each module."""
    assert recipe.packer is not None
    if not modules:
        return []
    register = recipe.register if recipe.pinless else None
    run = nextpnr.pack(
        modules, recipe.packer, recipe.device, cwd=cwd, tool=packer, register=register
    )
    return [sum(counts[cell] for cell in recipe.packed_cells) for counts in run.cells]


def _cells(module: Json, recipe: Target, packed: int | None) -> Cells:
    types = [cell["type"] for cell in module["cells"].values()]
    lut, ff, carry = (
        sum(matches(kind, counted) for kind in types)
        for counted in (recipe.lut, recipe.ff, recipe.carry)
    )
    if recipe.headline == "packed":
        headline: float | None = packed
    elif recipe.headline == "lut":
        headline = lut
    else:
        headline = recipe.headline(module)
    area = None if recipe.area is None else recipe.area(module)
    return Cells(None if headline is None else float(headline), lut, ff, carry, area)
