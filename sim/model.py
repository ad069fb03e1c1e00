"""The contract once more, in plain Python: what the testbench expects of the hardware.

Written from `docs/rounding.md` alone and importing nothing of esru, so that the testbench can go
with the Verilog into another project. Bit patterns are Python integers; lane 0 is lowest.
"""

import itertools
import json
import math
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


def mapped(name, text, lane):
    """Return a word, as text of bits, as lane `lane` of its source sees it (no delay)."""
    k = len(text)
    if name == "rotate":
        return text[lane % k :] + text[: lane % k]
    if name == "complement" or (name == "invert" and lane % 2):
        return text.translate({48: "1", 49: "0"})
    if name == "permute":
        number = lane % math.factorial(k)
        order = next(itertools.islice(itertools.permutations(range(k)), number, None))
        return "".join(text[::-1][place] for place in reversed(order))
    return text


def image(images, state):
    """Return what becomes of a state under a linear map: the XOR of its bits' images."""
    found = 0
    for place, one in enumerate(images):
        found ^= one * (state >> place & 1)
    return found


class Source:
    """One random source: its register's true state, and whether its word is inverted now."""

    def __init__(self, parameters, start):
        self.family, digits = re.fullmatch(r"([a-z]+)(\d+)", parameters["source"]).groups()
        self.length = int(digits)
        self.k = parameters["k"]
        self.leap = parameters["leap"]
        self.galois = parameters.get("form") == "galois"
        # For an automaton its rule vector.
        self.polynomial = int(parameters.get("taps", "0"), 16)
        self.exponents = [i for i in range(self.length) if self.polynomial >> i & 1]
        self.start = (int(start["state"], 16), start["inverted"])
        # A long leap of a linear register: what becomes of each single bit.
        self.images = self._images() if self.leap > 64 and self.linear else None
        self.map = parameters["map"]
        self.before = start.get("earlier", [])
        self.reset()

    def reset(self):
        """Return to the word of start-up."""
        self.state, self.inverted = self.start
        self.earlier = list(self.before)

    def load(self, seed):
        """Take a seed, whose word is the next one; 1 for 0 where 0 would be the lockup state."""
        self.state = seed or int(self.family not in ("debruijn", "counter"))
        self.inverted = False

    def seen(self, lane):
        """Return this cycle's word as a lane of this source sees it."""
        if self.map == "delay" and lane:
            return self.earlier[lane - 1]
        return int(mapped(self.map, format(self.word(), f"0{self.k}b"), lane), 2)

    def word(self):
        """Return this cycle's word: the k top bits, k lowest cells or reversed count."""
        if self.family == "cellular":
            return self.state % 2**self.k
        if self.family == "counter":
            return int(format(self.state, f"0{self.length}b")[::-1], 2)
        word = self.state // 2 ** (self.length - self.k)
        return 2**self.k - 1 - word if self.inverted else word

    def advance(self):
        """Go on to the next word."""
        if self.before:
            self.earlier = [self.word(), *self.earlier[:-1]]
        whole = 2**self.length
        if self.family == "counter":
            self.state = (self.state + self.leap) % whole
        elif self.images:
            self.state = image(self.images, self.state)
        elif self.family == "debruijn" and whole - self.leap < self.leap:
            # Going on so far is going back the rest.
            for _ in range(whole - self.leap):
                self.state = self._before(self.state)
        else:
            for _ in range(self.leap):
                self.state = self._after(self.state)
        self.inverted = self.family == "plateau" and not self.inverted

    @property
    def linear(self):
        """Whether the state after two states' XOR is the XOR of the states after them."""
        return self.family not in ("counter", "debruijn")

    def _images(self):
        square = [self._after(1 << i) for i in range(self.length)]
        found = [1 << i for i in range(self.length)]
        for digit in reversed(format(self.leap, "b")):
            if digit == "1":
                found = [image(square, bit) for bit in found]
            square = [image(square, bit) for bit in square]
        return found

    def _before(self, state):
        """Return the state that leads to this one: two that differ in the top bit may."""
        lower = state ^ (state % 2 * (self.polynomial % 2**self.length) if self.galois else 0)
        either = lower // 2, lower // 2 + 2 ** (self.length - 1)
        return next(one for one in either if self._after(one) == state)

    def _after(self, state):
        """Return the state one register step on."""
        bits = self.length
        if self.family == "cellular":
            cells = [0, *(state >> i & 1 for i in range(bits)), 0]
            after = 0
            for i in range(bits):
                total = cells[i] + cells[i + 2] + cells[i + 1] * (i in self.exponents)
                after += total % 2 << i
            return after
        out = state >> (bits - 1)
        rest = state % 2 ** (bits - 1)
        flip = self.family == "debruijn" and rest == 0
        if self.galois:
            return 2 * rest ^ ((out ^ flip) * (self.polynomial % 2**bits))
        fed = sum(state >> (bits - 1 - i) & 1 for i in self.exponents) + flip
        return 2 * rest + fed % 2


def decide(rule, n, k, f, r):
    """Return 1 if a rule rounds the fraction f (n bits) up with the random word r (k bits)."""
    if rule.startswith("table-"):
        digits, *weights = rule.removeprefix("table-").split(".")
        code, left = r, r
        for number, weight in enumerate(weights):
            if left < int(weight):
                code = number
                break
            left -= int(weight)
        return int(digits, 16) >> (f + code * 2**n) & 1
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
        self.boundary = p["boundary"]
        self.decision = self.boundary == "decision"
        # Its output is there in the cycle of its input.
        self.combinational = self.boundary in ("decision", "result")
        self.lanes, self.period = interface["lanes"], interface["period"]
        self.shared = p.get("lanes", 1)
        self.floats = FloatUnit(p) if p["out"] in FORMATS else None
        if self.floats:
            self.input, self.output = self.floats.input, self.floats.output
        else:
            self.input, self.output = Format(p["in"]), Format(p["out"])
        self.dropped = self.input.fraction - self.output.fraction
        self.sources = [Source(p, start) for start in manifest["sources"]]
        self.source = p["source"]
        self.by_operands = self.source.startswith("operand-")
        self.by_port = self.source == "port"
        self.port_width = p["k"] * self.lanes // self.shared if self.by_port else 0
        # Lanes that share a scale, which then has a port.
        self.block = 0 if self.decision else p.get("block", 0)
        self.loads = bool(p.get("load"))
        self.seed_width = self.sources[0].length if self.loads else 0
        width = self.dropped if self.by_operands else self.n
        self.width_in = width if self.decision else self.input.width - 8 * bool(self.block)
        self.width_out = 1 if self.decision else self.output.width
        self.reset()

    def reset(self):
        """Do what a clock edge with rst = 1 does."""
        for source in self.sources:
            source.reset()
        self.held = 0
        self.before = [0] * self.lanes
        #: Boundary dither: each lane's sum, and the word it is rounded with (none: truncated).
        self.sums = [(0, None)] * self.lanes

    def data(self, inputs):
        """Return the data port for each lane's input pattern."""
        # Above the word: its block's scale, or the accumulator's stored word.
        if self.block or self.boundary == "accumulator":
            inputs = [x % 2**self.width_in for x in inputs]
        return self.pack(inputs, self.width_in)

    def scales(self, inputs):
        """Return the port of the scales: what is above the sign in each block's first lane."""
        firsts = inputs[:: self.block]
        return self.pack([x >> self.width_in for x in firsts], 8)

    def words(self, inputs=None, given=0):
        """Return each lane's random word in this cycle.

        `inputs` are the lanes' input patterns and `given` the port r, where the words depend on
        them.
        """
        if self.by_port:
            port = format(given, f"0{self.port_width}b")
            return [self._from_port(port, lane) for lane in range(self.lanes)]
        if self.by_operands:
            own = [x % 2**self.k for x in inputs or [0] * self.lanes]
            return [self._from_operands(own, lane) for lane in range(self.lanes)]
        if not self.sources:
            return [0] * self.lanes
        return [source.seen(lane) for source in self.sources for lane in range(self.shared)]

    def _from_port(self, port, lane):
        source, place = divmod(lane, self.shared)
        end = len(port) - source * self.k
        return int(mapped(self.parameters["map"], port[end - self.k : end], place), 2)

    def _from_operands(self, own, lane):
        place = lane % self.shared
        neighbour = own[lane - place + (place + 1) % self.shared]
        return {
            "operand-own": own[lane],
            "operand-prev": self.before[lane],
            "operand-neighbour": neighbour,
            "operand-xor": own[lane] ^ neighbour,
        }[self.source]

    def rounded(self, inputs, given=0):
        """Return each lane's output pattern for its input pattern, in this cycle."""
        words = self.words(inputs, given)
        return [self._lane(x, r) for x, r in zip(inputs, words, strict=True)]

    def _lane(self, x, r):
        if self.decision:
            return decide(self.rule, self.n, self.k, x >> (self.width_in - self.n), r)
        if self.floats:
            return self.floats.rounded(x, lambda f: decide(self.rule, self.n, self.k, f, r))
        update = x % 2**self.width_in
        value = self.input.value(update)
        f = value % 2**self.dropped // 2 ** (self.dropped - self.n)
        y = value // 2**self.dropped + decide(self.rule, self.n, self.k, f, r)
        if self.boundary == "accumulator":
            y += self.output.value(x >> self.width_in)
        return self._ended(y)

    def _ended(self, y):
        """Return the output pattern of a whole number."""
        if self.parameters["overflow"] == "saturate":
            y = max(self.output.low, min(self.output.high, y))
        return self.output.pattern(y)

    def _sum(self, value, word):
        """Return the output pattern of a sum, which the accumulator's width wraps."""
        whole, dropped = divmod(value, 2**self.dropped)
        if word is not None:
            f = dropped // 2 ** (self.dropped - self.n)
            whole += decide(self.rule, self.n, self.k, f, word)
        bits = self.input.width - self.dropped
        whole %= 2**bits
        if self.input.signed and whole >= 2 ** (bits - 1):
            whole -= 2**bits
        return self._ended(whole)

    def _add(self, inputs, given, first):
        """Add to the sums; the first time a sum starts again, with a new word."""
        if first:
            self.sums = [(0, word) for word in self.words(inputs, given)]
        added = [self.input.value(x) for x in inputs]
        self.sums = [(s + x, word) for (s, word), x in zip(self.sums, added, strict=True)]
        self.held = self.pack([self._sum(*lane) for lane in self.sums], self.width_out)

    def advance(self, inputs, given=0, first=0):
        """Do what a clock edge with en = 1 does."""
        if self.boundary == "dither":
            self._add(inputs, given, first)
            if not first:
                return
        elif not self.decision:
            self.held = self.pack(self.rounded(inputs, given), self.width_out)
        self.before = [x % 2**self.k for x in inputs]
        for source in self.sources:
            source.advance()

    def load(self, seeds):
        """Do what a clock edge with load = 1 does to the sources, after what en = 1 does."""
        for source, seed in zip(self.sources, seeds, strict=True):
            source.load(seed)

    @staticmethod
    def pack(patterns, width):
        """Return patterns side by side as one integer, lane 0 lowest."""
        word = 0
        for pattern in reversed(patterns):
            word = word << width | pattern
        return word
