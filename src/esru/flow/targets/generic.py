"""LUTs of four and six inputs, of no vendor."""

from __future__ import annotations

from esru.flow.targets.target import Target
from esru.hdl.fabric import Fabric

#: Yosys' own flip-flops and latches.
GENERIC_FF = ("$_DFF*", "$_SDFF*", "$_ALDFF*", "$_DFFSR*", "$_FF_", "$_DLATCH*")

#: LUTs of four and six inputs as modules, for structures that are given cell by cell.
CELLS = "cells_lut.v"

_PINS = ("I0", "I1", "I2", "I3", "I4", "I5")


def _generic(width: int) -> Target:
    return Target(
        name=f"lut{width}",
        summary=f"{width}-input LUTs alone, no carry chains (any vendor)",
        counts=f"{width}-input LUTs after synthesis",
        synthesis=(f"synth -lut {width} -run coarse:",),
        library=(f"read_verilog -lib {CELLS}",),
        lut=("$lut", f"esru_lut{width}"),
        fabric=Fabric((f"esru_lut{width}",) * width, _PINS[:width]),
        cells=CELLS,
        ff=GENERIC_FF,
        weaker="no carry chains, no packing; a flip-flop's enable and reset are free",
    )


TARGETS = (_generic(4), _generic(6))
