"""Whether a netlist of standard cells is in slices, as docs/decisions/0014 has it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from esru.design import Design
from esru.flow.targets import asic, nand2, osu018
from esru.flow.targets.target import Json
from esru.flow.unit_bound import _truth

#: Wires, or the constants "0" and "1".
Wire = int | str

_PIN = re.compile(r"\b[A-Z]\b")


class Driver(NamedTuple):
    """A cell: what it reads, and its truth table, the first pin the lowest bit of a row."""

    pins: tuple[Wire, ...]
    truth: int


def gates(target: str) -> dict[str, asic.Gate]:
    """Return a target's combinational cells by name."""
    if target.startswith("nand2"):
        return {
            name: asic.Gate(name, area, "Y", function)
            for name, (area, function) in nand2.GATES.items()
        }
    return {gate.name: gate for gate in osu018._read(osu018.liberty())[2]}


@dataclass
class Netlist:
    """A mapped module: what drives each wire, and what each flip-flop takes.

    Attributes
    ----------
    ports : dict
        By name the wires, the lowest first.
    drivers : dict
        By wire.
    following : dict
        By output of a flip-flop its input.
    """

    ports: dict[str, list[Wire]]
    drivers: dict[Wire, Driver]
    following: dict[Wire, Wire]


#: The gate on the clock stays out of what is mapped to gates.
CLOCK_GATES = ("AND2", "AND2X1")


def netlist(module: Json, target: str) -> Netlist:
    """Return a mapped module of gates and flip-flops."""
    library = gates(target)
    found = Netlist({name: port["bits"] for name, port in module["ports"].items()}, {}, {})
    for cell in module["cells"].values():
        wires = {pin: bits[0] for pin, bits in cell["connections"].items()}
        gate = library.get(cell["type"])
        if gate is None and cell["type"] in CLOCK_GATES:
            gate = asic.Gate(cell["type"], 0, "Y", "(A*B)")
        if gate is None:
            found.following[wires["Q"]] = wires["D"]
            continue
        names = sorted(set(_PIN.findall(gate.function)))
        truth = _truth(gate.function, names) if names else int(gate.function.endswith("1"))
        found.drivers[wires[gate.output]] = Driver(tuple(wires[name] for name in names), truth)
    return found


class Lane:
    """One lane of a unit, with x_7 at 1."""

    def __init__(self, design: Design, whole: Netlist, lane: int):
        self.whole = whole
        width, bits = design.x_bits, design.out_format.width
        self.x = whole.ports["x"][lane * width : (lane + 1) * width][design.dropped :]
        self.y = whole.ports["y"][lane * bits : (lane + 1) * bits]
        self.controls = {*whole.ports["rst"], *whole.ports["en"]}
        self.values: dict[Wire, int] = {"0": 0, "1": 1, self.x[-1]: 1}
        self.left: dict[Wire, frozenset[Wire]] = {}

    def settled(self, wire: Wire) -> bool:
        """Return whether a wire is constant, or made of reset and enable alone."""
        self._look(wire)
        return wire in self.values or self.left[wire] <= self.controls

    def _look(self, wire: Wire) -> None:
        """Find a wire's value, or what it can depend on, whatever that is."""
        if wire in self.values or wire in self.left:
            return
        driver = self.whole.drivers.get(wire)
        if driver is None:
            self.left[wire] = frozenset({wire})
            return
        for pin in driver.pins:
            self._look(pin)
        rows = [
            row
            for row in range(1 << len(driver.pins))
            if all(
                self.values.get(pin, row >> place & 1) == row >> place & 1
                for place, pin in enumerate(driver.pins)
            )
        ]
        outputs = {driver.truth >> row & 1 for row in rows}
        if len(outputs) == 1:
            (self.values[wire],) = outputs
            return
        found: set[Wire] = set()
        for place, pin in enumerate(driver.pins):
            turned = (driver.truth >> row ^ driver.truth >> (row ^ 1 << place) for row in rows)
            if pin not in self.values and any(turn & 1 for turn in turned):
                found |= self.left[pin]
        self.left[wire] = frozenset(found)

    def strangers(self, bit: int) -> set[Wire]:
        """Return the y of other bits, and the x above, in front of a bit's flip-flop."""
        seen: set[Wire] = set()
        waiting = [self.whole.following[self.y[bit]]]
        while waiting:
            wire = waiting.pop()
            if wire in seen or self.settled(wire):
                continue
            seen.add(wire)
            driver = self.whole.drivers.get(wire)
            waiting += [] if driver is None else driver.pins
        return seen & {*self.x[bit + 1 :], *self.y[:bit], *self.y[bit + 1 :]}
