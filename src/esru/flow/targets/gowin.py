"""Gowin GW1N: Yosys and nextpnr-himbaechel (the extra ``gowin``)."""

from __future__ import annotations

from esru.flow.targets.memories import without_memories
from esru.flow.targets.target import Register, Target
from esru.hdl.fabric import Fabric, Mux

# Every pin must have a place: the clock has one, the other ports are registers.
_CONSTRAINTS = {"clock.cst": 'IO_LOC "clk" 52;\n'}

GOWIN = Target(
    name="gowin",
    summary="Gowin GW1N, Yosys and nextpnr-himbaechel",
    counts="LUT sites after packing: LUTs, and ALUs with the ends of their chains;"
    " flip-flops apart",
    library=("read_verilog -lib -specify +/gowin/cells_sim.v +/gowin/cells_xtra_gw1n.v",),
    synthesis=without_memories("synth_gowin -noiopads -noflatten -nowidelut", "coarse", "map_ram"),
    lut=("LUT1", "LUT2", "LUT3", "LUT4"),
    ff=("DFF*",),
    carry=("ALU",),
    headline="packed",
    packer="gowin",
    device=(
        "--device", "GW1NR-LV9QN88PC6/I5",
        "--vopt", "family=GW1N-9C",
        "--vopt", "cst=clock.cst",
    ),
    packed_cells=("LUT1", "LUT2", "LUT3", "LUT4", "ALU"),
    files=lambda: _CONSTRAINTS,
    fabric=Fabric(
        ("LUT1", "LUT2", "LUT3", "LUT4"),
        ("I0", "I1", "I2", "I3"),
        output="F",
        muxes=(
            Mux("MUX2_LUT5", ("I0", "I1", "S0", "O")),
            Mux("MUX2_LUT6", ("I0", "I1", "S0", "O")),
        ),
    ),
    register=Register("DFF", clock="CLK", data="D", output="Q", buffer=("IBUF", "I", "O")),
    pinless=True,
)  # fmt: skip

TARGETS = (GOWIN,)
