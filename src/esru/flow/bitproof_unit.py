"""Prove what the FPGA flow makes of a unit alone equal to its hardware, for all inputs.

For the iCE40 that is the finished bitstream: the unit goes through the whole flow, every port on
a pin; the bitstream is read back as a netlist, and PDR decides whether the two can ever differ,
from power-up on, whatever the inputs do. The proof rests on Project IceStorm's model of the chip,
and on nothing that the flow says of its own work. For the other families it is the netlist of
mapped cells, and rests on a model of these cells.
"""

from __future__ import annotations

import json
import time
from importlib import resources
from pathlib import Path

from esru.design import Design
from esru.errors import InputError, ToolFailed
from esru.flow import icebox, toolchain
from esru.flow.checks import Check, controls, words_covered
from esru.flow.icebox import HX8K, Chip
from esru.flow.miter import compare
from esru.flow.netlist import Ports, read_netlist, unfit
from esru.flow.yosys import run_logged, run_script
from esru.hdl.emit import emit_rtlil, module_name

#: nextpnr's starting point; any other is as good, but this one gives the same bitstream again.
SEED = 1

CLOCK = "clk"

LEVEL = "bitstream"

_SYNTHESIS = """\
read_rtlil hardware.il
{command} -top {module} -json mapped.json
"""

#: Synthesis without pads, and the models of its cells: a file of ours, or Yosys' own.
_MAPPED = {
    "ecp5": ("synth_ecp5 -nobram -nolutram", "cells_ecp5.v"),
    "gowin": ("synth_gowin -noiopads -nobram -nolutram", "+/gowin/cells_sim.v"),
}


def ports(design: Design, lanes: int | None = None) -> Ports:
    """Return the ports of a design's module: direction and width, clock first."""
    count = design.lanes if lanes is None else lanes
    if design.boundary == "decision":
        data, result = ("frac", design.fraction_bits), ("up", 1)
    else:
        data, result = ("x", design.x_bits), ("y", design.out_format.width)
    seeds = count // design.lanes * design.length
    return {
        CLOCK: ("input", 1),
        "rst": ("input", 1),
        "en": ("input", 1),
        **{name: ("input", bits) for name, bits in design.side_inputs(count).items()},
        **({"load": ("input", 1), "seed": ("input", seeds)} if design.load else {}),
        data[0]: ("input", count * data[1]),
        result[0]: ("output", count * result[1]),
    }


def most_lanes(design: Design, chip: Chip = HX8K) -> int:
    """Return the most lanes of whole sources whose ports get a pin each; 0: not even one source's.

    Three pins are the clock's, the reset's and the enable's; one is the port ``load``'s.
    """
    shared = dict(list(ports(design).items())[3:])
    fixed = 3 + bool(shared.pop("load", 0))
    source = sum(width for _, width in shared.values())
    return (len(chip.pins) - fixed) // source * design.lanes


def check_pins(design: Design, lanes: int | None, chip: Chip) -> None:
    """Raise InputError unless every port of the module gets a pin of its own."""
    needed = sum(width for _, width in ports(design, lanes).values())
    there = len(chip.pins)
    if needed <= there:
        return
    most = most_lanes(design, chip)
    advice = f"take at most {most} lanes" if most else "take fewer lanes per source"
    rule = f"at most {there} bits, the pins of {chip} ({advice})"
    raise InputError.must("Ports of the unit", rule, needed)


def prove_bitstream(
    design: Design, folder: Path, lanes: int | None = None, chip: Chip = HX8K
) -> list[Check]:
    """Prove the iCE40 bitstream of a unit for all sequences of inputs, on every port.

    Parameters
    ----------
    design : Design
        The unit.
    folder : Path
        Where scripts, logs and the files of the flow go; made if it is not there.
    lanes : int or None
        Lanes of a whole array; None: the lanes of one source.
    chip : Chip
        The chip that the bitstream is for.

    Returns
    -------
    list of Check
        One check. A difference is a check that did not pass, not an error.

    Raises
    ------
    InputError
        If the lanes do not fit the design, or the ports do not fit the chip's pins.
    ToolMissing, ToolFailed
        If a tool is missing, fails or comes to no conclusion.
    """
    began = time.monotonic()
    check_pins(design, lanes, chip)
    toolchain.icebox_vlog()
    toolchain.yosys_abc()
    folder.mkdir(parents=True, exist_ok=True)
    write_hardware(design, folder, lanes)
    make_bitstream(design, folder, lanes, chip)
    failure = compare_bitstream(design, folder, lanes, chip)
    proved = (
        f"{_covered(design, lanes)}: the unit alone with every port on a pin of {chip}; rests on "
        "icebox's model of the chip"
    )
    name = "module == iCE40 bitstream (PDR)"
    return [_check(design, lanes, name, failure, proved, began)]


def prove_mapped(
    design: Design, folder: Path, family: str, lanes: int | None = None
) -> list[Check]:
    """Prove the mapped netlist of a unit for all sequences of inputs.

    Parameters
    ----------
    design : Design
        The unit.
    folder : Path
        Where scripts and logs go; made if it is not there.
    family : {"ecp5", "gowin"}
        The cells that it is mapped to.
    lanes : int or None
        Lanes of a whole array; None: the lanes of one source.

    Returns
    -------
    list of Check
        One check. A difference is a check that did not pass, not an error.

    Raises
    ------
    InputError
        If the lanes do not fit the design.
    ToolMissing, ToolFailed
        If a tool is missing, fails or comes to no conclusion.
    """
    began = time.monotonic()
    toolchain.yosys_abc()
    folder.mkdir(parents=True, exist_ok=True)
    write_hardware(design, folder, lanes)
    module = module_name(design, lanes)
    command, models = _MAPPED[family]
    script = _SYNTHESIS.format(command=command, module=module)
    tool = toolchain.bitstream_tool("yosys")
    run_script(script, cwd=folder, log=folder / "synthesis.log", tool=tool)
    failure = compare_mapped(design, folder, family, lanes)
    whose = "Yosys' own models" if models.startswith("+") else "a model"
    proved = f"{_covered(design, lanes)}: the unit alone; rests on {whose} of the mapped cells"
    title = {"ecp5": "ECP5", "gowin": "Gowin"}[family]
    name = f"module == mapped {title} netlist (PDR)"
    return [_check(design, lanes, name, failure, proved, began, "netlist")]


def _covered(design: Design, lanes: int | None) -> str:
    count = design.lanes if lanes is None else lanes
    _, words = words_covered(design)
    return (
        f"every input, {controls(design)} in every cycle from power-up, {words}, "
        f"{'1 lane' if count == 1 else f'{count} lanes'}"
    )


def _check(
    design: Design,
    lanes: int | None,
    name: str,
    failure: str,
    proved: str,
    began: float,
    level: str = LEVEL,
) -> Check:
    cases = words_covered(design)[0] * (design.lanes if lanes is None else lanes)
    return Check(level, name, cases, not failure, failure or proved, time.monotonic() - began)


def write_hardware(design: Design, folder: Path, lanes: int | None) -> None:
    """Write the unit's hardware as ``hardware.il``."""
    (folder / "hardware.il").write_text(emit_rtlil(design, lanes), encoding="utf-8")


def make_bitstream(design: Design, folder: Path, lanes: int | None, chip: Chip) -> None:
    """Make ``unit.bin`` of ``hardware.il``, and the pin file ``pins.pcf``."""
    module = module_name(design, lanes)
    run_script(
        _SYNTHESIS.format(command="synth_ice40 -nobram", module=module),
        cwd=folder,
        log=folder / "synthesis.log",
        tool=toolchain.bitstream_tool("yosys"),
    )
    names = [
        name if width == 1 else f"{name}[{bit}]"
        for name, (_, width) in ports(design, lanes).items()
        for bit in range(width)
    ]
    lines = [f"set_io {name} {pin}\n" for name, pin in zip(names, chip.pins, strict=False)]
    (folder / "pins.pcf").write_text("".join(lines), encoding="utf-8")
    arguments = [f"--{chip.device}", "--package", chip.package, "--seed", str(SEED)]
    arguments += ["--json", "mapped.json", "--top", module, "--pcf", "pins.pcf"]
    run_logged(
        toolchain.bitstream_tool("nextpnr-ice40"),
        [*arguments, "--asc", "unit.asc", "--report", "report.json"],
        cwd=folder,
        log=folder / "nextpnr.log",
    )
    icebox.pack(folder, "unit.asc", "unit.bin")


def compare_bitstream(
    design: Design, folder: Path, lanes: int | None, chip: Chip, binary: str = "unit.bin"
) -> str:
    """Compare a bitstream with ``hardware.il``; return the first difference or an empty text."""
    icebox.unpack(folder, binary)
    return compare_configuration(design, folder, lanes, chip)


def compare_configuration(design: Design, folder: Path, lanes: int | None, chip: Chip) -> str:
    """Compare ``unpacked.asc`` with ``hardware.il``; return the first difference or nothing."""
    pins = (folder / "pins.pcf").read_text(encoding="utf-8")
    unused = icebox.unconnected(icebox.recover(folder, chip.package, pins))
    inputs = {name for name, (way, _) in ports(design, lanes).items() if way == "input"}
    used = [
        pin
        for name, pin in icebox.pin_numbers(pins).items()
        if name.partition("[")[0] in inputs and name not in unused
    ]
    if found := icebox.faults(folder, chip.package, used):
        return f"the bitstream has {found[0]}"
    return compare_netlist(design, folder, lanes)


def compare_netlist(design: Design, folder: Path, lanes: int | None) -> str:
    """Compare ``chip.v`` with ``hardware.il``; return the first difference or an empty text."""
    header = (folder / "chip.v").read_text(encoding="utf-8").partition(";")[0]
    if " inout " in header.replace("(", "( "):
        return "the bitstream's netlist has a pin that works both ways"
    reads = ["read_verilog chip.v"]
    return _compare(design, folder, lanes, reads, icebox.MODULE, "the bitstream's netlist")


def compare_mapped(design: Design, folder: Path, family: str, lanes: int | None) -> str:
    """Compare ``mapped.json`` with ``hardware.il``; return the first difference or nothing."""
    module = module_name(design, lanes)
    reads = json_reads("mapped.json", module) + model_reads(folder, _MAPPED[family][1])
    return _compare(design, folder, lanes, reads, module, "the mapped netlist")


def _compare(
    design: Design, folder: Path, lanes: int | None, reads: list[str], module: str, what: str
) -> str:
    netlist = read_netlist(folder, reads, module, "chip")
    wanted = ports(design, lanes)
    if reason := unfit(netlist, wanted, CLOCK):
        return f"{what} has {reason}"
    extra = [name for name in netlist.ports if name not in wanted]
    hardware = "read_rtlil hardware.il", module_name(design, lanes)
    return compare(folder, hardware, (f"read_rtlil {netlist.file}", module), wanted, extra)


def json_reads(file: str, module: str) -> list[str]:
    """Return the Yosys commands that read a module, and no cell models, from a JSON netlist."""
    return [f"read_json {file}", f"delete =* ={module} %d"]


def model_reads(folder: Path, models: str) -> list[str]:
    """Return the Yosys commands that read models of vendor cells: Yosys' own, or a file of ours."""
    if not models.startswith("+"):
        text = resources.files("esru.flow").joinpath(models).read_text(encoding="utf-8")
        (folder / models).write_text(text, encoding="utf-8")
    # The library's modules are read only where they are used.
    return [f"read_verilog -defer {models}"]


def logic_cells(folder: Path) -> int:
    """Return how many logic cells nextpnr used for the unit in `folder`."""
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    try:
        return int(report["utilization"]["ICESTORM_LC"]["used"])
    except KeyError:
        raise ToolFailed(
            "nextpnr-ice40", "no count in its report", folder / "nextpnr.log"
        ) from None
