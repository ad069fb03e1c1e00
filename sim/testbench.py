"""cocotb tests of one emitted module: start-up, reset, enable, ends, exact values, the stream.

The environment says where the Verilog's manifest.json and interface.json are (ESRU_GENERATED) and
where the number of comparisons of each test goes (ESRU_COUNTS, a JSON file). `run.py` sets both.
ESRU_WORDS is how many words the test `stream` follows at most, and of a short period at least.
"""

import json
import os
import random
from pathlib import Path

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge, Timer
from model import Model

#: Words of a period that the stream follows, at most, and lanes times words.
MOST_WORDS = int(os.environ.get("ESRU_WORDS", 1 << 13))
MOST_CASES = 1 << 17


class Bench:
    """Drives the module and the model side by side, and compares every lane in every cycle.

    Inputs change just after a rising edge; the output is read at the next one, before the
    registers take their new values. One wait in a cycle: that is what a simulation's time goes to.
    """

    def __init__(self, dut, name):
        self.dut, self.name, self.cases = dut, name, 0
        self.model = Model(os.environ["ESRU_GENERATED"])
        self.random = random.Random(f"{self.model.module} {name}")
        decision = self.model.decision
        self.data, self.output = (dut.frac, dut.up) if decision else (dut.x, dut.y)
        self.dithers = self.model.boundary == "dither"
        self.edge = RisingEdge(dut.clk)
        self.en = self.rst = 0
        self.cycle = 0
        # The port r in the next cycle, and the low bits of the operands that are words.
        self.given = self.random.getrandbits(max(self.model.port_width, 1))
        self.low = None
        #: What the output held comes from: inputs and words of the last rounding.
        self.last = ([0] * self.model.lanes, None)

    async def start(self):
        """Start the clock, with inputs that do nothing; no reset."""
        self.dut.rst.value = 0
        self.dut.en.value = 0
        self.data.value = 0
        if self.model.boundary == "accumulator":
            self.dut.w.value = 0
        if self.dithers:
            self.dut.first.value = 0
        if self.model.by_port:
            self.dut.r.value = 0
        if self.model.block:
            self.dut.scale.value = 0
        if self.model.loads:
            # What lies there does not matter while nothing is loaded.
            self.dut.load.value = 0
            self.dut.seed.value = self.model.pack(self.seeds(), self.model.seed_width)
        cocotb.start_soon(Clock(self.dut.clk, 10, unit="ns").start(start_high=False))
        await Timer(1, unit="ns")

    async def cycle_with(self, inputs, en=1, rst=0, seeds=None, first=None):
        """Spend one clock cycle; at its end every source takes its seed, if there are any.

        `first` is given by chance unless it is said.
        """
        model = self.model
        if model.loads:
            self.dut.load.value = seeds is not None
            if seeds is not None:
                self.dut.seed.value = model.pack(seeds, model.seed_width)
        if rst != self.rst:
            self.dut.rst.value = self.rst = rst
        if en != self.en:
            self.dut.en.value = self.en = en
        self.data.value = model.data(inputs)
        if model.block:
            self.dut.scale.value = model.scales(inputs)
        if model.boundary == "accumulator":
            stored = [x >> model.width_in for x in inputs]
            self.dut.w.value = model.pack(stored, model.output.width)
        if self.dithers:
            first = self.random.randrange(2) if first is None else first
            self.dut.first.value = first
        given = self.given
        if model.by_port:
            self.dut.r.value = given
            self.given = self.random.getrandbits(model.port_width)
        words = model.words(inputs, given)
        await self.edge
        if model.combinational:
            rounded = model.rounded(inputs, given)
            self._compare(inputs, words, model.pack(rounded, model.width_out))
        else:
            self._compare(*self.last, model.held)
        if rst:
            model.reset()
        elif en:
            model.advance(inputs, given, first)
            self.last = inputs, words
        if seeds is not None and not rst:
            model.load(seeds)
        self.cycle += 1

    def _compare(self, inputs, words, expected):
        value = self.output.value
        try:
            got = int(value)
        except ValueError:
            got = None
        assert got is not None, f"cycle {self.cycle}: output is {value}"
        model = self.model
        self.cases += model.lanes
        if got == expected:
            return
        width = model.width_out
        port = "frac" if model.decision else "x"
        for lane in range(model.lanes):
            pattern, seen = (word >> lane * width & 2**width - 1 for word in (expected, got))
            word = "none" if words is None else words[lane]
            assert seen == pattern, (
                f"cycle {self.cycle}, lane {lane}, {port} {inputs[lane]:#x}, word {word}: "
                f"expected {pattern:#x}, got {seen:#x}"
            )

    def seeds(self):
        """Return a seed for each source: 0, the greatest, or any."""
        width = self.model.seed_width
        some = [0, 2**width - 1, *(self.random.getrandbits(width) for _ in range(6))]
        return [self.random.choice(some) for _ in self.model.sources]

    def fractions(self):
        """Return a fraction for each lane: 0, the greatest, close to the word's edge, or any."""
        n, k = self.model.n, self.model.k
        full, chance, bits = 1 << n, self.random.random, self.random.getrandbits
        chosen = []
        for r in self.model.words(self.low, self.given):
            kind = int(10 * chance())
            if kind < 2:
                f = -kind  # 0 or the greatest
            elif kind < 5:
                f = full - (r << n - k) + kind - 3  # at the word's edge, or beside it
            elif kind < 7:
                f = 1 << int(n * chance())
                f = f if kind == 5 else ~f
            else:
                f = bits(n)
            chosen.append(f % full)
        return chosen

    def inputs(self, wholes=None):
        """Return an input for each lane; `wholes` are integer parts to choose from."""
        model = self.model
        unseen = max(model.dropped - model.n, 0)
        self.low = [self.random.getrandbits(64) % 2**unseen for _ in range(model.lanes)]
        fractions = self.fractions()
        if model.decision and not model.by_operands:
            return fractions
        if model.floats:
            return self._floats(fractions, wholes is not None)
        dropped = [f << unseen | low for f, low in zip(fractions, self.low, strict=True)]
        if model.decision:
            return dropped
        bits = model.input.width - model.dropped
        patterns = []
        for low in dropped:
            whole = self.random.choice(wholes) if wholes else self.random.getrandbits(64)
            patterns.append(whole % 2**bits << model.dropped | low)
        if model.boundary == "accumulator":
            stored = self._stored(wholes)
            patterns = [w << model.width_in | x for w, x in zip(stored, patterns, strict=True)]
        return patterns

    def _stored(self, wholes):
        """Return a stored word for each lane: any, or an end of the output and beside it."""
        out = self.model.output
        near = [out.pattern(w) for w in (out.low, out.low + 1, 0, out.high - 1, out.high)]
        if wholes:
            return [self.random.choice(near) for _ in range(self.model.lanes)]
        return [self.random.getrandbits(out.width) for _ in range(self.model.lanes)]

    def _floats(self, fractions, at_end):
        """Return a float for each lane; the lanes of a block have one scale."""
        floats, chosen = self.model.floats, []
        for lane, f in enumerate(fractions):
            if lane % (self.model.block or 1) == 0:
                exponent = floats.exponent(self.random)
            chosen.append(floats.chosen(f, self.random, at_end, exponent))
        return chosen

    async def done(self):
        """Look at the last result, and add the number of comparisons to the file of counts."""
        await self.cycle_with([0] * self.model.lanes, en=0)
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
    await bench.edge
    for _ in range(64):
        await bench.cycle_with(bench.inputs())
    await bench.done()


async def _reset(bench):
    await bench.start()
    await bench.edge
    # The state before it is another test's: no comparison.
    bench.dut.rst.value = bench.rst = 1
    await bench.edge
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
    await bench.done()


@cocotb.test()
async def enable(dut):
    """With en = 0 the source and the output register hold; with en = 1 they move."""
    bench = Bench(dut, "enable")
    await _reset(bench)
    for _ in range(200):
        await bench.cycle_with(bench.inputs(), en=bench.random.randrange(2))
    await bench.done()


@cocotb.test()
async def exact_values(dut):
    """Check that a fraction of 0 never rounds up, whatever the word."""
    bench = Bench(dut, "exact_values")
    await _reset(bench)
    model = bench.model
    for _ in range(min(model.period or 1024, 1024)):
        inputs = bench.inputs()
        # The top n dropped bits are 0; what the rule does not see may be anything.
        cut = model.n if model.decision and not model.by_operands else model.dropped
        keep = 2 ** (cut - model.n) - 1 if cut > model.n else 0
        if model.floats and not model.decision:
            inputs = [model.floats.exact(x) for x in inputs]
        else:
            inputs = [
                (x >> cut << cut | x & keep) if bench.cycle % 2 else x >> cut << cut for x in inputs
            ]
        await bench.cycle_with(inputs, first=1)
        if model.decision:
            continue
        # Said again without the model's words: y is x without its dropped bits, saturated; the
        # stored word added, where there is one.
        for lane, x in enumerate(inputs):
            if model.floats:
                seen = model.held >> lane * model.width_out & 2**model.width_out - 1
                assert model.floats.is_kept(x, seen), f"exact {x:#x} became {seen:#x}"
                continue
            y = model.input.value(x % 2**model.width_in) >> model.dropped
            if model.boundary == "accumulator":
                y += model.output.value(x >> model.width_in)
            if model.parameters["overflow"] == "saturate":
                y = max(model.output.low, min(model.output.high, y))
            seen = model.held >> lane * model.width_out & 2**model.width_out - 1
            assert seen == model.output.pattern(y), f"exact {x:#x} became {seen:#x}"
    await bench.done()


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
    for _ in range(min(max(model.period or 512, 64), 512)):
        await bench.cycle_with(bench.inputs(wholes))
    await bench.done()


@cocotb.test()
async def stream(dut):
    """Follow the words of the whole period, or as many as `MOST_WORDS` allows."""
    bench = Bench(dut, "stream")
    await _reset(bench)
    model = bench.model
    least = MOST_WORDS if "ESRU_WORDS" in os.environ else 256
    words = min(max(model.period or 4096, least), MOST_WORDS)
    if "ESRU_WORDS" not in os.environ:
        words = min(words, max(MOST_CASES // model.lanes, 256))
    for _ in range(words):
        if not bench.random.randrange(16):
            await bench.cycle_with(bench.inputs(), en=0)
        await bench.cycle_with(bench.inputs())
    await bench.done()


def _loads():
    """Return whether the module has ports for seeds."""
    folder = os.environ.get("ESRU_GENERATED")
    return folder is not None and Model(folder).loads


if _loads():

    @cocotb.test()
    async def load(dut):
        """Seeds loaded at any time: while idle, in a row, with a reset; the next word is theirs."""
        bench = Bench(dut, "load")
        await _reset(bench)
        for _ in range(48):
            for _ in range(bench.random.randrange(12)):
                await bench.cycle_with(bench.inputs(), en=bench.random.randrange(4) > 0)
            rst, en = bench.random.randrange(8) == 0, bench.random.randrange(2)
            await bench.cycle_with(bench.inputs(), en=en, rst=int(rst), seeds=bench.seeds())
        await bench.done()
