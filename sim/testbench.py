"""cocotb tests of one emitted module: start-up, reset, enable, ends, exact values, the stream.

The environment says where the Verilog's manifest.json and interface.json are (ESRU_GENERATED) and
where the number of comparisons of each test goes (ESRU_COUNTS, a JSON file). `run.py` sets both.
"""

import json
import os
import random
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, ReadOnly, Timer
from model import Model

#: Words of a period that the stream follows, at most, and lanes times words.
MOST_WORDS = 1 << 13
MOST_CASES = 1 << 17


class Bench:
    """Drives the module and the model side by side, and compares every lane in every cycle."""

    def __init__(self, dut, name):
        self.dut, self.name, self.cases = dut, name, 0
        self.model = Model(os.environ["ESRU_GENERATED"])
        self.random = random.Random(f"{self.model.module} {name}")
        decision = self.model.decision
        self.data, self.output = (dut.frac, dut.up) if decision else (dut.x, dut.y)
        self.cycle = 0

    async def start(self):
        """Start the clock, with inputs that do nothing; no reset."""
        self.dut.rst.value = 0
        self.dut.en.value = 0
        self.data.value = 0
        cocotb.start_soon(Clock(self.dut.clk, 10, unit="ns").start(start_high=False))
        await Timer(1, unit="ns")

    async def cycle_with(self, inputs, en=1, rst=0):
        """Spend one clock cycle; inputs change after the falling edge."""
        model = self.model
        self.dut.rst.value = rst
        self.dut.en.value = en
        self.data.value = model.pack(inputs, model.width_in)
        expected = model.rounded(inputs)
        words = model.words()
        if model.decision:
            await ReadOnly()
            self._compare(inputs, words, expected)
        await FallingEdge(self.dut.clk)
        if rst:
            model.reset()
        elif en:
            model.advance(inputs)
        if not model.decision:
            await ReadOnly()
            mask = 2**model.width_out - 1
            expected = [model.held >> lane * model.width_out & mask for lane in range(model.lanes)]
            self._compare(inputs, words, expected)
            await Timer(1, unit="ns")
        self.cycle += 1

    def _compare(self, inputs, words, expected):
        value = self.output.value
        assert value.is_resolvable, f"cycle {self.cycle}: output is {value}"
        width = self.model.width_out
        got = int(value)
        self.cases += self.model.lanes
        if got == self.model.pack(expected, width):
            return
        for lane, pattern in enumerate(expected):
            seen = got >> lane * width & 2**width - 1
            port = "frac" if self.model.decision else "x"
            assert seen == pattern, (
                f"cycle {self.cycle}, lane {lane}, {port} {inputs[lane]:#x}, word {words[lane]}: "
                f"expected {pattern:#x}, got {seen:#x}"
            )

    def fractions(self):
        """Return a fraction for each lane: 0, the greatest, close to the word's edge, or any."""
        n, k = self.model.n, self.model.k
        chosen = []
        for r in self.model.words():
            edge = (1 << n) - (r << (n - k))
            any_one = self.random.getrandbits(n)
            bit = 1 << self.random.randrange(n)
            choices = (0, 2**n - 1, edge - 1, edge, edge + 1, bit, ~bit, any_one, any_one, any_one)
            chosen.append(self.random.choice(choices) % 2**n)
        return chosen

    def inputs(self, wholes=None):
        """Return an input for each lane; `wholes` are integer parts to choose from."""
        model = self.model
        fractions = self.fractions()
        if model.decision:
            return fractions
        if model.floats:
            return [model.floats.chosen(f, self.random, wholes is not None) for f in fractions]
        bits = model.input.width - model.dropped
        unseen = model.dropped - model.n
        patterns = []
        for f in fractions:
            whole = self.random.choice(wholes) if wholes else self.random.getrandbits(64)
            low = f << unseen | self.random.getrandbits(64) % 2**unseen
            patterns.append(whole % 2**bits << model.dropped | low)
        return patterns

    def done(self):
        """Add this test's number of comparisons to the file of counts."""
        path = os.environ.get("ESRU_COUNTS")
        if path:
            path = Path(path)
            counts = json.loads(path.read_text()) if path.exists() else {}
            path.write_text(json.dumps(counts | {self.name: self.cases}))


@cocotb.test()
async def start_up(dut):
    """Nothing is X before or after the first clock edges, without any reset; words from the first.

    This test must come first: only then are the registers as they start up.
    """
    bench = Bench(dut, "start_up")
    await bench.start()
    assert bench.output.value.is_resolvable, f"output at start-up is {bench.output.value}"
    await FallingEdge(dut.clk)
    for _ in range(64):
        await bench.cycle_with(bench.inputs())
    bench.done()


async def _reset(bench):
    await bench.start()
    await FallingEdge(bench.dut.clk)
    # The state before it is another test's: no comparison.
    bench.dut.rst.value = 1
    await FallingEdge(bench.dut.clk)
    bench.model.reset()


@cocotb.test()
async def reset(dut):
    """Reset from anywhere: it goes before en and leads back to the first word."""
    bench = Bench(dut, "reset")
    await _reset(bench)
    for length in (0, 1, 2, 3, 7, 20):
        for _ in range(length):
            await bench.cycle_with(bench.inputs())
        await bench.cycle_with(bench.inputs(), en=length % 2, rst=1)
        if length == 3:
            await bench.cycle_with(bench.inputs(), en=1, rst=1)
        for _ in range(4):
            await bench.cycle_with(bench.inputs())
    bench.done()


@cocotb.test()
async def enable(dut):
    """With en = 0 the source and the output register hold; with en = 1 they move."""
    bench = Bench(dut, "enable")
    await _reset(bench)
    for _ in range(200):
        await bench.cycle_with(bench.inputs(), en=bench.random.randrange(2))
    bench.done()


@cocotb.test()
async def exact_values(dut):
    """Check that a fraction of 0 never rounds up, whatever the word."""
    bench = Bench(dut, "exact_values")
    await _reset(bench)
    model = bench.model
    for _ in range(min(model.period, 1024)):
        inputs = bench.inputs()
        inputs = [0 if model.decision else model.exact(x) for x in inputs]
        await bench.cycle_with(inputs)
        if model.decision:
            continue
        # Said again without the model's words: y is x without its dropped bits, saturated.
        for lane, x in enumerate(inputs):
            if model.floats:
                seen = model.held >> lane * model.width_out & 2**model.width_out - 1
                assert model.floats.is_kept(x, seen), f"exact {x:#x} became {seen:#x}"
                continue
            y = model.input.value(x) >> model.dropped
            if model.parameters["overflow"] == "saturate":
                y = max(model.output.low, min(model.output.high, y))
            seen = model.held >> lane * model.width_out & 2**model.width_out - 1
            assert seen == model.output.pattern(y), f"exact {x:#x} became {seen:#x}"
    bench.done()


@cocotb.test()
async def ends(dut):
    """At both ends of the output's range, and beyond, the result saturates (or wraps)."""
    bench = Bench(dut, "ends")
    await _reset(bench)
    model = bench.model
    wholes = []
    if not model.floats:
        low, high, dropped = model.output.low, model.output.high, model.dropped
        wholes = [low - 1, low, low + 1, high - 1, high, high + 1]
        wholes += [model.input.low >> dropped, model.input.high >> dropped]
    for _ in range(min(max(model.period, 64), 512)):
        await bench.cycle_with(bench.inputs(wholes))
    bench.done()


@cocotb.test()
async def stream(dut):
    """Follow the words of the whole period, or as many as `MOST_WORDS` allows."""
    bench = Bench(dut, "stream")
    await _reset(bench)
    model = bench.model
    words = min(max(model.period, 256), MOST_WORDS, max(MOST_CASES // model.lanes, 256))
    for _ in range(words):
        if not bench.random.randrange(16):
            await bench.cycle_with(bench.inputs(), en=0)
        await bench.cycle_with(bench.inputs())
    bench.done()
