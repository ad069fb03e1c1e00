"""The stream: no word is lost, none comes twice, and each is what the bare module makes of it."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from amaranth.hdl import ClockDomain, Module
from amaranth.sim import Simulator

from esru.boundaries import ROUNDINGS
from esru.design import parse
from esru.flow.decide import decide
from esru.flow.miter import TO_GATES
from esru.flow.yosys import run_script
from esru.hdl.bank import Bank
from esru.hdl.emit import emit_rtlil, module_name, stream_name, stream_rtlil
from esru.hdl.stream import StreamBank

DESIGNS = [
    "4:3:zero:lfsr5",
    "4:3:select:debruijn4,lanes=2",
    "5:2:replicate:plateau3,leap=2",
    "4:0:half:none",
    "3:2:zero:port",
    "2:1:zero:lfsr3,in=mx_bfloat16,out=ocp_e2m1,block=1",
    "4:2:zero:plateau3,load=1",
]

#: The stream beside the bare module, whose `en` is a transfer in. `pending` counts the words taken
#: and not yet given: it is 0 or 1 (latency 0: always 0), o__valid shows it, and what is given is
#: what the bare module makes of the last word taken. Words are taken whenever there is room.
_TOP = """\
module top(input clk, input rst, {load}{declared}input [{w_in}:0] data, input valid, input ready,
           output bad);
  wire i_ready, o_valid;
  wire [{w_out}:0] got, expected;
  stream stream(.clk(clk), .rst(rst), {links}.i__payload(data), .i__valid(valid),
    .i__ready(i_ready), .o__payload(got), .o__valid(o_valid), .o__ready(ready));
  wire take = valid & i_ready;
  wire give = o_valid & ready;
  bare bare(.clk(clk), .rst(rst), .en(take), {links}.{port_in}(data), .{port_out}(expected));
  reg [1:0] pending = 0;
  always @(posedge clk) pending <= rst ? 2'd0 : pending + take - give;
  assign bad = (o_valid && got != expected) | {handshake};
endmodule
"""
_UNIT = "(pending > 1) | (o_valid != (pending == 1)) | (i_ready != (!o_valid | ready))"
_AT_ONCE = "(pending != 0) | (o_valid != valid) | (i_ready != ready)"

_MITER = (
    """\
read_verilog top.v
read_rtlil stream.il
rename {stream} stream
read_rtlil bare.il
rename {bare} bare
proc
opt_clean
"""
    + TO_GATES
)


def _proof(text: str, folder: Path, spoil: tuple[str, str] = ("", "")) -> str:
    """Return the counterexample's cycle, or an empty text: proved for all sequences."""
    design = parse(text)
    decision = design.boundary == "decision"
    w_in = design.lanes * (design.n if decision else design.x_bits)
    beside = design.side_inputs(design.lanes)
    w_out = design.lanes * (1 if decision else design.out_format.width)
    stream = stream_rtlil(design)
    assert spoil[0] in stream
    (folder / "stream.il").write_text(stream.replace(*spoil) if spoil[0] else stream)
    (folder / "bare.il").write_text(emit_rtlil(design))
    top = _TOP.format(
        w_in=w_in - 1,
        w_out=w_out - 1,
        load=f"input load, input [{design.length - 1}:0] seed, " if design.load else "",
        declared="".join(f"input [{bits - 1}:0] {name}, " for name, bits in beside.items()),
        links=(".load(load), .seed(seed), " if design.load else "")
        + "".join(f".{name}({name}), " for name in beside),
        port_in="frac" if decision else "x",
        port_out="up" if decision else "y",
        handshake=_UNIT if design.latency else _AT_ONCE,
    )
    (folder / "top.v").write_text(top)
    script = _MITER.format(stream=stream_name(design), bare=module_name(design))
    run_script(script, cwd=folder, log=folder / "miter.log")
    return decide(folder, "the bare module")


@pytest.mark.parametrize("boundary", ROUNDINGS)
@pytest.mark.parametrize("text", DESIGNS)
def test_nothing_is_lost_and_nothing_comes_twice(text: str, boundary: str, tmp_path: Path) -> None:
    """PDR: for every sequence of data, valid, ready and rst, of any length."""
    assert _proof(f"{text},boundary={boundary}", tmp_path) == ""


def test_the_proof_bites(tmp_path: Path) -> None:
    """The stage takes a word only every second cycle; the source steps without a transfer."""
    text = stream_rtlil(parse("4:3:zero:lfsr5,boundary=unit"))
    either = re.search(r"  cell \$or (\$\d+)\n(?:.*\n)*?  end\n", text)
    assert either is not None
    fault = (either[0], either[0].replace("$or", "$and", 1))
    assert "differs" in _proof("4:3:zero:lfsr5,boundary=unit", tmp_path, fault)
    for text in (DESIGNS[0], f"{DESIGNS[0]},boundary=result"):
        both = re.search(r"  cell \$and (\$\d+)\n(?:.*\n)*?  end\n", stream_rtlil(parse(text)))
        assert both is not None
        fault = (both[0], both[0].replace("$and", "$or", 1))
        assert "differs" in _proof(text, tmp_path, fault)


@pytest.mark.parametrize("boundary", ["unit", "result"])
def test_full_throughput_and_the_same_words_whatever_the_neighbours_do(boundary: str) -> None:
    """Simulated: all words back to back, then once more with random stalls."""
    design = parse(f"4:3:zero:lfsr5,lanes=2,boundary={boundary}")
    rng = random.Random(1)
    words = [rng.getrandbits(2 * design.input.width) for _ in range(200)]

    def run(stall: float) -> tuple[list[int], int]:
        bank = StreamBank(design)
        top = Module()
        top.domains += ClockDomain("sync")
        top.submodules += bank
        given: list[int] = []
        cycles = 0

        async def bench(ctx: object) -> None:
            nonlocal cycles
            left = list(words)
            while len(given) < len(words):
                valid = bool(left) and rng.random() >= stall
                ctx.set(bank.i.valid, valid)  # type: ignore[attr-defined]
                ctx.set(bank.i.payload, left[0] if valid else 0)  # type: ignore[attr-defined]
                ctx.set(bank.o.ready, rng.random() >= stall)  # type: ignore[attr-defined]
                if ctx.get(bank.o.valid) and ctx.get(bank.o.ready):  # type: ignore[attr-defined]
                    given.append(ctx.get(bank.o.payload))  # type: ignore[attr-defined]
                if ctx.get(bank.i.ready) and valid:  # type: ignore[attr-defined]
                    left.pop(0)
                await ctx.tick()  # type: ignore[attr-defined]
                cycles += 1

        simulator = Simulator(top)
        simulator.add_clock(1e-6)
        simulator.add_testbench(bench)
        simulator.run()
        return given, cycles

    fast, cycles = run(0.0)
    assert cycles == len(words) + design.latency
    slow, _ = run(0.5)
    assert slow == fast


def test_lanes_are_checked_as_the_bare_modules_are() -> None:
    assert issubclass(StreamBank, Bank)
    with pytest.raises(ValueError, match="Lanes of the array must be"):
        StreamBank(parse("papers"), 0)
