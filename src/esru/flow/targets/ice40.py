"""Lattice iCE40: Yosys and nextpnr."""

from __future__ import annotations

from esru.flow.targets.target import Target
from esru.hdl.fabric import Fabric

ICE40 = Target(
    name="ice40",
    summary="Lattice iCE40 (LP/HX/UP), Yosys and nextpnr",
    counts="ICESTORM_LC after packing, without the chip's shared constant drivers",
    library=(
        "read_verilog -D ICE40_HX -lib -specify +/ice40/cells_sim.v",
        "read_verilog -lib cells_lut.v",
    ),
    synthesis=(
        "synth_ice40 -noflatten -run flatten:",
        # Synthesis would make a wire of a LUT that only passes on what its flip-flop takes.
        "chtype -set SB_LUT4 t:esru_sb_lut4",
    ),
    lut=("SB_LUT4",),
    ff=("SB_DFF*",),
    carry=("SB_CARRY",),
    headline="packed",
    packer="ice40",
    device=("--hx8k", "--package", "ct256"),
    fabric=Fabric(
        ("SB_LUT4",) * 4,
        ("I0", "I1", "I2", "I3"),
        table="LUT_INIT",
        carry="ice40",
        opaque="esru_sb_lut4",
    ),
    cells="cells_lut.v",
    packed_cells=("ICESTORM_LC",),
)

TARGETS = (ICE40,)
