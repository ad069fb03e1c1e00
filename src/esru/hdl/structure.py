"""How lanes are built: in plain textbook structure, or given cell by cell for a target's cells.

The structure is the hardware's, not the design's: what it computes, and the design's id, are the
same in each.
"""

from __future__ import annotations

from amaranth.hdl import Const, Module, Signal, Value

from esru.decision_table import is_table
from esru.design import Design
from esru.errors import InputError
from esru.hdl.fabric import Fabric, add_lut
from esru.hdl.helped import (
    Shifted,
    add_carry_out,
    add_helped_select,
    add_shared_carries,
    addend_pairs,
    select_chain,
    shared_bits,
)
from esru.hdl.helped_met import MetChain, add_met, met_chain
from esru.hdl.helped_result import Decision, add_helped_result, fits
from esru.hdl.helped_sum import add_helped_sum
from esru.hdl.helped_table import add_helped_table
from esru.hdl.rounder import add_draw, add_index, add_round_up, drawn
from esru.hdl.sources import Detour
from esru.hdl.unit import add_result, fraction_of

#: Rules whose decision is the carry out of a sum.
_SUMS = frozenset(("zero", "half", "nearest", "replicate"))


def check_fabric(design: Design) -> None:
    """Raise unless lanes of a design can be built cell by cell.

    Raises
    ------
    InputError
        If there is no such structure: at the boundary ``dither``, at ``accumulator`` for a rule
        whose sum is one with the accumulator's, or for a float unit.
    """
    if design.boundary == "dither":
        rule = "plain at the boundary dither, whose lanes have no rule of their own"
    elif design.boundary == "accumulator" and design.rule in _SUMS and design.k:
        rule = f"plain at the boundary accumulator, which has one adder with the rule {design.rule}"
    elif design.boundary != "decision" and design.floats:
        rule = "plain for a float unit (its decision can be built cell by cell)"
    else:
        return
    raise InputError.must("Structure", rule, "helped")


def _sums(design: Design) -> bool:
    """Return whether an accumulator's sum is given cell by cell, whatever its decision is."""
    return fits(design) and design.overflow == "saturate"


class Plain:
    """Textbook structure: portable, and all that is left to synthesis is left to it."""

    def add_draw(self, m: Module, design: Design, word: Value, name: str = "") -> Value:
        """Add what lanes share; arguments as `esru.hdl.rounder.add_draw` takes them."""
        return add_draw(m, design, word, name)

    def drawn(self, design: Design, word: int) -> int:
        """Return what lanes share of a word, as a number (`esru.hdl.rounder.drawn`)."""
        return drawn(design, word)

    def detour(self, m: Module, design: Design, suffix: str) -> Detour | None:
        """Return what a source's next state passes through before its register, if anything."""
        return None

    def add_round_up(
        self, m: Module, design: Design, fraction: Value, draw: Value, suffix: str
    ) -> Value:
        """Add one lane's decision; arguments as `esru.hdl.rounder.add_round_up` takes them."""
        return add_round_up(m, design, fraction, draw, suffix)

    def add_result(self, m: Module, design: Design, x: Value, up: Value, suffix: str) -> Value:
        """Add one lane's result; arguments as `esru.hdl.unit.add_result` takes them."""
        return add_result(m, design, x, up, suffix)

    def add_sum(
        self, m: Module, design: Design, w: Value, x: Value, draw: Value, suffix: str
    ) -> Value | None:
        """Add a stored word's update as a whole and return it; None: left to one adder.

        Arguments as `esru.hdl.accumulator.add_updated_word` takes them.
        """
        return None


class Helped(Plain):
    """Cell by cell, as far as there is a better structure than what synthesis finds.

    For one array; it remembers which cells hold flip-flops.

    Parameters
    ----------
    fabric : Fabric
        The target's cells.
    """

    def __init__(self, fabric: Fabric) -> None:
        self.fabric = fabric
        self._next: dict[str, tuple[Shifted, Signal]] = {}
        self._carries: set[str] = set()

    def add_draw(self, m: Module, design: Design, word: Value, name: str = "") -> Value:
        """Add what lanes share; for `select` the control bits of the chain."""
        if design.rule != "select":
            return add_draw(m, design, word, name)
        return add_index(m, design, word, f"index{name}", self._codes(design))

    def drawn(self, design: Design, word: int) -> int:
        """Return the same of a word, as a number."""
        if design.rule != "select":
            return drawn(design, word)
        return self._codes(design)[word.bit_length()]

    def _codes(self, design: Design) -> list[int]:
        """Return the control bits of `select` by position of the deciding bit."""
        met = self._met(design)
        return (select_chain(design.n, self.fabric) if met is None else met).codes()

    def _met(self, design: Design) -> MetChain | None:
        """Return the cells of a decision that is one with the sum's first LUT, if it can be."""
        if design.boundary != "accumulator" or design.rule != "select" or not _sums(design):
            return None
        return met_chain(design.n, self.fabric)

    def detour(self, m: Module, design: Design, suffix: str) -> Detour | None:
        """Return the way through the carry chain's cells, where the register's bits share them."""
        shared = shared_bits(design, self.fabric)
        if not shared:
            return None

        def through(following: Value, start: int) -> Value:
            passed = Signal(design.length, name=f"passed{suffix}")
            register = Shifted(following, start, shared, design.length - design.k)
            self._next[suffix] = register, passed
            return passed

        return through

    def add_round_up(
        self, m: Module, design: Design, fraction: Value, draw: Value, suffix: str
    ) -> Value:
        """Add one lane's decision as a chain of LUTs or carry cells."""
        if design.rule == "select":
            chain = select_chain(design.n, self.fabric)
            return add_helped_select(m, self.fabric, chain, fraction, draw, suffix)
        if is_table(design.rule):
            up = add_helped_table(m, self.fabric, design, fraction, draw, suffix)
            return add_round_up(m, design, fraction, draw, suffix) if up is None else up
        if design.rule not in _SUMS:
            return add_round_up(m, design, fraction, draw, suffix)
        word = [draw[i] for i in range(design.k)]
        pairs = addend_pairs(m, design, fraction, word, suffix)
        if suffix not in self._next:
            carry = add_carry_out(m, self.fabric, pairs, suffix)
            return Const(0, 1) if carry is None else carry
        register, passed = self._next[suffix]
        carry, through = add_shared_carries(m, self.fabric, pairs, word, register, suffix)
        for bit in range(design.length):
            m.d.comb += passed[bit].eq(through.get(bit, register.following[bit]))
        if design.boundary in ("result", "unit") and fits(design):
            self._carries.add(suffix)
            return carry
        zero = Const(0, 1)
        return add_lut(m, self.fabric, [zero, zero, zero, carry], lambda *b: b[3], f"up{suffix}")

    def add_result(self, m: Module, design: Design, x: Value, up: Value, suffix: str) -> Value:
        """Add one lane's increment and saturation."""
        if not fits(design):
            return add_result(m, design, x, up, suffix)
        decision = Decision(up, suffix in self._carries)
        return add_helped_result(m, design, self.fabric, x, decision, suffix)

    def add_sum(
        self, m: Module, design: Design, w: Value, x: Value, draw: Value, suffix: str
    ) -> Value | None:
        """Add decision, sum and saturation in LUTs, where the words have one width."""
        if not _sums(design):
            return None
        fraction = Signal(design.n, name=f"frac{suffix}")
        m.d.comb += fraction.eq(fraction_of(design, x))
        kept = x[design.dropped :]
        chain = self._met(design)
        if chain is None:
            up = self.add_round_up(m, design, fraction, draw, suffix)
            return add_helped_sum(m, design, self.fabric, w, kept, up, suffix)
        met = add_met(m, self.fabric, chain, fraction, draw, kept[0], suffix)
        return add_helped_sum(m, design, self.fabric, w, kept, None, suffix, met)
