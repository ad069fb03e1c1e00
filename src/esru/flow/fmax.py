"""How fast a module runs: placed and routed alone, between registers, with several seeds."""

from __future__ import annotations

import json
import shutil
import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from esru.errors import InputError, ToolFailed
from esru.flow import nextpnr, targets, yosys
from esru.flow.measure import Netlist, mapped_modules, require
from esru.flow.registered import registered

#: nextpnr's seeds; odd in number, so that the median is one that was seen.
SEEDS = (1, 2, 3, 4, 5)

#: The clock's port in every module.
CLOCK = "clk"


@dataclass(frozen=True)
class Fmax:
    """The clock frequencies of one module.

    Attributes
    ----------
    by_seed : dict of int to float or None
        In MHz; None: nextpnr reports none, where nothing lies between the registers.
    """

    by_seed: dict[int, float | None]

    @property
    def median(self) -> float | None:
        """The median over the seeds, in MHz; None if a seed has none."""
        values = [value for value in self.by_seed.values() if value is not None]
        return statistics.median(values) if len(values) == len(self.by_seed) else None


def placeable(target: str) -> bool:
    """Return whether a target has a clock frequency."""
    recipe = targets.target(target)
    return recipe.packer is not None and recipe.register is not None


def measure_fmax(
    netlist: Netlist,
    target: str,
    seeds: Sequence[int] = SEEDS,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Fmax:
    """Place and route a module with a register at every port, and return its clock frequencies.

    Every path of the module then begins and ends at a register: its own or one of the harness.
    The registers of the inputs are a shift register, whose own paths hold no logic.

    Parameters
    ----------
    netlist : Netlist
        The module; its clock is the port ``clk``.
    target : str
        A name that `targets.target` knows.
    seeds : sequence of int
        nextpnr's seeds.
    progress : callable, optional
        Called with (done, total) after every seed.

    Raises
    ------
    InputError
        If the target has no clock frequency, or no seed is given.
    ToolMissing, ToolFailed
        If a tool is not there or fails.
    """
    recipe = targets.target(target)
    if recipe.packer is None or recipe.register is None:
        raise InputError.must("Target", "one that nextpnr places", repr(target))
    if not seeds:
        raise InputError.must("Seeds", "at least one", "none")
    synthesiser, packer = require(recipe)
    assert packer is not None
    cwd = Path(tempfile.mkdtemp(prefix="esru-fmax-"))
    (module,) = mapped_modules([netlist], recipe, synthesiser, cwd)
    chip = nextpnr.side_by_side([module])
    nextpnr.write_chip(registered(chip, recipe.register, f"0/{CLOCK}"), cwd)
    found: dict[int, float | None] = {}
    for index, seed in enumerate(seeds):
        log = cwd / f"place-{seed}.log"
        arguments = [*recipe.device, *recipe.place, *nextpnr.CHIP_ARGUMENTS, "--seed", str(seed)]
        # The frequency aimed at changes nothing here: placement weighs paths by each other.
        arguments += ["--timing-allow-fail", "--report", "report.json"]
        yosys.run_logged(packer, arguments, cwd=cwd, log=log)
        report = json.loads((cwd / "report.json").read_text(encoding="utf-8"))
        clocks = [clock["achieved"] for clock in report.get("fmax", {}).values()]
        if len(clocks) > 1:
            raise ToolFailed(packer.identity, f"{len(clocks)} clocks where one was placed", log)
        found[seed] = round(clocks[0], 2) if clocks else None
        if progress is not None:
            progress(index + 1, len(seeds))
    # Not in a `finally`: after a failure the log in there is what the user needs.
    shutil.rmtree(cwd, ignore_errors=True)
    return Fmax(found)
