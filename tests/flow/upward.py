"""Whether a netlist of standard cells is upward, as docs/decisions/0014 has it."""

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
    following, clocks : dict
        By output of a flip-flop its input, and its clock.
    """

    ports: dict[str, list[Wire]]
    drivers: dict[Wire, Driver]
    following: dict[Wire, Wire]
    clocks: dict[Wire, Wire]

    def read(self, wire: Wire) -> set[Wire]:
        """Return what is in front of a wire, itself with it: up to ports and flip-flops."""
        seen: set[Wire] = set()
        waiting = [wire]
        while waiting:
            wire = waiting.pop()
            if wire not in seen:
                seen.add(wire)
                waiting += self.drivers[wire].pins if wire in self.drivers else ()
        return seen

    def value(self, wire: Wire, known: dict[Wire, int]) -> int:
        """Return a wire's value, from those of ports and flip-flops; `known` gets it, too."""
        if wire not in known:
            driver = self.drivers[wire]
            row = sum(self.value(pin, known) << place for place, pin in enumerate(driver.pins))
            known[wire] = driver.truth >> row & 1
        return known[wire]

    def in_order(self) -> bool:
        """Return whether y alone reads x and y, and no clock is gated but by reset and enable."""
        controls = {*self.ports["rst"], *self.ports["en"]}
        data = {*self.ports["x"], *self.ports["y"]}
        for output, wire in self.following.items():
            if output not in self.ports["y"] and self.read(wire) & data:
                return False
            sources = {one for one in self.read(self.clocks[output]) if one not in self.drivers}
            held = sources - set(self.ports["clk"])
            if any(
                self.read(self.following.get(one, one)) - set(self.drivers) - controls
                for one in held
            ):
                return False
        return True


def netlist(module: Json, target: str) -> Netlist:
    """Return a mapped module of gates and flip-flops."""
    library = gates(target)
    found = Netlist({name: port["bits"] for name, port in module["ports"].items()}, {}, {}, {})
    for cell in module["cells"].values():
        wires = {pin: bits[0] for pin, bits in cell["connections"].items()}
        gate = library.get(cell["type"])
        if gate is None and cell["type"] == nand2._AND:
            gate = asic.Gate(cell["type"], 0, "Y", "(A*B)")
        if gate is None:
            found.following[wires["Q"]] = wires["D"]
            found.clocks[wires["Q"]] = wires["C" if "C" in wires else "CLK"]
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
        word = whole.ports["x"][lane * width : (lane + 1) * width]
        self.fraction, self.x = word[: design.dropped], word[design.dropped :]
        self.y = whole.ports["y"][lane * bits : (lane + 1) * bits]
        self.controls = {*whole.ports["rst"], *whole.ports["en"]}
        self.values: dict[Wire, int] = {"0": 0, "1": 1, self.x[-1]: 1}
        self.left: dict[Wire, frozenset[Wire]] = {}

    def settled(self, wire: Wire) -> bool:
        """Return whether a wire is constant, or made of reset and enable alone."""
        self._look(wire)
        return wire in self.values or self.left[wire] <= self.controls

    def _rows(self, driver: Driver) -> list[int]:
        """Return the rows of a cell's truth table that constants at its pins leave."""
        return [
            row
            for row in range(1 << len(driver.pins))
            if all(
                self.values.get(pin, row >> place & 1) == row >> place & 1
                for place, pin in enumerate(driver.pins)
            )
        ]

    def _matter(self, driver: Driver) -> list[Wire]:
        """Return what comes to the pins of a cell that matter, as constants at the others are."""
        rows = self._rows(driver)
        return [
            pin
            for place, pin in enumerate(driver.pins)
            if pin not in self.values
            and any((driver.truth >> row ^ driver.truth >> (row ^ 1 << place)) & 1 for row in rows)
        ]

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
        outputs = {driver.truth >> row & 1 for row in self._rows(driver)}
        if len(outputs) == 1:
            (self.values[wire],) = outputs
            return
        self.left[wire] = frozenset().union(*(self.left[pin] for pin in self._matter(driver)))

    def left_of(self, bit: int, cut: bool) -> set[Wire]:
        """Return what is in front of a flip-flop and is not settled.

        With `cut`, not what comes to a pin that does not matter, whatever the others are.
        """
        seen: set[Wire] = set()
        waiting = [self.whole.following[self.y[bit]]]
        while waiting:
            wire = waiting.pop()
            if wire in seen or self.settled(wire):
                continue
            seen.add(wire)
            driver = self.whole.drivers.get(wire)
            if driver is not None:
                waiting += self._matter(driver) if cut else driver.pins
        return seen

    def strangers(self, bit: int, cut: bool = False) -> set[Wire]:
        """Return the x and y of higher bits, and of other lanes, in front of a flip-flop."""
        others = {*self.whole.ports["x"], *self.whole.ports["y"]} - set(self.fraction)
        return (self.left_of(bit, cut) & others) - {*self.x[: bit + 1], *self.y[: bit + 1]}

    def spent(self) -> list[Wire]:
        """Return cells that read x and no fraction, are no inverters, and are nothing any more."""
        left = set().union(*(self.left_of(bit, cut=True) for bit in range(len(self.y))))
        return [
            wire
            for wire, driver in self.whole.drivers.items()
            if len(driver.pins) > 1
            and wire not in left
            and self.whole.read(wire) & set(self.x)
            and not self.whole.read(wire) & set(self.fraction)
        ]

    def lower(self, bit: int) -> set[Wire]:
        """Return the y of lower bits in front of a flip-flop."""
        return self.whole.read(self.whole.following[self.y[bit]]) & set(self.y[:bit])
