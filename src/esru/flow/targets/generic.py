"""LUTs of four and six inputs, of no vendor."""

from __future__ import annotations

from esru.flow.targets.cells import READ, lut_cells
from esru.flow.targets.target import Target
from esru.hdl.fabric import Fabric

#: Yosys' own flip-flops and latches.
GENERIC_FF = ("$_DFF*", "$_SDFF*", "$_ALDFF*", "$_DFFSR*", "$_FF_", "$_DLATCH*")


def _generic(width: int) -> Target:
    return Target(
        name=f"lut{width}",
        summary=f"{width}-input LUTs alone, no carry chains (any vendor)",
        counts=f"{width}-input LUTs after synthesis",
        synthesis=(f"synth -lut {width} -run coarse:",),
        library=(READ,),
        lut=("$lut", f"esru_lut{width}"),
        ff=GENERIC_FF,
        files=lut_cells,
        fabric=Fabric((f"esru_lut{width}",) * width, tuple(f"I{i}" for i in range(width))),
        weaker="no carry chains, no packing; a flip-flop's enable and reset are free",
    )


TARGETS = (_generic(4), _generic(6))
