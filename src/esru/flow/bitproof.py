"""Prove finished iCE40 bitstreams equal to the hardware that they were made from.

The unit alone goes through the whole flow, every port on a pin; the finished bitstream is read
back as a netlist, and PDR decides whether the two can ever differ, from power-up on, whatever
the inputs do. The proof rests on Project IceStorm's model of the chip, and on nothing that the
flow says of its own work.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

from esru.design import Design
from esru.errors import InputError, ToolFailed
from esru.flow import icebox, toolchain
from esru.flow.checks import Check
from esru.flow.decide import decide
from esru.flow.icebox import HX8K, Chip
from esru.flow.yosys import run_logged, run_script
from esru.hdl.emit import emit_rtlil, module_name
from esru.sources import source_model

#: nextpnr's starting point; any other is as good, but this one gives the same bitstream again.
SEED = 1

CLOCK = "clk"

_SYNTHESIS = """\
read_rtlil hardware.il
synth_ice40 -nobram -top {module} -json mapped.json
"""

# No pass here may use one side's knowledge for the other. Nets that nothing drives, and inputs
# that only one side has, are free.
MITER = """\
read_rtlil {other}
read_verilog top.v
read_rtlil hardware.il
proc
opt_clean
rename {module} hardware
hierarchy -top top
flatten
opt_expr
opt_clean
techmap
opt_expr
opt_clean
dffunmap
setundef -anyseq
aigmap
write_aiger -zinit miter.aig
"""

Ports = dict[str, tuple[str, int]]


def ports(design: Design, lanes: int | None = None) -> Ports:
    """Return the ports of a design's module: direction and width, clock first."""
    count = design.lanes if lanes is None else lanes
    if design.boundary == "decision":
        data, result = ("frac", design.fraction_bits), ("up", 1)
    else:
        data, result = ("x", design.input.width), ("y", design.out_format.width)
    words = count // design.lanes * design.k
    return {
        CLOCK: ("input", 1),
        "rst": ("input", 1),
        "en": ("input", 1),
        **({"r": ("input", words)} if design.source == "port" else {}),
        data[0]: ("input", count * data[1]),
        result[0]: ("output", count * result[1]),
    }


def check_pins(design: Design, lanes: int | None, chip: Chip) -> None:
    """Raise InputError unless every port of the module gets a pin of its own."""
    needed = sum(width for _, width in ports(design, lanes).values())
    there = len(chip.pins)
    if needed <= there:
        return
    least = sum(width for _, width in ports(design).values())
    # Three pins are the clock's, the reset's and the enable's.
    most = (there - 3) // ((least - 3) // design.lanes) // design.lanes * design.lanes
    advice = f"take at most {most} lanes" if most else "take fewer lanes per source"
    rule = f"at most {there} bits, the pins of {chip} ({advice})"
    raise InputError.must("Ports of the unit", rule, needed)


def prove_bitstream(
    design: Design, folder: Path, lanes: int | None = None, chip: Chip = HX8K
) -> list[Check]:
    """Prove the bitstream of a unit for all sequences of inputs, on every port.

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
    text = emit_rtlil(design, lanes)
    (folder / "hardware.il").write_text(text, encoding="utf-8")
    make_bitstream(design, folder, lanes, chip)
    failure = compare_bitstream(design, folder, lanes, chip)
    period, count = source_model(design).period, design.lanes if lanes is None else lanes
    words = f"all {period} words" if period else f"all {1 << design.k} words from outside"
    proved = (
        f"every input, en and rst in every cycle from power-up, {words}, "
        f"{'1 lane' if count == 1 else f'{count} lanes'}: the unit alone with every port on a "
        f"pin of {chip}; rests on icebox's model of the chip"
    )
    return [
        Check(
            "bitstream",
            "module == iCE40 bitstream (PDR)",
            period * count,
            not failure,
            failure or proved,
            time.monotonic() - began,
        )
    ]


def make_bitstream(design: Design, folder: Path, lanes: int | None, chip: Chip) -> None:
    """Make ``unit.bin`` of ``hardware.il``, and the pin file ``pins.pcf``."""
    module = module_name(design, lanes)
    run_script(
        _SYNTHESIS.format(module=module),
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


def compare_bitstream(design: Design, folder: Path, lanes: int | None, chip: Chip) -> str:
    """Compare ``unit.bin`` with ``hardware.il``; return the first difference or an empty text."""
    icebox.unpacked_verilog(folder, "unit.bin", chip.package, "pins.pcf")
    return compare_netlist(design, folder, lanes)


def compare_netlist(design: Design, folder: Path, lanes: int | None) -> str:
    """Compare ``chip.v`` with ``hardware.il``; return the first difference or an empty text."""
    netlist = icebox.read_netlist(folder)
    messages = (folder / "check.txt").read_text(encoding="utf-8")
    wanted = ports(design, lanes)
    reason = icebox.unfit(netlist, wanted, messages, CLOCK)
    if reason:
        return f"the bitstream's netlist has {reason}"
    extra = [name for name in netlist["ports"] if name not in wanted]
    top = miter_top(wanted, icebox.MODULE, extra)
    return decide_against(folder, "chip.il", top, module_name(design, lanes), "the hardware")


def decide_against(folder: Path, other: str, top: str, module: str, name: str) -> str:
    """Decide a miter of ``hardware.il`` (module `module`) and the RTLIL file `other`."""
    (folder / "top.v").write_text(top, encoding="utf-8")
    # An older miter must not be what is decided.
    (folder / "miter.aig").unlink(missing_ok=True)
    script = MITER.format(other=other, module=module)
    run_script(script, cwd=folder, log=folder / "miter.log")
    return decide(folder, name)


def miter_top(wanted: Ports, other: str, extra: list[str]) -> str:
    """Return the miter of ``hardware`` and `other`: equal inputs, and whether outputs differ."""
    ins = {name: width for name, (way, width) in wanted.items() if way == "input"}
    outs = {name: width for name, (way, width) in wanted.items() if way == "output"}
    free = [f"\\{name} " for name in extra]
    head = [f"input [{width - 1}:0] {name}" for name, width in ins.items()]
    head += [f"input {name}" for name in free]
    lines = [f"module top({', '.join(head)}, output trigger);"]
    for side in (other, "hardware"):
        links = [f".{name}({name})" for name in ins]
        links += [f".{name}({side}_{name})" for name in outs]
        links += [f".{name}({name})" for name in free if side == other]
        lines += [f"  wire [{width - 1}:0] {side}_{name};" for name, width in outs.items()]
        lines.append(f"  {side} the_{side}({', '.join(links)});")
    differ = " || ".join(f"{other}_{name} != hardware_{name}" for name in outs)
    lines += [f"  assign trigger = {differ};", "endmodule", ""]
    return "\n".join(lines)


def logic_cells(folder: Path) -> int:
    """Return how many logic cells nextpnr used for the unit in `folder`."""
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    try:
        return int(report["utilization"]["ICESTORM_LC"]["used"])
    except KeyError:
        raise ToolFailed("nextpnr-ice40", "no count in its report", folder / "nextpnr.log") from None
