"""AMD 7-series: Yosys alone, and the sites that its netlist will take."""

from __future__ import annotations

from esru.flow.targets.memories import without_memories
from esru.flow.targets.target import Json, Target, matches
from esru.hdl.fabric import Fabric, Mux

_LUT = ("LUT1", "LUT2", "LUT3", "LUT4", "LUT5", "LUT6", "INV", "SRL*")


def sites(module: Json) -> int:
    """Count the LUT sites of a module mapped to 7-series cells.

    A carry bit takes its S input from the LUT beside it and from nowhere else. So each LUT is
    a site, and so is each carry bit in use whose S comes from something that is not a LUT, or
    from a LUT that already stands beside another carry bit: there a LUT only passes S on. A bit
    with a constant S needs no LUT, and a bit above the last output in use is not in use.
    """
    loads = {bit for port in module["ports"].values() for bit in port["bits"]}
    from_lut: set[int | str] = set()
    count = 0
    carries = []
    for cell in module["cells"].values():
        outputs = {p for p, way in cell["port_directions"].items() if way == "output"}
        for pin, bits in cell["connections"].items():
            if pin not in outputs:
                loads.update(bits)
        if matches(cell["type"], _LUT):
            count += 1
            from_lut.update(bit for pin in outputs for bit in cell["connections"].get(pin, ()))
        elif cell["type"] == "CARRY4":
            carries.append(cell["connections"])
    beside: set[int | str] = set()
    for pins in carries:
        used = 0
        for pin in ("O", "CO"):
            for position, bit in enumerate(pins.get(pin, ())):
                if not isinstance(bit, str) and bit in loads:
                    used = max(used, position + 1)
        for select in pins.get("S", ())[:used]:
            if isinstance(select, str):
                continue
            if select in from_lut and select not in beside:
                beside.add(select)
            else:
                count += 1
    return count


XC7 = Target(
    name="xc7",
    summary="AMD 7-series, Yosys only (no open packer)",
    counts="LUT sites: LUTs, and those that only feed a carry bit (route-throughs)",
    library=("read_verilog -lib -specify +/xilinx/cells_sim.v",),
    synthesis=without_memories(
        "synth_xilinx -noiopad -noclkbuf -family xc7", "prepare", "map_memory"
    ),
    lut=_LUT,
    ff=("FD*", "LD*"),
    carry=("CARRY4",),
    headline=sites,
    fabric=Fabric(
        _LUT[:6],
        ("I0", "I1", "I2", "I3", "I4", "I5"),
        muxes=(Mux("MUXF7", ("I0", "I1", "S", "O")),),
    ),
    weaker="no open packer, so two small LUTs that could share a LUT6 count as two",
)

TARGETS = (XC7,)
