"""What a seeded fault is, and how faults are planted.

A fault is planted where it would arise: in the hardware's own description (simulation, Verilog
and proofs all see it), in the text that is emitted, in a mapped netlist, or in the oracle of one
level. Everything else stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import pytest
from amaranth.hdl import Const, Module

from esru.hdl import accumulator, bank, rounder, sources, structure, unit

Plant = Callable[[pytest.MonkeyPatch], None]

#: The levels, each with what it compares.
LEVELS = {
    "simulation": "Amaranth against the model that training uses",
    "cocotb": "Verilog in Icarus against the testbench's own model",
    "rounder": "bare rule against independent Verilog, by SAT",
    "module": "whole module against independent Verilog, by PDR",
    "mapped": "netlist of vendor cells against the module, by PDR",
    "board": "the demo in simulation against its model, through its serial port",
}

#: Levels that look at a part of the hardware, planted before anything is emitted.
DECISION = ("simulation", "cocotb", "rounder", "module")
SEQUENCE = ("simulation", "cocotb", "module")
#: The same, planted in the emitted RTLIL: what Amaranth simulates is whole.
EMITTED = ("cocotb", "module")


@dataclass(frozen=True)
class Fault:
    """One seeded fault.

    Attributes
    ----------
    name : str
        Short, in the field's words; unique.
    module : str
        The module that is broken.
    what : str
        What is wrong, in one line.
    design : str
        The design that exercises it.
    plant : callable
        Breaks the module until the patch is undone.
    caught_by : tuple of str
        The levels that look at what is broken: each of them must see the fault, and no other may.
    lanes : int or None
        Lanes of a whole array; None: the lanes of one source.
    target : str
        The target of the level ``mapped``.
    """

    name: str
    module: str
    what: str
    design: str
    plant: Plant
    caught_by: tuple[str, ...]
    lanes: int | None = None
    target: str = "ice40"

    @property
    def asked(self) -> tuple[str, ...]:
        """The levels that are run: of a unit all but ``board``, of the demo that alone."""
        if "board" in self.caught_by:
            return ("board",)
        return tuple(level for level in LEVELS if level != "board")


def everywhere(patch: pytest.MonkeyPatch, name: str, fault: Any) -> None:
    """Replace a function in every hardware module that has imported it."""
    for module in (accumulator, bank, rounder, structure, unit, sources):
        if hasattr(module, name):
            patch.setattr(module, name, fault)


def around(module: Any, name: str, fault: Callable[..., Any]) -> Plant:
    """Return a plant that calls `fault(true, *args)` where `module.name(*args)` was called."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        true = getattr(module, name)
        patch.setattr(module, name, lambda *args, **named: fault(true, *args, **named))

    return plant


def everywhere_around(module: Any, name: str, fault: Callable[..., Any]) -> Plant:
    """Return `around` for a function that other hardware modules have imported."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        true = getattr(module, name)
        everywhere(patch, name, lambda *args, **named: fault(true, *args, **named))

    return plant


def enabled_always(number: int) -> Plant:
    """Return a plant that makes one of the module's enables 1, counted from 0 as they are added."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        true = Module.If
        seen: WeakKeyDictionary[Module, int] = WeakKeyDictionary()

        def ungated(self: Module, condition: Any) -> Any:
            if getattr(condition, "name", "") == "en":
                seen[self] = seen.get(self, -1) + 1
                if seen[self] == number:
                    condition = Const(1, 1)
            return true(self, condition)

        patch.setattr(Module, "If", ungated)

    return plant
