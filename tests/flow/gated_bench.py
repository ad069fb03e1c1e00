"""Simulate a mapped netlist of standard cells beside the exact model, its clock gates included.

The cells' models come from the functions that ABC maps by. Inputs change after the rising edge, so
that a clock gate has the second half of the cycle before; en and rst toggle at random.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from upward import gates

from esru.design import Design
from esru.flow import targets, toolchain
from esru.flow.measure import Netlist, mapped_modules
from esru.flow.process import run
from esru.flow.stimuli import stimuli
from esru.flow.yosys import run_script
from esru.hdl.emit import emit_rtlil, module_name

#: The other cells: flip-flops, the AND of a clock gate where no gate of ABC is one, and what it is
#: not.
_CELLS = """\
module AND2(input A, B, output Y); assign Y = A & B; endmodule
module OR2(input A, B, output Y); assign Y = A | B; endmodule
module DFFPOSX1(input CLK, D, output reg Q); always @(posedge CLK) Q <= D; endmodule
module DFFNEGX1(input CLK, D, output reg Q); always @(negedge CLK) Q <= D; endmodule
"""

_BENCH = """\
module bench;
  reg clk = 1, rst, en;
  reg [{w_in}:0] data;
  wire [{w_out}:0] got;
  integer failures = 0;
  {module} dut (.clk(clk), .rst(rst), .en(en), .{port_in}(data), .{port_out}(got));
  task check(input [{w_out}:0] expected);
    if (got !== expected) failures = failures + 1;
  endtask
  task cycle(input reset, input enable, input [{w_in}:0] value, input [{w_out}:0] expected);
    begin
      #1 rst = reset; en = enable; data = value;
      #4 clk = 0;
      #4 {before}
      #1 clk = 1;
      #1 {after}
    end
  endtask
  initial begin
    // Nothing has a value yet.
    rst = 1; en = 0; data = 0; #5 clk = 0; #5 clk = 1;
{cycles}
    $display("%0d failures", failures);
    $finish;
  end
endmodule
"""


def mapped(design: Design, target: str, folder: Path) -> dict[str, Any]:
    """Return a design's netlist of a target's cells, as `write_json` has it."""
    return mapped_text(Netlist(module_name(design), emit_rtlil(design)), target, folder)


def mapped_text(netlist: Netlist, target: str, folder: Path) -> dict[str, Any]:
    """Return a module's netlist of a target's cells, as `write_json` has it."""
    folder.mkdir(exist_ok=True)
    recipe = targets.target(target)
    (module,) = mapped_modules([netlist], recipe, toolchain.yosys(), folder)
    return module


def models(target: str) -> str:
    """Return a target's cells as Verilog modules."""
    text = _CELLS
    for gate in gates(target).values():
        function = re.sub(r"CONST([01])", r"1'b\1", gate.function)
        function = function.replace("*", "&").replace("+", "|").replace("!", "~")
        pins = sorted(set(re.findall(r"\b[A-Z]\w*", function)))
        ports = ", ".join([*(f"input {pin}" for pin in pins), f"output {gate.output}"])
        text += f"module {gate.name}({ports}); assign {gate.output} = {function}; endmodule\n"
    return text


def cycles(design: Design, count: int) -> Iterator[tuple[bool, bool, int, int]]:
    """Yield (rst, en, input, output) of clock cycles after a reset, drawn by a fixed seed.

    The output is there before the rising edge, or in a register after it. Input and answer of
    the next word stand there while en is 0, too: a clock that is not gated would take it.
    """
    rng = random.Random(20261130)
    rounds, held, variant = stimuli(design, design.lanes, count, 0), 0, 0
    data, _, answer = next(rounds)
    for _ in range(count):
        reset, enable = rng.random() < 0.06, rng.random() < 0.6
        if enable or reset:
            held = 0 if reset else answer
        yield reset, enable, data, held if design.latency else answer
        if reset:
            # Other data after every reset, and the first word again.
            variant += 1
            rounds = stimuli(design, design.lanes, count, variant)
        if enable or reset:
            data, _, answer = next(rounds)


def failures(
    design: Design, module: dict[str, Any], target: str, folder: Path, count: int = 400
) -> int:
    """Simulate a mapped module in Icarus; return how many cycles had another output."""
    name = module_name(design)
    (folder / "netlist.json").write_text(json.dumps({"modules": {name: module}}))
    script = "read_json netlist.json\nwrite_verilog -noattr netlist.v\n"
    run_script(script, cwd=folder, log=folder / "netlist.log")
    decision = design.boundary == "decision"
    w_in = design.lanes * (design.fraction_bits if decision else design.x_bits)
    w_out = design.lanes * (1 if decision else design.out_format.width)
    lines = [
        f"    cycle({reset:d}, {enable:d}, {w_in}'h{data:x}, {w_out}'h{expected:x});"
        for reset, enable, data, expected in cycles(design, count)
    ]
    bench = _BENCH.format(
        module=name,
        w_in=w_in - 1,
        w_out=w_out - 1,
        port_in="frac" if decision else "x",
        port_out="up" if decision else "y",
        before=";" if design.latency else "check(expected);",
        after="check(expected);" if design.latency else ";",
        cycles="\n".join(lines),
    )
    (folder / "bench.v").write_text(bench)
    (folder / "models.v").write_text(models(target))
    compiler = toolchain.iverilog()
    arguments = ["-g2012", "-s", "bench", "-o", "bench", "bench.v", "netlist.v", "models.v"]
    log = folder / "iverilog.log"
    assert run([*compiler.command, *arguments], cwd=folder, log=log) == 0, log.read_text()
    log = folder / "simulation.log"
    simulator = str(Path(compiler.command[0]).with_name("vvp"))
    assert run([simulator, "-n", "bench"], cwd=folder, log=log) == 0, log.read_text()
    (found,) = re.findall(r"(\d+) failures", log.read_text())
    return int(found)
