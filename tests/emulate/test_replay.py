"""A tensor replayed through the simulated hardware: Amaranth, and the emitted Verilog."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from esru.design import Design, parse
from esru.emulate import round_tensor
from esru.flow.toolchain import iverilog
from esru.hdl.bank import Bank
from esru.hdl.emit import emit_verilog, module_name

torch = pytest.importorskip("torch")

LANES = 8
DESIGNS = [
    "papers,boundary=unit",
    "reference,boundary=unit",
    "8:7:select:lfsr13,leap=7,lanes=8,boundary=unit",
    "5:3:half:debruijn6,leap=3,lanes=2,out=s4.1,boundary=unit",
    "9:4:nearest:plateau5,out=u6.0,boundary=unit",
    "8:8:zero:lfsr13,leap=8,lanes=8,out=ocp_e4m3,boundary=unit",
    "20:4:half:lfsr9,out=ocp_e5m2,overflow=nonsaturate,boundary=unit",
    "8:7:select:lfsr13,leap=7,lanes=8,out=ocp_e2m1,boundary=unit",
    "8:3:replicate:plateau3,out=bfloat16,boundary=unit",
    "6:3:half:lfsr7,lanes=4,out=ocp_e3m2,boundary=unit",
    "8:4:zero:debruijn5,out=ocp_e2m3,boundary=unit",
    "5:4:zero:lfsr9,in=bfloat16,out=ocp_e4m3,boundary=unit",
    "7:6:select:lfsr13,leap=6,lanes=8,in=float16,out=ocp_e5m2,boundary=unit",
    "8:3:half:lfsr9,in=mx_float32,out=ocp_e2m1,boundary=unit",
    "4:3:nearest:plateau5,in=mx_bfloat16,out=ocp_e3m2,boundary=unit",
    "6:5:replicate:debruijn5,in=mx_float16,out=ocp_e2m3,boundary=unit",
]

#: Elements that share a scale, in the tensors of units with scales.
BLOCK = 5

#: Drives one bank: a line of stimuli a cycle, the registered outputs printed a line a cycle.
BENCH = """\
module bench;
  reg clk = 0, rst = 0, en = 1;
  reg [{wide}:0] stimuli [0:{last}];
  reg [{wide}:0] x;
  wire [{narrow}:0] y;
  {module} unit (.clk(clk), .rst(rst), .en(en), .x(x), .y(y));
  integer cycle;
  initial begin
    $readmemh("stimuli.hex", stimuli);
    for (cycle = 0; cycle <= {last}; cycle = cycle + 1) begin
      x = stimuli[cycle];
      #1 clk = 1;
      #1 $display("%h", y);
      clk = 0;
      #1;
    end
  end
endmodule
"""


def rounded(design: Design, values: Any, phase: int) -> tuple[Any, int]:
    """Round a tensor; of a unit with scales, with those of `exponents`."""
    if str(design.input).startswith("mx_"):
        scale = exponents(len(values))
        return round_tensor(design, values, phase, LANES, scale=scale)
    return round_tensor(design, values, phase, LANES)


def exponents(size: int) -> np.ndarray:
    """Return the exponent of each element's scale."""
    return np.random.default_rng(size).integers(2, 9, -(-size // BLOCK)).repeat(BLOCK)[:size]


def numbers(design: Design, size: int, rng: np.random.Generator) -> np.ndarray:
    """Return float32 values that a unit's input format has; any, for fixed point."""
    values = rng.normal(scale=60, size=size).astype(np.float32)
    if design.floats and design.input.name.endswith("bfloat16"):
        return (values.view(np.uint32) & 0xFFFF0000).view(np.float32)
    if design.floats and design.input.name.endswith("float16"):
        return values.astype(np.float16).astype(np.float32)
    return values


def stimuli(design: Design, values: np.ndarray) -> list[int]:
    """Return one packed word of inputs per cycle.

    Values are floored to n bits and saturated; of a float unit they are patterns, a block's scale
    above the sign.
    """
    fmt = design.input
    if design.floats:
        plain = fmt.name.removeprefix("mx_")
        bits = values.view(np.uint32)
        if plain == "bfloat16":
            bits = bits >> 16
        elif plain == "float16":
            bits = values.astype(np.float16).view(np.uint16)
        words = bits.astype(np.int64)
        if plain != fmt.name:
            words |= (exponents(len(values)) + 127) << (32 if plain == "float32" else 16)
    else:
        scaled = np.floor(values.astype(np.float64) * 2**design.dropped)
        words = np.clip(scaled, fmt.low, fmt.high).astype(np.int64)
    mask = (1 << fmt.width) - 1
    rows = np.resize(np.pad(words, (0, -len(words) % LANES)), (-(-len(words) // LANES), LANES))
    return [
        sum((int(word) & mask) << lane * fmt.width for lane, word in enumerate(row)) for row in rows
    ]


def outputs(design: Design, packed: list[int], size: int) -> list[float]:
    """Return the outputs of all cycles, lane 0 first."""
    out, mask = design.out_format, (1 << design.out_format.width) - 1
    words = [out.decode(row >> lane * out.width & mask) for row in packed for lane in range(LANES)]
    return words[:size]


def amaranth(design: Design, inputs: list[int]) -> list[int]:
    bank = Bank(design, LANES)
    found: list[int] = []

    async def bench(ctx: Any) -> None:
        ctx.set(bank.en, 1)
        for word in inputs:
            ctx.set(bank.x, word)
            await ctx.tick()
            found.append(ctx.get(bank.y))

    simulator = Simulator(bank)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return found


def verilog(design: Design, inputs: list[int], folder: Path) -> list[int]:
    wide, narrow = design.input.width * LANES, design.out_format.width * LANES
    (folder / "unit.v").write_text(emit_verilog(design, LANES))
    (folder / "stimuli.hex").write_text("".join(f"{word:x}\n" for word in inputs))
    (folder / "bench.v").write_text(
        BENCH.format(
            wide=wide - 1,
            narrow=narrow - 1,
            last=len(inputs) - 1,
            module=module_name(design, LANES),
        )
    )
    command = [*iverilog().command, "-g2005", "-o", "bench", "unit.v", "bench.v"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    ran = subprocess.run(["vvp", "bench"], cwd=folder, check=True, capture_output=True, text=True)
    return [int(line, 16) for line in ran.stdout.split()]


@pytest.mark.parametrize("text", DESIGNS)
def test_a_tensor_through_the_hardware(text: str, tmp_path: Path) -> None:
    """Three tensors one after the other, from reset; the middle one fills no whole cycle."""
    design = parse(text)
    rng = np.random.default_rng(7)
    tensors = [numbers(design, size, rng) for size in (400, 13, 331)]
    emulated: list[float] = []
    inputs: list[int] = []
    phase = 0
    for values in tensors:
        y, following = rounded(design, values, phase)
        again, same = rounded(design, torch.from_numpy(values), phase)
        assert same == following and np.array_equal(again.numpy(), y)
        emulated += y.tolist()
        inputs += stimuli(design, values)
        assert len(inputs) == following
        phase = following
    for packed in (amaranth(design, inputs), verilog(design, inputs, tmp_path)):
        found: list[float] = []
        first = 0
        for values in tensors:
            rows = -(-len(values) // LANES)
            found += outputs(design, packed[first : first + rows], len(values))
            first += rows
        assert found == emulated
