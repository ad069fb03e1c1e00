"""LUTs of four and six inputs, of no vendor."""

from __future__ import annotations

from esru.flow.targets.target import Target

#: Yosys' own flip-flops and latches.
GENERIC_FF = ("$_DFF*", "$_SDFF*", "$_ALDFF*", "$_DFFSR*", "$_FF_", "$_DLATCH*")


def _generic(width: int) -> Target:
    return Target(
        name=f"lut{width}",
        summary=f"{width}-input LUTs alone, no carry chains (any vendor)",
        counts=f"{width}-input LUTs after synthesis",
        synthesis=(f"synth -lut {width} -run coarse:",),
        lut=("$lut",),
        ff=GENERIC_FF,
        weaker="no carry chains, no packing; a flip-flop's enable and reset are free",
    )


TARGETS = (_generic(4), _generic(6))
