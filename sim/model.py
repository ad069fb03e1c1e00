"""The contract once more, in plain Python: what the testbench expects of the hardware.

Written from `docs/rounding.md` alone and importing nothing of esru, so that the testbench can go
with the Verilog into another project. Bit patterns are Python integers; lane 0 is lowest.
"""

import json
import re
from pathlib import Path

from floats import FORMATS, FloatUnit


class Format:
    """A fixed-point format by name: sW.F, uW.F, intW or uintW."""

    def __init__(self, name):
        if match := re.fullmatch(r"(u?)int(\d+)", name):
            self.signed, self.width, self.fraction = not match[1], int(match[2]), 0
        else:
            match = re.fullmatch(r"([su])(\d+)\.(\d+)", name)
            self.signed, self.width, self.fraction = match[1] == "s", int(match[2]), int(match[3])
        half = 2 ** (self.width - 1)
        self.low, self.high = (-half, half - 1) if self.signed else (0, 2 * half - 1)

    def value(self, pattern):
        """Return the integer that a bit pattern stands for."""
        return pattern - 2**self.width if pattern > self.high else pattern

    def pattern(self, value):
        """Return an integer's bit pattern."""
        return value % 2**self.width


class Source:
    """One random source: its register's true state, and whether its word is inverted now."""

    def __init__(self, parameters, start):
        self.family, digits = re.fullmatch(r"([a-z]+)(\d+)", parameters["source"]).groups()
        self.length = int(digits)
        self.k = parameters["k"]
        self.leap = parameters["leap"]
        self.galois = parameters["form"] == "galois"
        self.polynomial = int(parameters["taps"], 16)
        self.exponents = [i for i in range(self.length) if self.polynomial >> i & 1]
        self.start = (int(start["state"], 16), start["inverted"])
        self.reset()

    def reset(self):
        """Return to the word of start-up."""
        self.state, self.inverted = self.start

    def word(self):
        """Return this cycle's word: the k top bits."""
        word = self.state // 2 ** (self.length - self.k)
        return 2**self.k - 1 - word if self.inverted else word

    def advance(self):
        """Go on to the next word."""
        for _ in range(self.leap):
            self._step()
        self.inverted = self.family == "plateau" and not self.inverted

    def _step(self):
        bits = self.length
        out = self.state >> (bits - 1)
        rest = self.state % 2 ** (bits - 1)
        flip = self.family == "debruijn" and rest == 0
        if self.galois:
            self.state = 2 * rest ^ ((out ^ flip) * (self.polynomial % 2**bits))
        else:
            fed = sum(self.state >> (bits - 1 - i) & 1 for i in self.exponents) + flip
            self.state = 2 * rest + fed % 2


def decide(rule, n, k, f, r):
    """Return 1 if a rule rounds the fraction f (n bits) up with the random word r (k bits)."""
    if rule == "select":
        text = format(r, f"0{k}b")
        place = text.index("1") if "1" in text else k
        return int(format(f, f"0{n}b")[place])
    if rule == "nearest":
        # Python's round() is ties to even, and exact here: f < 2^32.
        return int(round(f / 2 ** (n - k)) + r >= 2**k)
    if rule == "replicate":
        addend = int((format(r, f"0{k}b") * n)[:n], 2)
    else:
        addend = r * 2 ** (n - k) + (2 ** (n - k - 1) if rule == "half" else 0)
    return int(f + addend >= 2**n)


class Model:
    """An array of lanes, from the files beside the Verilog.

    Parameters
    ----------
    folder : Path
        Where manifest.json and interface.json are.
    """

    def __init__(self, folder):
        manifest = json.loads((Path(folder) / "manifest.json").read_text())
        interface = json.loads((Path(folder) / "interface.json").read_text())
        self.parameters = p = manifest["parameters"]
        self.n, self.k, self.rule = p["n"], p["k"], p["rule"]
        self.module = manifest["module"]
        self.decision = p["boundary"] == "decision"
        self.lanes, self.period = interface["lanes"], interface["period"]
        self.shared = p.get("lanes", 1)
        self.floats = FloatUnit(p) if p["out"] in FORMATS else None
        if self.floats:
            self.input, self.output = self.floats.input, self.floats.output
        else:
            self.input, self.output = Format(p["in"]), Format(p["out"])
        self.dropped = self.input.fraction - self.output.fraction
        self.sources = [Source(p, start) for start in manifest["sources"]]
        self.width_in = self.n if self.decision else self.input.width
        self.width_out = 1 if self.decision else self.output.width
        self.held = 0

    def reset(self):
        """Do what a clock edge with rst = 1 does."""
        for source in self.sources:
            source.reset()
        self.held = 0

    def words(self):
        """Return each lane's random word in this cycle."""
        if not self.sources:
            return [0] * self.lanes
        words = [source.word() for source in self.sources]
        return [words[lane // self.shared] for lane in range(self.lanes)]

    def rounded(self, inputs):
        """Return each lane's output pattern for its input pattern, in this cycle."""
        return [self._lane(x, r) for x, r in zip(inputs, self.words(), strict=True)]

    def _lane(self, x, r):
        if self.decision:
            return decide(self.rule, self.n, self.k, x, r)
        if self.floats:
            return self.floats.rounded(x, lambda f: decide(self.rule, self.n, self.k, f, r))
        value = self.input.value(x)
        f = value % 2**self.dropped // 2 ** (self.dropped - self.n)
        y = value // 2**self.dropped + decide(self.rule, self.n, self.k, f, r)
        if self.parameters["overflow"] == "saturate":
            y = max(self.output.low, min(self.output.high, y))
        return self.output.pattern(y)

    def exact(self, x):
        """Return an input without its dropped bits."""
        return self.floats.exact(x) if self.floats else x >> self.dropped << self.dropped

    def advance(self, inputs):
        """Do what a clock edge with en = 1 does."""
        if not self.decision:
            self.held = self.pack(self.rounded(inputs), self.width_out)
        for source in self.sources:
            source.advance()

    @staticmethod
    def pack(patterns, width):
        """Return patterns side by side as one integer, lane 0 lowest."""
        return int("".join(format(p, f"0{width}b") for p in reversed(patterns)), 2)
