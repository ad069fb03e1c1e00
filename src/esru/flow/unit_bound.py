"""The least area that a unit of standard cells can take: lower bounds, by trying every circuit.

Each of the eight outputs y_i is a flip-flop, and no other flip-flop reads x or y. Its next value
is 0 (reset), y_i (not enabled), x_i or not x_i (enabled, without and with a carry into the bit).
Whatever makes carries, decision and controls may cost nothing here, and so may saturation.

`any_unit` holds for every netlist. Put constants in for bits of the fraction, the x_i and the y_i,
one by one. Each reaches a flip-flop through a cell that is no inverter, whatever constants those
before it are; the better constant for the first such cell makes it smaller by `least_saving` or
more. Bits of the fraction count as long as the decision depends on the next one, whatever those
before it are.

`upward_unit` holds for upward netlists: once x_7 is 1, so that nothing saturates, and what is
constant then, or made of reset and enable alone, is gone, no cell in front of bit i's flip-flop
reads, through others or not, an x or y above i. Of the cells in front of it count those that so
read x_i or y_i. None of them is in front of a lower bit's flip-flop, so none is counted twice. What
else comes to their pins is constant while all but x_i and y_i is, and those others can make each of
the four next values (of y_7, with x_7 = 1: 0, y_7, 1) the one asked for. So `least_area` lets each
such pin be, in each case, 0 or 1 as it likes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import permutations, product
from operator import and_, or_, xor

from esru.flow.targets.asic import Gate

#: Pins that may be constants, in a circuit; the search stops with an error if it needs more.
_FREE = 8

_VARIABLES = 4
_PATTERNS = tuple(
    sum(1 << row for row in range(1 << (_VARIABLES + _FREE)) if row >> bit & 1)
    for bit in range(_VARIABLES + _FREE)
)
_ROWS = 1 << _VARIABLES
_ALL = (1 << (1 << (_VARIABLES + _FREE))) - 1

#: Genlib's operators of two operands, the loosest first.
_OPERATORS = (("+", or_), ("^", xor), ("*", and_))

#: A pin that reads no signal of the circuit's own.
_OTHER = -1

#: Its pins and its truth table.
_BUFFER = (1, 0b10)

#: x_i and y_i, then the next values of a bit, and of the sign of a negative number.
X, Y = (_PATTERNS[bit] & ((1 << _ROWS) - 1) for bit in (0, 1))
_ONE = (1 << _ROWS) - 1
BIT = frozenset({0, Y, X, X ^ _ONE})
SIGN = frozenset({0, Y, _ONE})


@dataclass(frozen=True)
class Cell:
    """A cell of one output.

    Attributes
    ----------
    area : float
        Its area.
    pins : int
        How many inputs it has.
    truth : int
        Its truth table: bit r is its output where pin p is bit p of r.
    alike : tuple of tuple of int
        The orders of its pins that leave its function as it is.
    """

    area: float
    pins: int
    truth: int
    alike: tuple[tuple[int, ...], ...]

    def output(self, values: Sequence[int]) -> int:
        """Return the truth table of its output, from those of its inputs."""
        rows = range(1 << self.pins)
        ones = self.truth.bit_count() * 2 <= len(rows)
        found = 0
        for row in rows:
            if (self.truth >> row & 1) == ones:
                term = _ALL
                for pin, value in enumerate(values):
                    term &= value if row >> pin & 1 else ~value
                found |= term
        return found if ones else found ^ _ALL


def cells(gates: Iterable[Gate]) -> tuple[Cell, ...]:
    """Return gates as cells, the smallest of each function; no constants, no buffers."""
    found: dict[tuple[int, int], float] = {}
    for gate in gates:
        names = sorted(set(re.findall(r"\b[A-Z]\b", gate.function)))
        # A constant has a longer name than a pin.
        if not names:
            continue
        key = len(names), _truth(gate.function, names)
        if key == _BUFFER:
            continue
        found[key] = min(gate.area, found.get(key, gate.area))
    return tuple(
        Cell(area, pins, truth, _alike(pins, truth))
        for (pins, truth), area in sorted(found.items(), key=lambda item: (item[1], item[0]))
    )


def _truth(function: str, names: Sequence[str]) -> int:
    """Return the truth table of a genlib function."""
    rows = 1 << len(names)
    values = {name: _PATTERNS[bit] & ((1 << rows) - 1) for bit, name in enumerate(names)}
    tokens = [token for token in function if token != " "]

    def binary(level: int) -> int:
        if level == len(_OPERATORS):
            return unary()
        found = binary(level + 1)
        while tokens and tokens[0] == _OPERATORS[level][0]:
            tokens.pop(0)
            found = _OPERATORS[level][1](found, binary(level + 1))
        return found

    def unary() -> int:
        token = tokens.pop(0)
        if token == "!":
            return unary() ^ ((1 << rows) - 1)
        if token != "(":
            return values[token]
        found = binary(0)
        tokens.pop(0)
        return found

    return binary(0)


def _alike(pins: int, truth: int) -> tuple[tuple[int, ...], ...]:
    """Return the orders of the pins that leave a truth table as it is."""

    def moved(order: tuple[int, ...]) -> int:
        found = 0
        for row in range(1 << pins):
            source = sum((row >> place & 1) << pin for pin, place in enumerate(order))
            found |= (truth >> source & 1) << row
        return found

    return tuple(order for order in permutations(range(pins)) if moved(order) == truth)


def least_area(library: Sequence[Cell], cases: frozenset[int], variables: int = 2) -> float:
    """Return the least area of a circuit that is each of some functions.

    Every pin reads a variable, another cell's output, or a constant of its own, which may differ
    from function to function. Tried is every circuit, area by area, until one does it.

    Parameters
    ----------
    library : sequence of Cell
        The cells.
    cases : frozenset of int
        The functions, as truth tables of `_VARIABLES` variables.
    variables : int
        How many of the variables there are.
    """
    inputs = _PATTERNS[:variables]
    if len(cases) == 1 and cases <= {0, _ONE, *(value & _ONE for value in inputs)}:
        return 0.0
    limit = library[0].area
    while True:
        found, over = _search(library, cases, inputs, limit)
        if found:
            return limit
        limit = over


def _search(
    library: Sequence[Cell], cases: frozenset[int], inputs: tuple[int, ...], limit: float
) -> tuple[bool, float]:
    """Return whether a circuit of at most `limit` does it, and the next area that one can have."""
    over = float("inf")

    def add(
        signals: tuple[int, ...],
        read: frozenset[int],
        area: float,
        free: int,
        last: tuple[int, ...],
    ) -> bool:
        nonlocal over
        newest = len(signals) - 1
        for number, cell in enumerate(library):
            total = area + cell.area
            if total > limit:
                over = min(over, total)
                # The cells that follow are no smaller.
                return False
            for pins in product(range(_OTHER, len(signals)), repeat=cell.pins):
                key = (number, *pins)
                # Of cells that do not read each other one order is enough.
                if newest not in pins and key < last:
                    continue
                if any(tuple(pins[at] for at in order) < pins for order in cell.alike):
                    continue
                others = pins.count(_OTHER)
                if others == cell.pins:
                    continue
                if free + others > _FREE:
                    raise ValueError(f"more than {_FREE} pins that may be constants")
                names = iter(_PATTERNS[_VARIABLES + free :])
                value = cell.output([next(names) if pin < 0 else signals[pin] for pin in pins])
                if value in (0, _ALL) or value in signals:
                    continue
                now_read = read | {pin for pin in pins if pin >= len(inputs)}
                idle = len(signals) - len(inputs) - len(now_read)
                if not idle and cases <= _functions(value, free + others):
                    return True
                if add((*signals, value), now_read, total, free + others, key):
                    return True
        return False

    return add(inputs, frozenset(), 0.0, 0, ()), over


def _functions(value: int, free: int) -> set[int]:
    """Return what a signal is, over the constants of its first `free` pins that may be such."""
    return {value >> (_ROWS * constants) & _ONE for constants in range(1 << free)}


def least_saving(library: Sequence[Cell]) -> float:
    """Return by how much, at least, the better constant at a pin makes a cell smaller.

    Inverters are left out: behind one that reads an input, another cell reads the constant.
    """
    savings = []
    for cell in library:
        if cell.pins == 1:
            continue
        for pin in range(cell.pins):
            rests = []
            for constant in (0, _ALL):
                values = list(_PATTERNS[: cell.pins])
                values[pin] = constant
                function = frozenset({cell.output(values) & _ONE})
                rests.append(least_area(library, function, cell.pins))
            savings.append(cell.area - min(rests))
    return min(savings)


def any_unit(
    library: Sequence[Cell],
    flip_flop: float,
    fraction: int = 0,
    bits: int = 8,
    gated: bool = False,
) -> float:
    """Return a lower bound on the area of a unit whose decision depends on bits of the fraction.

    Where the clock may be gated, the y_i are not counted: then none need be read.
    """
    variables = fraction + (bits if gated else 2 * bits)
    return bits * flip_flop + variables * least_saving(library)


def upward_unit(library: Sequence[Cell], flip_flop: float, bits: int = 8) -> float:
    """Return a lower bound on the area of an upward unit whose carries are free."""
    slices = (bits - 1) * least_area(library, BIT) + least_area(library, SIGN)
    return bits * flip_flop + slices
