"""Lattice iCE40: Yosys and nextpnr."""

from __future__ import annotations

from dataclasses import replace

from esru.flow.targets.cells import READ, lut_cells
from esru.flow.targets.memories import without_memories
from esru.flow.targets.target import Register, Target
from esru.hdl.fabric import Fabric

#: Synthesis would make a wire of a LUT that only passes on what its flip-flop takes.
_NAMED = "chtype -set SB_LUT4 t:esru_sb_lut4"

ICE40 = Target(
    name="ice40",
    summary="Lattice iCE40 HX, Yosys and nextpnr",
    counts="ICESTORM_LC after packing, without the chip's shared constant drivers",
    library=("read_verilog -D ICE40_HX -lib -specify +/ice40/cells_sim.v", READ),
    synthesis=(*without_memories("synth_ice40 -noflatten", "flatten", "map_ram"), _NAMED),
    lut=("SB_LUT4",),
    ff=("SB_DFF*",),
    carry=("SB_CARRY",),
    headline="packed",
    packer="ice40",
    device=("--hx8k", "--package", "ct256"),
    packed_cells=("ICESTORM_LC",),
    place=("--pcf-allow-unconstrained",),
    register=Register("SB_DFF", clock="C", data="D", output="Q"),
    files=lut_cells,
    fabric=Fabric(
        ("SB_LUT4",) * 4,
        ("I0", "I1", "I2", "I3"),
        table="LUT_INIT",
        carry="ice40",
        opaque="esru_sb_lut4",
    ),
)

# The families have the same cells, whose delays differ: mapping knows them, so a count may
# differ by a cell or two.
ICE40_LP = replace(
    ICE40,
    name="ice40-lp",
    summary="Lattice iCE40 LP, Yosys and nextpnr",
    library=("read_verilog -D ICE40_LP -lib -specify +/ice40/cells_sim.v", READ),
    synthesis=(
        *without_memories("synth_ice40 -device lp -noflatten", "flatten", "map_ram"),
        _NAMED,
    ),
    device=("--lp8k", "--package", "cm225"),
)
ICE40_UP5K = replace(
    ICE40,
    name="ice40-up5k",
    summary="Lattice iCE40 UltraPlus, Yosys and nextpnr",
    library=("read_verilog -D ICE40_U -lib -specify +/ice40/cells_sim.v", READ),
    synthesis=(*without_memories("synth_ice40 -device u -noflatten", "flatten", "map_ram"), _NAMED),
    device=("--up5k", "--package", "sg48"),
)

TARGETS = (ICE40, ICE40_LP, ICE40_UP5K)
