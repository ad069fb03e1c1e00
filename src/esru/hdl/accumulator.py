"""Accumulators in which rounding has no adder of its own."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from esru.boundaries import ADDED
from esru.design import Design
from esru.hdl.bank import Bank
from esru.hdl.rounder import add_draw, addends
from esru.hdl.structure import Plain
from esru.hdl.unit import add_overflow, fraction_of

#: Textbook structure.
PLAIN = Plain()


def _whole(design: Design, x: Value) -> Value:
    """Return an input word without its dropped bits, as a number."""
    kept: Value = x[design.dropped :]
    if design.input.signed:
        # All integer bits dropped: what is left of a signed word is its sign.
        return (kept if len(kept) else x[-1]).as_signed()
    return kept


def _limits(design: Design) -> tuple[int, int]:
    """Return the least and the greatest sum of a stored word, an update and a decision."""
    source, out = design.fixed
    least, most = source.low >> design.dropped, source.high >> design.dropped
    return out.low + least, out.high + most + 1


def _sum_shape(design: Design):
    """Return a shape that holds every such sum and is wider than the output."""
    least, most = _limits(design)
    width = max(most.bit_length(), (~least).bit_length() if least < 0 else 0)
    if least < 0:
        return signed(max(width, design.out_format.width) + 1)
    return unsigned(max(width, design.out_format.width + 1))


def _below(m: Module, design: Design, fraction: Value, draw: Value, suffix: str, structure: Plain):
    """Return two addends of equal width whose carry out is the decision."""
    if design.rule not in (*ADDED, "nearest"):
        return Const(1, 1), structure.add_round_up(m, design, fraction, draw, suffix)
    return addends(m, design, fraction, draw, suffix)


def add_updated_word(
    m: Module,
    design: Design,
    w: Value,
    x: Value,
    draw: Value,
    suffix: str = "",
    structure: Plain = PLAIN,
) -> Value:
    """Add one lane's update to a module and return its new word, W_out bits.

    There is one adder. Where the rule adds its word, that addition stands below the sum of the
    whole parts and hands its carry on; elsewhere the decision and a 1 stand there.

    Parameters
    ----------
    m : Module
        Gets the logic, combinational.
    design : Design
        The accumulator.
    w : Value
        Stored word, W_out bits.
    x : Value
        Update, W_in bits.
    draw : Value
        What lanes share of the random word (`esru.hdl.rounder.add_draw`).
    suffix : str
        Ends the names of the signals.
    structure : Plain
        How a decision is built that is no carry, or the whole.
    """
    if (result := structure.add_sum(m, design, w, x, draw, suffix)) is not None:
        return result
    fraction = Signal(design.n, name=f"frac{suffix}")
    m.d.comb += fraction.eq(fraction_of(design, x))
    shape = _sum_shape(design)
    stored = w.as_signed() if design.out_format.signed else w
    sides = Signal(shape, name=f"stored{suffix}"), Signal(shape, name=f"update{suffix}")
    m.d.comb += [sides[0].eq(stored), sides[1].eq(_whole(design, x))]
    a, b = _below(m, design, fraction, draw, suffix, structure)
    width = len(a)
    total = Signal(width + len(sides[0]), name=f"sum{suffix}")
    m.d.comb += total.eq(Cat(a, sides[0]) + Cat(b, sides[1]))
    updated = Signal(shape, name=f"updated{suffix}")
    m.d.comb += updated.eq(total[width:])
    return add_overflow(m, design, updated, _limits(design), suffix)


class StochasticAccumulator(Bank):
    """M lanes that add updates to stored words, the round-up bit as the adder's carry-in.

    A lane gives w + x, the dropped bits of x rounded: a weight that is read from memory goes in
    at ``w`` and comes out at ``y``, one clock cycle later. Throughput: M updates per clock cycle.
    Latency: 1.

    Parameters
    ----------
    design, lanes
        As `Bank` takes them; of the boundary ``accumulator``.

    Attributes
    ----------
    en : In(1)
        1: an update happens in this cycle. The sources step and ``y`` takes the result at the
        clock edge that ends it; 0: both hold.
    r : In(G * k)
        Source ``port`` only: the random word of each of the G sources, source 0 lowest.
    w : In(M * W_out)
        The stored words, lane 0 lowest.
    x : In(M * W_in)
        The updates, lane 0 lowest.
    y : Out(M * W_out)
        The stored words afterwards, registered.

    Raises
    ------
    InputError
        As `Bank` raises it.
    """

    def _lane(self, m: Module, lane: int, draw: Value) -> Value:
        """Add one lane and return its new word."""
        design = self.design
        suffix = f"_{lane}" if self.lanes > 1 else ""
        stored = self.w.word_select(lane, design.out_format.width)
        result = Signal(design.out_format.width, name=f"result{suffix}")
        x = self._operand(lane)
        word = add_updated_word(m, design, stored, x, draw, suffix, self.structure)
        m.d.comb += result.eq(word)
        return result


def add_start(m: Module, design: Design, word: Value, suffix: str = "") -> Value:
    """Return what an accumulator starts from: the rule's addend below the output's last place.

    Parameters
    ----------
    m : Module
        Gets the logic, combinational.
    design : Design
        Of the boundary ``dither``.
    word : Value
        The random word.
    suffix : str
        Ends the names of the signals.
    """
    assert design.rule in ADDED
    start = Signal(design.input.width, name=f"start{suffix}")
    _, addend = addends(m, design, Const(0, design.n), word, suffix)
    m.d.comb += start.eq(Cat(Const(0, design.dropped - len(addend)), addend))
    return start


def add_truncated(m: Module, design: Design, total: Value, suffix: str = "") -> Value:
    """Add what becomes of a sum to a module: its dropped bits cut off, then saturated."""
    source, out = design.fixed
    whole = _whole(design, total)
    width = max(len(whole), out.width + 1)
    shape = signed(width) if source.signed else unsigned(width)
    cut = Signal(shape, name=f"cut{suffix}")
    m.d.comb += cut.eq(whole)
    ends = source.low >> design.dropped, source.high >> design.dropped
    return add_overflow(m, design, cut, ends, suffix)


class DitheredAccumulator(Bank):
    """M accumulators that start from the random word, so that truncating them is rounding.

    A lane adds x to its register, which has the input format; ``y`` is the register without its
    dropped bits. In a cycle with ``first`` the register starts again from the random word, placed
    below the output's last place, plus x. Throughput: M additions per clock cycle; one rounding
    for each ``first``. Latency: 1.

    Parameters
    ----------
    design, lanes
        As `Bank` takes them; of the boundary ``dither``.

    Attributes
    ----------
    en : In(1)
        1: an addition happens in this cycle; 0: everything holds.
    first : In(1)
        1: the accumulators start again, and the sources step at the clock edge that ends the
        cycle (with ``en``).
    r : In(G * k)
        Source ``port`` only: the random word of each of the G sources, source 0 lowest.
    x : In(M * W_in)
        What is added, lane 0 lowest.
    y : Out(M * W_out)
        The sums so far, rounded; from the registers through the saturation.

    Raises
    ------
    InputError
        As `Bank` raises it.
    """

    @property
    def taken(self) -> Value:
        """1 in a cycle whose word is used."""
        return self.en & self.first

    def elaborate(self, platform) -> Module:
        """Return the array, one flat module."""
        m = Module()
        m.d.comb += self.y.eq(Cat(self.add_lanes(m)))
        return m

    def _lane(self, m: Module, lane: int, draw: Value) -> Value:
        """Add one lane and return its output word."""
        design = self.design
        suffix = f"_{lane}" if self.lanes > 1 else ""
        total = Signal(design.input.width, name=f"total{suffix}")
        base = Signal(design.input.width, name=f"base{suffix}")
        m.d.comb += base.eq(Mux(self.first, add_start(m, design, draw, suffix), total))
        with m.If(self.en):
            m.d.sync += total.eq(self._operand(lane) + base)
        result = Signal(design.out_format.width, name=f"result{suffix}")
        m.d.comb += result.eq(add_truncated(m, design, total, suffix))
        return result


class UpdateLogic(wiring.Component):
    """A `StochasticAccumulator`'s lane without source and register: w, x and word in, y out.

    Parameters
    ----------
    design : Design
        The accumulator; its source is not looked at.
    """

    def __init__(self, design: Design):
        self.design = design
        width = design.out_format.width
        ports = {"w": In(width), "x": In(design.input.width), "word": In(design.k)}
        super().__init__(ports | {"y": Out(width)})

    def elaborate(self, platform) -> Module:
        """Return the lane's logic."""
        m = Module()
        design = self.design
        draw = add_draw(m, design, self.word)
        m.d.comb += self.y.eq(add_updated_word(m, design, self.w, self.x, draw))
        return m


class DitherLogic(wiring.Component):
    """A `DitheredAccumulator`'s lane without source and register: a sum and its word in, y out.

    Parameters
    ----------
    design : Design
        The accumulator; its source is not looked at.
    """

    def __init__(self, design: Design):
        self.design = design
        ports = {"x": In(design.input.width), "word": In(design.k)}
        super().__init__(ports | {"y": Out(design.out_format.width)})

    def elaborate(self, platform) -> Module:
        """Return the lane's logic."""
        m = Module()
        design = self.design
        total = Signal(design.input.width, name="total")
        m.d.comb += total.eq(self.x + add_start(m, design, self.word))
        m.d.comb += self.y.eq(add_truncated(m, design, total))
        return m
