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
    first = 8 if fabric.muxes and n >= 8 else min(n, 4)
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
    m: Module,
    fabric: Fabric,
    chain: SelectChain,
    fraction: Value,
    controls: Value,
    suffix: str,
) -> Value:
    """Add one lane's chain and return the deciding bit, given the shared control bits."""
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
        return add_mux(m, fabric.muxes[0], halves, control[2], name)
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


#: Inputs from outside that the eight cells of an iCE40 tile can have, and what a register's clock
#: enable and reset take of them.
_TILE_INPUTS = 32
_TILE_CONTROLS = 2


def shared_bits(design: Design, fabric: Fabric) -> dict[int, int]:
    """Return the bits of an LFSR that may go into the carry chain of its one lane.

    On the iCE40 a logic cell's flip-flop is free where the carry alone is used. That saves cells
    from three bits on: the chain needs a cell to get its carry out, where LUTs need none.

    Returns
    -------
    dict
        Bits of the next state that are a bit of the state as it is: of which, by their number.
    """
    if fabric.carry != "ice40" or design.lanes > 1 or design.rule in ("select", "nearest"):
        return {}
    if design.recover or design.load or design.map != "same":
        return {}
    found = copied_bits(design)
    return found if sum(i >= design.length - design.k for i in found) > 2 else {}


class Shifted(NamedTuple):
    """A register whose flip-flops may stand in the cells of a carry chain.

    Attributes
    ----------
    following : Value
        What the flip-flops take.
    start : int
        The state at start-up.
    shared : dict
        As `shared_bits` returns it.
    low : int
        The number of the word's lowest bit.
    """

    following: Value
    start: int
    shared: dict[int, int]
    low: int

    def inverted(self, bit: int) -> bool:
        """Return whether a bit is stored inverted: the iCE40's flip-flops start at 0."""
        return bool(self.start >> bit & 1)


def add_shared_carries(
    m: Module,
    fabric: Fabric,
    pairs: list[Pair],
    word: list[Value],
    register: Shifted,
    suffix: str,
) -> tuple[Value, dict[int, Value]]:
    """Add the decision as a chain of carry cells that hold some of the source's flip-flops.

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
    register : Shifted
        The source.
    suffix : str
        Ends the names.

    Returns
    -------
    Value, dict
        The carry out, and by number of a bit what is to be given to its flip-flop instead.
    """
    cells = [tuple(Const(b, 1) if isinstance(b, int) else b for b in pair) for pair in pairs]
    places = [next((i for i, bit in enumerate(word) if bit is b), None) for _, b in cells]
    held = _held(places, register)
    carry: Value = Const(0, 1)
    through: dict[int, Value] = {}
    for number, (a, b) in enumerate(cells):
        if number in held:
            bit, more = held[number]
            new = register.following[bit] if more else Const(0, 1)
            through[bit] = add_lut(
                m,
                fabric,
                [new, a, b, carry],
                lambda new, a, b, carry, more=more: new if more else b,
                f"passed_{bit}{suffix}",
                keep=True,
            )
        carry = add_ice40_carry(m, a, b, carry, f"carry_{number}{suffix}")
    return carry, through


def _held(places: Sequence[int | None], register: Shifted) -> dict[int, tuple[int, bool]]:
    """Return which cells hold which bits, and whether these need an input of their own.

    A cell has a bit of the word at an input. So it best holds the flip-flop that takes just that
    bit, the next one of a register that shifts. Others need an input more, as far as a tile has
    any. A bit that is stored inverted would need a cell more, and so would the word's lowest bit
    if it is: the first cell can invert it, but not beside a flip-flop.
    """
    fit = [bit for bit in register.shared if not register.inverted(bit)]
    taking = {register.shared[bit] - register.low: bit for bit in fit}
    held: dict[int, tuple[int, bool]] = {}
    inputs = [2] * len(places)
    for number, place in enumerate(places):
        inverts = not number and place is not None and register.inverted(register.low + place)
        if place in taking and not inverts:
            held[number] = taking.pop(place), False
            inputs[number] = 3
    # The next bit of one that is stored inverted comes last: an inverter stands between them.
    waiting = sorted(taking.values(), key=lambda bit: register.inverted(register.shared[bit]))
    for number in range(1, len(places)):
        tile = slice(number - number % 8, number - number % 8 + 8)
        left = _TILE_INPUTS - _TILE_CONTROLS - sum(inputs[tile])
        if waiting and number not in held and left >= 2:
            held[number] = waiting.pop(0), True
            inputs[number] = 4
    return held
