"""Put a module's gates in an order that nothing but its ports, names and connections decides.

What ABC finds depends on the order in which it meets gates, and on which of two inputs of an AND
is the first. In Yosys both come from how it numbers its names: another build does that otherwise,
and so does one that has other modules beside this one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

from esru.errors import ToolFailed
from esru.flow.targets.target import Json

#: Gates whose two inputs may change places.
_COMMUTATIVE = {"$_AND_", "$_OR_", "$_XOR_", "$_NAND_", "$_NOR_", "$_XNOR_"}

_GATES = _COMMUTATIVE | {"$_NOT_", "$_BUF_", "$_MUX_", "$_NMUX_", "$_ANDNOT_", "$_ORNOT_"}

Bit = int | str
_Key = tuple[int, int, str, int]


def ordered(module: Json) -> Json:
    """Return a module of Yosys' gates and registers with both in an order of their own.

    From each output backwards, then from the inputs of each register so met; a gate stands
    behind those that it needs, registers last. What no output needs is left out.

    Parameters
    ----------
    module : dict
        As `write_json` has it. Gates have one-bit pins, ``Y`` for the output.

    Returns
    -------
    dict
        The same circuit, with new names for cells and bits and no names for nets.

    Raises
    ------
    ToolFailed
        If gates form a loop.
    """
    return _Circuit(module).ordered()


def backwards(module: Json) -> Json:
    """Return a module with its cells in the reverse order."""
    return {**module, "cells": dict(reversed(module["cells"].items()))}


class _Circuit:
    """A module's cells with their inputs in an order that does not depend on names within."""

    def __init__(self, module: Json) -> None:
        self.module = module
        self.cells: dict[str, Json] = module["cells"]
        self.driver: dict[Bit, str] = {}
        self.inputs: dict[str, list[Bit]] = {}
        for name, cell in self.cells.items():
            pins = sorted(cell["connections"])
            inward = [pin for pin in pins if cell["port_directions"][pin] == "input"]
            self.inputs[name] = [cell["connections"][pin][0] for pin in inward]
            for pin in set(pins) - set(inward):
                self.driver[cell["connections"][pin][0]] = name
        self._sort_inputs()

    def _is_gate(self, name: str) -> bool:
        return self.cells[name]["type"] in _GATES

    def _sort_inputs(self) -> None:
        """Sort the inputs of commutative gates: those nearest to ports and registers first."""
        keys = self._first_keys()
        needs = {
            name: [self.driver[bit] for bit in bits if bit in self.driver]
            for name, bits in self.inputs.items()
            if self._is_gate(name)
        }
        try:
            order = tuple(TopologicalSorter(needs).static_order())
        except CycleError:
            raise ToolFailed("Yosys", "it left a loop of gates") from None
        for name in order:
            if not self._is_gate(name):
                continue
            cell = self.cells[name]
            if cell["type"] in _COMMUTATIVE:
                self.inputs[name].sort(key=keys.__getitem__)
            below = [keys[bit] for bit in self.inputs[name]]
            digest = hashlib.sha256(repr((cell["type"], below)).encode()).hexdigest()
            depth = 1 + max((key[0] for key in below), default=0)
            keys[cell["connections"]["Y"][0]] = (depth, 3, digest, 0)

    def _first_keys(self) -> dict[Bit, _Key]:
        """Return what tells constants, inputs and outputs of registers apart."""
        keys: dict[Bit, _Key] = {constant: (0, 0, constant, 0) for constant in ("0", "1", "x")}
        for name, net in sorted(self.module["netnames"].items()):
            for place, bit in enumerate(net["bits"]):
                # A name that Yosys gave says nothing: the next build gives another.
                if bit not in keys and not net["hide_name"]:
                    keys[bit] = (0, 2, name, place)
        for number, port in enumerate(self.module["ports"].values()):
            if port["direction"] == "input":
                keys |= {bit: (0, 1, f"{number:04d}", i) for i, bit in enumerate(port["bits"])}
        for bit, name in self.driver.items():
            if not self._is_gate(name):
                keys.setdefault(bit, (0, 2, "", 0))
            else:
                keys.pop(bit, None)
        return keys

    def ordered(self) -> Json:
        """Return the module in the order of `ordered`."""
        numbers: dict[Bit, int] = {}

        def numbered(bit: Bit) -> Bit:
            return bit if isinstance(bit, str) else numbers.setdefault(bit, 2 + len(numbers))

        ports = {
            name: {**port, "bits": [numbered(bit) for bit in port["bits"]]}
            for name, port in self.module["ports"].items()
        }
        cells = {}
        for place, name in enumerate(self._walk()):
            cell = self.cells[name]
            inward = iter(self.inputs[name])
            connections = {
                pin: [
                    numbered(next(inward) if cell["port_directions"][pin] == "input" else bits[0])
                ]
                for pin, bits in sorted(cell["connections"].items())
            }
            cells[f"c{place}"] = {**cell, "attributes": {}, "connections": connections}
        return {"attributes": {}, "ports": ports, "cells": cells, "netnames": {}}

    def _walk(self) -> Iterator[str]:
        registers: list[str] = []
        seen: set[str] = set()

        def gates(bit: Bit) -> Iterator[str]:
            stack: list[tuple[Bit, bool]] = [(bit, False)]
            while stack:
                bit, done = stack.pop()
                name = self.driver.get(bit)
                if name is None:
                    continue
                if done:
                    yield name
                elif name not in seen:
                    seen.add(name)
                    if not self._is_gate(name):
                        registers.append(name)
                        continue
                    stack.append((bit, True))
                    stack += [(below, False) for below in reversed(self.inputs[name])]

        for port in self.module["ports"].values():
            if port["direction"] == "output":
                for bit in port["bits"]:
                    yield from gates(bit)
        for register in registers:  # it grows meanwhile
            for bit in self.inputs[register]:
                yield from gates(bit)
        yield from registers
