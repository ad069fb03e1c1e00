"""Arrays of lanes that share sources: what `esru gen` writes."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from esru.design import MAX_LANES, Design
from esru.errors import InputError
from esru.float_formats import SCALE_BITS
from esru.hdl.fabric import Fabric
from esru.hdl.float_unit import add_float_result, add_scale
from esru.hdl.rounder import is_encoded, shared_name
from esru.hdl.sources import (
    Load,
    Word,
    add_operand_words,
    add_source,
    load_ports,
    mapped_word,
)
from esru.hdl.structure import Helped, Plain, check_fabric
from esru.hdl.unit import fraction_of
from esru.sources import source_model
from esru.sources.lane_maps import map_word, variant
from esru.sources.settings import OPERANDS


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

    Each sees the source's word through the design's lane map (`esru.sources.lane_maps`).

    All registers start at their reset values and return to them at a reset (domain ``sync``).
    Throughput: M roundings per clock cycle. Latency: 0 at the boundaries ``decision`` and
    ``result`` (combinational from the inputs and the sources' registers), 1 at the boundary
    ``unit``.

    Parameters
    ----------
    design : Design
        The unit.
    lanes : int or None
        M, a multiple of ``design.lanes``, at most 1024; None: the lanes of one source. Lane i
        belongs to source i // ``design.lanes``.
    fabric : Fabric or None
        The target's cells that the lanes are made of (`esru.hdl.structure`); None: plain
        structure, which any synthesis takes.

    Attributes
    ----------
    en : In(1)
        1: a rounding happens in this cycle. The sources step and ``y`` takes the result at the
        clock edge that ends it; 0: both hold.
    load : In(1)
        Only with ``load=1``: 1 gives every source the state in ``seed`` at the clock edge that
        ends the cycle, instead of a step and whatever ``en`` is; ``y`` knows ``en`` alone.
    seed : In(G * L)
        Only with ``load=1``: the states, source 0 lowest.
    r : In(G * k)
        Source ``port`` only: the random word of each of the G sources, source 0 lowest.
    frac : In(M * n)
        Boundary ``decision``: the top n dropped bits of each lane, lane 0 lowest. For sources
        that take their word from the operand: In(M * D), all dropped bits.
    up : Out(M)
        Boundary ``decision``: 1 rounds up.
    scale : In(8 * blocks)
        Designs with ``block=`` only: the scale of each block of so many neighbouring lanes, block
        0 lowest. What it takes off an exponent is computed once per block.
    x : In(M * W_in)
        Boundaries ``result`` and ``unit``: the input words, lane 0 lowest; with ``block=`` without
        their scales.
    y : Out(M * W_out)
        The output words; at the boundary ``unit`` registered.

    Raises
    ------
    InputError
        If the lanes are out of range or no multiple of ``design.lanes``, or they cannot be built of
        a target's cells (`esru.hdl.structure.check_fabric`).
    """

    def __new__(cls, design: Design, lanes: int | None = None, fabric: Fabric | None = None):
        """Check before the object exists: Amaranth complains about one never elaborated."""
        if fabric is not None:
            check_fabric(design)
        lanes = design.lanes if lanes is None else lanes
        if not 1 <= lanes <= MAX_LANES:
            raise InputError.must("Lanes of the array", f"between 1 and {MAX_LANES}", lanes)
        if lanes % design.lanes:
            rule = f"a multiple of the lanes that share a source ({design.lanes})"
            raise InputError.must("Lanes of the array", rule, lanes)
        design.side_inputs(lanes)
        return super().__new__(cls)

    def __init__(self, design: Design, lanes: int | None = None, fabric: Fabric | None = None):
        lanes = design.lanes if lanes is None else lanes
        self.design = design
        self.lanes = lanes
        self.groups = lanes // design.lanes
        self.structure = Plain() if fabric is None else Helped(fabric)
        if design.boundary == "decision":
            data = {"frac": In(lanes * design.fraction_bits), "up": Out(lanes)}
        else:
            data = {
                "x": In(lanes * design.x_bits),
                "y": Out(lanes * design.out_format.width),
            }
        beside = {name: In(bits) for name, bits in design.side_inputs(lanes).items()}
        super().__init__({"en": In(1)} | load_ports(design, self.groups) | beside | data)

    @property
    def taken(self) -> Value:
        """1 in a cycle whose word is used: the sources step at the clock edge that ends it."""
        return self.en

    def elaborate(self, platform) -> Module:
        """Return the array, one flat module."""
        m = Module()
        results = Cat(self.add_lanes(m))
        output = self.up if self.design.boundary == "decision" else self.y
        if not self.design.latency:
            m.d.comb += output.eq(results)
        else:
            with m.If(self.en):
                m.d.sync += output.eq(results)
        return m

    def add_lanes(self, m: Module) -> list[Value]:
        """Add sources and lanes to a module and return what each lane gives."""
        self.offsets = self._offsets(m)
        results = []
        for group in range(self.groups):
            draws = self._draws(m, group)
            first = group * self.design.lanes
            results += [self._lane(m, first + i, draw) for i, draw in enumerate(draws)]
        return results

    def _offsets(self, m: Module) -> list[Value]:
        """Add what the lanes of each block share; empty without a port of scales."""
        bits = self.design.side_inputs(self.lanes).get("scale", 0)
        blocks = bits // SCALE_BITS
        offsets = []
        for block in range(blocks):
            suffix = f"_{block}" if blocks > 1 else ""
            scale = self.scale.word_select(block, SCALE_BITS)
            offsets.append(add_scale(m, self.design, scale, suffix))
        return offsets

    def _draws(self, m: Module, group: int) -> list[Value]:
        """Add one source and return what each of its lanes sees: a word, an index or a code.

        Lanes that see the same share it.
        """
        design = self.design
        suffix = f"_{group}" if self.groups > 1 else ""
        phase = 0
        if design.source in OPERANDS:
            return self._operand_draws(m, group)
        if design.source == "port":
            word = Word(self.r.word_select(group, design.k), None)
        else:
            phase = phase_of(design, group, self.groups)
            load = Load.of(self, design, group)
            detour = self.structure.detour(m, design, suffix)
            word = add_source(m, design, self.taken, phase, suffix, None, detour, load)
        draws: dict[int, Value] = {}
        seen = []
        for lane in range(design.lanes):
            number = variant(design.map, max(design.k, 1), lane)
            if number not in draws:
                name = f"_{design.map}_{number}{suffix}" if number else suffix
                if number and design.map == "delay":
                    draws[number] = self._delayed(m, draws[number - 1], number, phase, name)
                else:
                    draws[number] = self._draw(m, word, number, phase, name)
            seen.append(draws[number])
        return seen

    def _operand_draws(self, m: Module, group: int) -> list[Value]:
        """Return each lane's draw where the word comes from the operands."""
        design = self.design
        lanes = range(group * design.lanes, (group + 1) * design.lanes)
        suffixes = [f"_{lane}" if self.lanes > 1 else "" for lane in lanes]
        operands = [self._operand(lane) for lane in lanes]
        words = add_operand_words(m, design, self.taken, operands, suffixes)
        pairs = zip(words, suffixes, strict=True)
        return [self.structure.add_draw(m, design, word, suffix) for word, suffix in pairs]

    def _operand(self, lane: int) -> Value:
        """Return a lane's part of the input port."""
        design = self.design
        if design.boundary == "decision":
            return self.frac.word_select(lane, design.fraction_bits)
        return self.x.word_select(lane, design.x_bits)

    def _draw(self, m: Module, word: Word, number: int, phase: int, suffix: str) -> Value:
        """Return a word through a lane map, or the index or code that it leads to."""
        design = self.design
        now = mapped_word(m, design, word.now, number, f"word{suffix}")
        if not is_encoded(design):
            return now
        if design.lanes == 1 or word.following is None:
            return self.structure.add_draw(m, design, now, suffix)
        # Shared: in registers of its own, a step ahead of the word. That costs ceil(log2 n)
        # flip-flops per source (of a table: s) and keeps synthesis from building the index again
        # in every lane.
        first = map_word(design.map, design.k, number, source_model(design).word_at(phase))
        ahead = mapped_word(m, design, word.following, number, f"word_next{suffix}")
        following = self.structure.add_draw(m, design, ahead, f"_next{suffix}")
        index = Signal(
            len(following),
            name=f"{shared_name(design)}{suffix}",
            init=self.structure.drawn(design, first),
        )
        with m.If(self.taken | self.load if design.load else self.taken):
            m.d.sync += index.eq(following)
        return index

    def _delayed(self, m: Module, draw: Value, delay: int, phase: int, suffix: str) -> Value:
        """Return a draw one step later, in a register that starts as if it had always run."""
        design = self.design
        model = source_model(design)
        first = model.word_at((phase - delay) % model.period)
        name = f"{shared_name(design)}{suffix}"
        later = Signal(len(draw), name=name, init=self.structure.drawn(design, first))
        with m.If(self.taken):
            m.d.sync += later.eq(draw)
        return later

    def _lane(self, m: Module, lane: int, draw: Value) -> Value:
        """Add one lane and return its decision or its output word."""
        design = self.design
        suffix = f"_{lane}" if self.lanes > 1 else ""
        if design.boundary == "decision":
            top = self._operand(lane)
            if self.lanes == 1 and design.fraction_bits == design.n:
                fraction: Value = self.frac
            else:
                name = "frac" if design.fraction_bits == design.n else "fraction"
                fraction = Signal(design.n, name=f"{name}{suffix}")
                m.d.comb += fraction.eq(top[design.fraction_bits - design.n :])
            return self.structure.add_round_up(m, design, fraction, draw, suffix)
        x = self._operand(lane)
        if design.floats:
            made = Signal(design.out_format.width, name=f"result{suffix}")
            offset = self.offsets[lane // design.block] if self.offsets else None
            m.d.comb += made.eq(add_float_result(m, design, x, draw, suffix, offset))
            return made
        fraction = Signal(design.n, name=f"frac{suffix}")
        m.d.comb += fraction.eq(fraction_of(design, x))
        up = self.structure.add_round_up(m, design, fraction, draw, suffix)
        result = Signal(design.out_format.width, name=f"result{suffix}")
        m.d.comb += result.eq(self.structure.add_result(m, design, x, up, suffix))
        return result
