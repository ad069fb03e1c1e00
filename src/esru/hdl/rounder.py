"""The rounding rules as combinational hardware, in plain textbook structure.

A rule has two parts: what lanes share (the word, or what `add_draw` makes of it: an index for
`select`, a code for a table with weights) and what each lane has for itself (`add_round_up`: an
addition whose carry out is the decision, for `select` a multiplexer, for a table a look-up).
"""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from esru.decision_table import decision_table, is_table
from esru.design import Design
from esru.hdl.table import add_code, add_table_up


def add_index(
    m: Module,
    design: Design,
    word: Value,
    name: str = "index",
    codes: Sequence[int] | None = None,
) -> Value:
    """Add the index of the deciding fraction bit of `select` and return it, ceil(log2 n) bits.

    With J leading zeros of the word that bit is n-1-J, which is the word's bit length. With
    `codes` what stands there for that bit is returned in the index's place.
    """
    codes = range(design.n) if codes is None else codes
    index = Signal(range(max(codes) + 1), name=name)
    with m.If(word[-1]):
        m.d.comb += index.eq(codes[design.k])
    for position in range(design.k - 1, 0, -1):
        with m.Elif(word[position - 1]):
            m.d.comb += index.eq(codes[position])
    with m.Else():
        m.d.comb += index.eq(codes[0])
    return index


def is_encoded(design: Design) -> bool:
    """Return whether lanes share something else than the word: an index or a code."""
    if is_table(design.rule):
        return decision_table(design.rule, design.n, design.k).coded
    return design.rule == "select"


def shared_name(design: Design) -> str:
    """Return what the thing that lanes share is called."""
    if not is_encoded(design):
        return "word"
    return "code" if is_table(design.rule) else "index"


def drawn(design: Design, word: int) -> int:
    """Return what lanes share of a word, as a number, and so the start value of its register."""
    if is_table(design.rule):
        return decision_table(design.rule, design.n, design.k).code(word)
    return word.bit_length() if design.rule == "select" else word


def add_draw(m: Module, design: Design, word: Value, name: str = "") -> Value:
    """Add what lanes share of a word, and return it: an index, a code, or the word itself."""
    if not is_encoded(design):
        return word
    add = add_code if is_table(design.rule) else add_index
    return add(m, design, word, f"{shared_name(design)}{name}")


def add_to_even(m: Module, design: Design, fraction: Value, suffix: str) -> Value:
    """Add whether `nearest` rounds the fraction up to k bits: more than half, or half and odd."""
    n, k = design.n, design.k
    below = fraction[: n - k - 1].any()
    odd = fraction[n - k] if k else Const(0, 1)
    to_even = Signal(name=f"to_even{suffix}")
    m.d.comb += to_even.eq(fraction[n - k - 1] & (below | odd))
    return to_even


def addends(m: Module, design: Design, fraction: Value, word: Value, suffix: str):
    """Return two addends of equal width whose carry out is the decision."""
    n, k = design.n, design.k
    if design.rule == "zero":
        # The low n-k bits meet zeros and can make no carry.
        return fraction[n - k :], word
    if design.rule == "half":
        # One bit more than the word meets the constant half step.
        return fraction[n - k - 1 :], Cat(Const(1, 1), word)
    if design.rule == "replicate":
        return fraction, Cat(word[k - 1 - (n - 1 - i) % k] for i in range(n))
    assert design.rule == "nearest"
    kept = fraction[n - k :]
    if n == k:
        return kept, word
    # The 1 below the fraction and the decision below the word make it the carry in of the one
    # adder.
    return Cat(Const(1, 1), kept), Cat(add_to_even(m, design, fraction, suffix), word)


def add_round_up(
    m: Module, design: Design, fraction: Value, draw: Value, suffix: str = ""
) -> Value:
    """Add one lane's decision and return it, 1 bit: 1 rounds up.

    Parameters
    ----------
    m : Module
        Gets the logic.
    design : Design
        The design; only n, k and the rule are looked at.
    fraction : Value
        The top n dropped bits of the lane.
    draw : Value
        What `add_draw` returns.
    suffix : str
        Ends the names of the signals.
    """
    if is_table(design.rule):
        return add_table_up(m, design, fraction, draw, suffix)
    if design.rule == "select":
        chosen = Signal(name=f"chosen{suffix}")
        m.d.comb += chosen.eq(fraction.bit_select(draw, 1))
        return chosen
    a, b = addends(m, design, fraction, draw, suffix)
    width = len(a)
    if not width:
        return Const(0, 1)
    total = Signal(width + 1, name=f"sum{suffix}")
    m.d.comb += total.eq(a + b)
    return total[width]


class Rounder(wiring.Component):
    """The bare rule: fraction and random word in, decision out. Combinational.

    Parameters
    ----------
    design : Design
        The design; only n, k and the rule are looked at.

    Attributes
    ----------
    frac : In(n)
        The top n dropped bits.
    word : In(k)
        The random word.
    up : Out(1)
        1: round up.
    """

    def __init__(self, design: Design):
        self.design = design
        super().__init__({"frac": In(design.n), "word": In(design.k), "up": Out(1)})

    def elaborate(self, platform) -> Module:
        """Return the rule's logic."""
        m = Module()
        design = self.design
        draw = add_draw(m, design, self.word)
        m.d.comb += self.up.eq(add_round_up(m, design, self.frac, draw))
        return m
