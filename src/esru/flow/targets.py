"""The targets that a unit's cost can be measured on, one recipe each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from esru.errors import InputError


@dataclass(frozen=True)
class Target:
    """How one target is synthesised, and what is counted there.

    Attributes
    ----------
    name, summary : str
        For the command line and `list targets`.
    counts : str
        What `Cells.cells` is, in words.
    library : tuple of str
        Yosys commands that read the vendor's cells, once for a whole batch.
    synthesis : tuple of str
        Yosys commands from flattened modules to mapped ones. They enter the vendor's script
        *after* its `begin` label, which would delete every module but one.
    lut, ff, carry : tuple of str
        Cell types counted as such in the mapped netlist; a final ``*`` stands for any ending.
    headline : {"packed", "xc7-sites", "lut"}
        Where `Cells.cells` comes from: nextpnr, the mapped netlist's LUT sites, or its LUTs.
    packer : str or None
        The nextpnr family that packs it.
    device : tuple of str
        nextpnr's arguments for the device. Packing depends on it only through the length of
        a carry column or row: one that no unit fills.
    packed_cell : str or None
        The packed cell type that is counted.
    """

    name: str
    summary: str
    counts: str
    library: tuple[str, ...]
    synthesis: tuple[str, ...]
    lut: tuple[str, ...]
    ff: tuple[str, ...]
    carry: tuple[str, ...]
    headline: Literal["packed", "xc7-sites", "lut"]
    packer: str | None = None
    device: tuple[str, ...] = ()
    packed_cell: str | None = None


_GENERIC_FF = ("$_DFF*", "$_SDFF*", "$_ALDFF*", "$_DFFSR*", "$_FF_", "$_DLATCH*")


def _generic(width: int) -> Target:
    return Target(
        name=f"lut{width}",
        summary=f"{width}-input LUTs alone, no carry chains (any vendor)",
        counts=f"{width}-input LUTs after synthesis",
        library=(),
        synthesis=(f"synth -lut {width} -run coarse:",),
        lut=("$lut",),
        ff=_GENERIC_FF,
        carry=(),
        headline="lut",
    )


TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        Target(
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
            packed_cell="ICESTORM_LC",
        ),
        Target(
            name="ecp5",
            summary="Lattice ECP5, Yosys and nextpnr",
            counts="TRELLIS_COMB after packing, without the chip's shared constant drivers;"
            " flip-flops apart",
            library=("read_verilog -lib -specify +/ecp5/cells_sim.v +/ecp5/cells_bb.v",),
            synthesis=("synth_ecp5 -noflatten -run coarse:",),
            lut=("LUT4",),
            ff=("TRELLIS_FF",),
            carry=("CCU2C",),
            headline="packed",
            packer="ecp5",
            device=("--25k", "--package", "CABGA381"),
            packed_cell="TRELLIS_COMB",
        ),
        Target(
            name="xc7",
            summary="AMD 7-series, Yosys only (no open packer)",
            counts="LUT sites: LUTs, and those that only feed a carry bit (route-throughs)",
            library=("read_verilog -lib -specify +/xilinx/cells_sim.v",),
            synthesis=("synth_xilinx -noiopad -noclkbuf -family xc7 -run prepare:",),
            lut=("LUT1", "LUT2", "LUT3", "LUT4", "LUT5", "LUT6", "INV", "SRL*"),
            ff=("FD*", "LD*"),
            carry=("CARRY4",),
            headline="xc7-sites",
        ),
        _generic(4),
        _generic(6),
    )
}


def target(name: str) -> Target:
    """Return the target of that name.

    Raises
    ------
    InputError
        If there is none.
    """
    try:
        return TARGETS[name]
    except KeyError:
        raise InputError.must("Target", "one of " + ", ".join(TARGETS), repr(name)) from None
