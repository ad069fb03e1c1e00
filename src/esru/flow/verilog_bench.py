"""A plain Verilog testbench with vectors, for simulators without Python."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import NamedTuple

from esru.design import Design
from esru.flow.loads import load_cycles
from esru.flow.stimuli import stimuli
from esru.hdl.emit import module_name

#: Roundings checked per lane, at most; with many lanes fewer, so that the file stays small.
_ROUNDINGS = 512
_MOST_LANES_TIMES_ROUNDINGS = 1 << 13

#: Resets come after so many roundings; each time the words are the first ones again.
_BEFORE_RESETS = (24, 5, 3, 8, 2, 6)

#: Seeds that are loaded where there is a port for them.
_LOADS = 32

_SEED = 20250322

_BENCH = """\
// Testbench of {module} ({design}): {count} vectors from the exact model.
// Reset, hold and the words from start-up on. Prints PASS or FAIL; run for example
//   iverilog -g2001 -o bench {stem}.v {stem}_tb.v && vvp -n bench
// Exit status 1 on failure, where the simulator has a way to say so.
// verilator lint_off DECLFILENAME
module {module}_tb;
  reg clk = 1'b0, rst = 1'b0, en = 1'b0;
  reg [{w_in}:0] data = 0;{declared}
  wire [{w_out}:0] got;
  integer checks = 0, failures = 0;

  {module} dut (.clk(clk), .rst(rst), .en(en), .{port_in}(data), .{port_out}(got){connected});

  // Inputs change after the falling edge; {when}.
  task check(input reset, input enable, input [{w_in}:0] value,{taken} input [{w_out}:0] expected);
    begin
      rst = reset;
      en = enable;
      data = value;{given}
{sample}
      checks = checks + 1;
      if (got !== expected) begin
        failures = failures + 1;
        $display("FAIL: check %0d: input %h, expected %h, got %h", checks, value, expected, got);
      end
{rest}
    end
  endtask

  initial begin
{vectors}
    if (failures == 0) $display("PASS: {module}, %0d checks", checks);
    else $display("FAIL: {module}, %0d of %0d checks", failures, checks);
`ifdef __ICARUS__
    $finish_and_return(failures != 0);
`else
    if (failures != 0) $fatal(1);
    $finish;
`endif
  end
endmodule
"""

#: When a boundary's output is there, seen from its input.
_WHEN = {
    "decision": "the decision is there at once",
    "result": "y is there at once",
    "unit": "y is there after the rising edge",
    "accumulator": "y is there after the rising edge",
    "dither": "y is there after the rising edge",
}

_EDGES = "      #1 clk = 1'b1;\n      #1 clk = 1'b0;"


def verilog_bench(design: Design, lanes: int | None = None) -> str:
    """Return a testbench module ``<module>_tb`` for what `esru.hdl.emit.emit_verilog` writes.

    Parameters
    ----------
    design : Design
        The unit.
    lanes : int or None
        Lanes of a whole array; None: the lanes of one source.
    """
    count = design.lanes if lanes is None else lanes
    decision = design.boundary == "decision"
    w_in = count * (design.fraction_bits if decision else design.x_bits)
    w_out = count * (1 if decision else design.out_format.width)
    vectors = list(_vectors(design, count))
    # Inputs that only some modules have, each with its width and its argument of the task.
    arguments = {"r": "word", "scale": "exponents", "w": "stored", "first": "start"}
    more = [(name, bits, arguments[name]) for name, bits in design.side_inputs(count).items()]
    if design.load:
        more += [("load", 1, "fresh"), ("seed", count // design.lanes * design.length, "state")]
    width_in, width_out = f"{w_in}'h", f"{w_out}'h"
    name = module_name(design, lanes)
    return _BENCH.format(
        module=name,
        stem=name.removeprefix("esru_"),
        design=design,
        count=len(vectors),
        w_in=w_in - 1,
        w_out=w_out - 1,
        port_in="frac" if decision else "x",
        port_out="up" if decision else "y",
        when=_WHEN[design.boundary],
        sample=_EDGES if design.latency else "      #1;",
        rest="" if design.latency else _EDGES,
        vectors="\n".join(
            f"    check(1'b{vector.reset:d}, 1'b{vector.enable:d}, {width_in}{vector.data:x}, "
            + "".join(f"{wide}'h{vector.beside.get(name, 0):x}, " for name, wide, _ in more)
            + f"{width_out}{vector.expected:x});"
            for vector in vectors
        ),
        declared="".join(f"\n  reg {_range(wide)}{name} = 0;" for name, wide, _ in more),
        connected="".join(f", .{name}({name})" for name, _, _ in more),
        taken="".join(f" input {_range(wide)}{taken}," for _, wide, taken in more),
        given="".join(f"\n      {name} = {taken};" for name, _, taken in more),
    )


def _range(width: int) -> str:
    return f"[{width - 1}:0] " if width > 1 else ""


class _Vector(NamedTuple):
    """The inputs in a cycle, and the output in it (latency 0) or after it."""

    reset: bool
    enable: bool
    data: int
    beside: dict[str, int]
    expected: int


def _vectors(design: Design, lanes: int) -> Iterator[_Vector]:
    """Yield the vectors; other data after every reset, so that some data shows a missing one."""
    rng = random.Random(_SEED)
    at_once = not design.latency
    most = max(max(_BEFORE_RESETS), min(_ROUNDINGS, _MOST_LANES_TIMES_ROUNDINGS // lanes))
    held = 0
    stretches = [(words, True) for words in _BEFORE_RESETS] + [(most, bool(design.load))]
    for variant, (words, reset) in enumerate(stretches):
        for data, beside, expected in stimuli(design, lanes, words, variant):
            if not rng.randrange(8):
                yield _Vector(False, False, data, beside, expected if at_once else held)
            held = expected
            yield _Vector(False, True, data, beside, expected)
        if reset:
            # It goes before en: whatever the input, y is 0 and the first word is next.
            rounds = stimuli(design, lanes, words + 1, variant)
            for _ in range(words):
                next(rounds)
            data, beside, expected = next(rounds)
            held = 0
            yield _Vector(True, True, data, beside, expected if at_once else 0)
    for cycle in load_cycles(design, lanes, _LOADS) if design.load else ():
        loaded = {**cycle.round.beside, "load": cycle.load, "seed": cycle.seed}
        yield _Vector(cycle.rst, cycle.en, cycle.round.data, loaded, cycle.expected)
