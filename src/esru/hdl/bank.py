"""Arrays of lanes that share sources: what `esru gen` writes."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from esru.design import MAX_LANES, Design
from esru.errors import InputError
from esru.hdl.float_unit import add_float_result
from esru.hdl.rounder import add_index, add_round_up
from esru.hdl.sources import add_source, check_source
from esru.hdl.unit import add_result, fraction_of
from esru.sources import source_model


def phase_of(design: Design, group: int, groups: int) -> int:
    """Return the phase, in words, at which a source of an array starts.

    The sources of one array start at phases spread evenly over the period.

    Parameters
    ----------
    design : Design
        The design.
    group : int
        Which source, 0 <= group < groups.
    groups : int
        Sources in the array.
    """
    return group * source_model(design).period // groups


class Bank(wiring.Component):
    """M rounding lanes, each `design.lanes` neighbours of which share one source.

    All registers start at their reset values and return to them at a reset (domain ``sync``).
    Throughput: M roundings per clock cycle. Latency: 0 at the boundary ``decision``
    (combinational from ``frac`` and the sources' registers), 1 at the boundary ``unit``.

    Parameters
    ----------
    design : Design
        The unit.
    lanes : int or None
        M, a multiple of ``design.lanes``, at most 1024; None: the lanes of one source. Lane i
        belongs to source i // ``design.lanes``.

    Attributes
    ----------
    en : In(1)
        1: a rounding happens in this cycle. The sources step and ``y`` takes the result at the
        clock edge that ends it; 0: both hold.
    frac : In(M * n)
        Boundary ``decision``: the top n dropped bits of each lane, lane 0 lowest.
    up : Out(M)
        Boundary ``decision``: 1 rounds up.
    x : In(M * W_in)
        Boundary ``unit``: the input words, lane 0 lowest.
    y : Out(M * W_out)
        Boundary ``unit``: the output words, registered.

    Raises
    ------
    InputError
        If the lanes are out of range or no multiple of ``design.lanes``, or the source cannot be
        built (`esru.hdl.sources.check_source`).
    """

    def __new__(cls, design: Design, lanes: int | None = None):
        """Check before the object exists: Amaranth complains about one never elaborated."""
        check_source(design)
        lanes = design.lanes if lanes is None else lanes
        if not 1 <= lanes <= MAX_LANES:
            raise InputError.must("Lanes of the array", f"between 1 and {MAX_LANES}", lanes)
        if lanes % design.lanes:
            rule = f"a multiple of the lanes that share a source ({design.lanes})"
            raise InputError.must("Lanes of the array", rule, lanes)
        return super().__new__(cls)

    def __init__(self, design: Design, lanes: int | None = None):
        lanes = design.lanes if lanes is None else lanes
        self.design = design
        self.lanes = lanes
        self.groups = lanes // design.lanes
        if design.boundary == "decision":
            data = {"frac": In(lanes * design.n), "up": Out(lanes)}
        else:
            data = {
                "x": In(lanes * design.input.width),
                "y": Out(lanes * design.out_format.width),
            }
        super().__init__({"en": In(1)} | data)

    def elaborate(self, platform) -> Module:
        """Return the array, one flat module."""
        m = Module()
        design = self.design
        results = []
        for group in range(self.groups):
            suffix = f"_{group}" if self.groups > 1 else ""
            draw = self._draw(m, phase_of(design, group, self.groups), suffix)
            first = group * design.lanes
            results += [self._lane(m, lane, draw) for lane in range(first, first + design.lanes)]
        if design.boundary == "decision":
            m.d.comb += self.up.eq(Cat(results))
        else:
            with m.If(self.en):
                m.d.sync += self.y.eq(Cat(results))
        return m

    def _draw(self, m: Module, phase: int, suffix: str) -> Value:
        """Add one source and return what its lanes see: the word, or for `select` the index."""
        design = self.design
        word = add_source(m, design, self.en, phase, suffix)
        if design.rule != "select":
            return word.now
        if design.lanes == 1:
            return add_index(m, design, word.now, f"index{suffix}")
        # Shared: in registers of its own, a step ahead of the word. That costs ceil(log2 n)
        # flip-flops per source and keeps synthesis from building the index again in every lane.
        first = source_model(design).word_at(phase).bit_length()
        index = Signal(range(design.n), name=f"index{suffix}", init=first)
        following = add_index(m, design, word.following, f"index_next{suffix}")
        with m.If(self.en):
            m.d.sync += index.eq(following)
        return index

    def _lane(self, m: Module, lane: int, draw: Value) -> Value:
        """Add one lane and return its decision or its output word."""
        design = self.design
        suffix = f"_{lane}" if self.lanes > 1 else ""
        if design.boundary == "decision":
            fraction = self.frac.word_select(lane, design.n)
            return add_round_up(m, design, fraction, draw, suffix)
        x = self.x.word_select(lane, design.input.width)
        if design.floats:
            return add_float_result(m, design, x, draw, suffix)
        fraction = Signal(design.n, name=f"frac{suffix}")
        m.d.comb += fraction.eq(fraction_of(design, x))
        up = add_round_up(m, design, fraction, draw, suffix)
        return add_result(m, design, x, up, suffix)
