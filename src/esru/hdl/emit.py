"""Text forms of the hardware: RTLIL from Amaranth alone, and Verilog through the one Yosys.

Both are the same bytes on every machine: no source paths, no dates, no tool's own names.
"""

from __future__ import annotations

import re

from amaranth.back import rtlil
from amaranth.hdl import ClockDomain, Fragment
from amaranth.hdl._ir import PortDirection
from amaranth.lib import wiring

from esru.design import Design
from esru.hdl.bank import Bank
from esru.hdl.rounder import Rounder
from esru.hdl.unit import Saturator

_PORT = re.compile(r"(?<= )(input|output) (\d+) ")


def module_name(design: Design, lanes: int | None = None) -> str:
    """Return the name of the module: ``esru_<id>``, or ``esru_<id>_x<M>`` for an array."""
    return f"esru_{design.id}" + ("" if lanes is None else f"_x{lanes}")


def _convert(component: wiring.Component, name: str, clocked: bool) -> str:
    """Return the RTLIL of a component; a clocked one has the ports clk and rst, used or not."""
    fragment = Fragment.get(component, None)
    ports = {}
    if clocked:
        sync = ClockDomain("sync")
        fragment.add_domains(sync)
        ports["clk"] = (sync.clk, PortDirection.Input)
        ports["rst"] = (sync.rst, PortDirection.Input)
    for path, member, value in component.signature.flatten(component):
        direction = PortDirection.Input if member.flow == wiring.In else PortDirection.Output
        ports["__".join(map(str, path))] = (value, direction)
    text, _ = rtlil.convert_fragment(fragment, ports, name, emit_src=False)
    # Amaranth numbers ports from 0; Yosys counts from 1 and puts a port 0 last.
    return _PORT.sub(lambda port: f"{port[1]} {int(port[2]) + 1} ", text)


def emit_rtlil(design: Design, lanes: int | None = None) -> str:
    """Return a design's hardware as RTLIL: one flat module.

    Parameters
    ----------
    design : Design
        The unit; ``replace(design, boundary="unit")`` gives its other boundary.
    lanes : int or None
        Lanes of a whole array, a multiple of ``design.lanes``; None: the lanes of one source.

    Returns
    -------
    str
        RTLIL text with the one module `module_name(design, lanes)`.

    Raises
    ------
    InputError
        If the number of lanes does not fit the design.
    """
    return _convert(Bank(design, lanes), module_name(design, lanes), clocked=True)


def rounder_rtlil(design: Design) -> str:
    """Return the bare rule as RTLIL, without a source, for proofs over every random word.

    The module is ``esru_<id>_rounder``: frac[n] and word[k] to up at the boundary ``decision``,
    x[W_in] and word[k] to y[W_out] at the boundary ``unit``, combinational. With k = 0 there is
    no port ``word``.
    """
    bare = Rounder(design) if design.boundary == "decision" else Saturator(design)
    return _convert(bare, f"{module_name(design)}_rounder", clocked=False)
