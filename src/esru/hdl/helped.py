"""Decisions in a structure given cell by cell, where synthesis alone takes more cells.

What is added here computes what `esru.hdl.rounder` says, from the same fraction and word. Only
the shared part of `select` looks different: instead of the index, lanes see its control bits
(`select_codes`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from amaranth.hdl import Const, Module, Value

from esru.design import Design
from esru.hdl.fabric import Fabric, add_ice40_carry, add_lut, add_mux
from esru.hdl.rounder import add_to_even
from esru.hdl.sources import copied_bits

#: A control bit of `select` as a function of the deciding bit's position.
Column = tuple[int, ...]


class SelectCell(NamedTuple):
    """One cell of the chain that chooses the deciding fraction bit.

    Attributes
    ----------
    data : tuple of int
        Positions of the fraction bits that it chooses from.
    columns : tuple of int
        Which control bits it looks at.
    kind : {"first", "code", "pair", "mux"}
        ``first``: with controls (0, i) fraction bit i, with (1, b) the constant b. ``pair``: with
        control 1 one of its two bits, the one that the cell before says; with 0 what that says.
        ``code``: the control bits are the number of the bit chosen; behind another cell 0 is
        what that says. ``mux``: the same of eight, in two LUTs and a multiplexer.
    """

    data: tuple[int, ...]
    columns: tuple[int, ...]
    kind: str


class SelectChain(NamedTuple):
    """The cells of one lane, the first first, and the control bits that all lanes share."""

    cells: tuple[SelectCell, ...]
    columns: tuple[Column, ...]

    def codes(self) -> list[int]:
        """Return the control bits by position of the deciding bit."""
        return [
            sum(bit << place for place, bit in enumerate(bits))
            for bits in zip(*self.columns, strict=True)
        ]


def select_chain(n: int, fabric: Fabric) -> SelectChain:
    """Return the fewest cells known that choose one of n fraction bits.

    In LUTs of four inputs a cell takes two fraction bits: an idle cell hands on the bit that
    tells the next which of its two is meant. In LUTs of six inputs the first cell takes four
    bits (with a multiplexer behind the LUTs eight), each further one three.
    """
    columns: list[Column] = []

    def column(bits: list[int]) -> int:
        if (wanted := tuple(bits)) not in columns:
            columns.append(wanted)
        return columns.index(wanted)

    positions = range(n)
    cells = []
    if fabric.width < 6:
        first = 2 - n % 2
        groups = [tuple(range(first))]
        groups += [(low, low + 1) for low in range(first, n, 2)]
        # Which of its group's bits a position is.
        place = {p: group.index(p) for group in groups for p in group}
        if n == 2:
            return SelectChain((SelectCell((0, 1), (column([0, 1]),), "code"),), tuple(columns))
        idle = column([int(p >= first) for p in positions])
        which = column([place[p] for p in positions])
        cells.append(SelectCell(groups[0], (idle, which), "first"))
        for group in groups[1:]:
            cells.append(SelectCell(group, (column([int(p in group) for p in positions]),), "pair"))
        return SelectChain(tuple(cells), tuple(columns))
    first = 8 if fabric.mux and n >= 8 else min(n, 4)
    low = 0
    while low < n:
        group = tuple(range(low, min(low + (3 if low else first), n)))
        # Behind another cell, number 0 is to pass on what that says.
        shift = 1 if low else 0
        number = [group.index(p) + shift if p in group else 0 for p in positions]
        bits = (len(group) + shift - 1).bit_length()
        chosen = tuple(column([v >> bit & 1 for v in number]) for bit in range(bits))
        cells.append(SelectCell(group, chosen, "mux" if len(group) == 8 else "code"))
        low = group[-1] + 1
    return SelectChain(tuple(cells), tuple(columns))


def add_helped_select(
    m: Module, fabric: Fabric, fraction: Value, controls: Value, suffix: str
) -> Value:
    """Add one lane's chain and return the deciding bit, given the shared control bits."""
    chain = select_chain(len(fraction), fabric)
    before: Value | None = None
    for number, cell in enumerate(chain.cells):
        name = f"chosen_{number}{suffix}" if number + 1 < len(chain.cells) else f"chosen{suffix}"
        before = _add_cell(m, fabric, cell, before, fraction, controls, name)
    assert before is not None
    return before


def _add_cell(
    m: Module,
    fabric: Fabric,
    cell: SelectCell,
    before: Value | None,
    fraction: Value,
    controls: Value,
    name: str,
) -> Value:
    data = [fraction[position] for position in cell.data]
    control = [controls[place] for place in cell.columns]
    count = len(data)
    if cell.kind == "mux":
        halves = []
        for half in range(2):
            inputs = [*data[4 * half : 4 * half + 4], *control[:2]]
            halves.append(
                add_lut(m, fabric, inputs, lambda *b: b[b[4] + 2 * b[5]], f"{name}_half{half}")
            )
        return add_mux(m, fabric, halves, control[2], name)
    if cell.kind == "first":

        def first(*bits: int) -> int:
            idle, which = bits[count:]
            return which if idle else bits[min(which, count - 1)]

        return add_lut(m, fabric, [*data, *control], first, name)
    if cell.kind == "pair":
        assert before is not None
        inputs = [before, *data, *control]
        return add_lut(m, fabric, inputs, lambda b, d, e, on: (e if b else d) if on else b, name)
    choices = data if before is None else [before, *data]
    size = len(choices)

    def chosen(*bits: int) -> int:
        number = sum(bit << place for place, bit in enumerate(bits[size:]))
        return bits[min(number, size - 1)]

    return add_lut(m, fabric, [*choices, *control], chosen, name)


#: Two bits of equal weight that an addition meets; an integer is a constant.
Pair = tuple[Value | int, Value | int]


def addend_pairs(
    m: Module, design: Design, fraction: Value, word: Sequence[Value], suffix: str
) -> list[Pair]:
    """Return the pairs of bits whose sum's carry out is the decision, the lowest first.

    Bits of the word are the objects given, each as often as it meets a fraction bit.
    """
    n, k = design.n, design.k
    f = [fraction[i] for i in range(n)]
    r: list[Value | int] = list(word)
    if design.rule == "zero":
        return list(zip(f[n - k :], r, strict=True))
    if design.rule == "half":
        return list(zip(f[n - k - 1 :], [1, *r], strict=True))
    if design.rule == "replicate":
        return list(zip(f, [r[k - 1 - (n - 1 - i) % k] for i in range(n)], strict=True))
    assert design.rule == "nearest"
    pairs: list[Pair] = list(zip(f[n - k :], r, strict=True))
    if n == k:
        return pairs
    return [(1, add_to_even(m, design, fraction, suffix)), *pairs]


def add_carry_out(m: Module, fabric: Fabric, pairs: list[Pair], suffix: str) -> Value | None:
    """Add the carry out of a sum as a chain of LUTs and return it; None: it is always 0.

    Each LUT takes the carry of the one before and as many pairs as its inputs allow.
    """
    carry: Value | None = None
    waiting = list(pairs)
    number = 0
    while waiting:
        inputs: list[Value] = [] if carry is None else [carry]
        taken: list[Pair] = []
        while waiting:
            new = [bit for bit in waiting[0] if not isinstance(bit, int)]
            new = [bit for bit in new if not any(bit is known for known in inputs)]
            if len(inputs) + len(new) > fabric.width:
                break
            inputs += new
            taken.append(waiting.pop(0))
        where = [[b if isinstance(b, int) else _index(inputs, b) + 2 for b in p] for p in taken]
        start = carry is not None

        def function(*bits: int, where: list[list[int]] = where, start: bool = start) -> int:
            total = bits[0] if start else 0
            for pair in where:
                total = (total + sum(at if at < 2 else bits[at - 2] for at in pair)) >> 1
            return total

        name = f"carry_{number}{suffix}" if waiting else f"up{suffix}"
        # One input: the carry of a bit and a constant 1.
        carry = inputs[0] if len(inputs) == 1 else add_lut(m, fabric, inputs, function, name)
        number += 1
    return carry


def _index(inputs: list[Value], bit: Value) -> int:
    return next(place for place, known in enumerate(inputs) if known is bit)


def shared_bits(design: Design, fabric: Fabric) -> list[int]:
    """Return the bits of an LFSR that go into the cells of the carry chain of its one lane.

    On the iCE40 a logic cell's flip-flop is free where the carry alone is used. That saves cells
    from three bits on: the chain needs a cell to get its carry out, where LUTs need none.
    """
    if fabric.carry != "ice40" or design.lanes > 1 or design.rule in ("select", "nearest"):
        return []
    if design.recover or design.load or design.map != "same":
        return []
    low = design.length - design.k
    found = [i for i in copied_bits(design) if i >= low]
    return found if len(found) > 2 else []


def add_shared_carries(
    m: Module,
    fabric: Fabric,
    pairs: list[Pair],
    word: list[Value],
    following: dict[int, Value],
    suffix: str,
) -> tuple[Value, dict[int, Value]]:
    """Add the decision as a chain of carry cells that hold some of the word's flip-flops.

    Parameters
    ----------
    m : Module
        Gets the cells.
    fabric : Fabric
        The iCE40's.
    pairs : list of Pair
        As `addend_pairs` returns them.
    word : list of Value
        The random word's bits, the objects that are in the pairs.
    following : dict
        By place in the word, what the bit's flip-flop takes.
    suffix : str
        Ends the names.

    Returns
    -------
    Value, dict
        The carry out, and by place in the word what is to be given to the flip-flop instead.
    """
    carry: Value = Const(0, 1)
    through: dict[int, Value] = {}
    for number, pair in enumerate(pairs):
        a, b = (Const(bit, 1) if isinstance(bit, int) else bit for bit in pair)
        place = next((i for i, bit in enumerate(word) if bit is b), None)
        # A tile's eight cells have 32 inputs, and clock enable and reset take two of them.
        if place in following and place not in through and number % 8 < 7:
            inputs = [following[place], a, b, carry]
            name = f"passed_{place}{suffix}"
            through[place] = add_lut(m, fabric, inputs, lambda new, *_: new, name, keep=True)
        carry = add_ice40_carry(m, a, b, carry, f"carry_{number}{suffix}")
    return carry, through
