"""Text forms of the hardware: RTLIL from Amaranth alone, and Verilog through the one Yosys.

Both are the same bytes on every machine: no source paths, no dates, no tool's own names.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from amaranth.back import rtlil
from amaranth.hdl import ClockDomain, Fragment
from amaranth.hdl._ir import PortDirection
from amaranth.lib import wiring

from esru import __version__
from esru.design import Design
from esru.flow.targets.cells import FILE, lut_cells
from esru.flow.toolchain import Tool
from esru.flow.yosys import run_script
from esru.hdl.array import array, bare_logic
from esru.hdl.fabric import Fabric
from esru.hdl.padding import pad_operands
from esru.hdl.sources import Source
from esru.hdl.stream import StreamBank
from esru.hdl.verilog import tidy
from esru.sources import source_model
from esru.sources.settings import VISITS_ZERO

#: Where the words of a source without a period come from.
_WORDS = {
    "operand-own": "the lane's own operand",
    "operand-prev": "the lane's operand of the cycle before",
    "operand-neighbour": "the next lane's operand",
    "operand-xor": "the lane's own operand XOR the next lane's",
    "port": "the input r[k * sources], source 0 lowest",
}

_MODULE = re.compile(r"^(module (\w+) .*?^endmodule\n)", re.MULTILINE | re.DOTALL)

_PORT = re.compile(r"(?<= )(input|output) (\d+) ")

#: `always @*` as Yosys would write it without `proc` gives X on the first clock edge in Icarus.
_TO_VERILOG = """\
read_rtlil module.il
proc
opt_clean
opt_dff
clean
write_verilog -noattr module.v
"""

#: The same for a hierarchy, made flat; of the attributes only those of vendor cells are kept.
_TO_FLAT_VERILOG = """\
read_rtlil module.il
proc
flatten
clean
setattr -mod -unset generator -unset top
setattr -unset hdlname -unset src */w:*
setattr -unset hdlname -unset src */c:*
write_verilog module.v
"""


def module_name(design: Design, lanes: int | None = None) -> str:
    """Return the name of the module: ``esru_<id>``, or ``esru_<id>_x<M>`` for an array."""
    return f"esru_{design.id}" + ("" if lanes is None else f"_x{lanes}")


def convert(component: wiring.Component, name: str, clocked: bool) -> str:
    """Return the RTLIL of a component; a clocked one has the ports clk and rst, used or not."""
    fragment = Fragment.get(component, None)
    ports = {}
    if clocked:
        sync = ClockDomain("sync")
        fragment.add_domains(sync)
        ports["clk"] = (sync.clk, PortDirection.Input)
        ports["rst"] = (sync.rst, PortDirection.Input)
    for path, member, value in component.signature.flatten(component):
        if not len(value):
            continue  # the word of a design without random bits
        direction = PortDirection.Input if member.flow == wiring.In else PortDirection.Output
        ports["__".join(map(str, path))] = (value, direction)
    text, _ = rtlil.convert_fragment(fragment, ports, name, emit_src=False)
    # Amaranth numbers ports from 0; Yosys counts from 1 and puts a port 0 last.
    return _PORT.sub(lambda port: f"{port[1]} {int(port[2]) + 1} ", text)


def emit_rtlil(design: Design, lanes: int | None = None, fabric: Fabric | None = None) -> str:
    """Return a design's hardware as RTLIL: one flat module.

    Parameters
    ----------
    design : Design
        The unit; ``replace(design, boundary="unit")`` gives another boundary.
    lanes : int or None
        Lanes of a whole array, a multiple of ``design.lanes``; None: the lanes of one source.
    fabric : Fabric or None
        Cells that the lanes are made of, as `Bank` takes it.

    Returns
    -------
    str
        RTLIL text with the one module `module_name(design, lanes)`.

    Raises
    ------
    InputError
        If the number of lanes does not fit the design.
    """
    return convert(array(design, lanes, fabric), module_name(design, lanes), clocked=True)


def emit_verilog(
    design: Design,
    lanes: int | None = None,
    tool: Tool | None = None,
    fabric: Fabric | None = None,
) -> str:
    """Return a design's hardware as Verilog: one flat module.

    Registers have initial values, so that nothing is X at start-up. The text names no source
    paths, no dates and no tools.

    Parameters
    ----------
    design : Design
        The unit.
    lanes : int or None
        As `emit_rtlil` takes it.
    tool : Tool or None
        The Yosys that writes it; None: `esru.flow.toolchain.yosys`.
    fabric : Fabric or None
        As `emit_rtlil` takes it. LUTs of esru's own follow the module.

    Raises
    ------
    InputError
        If the number of lanes does not fit the design.
    ToolMissing, ToolFailed
        If there is no Yosys, or it fails.
    """
    rtlil = emit_rtlil(design, lanes, fabric)
    if fabric is None:
        return _header(design, lanes) + _to_verilog(rtlil, tool)
    text = flat_verilog(rtlil, tool)
    return _header(design, lanes) + text + _own_cells(text)


def _own_cells(text: str) -> str:
    """Return the modules of esru's own LUTs that a text uses; synthesis is told to keep them."""
    known = _MODULE.findall(lut_cells()[FILE])
    used = [module for module, name in known if re.search(rf"^  {name} ", text, re.MULTILINE)]
    return "".join(f"\n(* keep_hierarchy *)\n{module}" for module in used)


def flat_verilog(text: str, tool: Tool | None = None) -> str:
    """Return a hierarchy in RTLIL as Verilog of one flat module, without paths, dates and tools.

    Parameters
    ----------
    text : str
        RTLIL with one top module.
    tool : Tool or None
        The Yosys that writes it; None: `esru.flow.toolchain.yosys`.

    Raises
    ------
    ToolMissing, ToolFailed
        If there is no Yosys, or it fails.
    """
    return _verilog(text, _TO_FLAT_VERILOG, tool)


def stream_name(design: Design, lanes: int | None = None) -> str:
    """Return the name of the stream module: the module's with ``_stream``."""
    return f"{module_name(design, lanes)}_stream"


def stream_rtlil(design: Design, lanes: int | None = None) -> str:
    """Return `esru.hdl.stream.StreamBank` as RTLIL; arguments and errors as `emit_rtlil`'s."""
    return convert(StreamBank(design, lanes), stream_name(design, lanes), clocked=True)


def stream_verilog(design: Design, lanes: int | None = None, tool: Tool | None = None) -> str:
    """Return the same as Verilog; arguments and errors as `emit_verilog`'s."""
    text = _to_verilog(stream_rtlil(design, lanes), tool)
    count = design.lanes if lanes is None else lanes
    lines = (
        f"esru {__version__}: {design} as a valid/ready stream, lanes {count}, latency "
        f"{design.latency}",
        "A word is taken in a cycle with i__valid = i__ready = 1, given in one with o__valid =",
        "o__ready = 1. The sources step once for each word taken, whenever that is.",
        "clk: rising edge; rst: synchronous, high",
        *_steady_lines(design, count),
        *_load_lines(design),
    )
    return _comment(lines) + text


def _steady_lines(design: Design, lanes: int) -> list[str]:
    """Return what a stream's comment says of inputs that a waiting word passes through with."""
    names = list(design.side_inputs(lanes))
    if design.latency or not (names or design.load):
        return []
    steady = [f"keep {' and '.join(names)} steady"] if names else []
    steady += ["load at 0"] if design.load else []
    return [f"While a word waits (o__valid = 1, o__ready = 0) {' and '.join(steady)}."]


def _to_verilog(text: str, tool: Tool | None) -> str:
    return tidy(_verilog(pad_operands(text), _TO_VERILOG, tool))


def _verilog(text: str, script: str, tool: Tool | None) -> str:
    with tempfile.TemporaryDirectory(prefix="esru-") as name:
        folder = Path(name)
        (folder / "module.il").write_text(text, encoding="utf-8")
        run_script(script, cwd=folder, log=folder / "verilog.log", tool=tool)
        verilog = (folder / "module.v").read_text(encoding="utf-8")
    return verilog[verilog.index("module ") :]


def _comment(lines: Sequence[str]) -> str:
    # The files are named <id>.v by the interface that others rely on.
    return "".join(f"// {line}\n" for line in lines) + "// verilator lint_off DECLFILENAME\n"


#: What happens once in a clock cycle, and what a cycle with en = 1 does.
_RATE = {
    "decision": "rounding",
    "result": "rounding",
    "unit": "rounding",
    "accumulator": "update",
    "dither": "addition",
}
_WORK = {
    "decision": "rounds in this cycle",
    "result": "rounds in this cycle",
    "unit": "rounds in this cycle",
    "accumulator": "updates in this cycle",
    "dither": "adds in this cycle (first: 1 starts again from the random word)",
}


def _data(design: Design) -> str:
    """Return what goes in and comes out, and when."""
    wide, out = design.x_bits, f"y[{design.out_format.width} * lanes]"
    return {
        "decision": f"frac[{design.fraction_bits} * lanes] to up[lanes], combinational (latency 0)",
        "result": f"x[{wide} * lanes] to {out}, combinational (latency 0)",
        "unit": f"x[{wide} * lanes] to {out}, registered (latency 1)",
        "accumulator": f"w[{design.out_format.width} * lanes] + x[{wide} * lanes] to {out}, "
        "registered (latency 1)",
        "dither": f"sums of x[{wide} * lanes] to {out}, from the registers (latency 1)",
    }[design.boundary]


def _header(design: Design, lanes: int | None) -> str:
    """Return the comment above the Verilog: what it is and how to connect it."""
    count = design.lanes if lanes is None else lanes
    sources = count // design.lanes
    rate = f"one {_RATE[design.boundary]} a lane and clock cycle"
    period = source_model(design).period
    words = f"period {period} words" if period else f"words from {_WORDS[design.source]}"
    lines = (
        f"esru {__version__}: stochastic rounding unit {design}",
        f"id {design.id}, boundary {design.boundary}, lanes {count} (lane 0 lowest), "
        f"sources {sources}, {words}",
        f"input {design.input}, output {design.out_format}, {design.overflow}",
        f"{_data(design)}; {rate}",
        *(
            f"scale[8 * blocks]: E8M0, one for each block of {design.block} lanes"
            for name in design.side_inputs(count)
            if name == "scale"
        ),
        f"clk: rising edge; rst: synchronous, high; en: 1 {_WORK[design.boundary]}, "
        f"0 holds{'' if design.latency else ' the sources'}",
        *_load_lines(design),
    )
    return _comment(lines)


def _load_lines(design: Design) -> list[str]:
    """Return what the comment says of the ports for seeds, if there are any."""
    if not design.load:
        return []
    zero = "" if design.source in VISITS_ZERO else ", 0 taken as 1"
    return [
        f"load: 1 makes seed[{design.length} * sources] (source 0 lowest{zero}) the sources' "
        "states at",
        "the clock edge, instead of a step and whatever en is; the next word is the seed's",
    ]


def locked_rtlil(design: Design, phase: int) -> str:
    """Return the bare source as RTLIL, started in its lockup state, for proofs of recovery.

    The module is ``esru_<id>_source``: clk, rst, en and word[k]. A reset leads back to the lockup
    state; `phase` says whether the first word is an inverted one.
    """
    return convert(Source(design, phase, start=0), f"{module_name(design)}_source", clocked=True)


def rounder_rtlil(design: Design) -> str:
    """Return the bare rule as RTLIL, without a source, for proofs over every random word.

    The module is ``esru_<id>_rounder``: frac[n] and word[k] to up at the boundary ``decision``,
    x[W_in] and word[k] to y[W_out] at ``result`` and ``unit``, combinational. With k = 0 there is
    no port ``word``.
    """
    return convert(bare_logic(design), f"{module_name(design)}_rounder", clocked=False)
