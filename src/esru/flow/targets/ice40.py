"""Lattice iCE40: Yosys and nextpnr."""

from __future__ import annotations

from esru.flow.targets.target import Target

ICE40 = Target(
    name="ice40",
    summary="Lattice iCE40 (LP/HX/UP), Yosys and nextpnr",
    counts="ICESTORM_LC after packing, without the chip's shared constant drivers",
    library=("read_verilog -D ICE40_HX -lib -specify +/ice40/cells_sim.v",),
    synthesis=("synth_ice40 -noflatten -run flatten:",),
    lut=("SB_LUT4",),
    ff=("SB_DFF*",),
    carry=("SB_CARRY",),
    headline="packed",
    packer="ice40",
    device=("--hx8k", "--package", "ct256"),
    packed_cells=("ICESTORM_LC",),
)

TARGETS = (ICE40,)
