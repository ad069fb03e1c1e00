"""Lattice ECP5: Yosys and nextpnr."""

from __future__ import annotations

from esru.flow.targets.memories import without_memories
from esru.flow.targets.target import Register, Target
from esru.hdl.fabric import Fabric, Mux

ECP5 = Target(
    name="ecp5",
    summary="Lattice ECP5, Yosys and nextpnr",
    counts="TRELLIS_COMB after packing, without the chip's shared constant drivers;"
    " flip-flops apart",
    library=("read_verilog -lib -specify +/ecp5/cells_sim.v +/ecp5/cells_bb.v",),
    synthesis=without_memories("synth_ecp5 -noflatten", "coarse", "map_ram"),
    lut=("LUT4",),
    ff=("TRELLIS_FF",),
    carry=("CCU2C",),
    headline="packed",
    packer="ecp5",
    device=("--25k", "--package", "CABGA381"),
    packed_cells=("TRELLIS_COMB",),
    fabric=Fabric(
        ("LUT4",) * 4,
        ("A", "B", "C", "D"),
        output="Z",
        muxes=(
            Mux("PFUMX", ("BLUT", "ALUT", "C0", "Z")),
            Mux("L6MUX21", ("D0", "D1", "SD", "Z")),
        ),
    ),
    place=("--lpf-allow-unconstrained",),
    register=Register(
        "TRELLIS_FF",
        clock="CLK",
        data="DI",
        output="Q",
        parameters=(
            ("CLKMUX", "CLK"),
            ("GSR", "DISABLED"),
            ("REGSET", "RESET"),
            ("SRMODE", "LSR_OVER_CE"),
        ),
    ),
)

TARGETS = (ECP5,)
