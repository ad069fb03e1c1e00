"""Registers in the place of a chip's ports: no pins but the clock's."""

from __future__ import annotations

from itertools import count

from esru.flow.targets import Json, Register

#: The first part of the names of the cells that stand at ports.
PORT = "port"


def registered(chip: Json, register: Register, clock_port: str | None = None) -> Json:
    """Return a flat module with a flip-flop at each bit of its ports, and the port ``clk`` alone.

    The inputs are one shift register, so that none of them is constant. Paths from port to port
    become paths from register to register, which have a clock frequency.

    Parameters
    ----------
    chip : dict
        The module, as `esru.flow.nextpnr.side_by_side` returns it.
    register : Register
        The flip-flop.
    clock_port : str or None
        The port of the module that has the same clock; None: its clocks are inputs as all others.
    """
    used = [2]
    for cell in chip["cells"].values():
        used += [b for bits in cell["connections"].values() for b in bits if isinstance(b, int)]
    for port in chip["ports"].values():
        used += [b for b in port["bits"] if isinstance(b, int)]
    fresh = count(max(used) + 1)
    ports = {name: port for name, port in chip["ports"].items() if name != clock_port}
    pin = next(fresh)
    clock = pin if clock_port is None else chip["ports"][clock_port]["bits"][0]
    cells = dict(chip["cells"])
    if register.buffer is None:
        pin = clock
    else:
        kind, into, out = register.buffer
        clock = next(fresh) if clock_port is None else clock
        directions = {into: "input", out: "output"}
        cells[f"{PORT}/clk"] = _cell(kind, directions, {into: [pin], out: [clock]}, {})
    directions = {register.clock: "input", register.data: "input", register.output: "output"}
    last: int | str = next(fresh)
    for name, port in ports.items():
        for index, bit in enumerate(port["bits"]):
            if port["direction"] == "input":
                data, output, last = last, bit, bit
            else:
                data, output = bit, next(fresh)
            pins = {register.clock: [clock], register.data: [data], register.output: [output]}
            parameters = dict(register.parameters)
            cells[f"{PORT}/{name}/{index}"] = _cell(register.cell, directions, pins, parameters)
    return {**chip, "ports": {"clk": {"direction": "input", "bits": [pin]}}, "cells": cells}


def _cell(kind: str, directions: dict[str, str], pins: Json, parameters: dict[str, str]) -> Json:
    return {
        "type": kind,
        "parameters": parameters,
        "attributes": {},
        "port_directions": directions,
        "connections": pins,
    }
