"""Formal proof: the hardware against the independent Verilog of `esru.flow.reference`.

Two proofs, both for all inputs:

- The bare rule, combinational, with the random word as an input: one SAT question.
- The whole module, with its source, reset and enable, from its start-up state on: sequential
  sweeping (`scorr`) and, for what it leaves over, PDR in `yosys-abc`. Every lane gets the same
  input there; that a lane looks at no other lane's input is read off the netlist, and both
  together are the proof for all inputs of all lanes. Where the words come from operands, each
  lane has an input of its own instead.

A proof that neither succeeds nor fails is an error, never a pass.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from esru.design import Design
from esru.errors import ToolFailed
from esru.float_formats import SCALE_BITS
from esru.flow.aiger import Aiger, read_aiger
from esru.flow.checks import Check, controls, words_covered
from esru.flow.decide import TIME_LIMIT, decide
from esru.flow.miter import TO_GATES
from esru.flow.reference import design_verilog, rounder_verilog
from esru.flow.yosys import run_script
from esru.hdl.emit import emit_rtlil, module_name, rounder_rtlil
from esru.sources.settings import OPERANDS

_SAT = """\
read_verilog reference.v
read_rtlil hardware.il
proc
opt_clean
rename {module} hardware
miter -equiv -flatten -make_outputs reference hardware miter
hierarchy -top miter
opt -full
sat -timeout {limit} -prove trigger 0 -show-ports miter
"""

# Undefined constants (function locals of the reference) become free inputs.
MITER = (
    """\
read_verilog reference.v top.v
read_rtlil hardware.il
{models}
proc
opt_clean
rename {module} hardware
"""
    + TO_GATES
)

_NETLIST = """\
read_rtlil hardware.il
{models}
hierarchy -top {module}
proc
flatten
opt_clean
techmap
opt_expr
opt_clean
dffunmap
aigmap
write_aiger -ascii -zinit -symbols netlist.aag
"""


def prove_rounder(design: Design, folder: Path, text: str | None = None) -> Check:
    """Prove the bare rule (beyond `decision`: with its adder and saturation) for all inputs.

    Parameters
    ----------
    design : Design
        The unit.
    folder : Path
        Where scripts and logs go.
    text : str or None
        RTLIL to prove instead of `esru.hdl.emit.rounder_rtlil`'s, for tests with seeded faults.

    Raises
    ------
    ToolMissing, ToolFailed
        If there is no Yosys, or it fails or comes to no conclusion.
    """
    began = time.monotonic()
    text = rounder_rtlil(design) if text is None else text
    (folder / "hardware.il").write_text(text, encoding="utf-8")
    (folder / "reference.v").write_text(rounder_verilog(design), encoding="utf-8")
    log = folder / "rounder.log"
    script = _SAT.format(module=f"{module_name(design)}_rounder", limit=TIME_LIMIT)
    run_script(script, cwd=folder, log=log)
    spoken = log.read_text(encoding="utf-8", errors="replace")
    proved = "no model found: SUCCESS!" in spoken
    if proved == ("model found: FAIL!" in spoken):
        raise ToolFailed("Yosys sat", "the proof of the rounder was not conclusive", log)
    names, bits = ["x"], design.input.width + design.k
    if design.boundary == "decision":
        names, bits = ["frac"], design.n + design.k
    elif design.boundary == "accumulator":
        names, bits = ["w", "x"], bits + design.out_format.width
    sets = "pairs" if len(names) == 1 else "triples"
    return Check(
        "formal",
        "rounder == reference (SAT)",
        1 << bits,
        proved,
        f"all 2^{bits} {sets} of {', '.join(names)} and word" if proved else _model(spoken),
        time.monotonic() - began,
    )


def _model(spoken: str) -> str:
    """Return the values in the counterexample that Yosys' `sat` printed."""
    values = dict(re.findall(r"\\(in_\w+|gate_\w+|gold_\w+)\s+(\d+)\s", spoken))
    names = {"in_frac": "frac", "in_w": "w", "in_x": "x", "in_word": "word"}
    names |= {"gold_up": "expected", "gold_y": "expected", "gate_up": "got", "gate_y": "got"}
    return ", ".join(f"{text} {values[key]}" for key, text in names.items() if key in values)


def prove_design(
    design: Design,
    folder: Path,
    lanes: int | None = None,
    text: str | None = None,
    models: Sequence[str] = (),
) -> Check:
    """Prove the whole module for all sequences of inputs: source, reset, enable and lanes.

    Parameters
    ----------
    design : Design
        The unit.
    folder : Path
        Where scripts and logs go.
    lanes : int or None
        Lanes of a whole array; None: the lanes of one source.
    text : str or None
        RTLIL to prove instead of `esru.hdl.emit.emit_rtlil`'s: of another structure, or with
        seeded faults.
    models : sequence of str
        Yosys commands that read models of the cells in that text.

    Raises
    ------
    ToolMissing, ToolFailed
        If there is no Yosys or yosys-abc, or a proof fails to end within `TIME_LIMIT`.
    """
    began = time.monotonic()
    count = design.lanes if lanes is None else lanes
    text = emit_rtlil(design, lanes) if text is None else text
    (folder / "hardware.il").write_text(text, encoding="utf-8")
    reference = design_verilog(*_fewest_lanes(design, count))
    (folder / "reference.v").write_text(reference, encoding="utf-8")
    (folder / "top.v").write_text(_top(design, count), encoding="utf-8")
    named = {"module": module_name(design, lanes), "models": "\n".join(models)}
    run_script(MITER.format(**named), cwd=folder, log=folder / "miter.log")
    failure = decide(folder, "the reference")
    if not failure and count > 1 and design.source not in OPERANDS:
        run_script(_NETLIST.format(**named), cwd=folder, log=folder / "netlist.log")
        failure = _crosstalk(design, count, read_aiger(folder / "netlist.aag"))
    words, covered = words_covered(design)
    return Check(
        "formal",
        "module == reference (PDR)",
        words * count,
        not failure,
        failure or f"every input, {controls(design)} in every cycle, {covered}, {_number(count)}",
        time.monotonic() - began,
    )


def _number(lanes: int) -> str:
    return "1 lane" if lanes == 1 else f"{lanes} lanes"


def _fewest_lanes(design: Design, lanes: int) -> tuple[Design, int]:
    """Return the reference's design and its lanes: one a source if all of them see the same."""
    if design.source in OPERANDS:
        return design, lanes
    # Where all inputs are the same, so are all scales.
    alike = replace(design, block=0)
    if design.lanes == 1 or design.map != "same":
        return alike, lanes
    return replace(alike, lanes=1), lanes // design.lanes


def _top(design: Design, lanes: int) -> str:
    """Return the miter: every lane gets the same input, every lane's output is compared."""
    _, groups = _fewest_lanes(design, lanes)
    decision = design.boundary == "decision"
    port, wide = _data_port(design)
    out, wide_out = ("up", 1) if decision else ("y", design.out_format.width)
    # Lanes that look at their neighbours' operands get operands of their own.
    copies = 1 if design.source in OPERANDS else lanes
    wide *= lanes // copies
    beside = design.side_inputs(lanes)
    control = ".clk(clk), .rst(rst), .en(en)"
    inputs = scales = ""
    whole = "data"
    if "r" in beside:
        inputs = f"input [{beside['r'] - 1}:0] r, "
        control += ", .r(r)"
    more = same = ""
    if "first" in beside:
        inputs += "input first, "
        control += ", .first(first)"
    if "w" in beside:
        bits = beside["w"] // copies
        inputs += f"input [{bits - 1}:0] w, "
        more, same = (f", .w({{{many}{{w}}}})" for many in (copies, min(groups, copies)))
    if "scale" in beside:
        bits = beside["scale"] if copies == 1 else SCALE_BITS
        inputs += f"input [{bits - 1}:0] scale, "
        scales = f", .scale({{{beside['scale'] // bits}{{scale}}}})"
        # The reference of operands has the port too; the other takes the scale with the word.
        whole = "data" if design.source in OPERANDS else "{scale, data}"
    if design.load:
        inputs += f"input load, input [{lanes // design.lanes * design.length - 1}:0] seed, "
        control += ", .load(load), .seed(seed)"
    expected = ", ".join(
        f"{{{lanes // groups}{{expected[{group * wide_out} +: {wide_out}]}}}}"
        for group in reversed(range(groups))
    )
    return (
        f"module top(input clk, input rst, input en, input [{wide - 1}:0] data, "
        f"{inputs}output trigger);\n"
        f"  wire [{groups * wide_out - 1}:0] expected;\n"
        f"  wire [{lanes * wide_out - 1}:0] got;\n"
        f"  reference wanted({control}{scales if whole == 'data' else ''}{same}, "
        f".{port}({{{min(groups, copies)}{{{whole}}}}}), .{out}(expected));\n"
        f"  hardware found({control}{scales}{more}, .{port}({{{copies}{{data}}}}), .{out}(got));\n"
        f"  assign trigger = got != {{{expected}}};\n"
        "endmodule\n"
    )


def _data_port(design: Design) -> tuple[str, int]:
    """Return the name of the data input and the bits of one lane."""
    if design.boundary == "decision":
        return "frac", design.fraction_bits
    return "x", design.x_bits


def _crosstalk(design: Design, lanes: int, netlist: Aiger) -> str:
    """Return the first lane that looks at another lane's input, or an empty text."""
    decision = design.boundary == "decision"
    port, wide = _data_port(design)
    out, wide_out = ("up", 1) if decision else ("y", design.out_format.width)
    bit = re.compile(rf"({port}|w|scale)\[(\d+)\]")
    for lane in range(lanes):
        names = [f"{out}[{i}]" for i in range(lane * wide_out, (lane + 1) * wide_out)]
        block = lane // design.block if design.block else 0
        for name in netlist.cone(names):
            found = bit.fullmatch(name)
            if not found:
                continue
            index = int(found[2])
            if found[1] == port and index // wide != lane:
                return f"lane {lane} depends on {name}, an input of lane {index // wide}"
            if found[1] == "w" and index // wide_out != lane:
                return f"lane {lane} depends on {name}, an input of lane {index // wide_out}"
            if found[1] == "scale" and index // SCALE_BITS != block:
                return f"lane {lane} depends on {name}, of block {index // SCALE_BITS}"
    return ""
