"""Random sources as Amaranth components: one word per enabled clock cycle.

The register's first word comes from the state of the given phase, before any step. Every
register starts at that state without a reset, and returns to it at one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from esru.design import Design
from esru.errors import InputError
from esru.sources import source_model
from esru.sources.lane_maps import places
from esru.sources.register import apply, power
from esru.sources.settings import GIVEN, VISITS_ZERO, spliced_steps


class Word(NamedTuple):
    """A source's random word, k bits: in this cycle, and after the source's next step."""

    now: Value
    following: Value


class Load(NamedTuple):
    """What loads one source: 1 bit, and the L bits that are its next state where that is 1."""

    now: Value
    seed: Value

    @classmethod
    def of(cls, component: wiring.Component, design: Design, group: int = 0) -> Load | None:
        """Return a component's ports ``load`` and ``seed`` for one of its sources, if any."""
        if not design.load:
            return None
        return cls(component.load, component.seed.word_select(group, design.length))


def load_ports(design: Design, groups: int = 1) -> dict[str, wiring.Member]:
    """Return the ports that load the sources, none unless the design has them."""
    return {"load": In(1), "seed": In(groups * design.length)} if design.load else {}


def load_state(m: Module, design: Design, load: Load, following: Signal, suffix: str) -> None:
    """Let a register's next state be the loaded seed where one is loaded.

    State 1 stands for a loaded 0 where that is the lockup state: no seed stops a source.
    """
    seed = load.seed
    if design.source not in VISITS_ZERO:
        zero = Signal(name=f"seed_zero{suffix}")
        m.d.comb += zero.eq(~seed.any())
        seed = Cat(seed[0] | zero, seed[1:])
    with m.If(load.now):
        m.d.comb += following.eq(seed)


def _parity(bits: list[Value]) -> Value:
    """Return the XOR of some bits, as a chain in the order given."""
    result = bits[0]
    for bit in bits[1:]:
        result = result ^ bit
    return result


def _spliced_step(state: Value, taps: int, galois: bool) -> Value:
    """Return a de Bruijn register's next state.

    The feedback is complemented when all bits but the top one are 0; that splices the zero
    state in between 10...0 and its successor.
    """
    length = len(state)
    splice = ~state[:-1].any()
    if galois:
        carry = state[-1] ^ splice
        shifted = Cat(Const(0, 1), state[:-1])
        return shifted ^ Mux(carry, Const(taps & ((1 << length) - 1), length), 0)
    fed = [state[length - 1 - i] for i in range(length) if taps >> i & 1]
    return Cat(_parity(fed) ^ splice, state[:-1])


def _spliced_step_back(state: Value, taps: int, galois: bool) -> Value:
    """Return a de Bruijn register's state before: the inverse of `_spliced_step`."""
    length = len(state)
    if galois:
        carry = state[0]
        lower = (state ^ Mux(carry, Const(taps & ((1 << length) - 1), length), 0))[1:]
        top = carry
    else:
        lower = state[1:]
        top = _parity([state[0], *(state[length - i] for i in range(1, length) if taps >> i & 1)])
    return Cat(lower, top ^ ~lower.any())


#: Given a register's next state and its state at start-up, returns the next state through cells.
Detour = Callable[[Value, int], Value]


def copied_bits(design: Design) -> dict[int, int]:
    """Return which bits of an LFSR's next state are bits of its state as they are, and of which."""
    if design.source != "lfsr" or design.load:
        return {}
    leap = power(source_model(design).columns, design.leap)
    made_of = {i: [j for j, c in enumerate(leap) if c >> i & 1] for i in range(design.length)}
    return {i: found[0] for i, found in made_of.items() if len(found) == 1}


def add_source(
    m: Module,
    design: Design,
    en: Value,
    phase: int,
    suffix: str = "",
    start: int | None = None,
    detour: Detour | None = None,
    load: Load | None = None,
) -> Word:
    """Add a design's source to a module and return its random word.

    Parameters
    ----------
    m : Module
        Gets the registers, in the domain ``sync``.
    design : Design
        The design; only its source is looked at.
    en : Value
        1 bit: the source steps at the end of a cycle in which it is 1.
    phase : int
        Words that the source has advanced at start-up and after a reset, 0 <= phase.
    suffix : str
        Ends the names of the registers.
    start : int or None
        State at start-up and after a reset instead of that phase's, for proofs of recovery.
    detour : Detour, optional
        What the next state passes through.
    load : Load or None
        Loads a seed at the end of a cycle, whatever `en` is.

    Returns
    -------
    Word
        The word, k bits, at latency 0 from the register.
    """
    if design.source == "none":
        return Word(Const(0, 0), Const(0, 0))
    if design.source == "counter":
        return _add_counter(m, design, en, phase, suffix, load)
    model = source_model(design)
    length = design.length
    ones = (1 << length) - 1
    inverted = model.inverted_at(phase)
    init = model.register_at(phase) if start is None else start
    init ^= ones if inverted else 0
    name = "cells" if design.source == "cellular" else "lfsr"
    register = Signal(length, name=f"{name}{suffix}", init=init)
    following = Signal(length, name=f"{name}_next{suffix}")
    if design.source == "debruijn":
        state: Value = register
        steps = spliced_steps(length, design.leap)
        one_step = _spliced_step if steps > 0 else _spliced_step_back
        for step in range(1, abs(steps)):
            between = Signal(length, name=f"step_{step}{suffix}")
            m.d.comb += between.eq(one_step(state, design.taps, model.galois))
            state = between
        m.d.comb += following.eq(one_step(state, design.taps, model.galois))
    else:
        leap = power(model.columns, design.leap)
        bits = [
            _parity([register[j] for j in range(length) if leap[j] >> i & 1]) for i in range(length)
        ]
        if design.source == "plateau":
            # The register holds the state, inverted while toggle is 1. With v = s ^ toggle the
            # next one is A v ^ toggle (A 1) ^ ~toggle: where A 1 is 1 (wherever a bit is only
            # shifted) that is NOT A v, elsewhere (an even number of taps) A v ^ ~toggle.
            toggle = Signal(name=f"toggle{suffix}", init=inverted)
            image = apply(leap, ones)
            bits = [~bit if image >> i & 1 else bit ^ ~toggle for i, bit in enumerate(bits)]
            with m.If(en):
                m.d.sync += toggle.eq(~toggle)
            if load is not None:
                with m.If(load.now):
                    m.d.sync += toggle.eq(0)
        if design.recover:
            # From zero every linear step leads back to zero: one bit more makes it state 1.
            locked = Signal(name=f"locked{suffix}")
            true = register ^ toggle.replicate(length) if design.source == "plateau" else register
            m.d.comb += locked.eq(~true.any())
            bits[0] = bits[0] ^ locked
        m.d.comb += following.eq(Cat(bits))
    if load is not None:
        load_state(m, design, load, following, suffix)
        en = en | load.now
    with m.If(en):
        m.d.sync += register.eq(following if detour is None else detour(following, register.init))
    # A shift register's word is its top bits, an automaton's its lowest cells.
    first = 0 if design.source == "cellular" else length - design.k
    word = Signal(design.k, name=f"word{suffix}")
    m.d.comb += word.eq(register[first : first + design.k])
    return Word(word, following[first : first + design.k])


def _add_counter(
    m: Module, design: Design, en: Value, phase: int, suffix: str, load: Load | None
) -> Word:
    """Add a counter; its word is the count with its bits reversed."""
    first = source_model(design).register_at(phase)
    count = Signal(design.length, name=f"count{suffix}", init=first)
    following = Signal(design.length, name=f"count_next{suffix}")
    m.d.comb += following.eq(count + design.leap)
    if load is not None:
        load_state(m, design, load, following, suffix)
        en = en | load.now
    with m.If(en):
        m.d.sync += count.eq(following)
    word = Signal(design.k, name=f"word{suffix}")
    m.d.comb += word.eq(count[::-1])
    return Word(word, following[::-1])


def add_operand_words(
    m: Module, design: Design, en: Value, operands: list[Value], suffixes: list[str]
) -> list[Value]:
    """Add the words that the lanes of one source take from their operands and return them.

    Parameters
    ----------
    m : Module
        Gets the logic; for `operand-prev` registers, in the domain ``sync``.
    design : Design
        The design; its source is one of the operand sources.
    en : Value
        1 bit: a rounding happens in this cycle.
    operands : list of Value
        Each lane's operand, its lowest dropped bits lowest.
    suffixes : list of str
        Ends the names of each lane's signals.
    """
    own = [operand[: design.k] for operand in operands]
    words = []
    for lane, suffix in enumerate(suffixes):
        word = Signal(design.k, name=f"word{suffix}")
        neighbour = own[(lane + 1) % len(own)]
        if design.source == "operand-prev":
            with m.If(en):
                m.d.sync += word.eq(own[lane])
        elif design.source == "operand-neighbour":
            m.d.comb += word.eq(neighbour)
        elif design.source == "operand-xor":
            m.d.comb += word.eq(own[lane] ^ neighbour)
        else:
            m.d.comb += word.eq(own[lane])
        words.append(word)
    return words


def mapped_word(m: Module, design: Design, word: Value, number: int, name: str) -> Value:
    """Add a word as lanes of a variant see it (`esru.sources.lane_maps.variant`) and return it."""
    if not number:
        return word
    seen = Signal(design.k, name=name)
    if design.map in ("invert", "complement"):
        m.d.comb += seen.eq(~word)
    else:
        order = places(design.map, design.k, number)
        m.d.comb += seen.eq(Cat(word[bit] for bit in order))
    return seen


class Source(wiring.Component):
    """A design's random source.

    Latency 0 (the word is the register's top bits), throughput one word per clock cycle.

    Parameters
    ----------
    design : Design
        The design; only its source is looked at.
    phase : int
        Words that the source has advanced at start-up and after a reset.
    start : int or None
        As `add_source` takes it.

    Attributes
    ----------
    en : In(1)
        The source steps at the end of a cycle in which this is 1.
    load : In(1), seed : In(L)
        Only with ``load=1``: where ``load`` is 1 the state after the cycle is ``seed`` instead.
    word : Out(k)
        The random word.
    """

    def __new__(cls, design: Design, phase: int = 0, start: int | None = None):
        """Check before the object exists: Amaranth complains about one never elaborated."""
        if design.source in GIVEN:
            rule = "one that makes its own words"
            raise InputError.must("Source", rule, repr(design.source))
        return super().__new__(cls)

    def __init__(self, design: Design, phase: int = 0, start: int | None = None):
        self.design = design
        self.phase = phase
        self.start = start
        super().__init__({"en": In(1), **load_ports(design), "word": Out(design.k)})

    def elaborate(self, platform) -> Module:
        """Return the source."""
        m = Module()
        load = Load.of(self, self.design)
        word = add_source(m, self.design, self.en, self.phase, start=self.start, load=load)
        m.d.comb += self.word.eq(word.now)
        return m
