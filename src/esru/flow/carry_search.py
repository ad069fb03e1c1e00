"""The least cells of one bit of a unit, by trying every circuit; `carry_bound` adds them up.

There, and in docs/decisions/0014, stands what a bit's own cells are, what carries, and why what
comes from lower bits may be what it likes in each of four cases: reset, hold, down and up. With a
gated clock there is no hold, and no y_i.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from itertools import permutations

from esru.flow.carry_patterns import patterns
from esru.flow.unit_bound import Cell

#: The rows of a signal: bit 0 of a row is x_(i-1), then a lone carry cell, x_i and y_i.
_ROWS = 16
_ALL = (1 << _ROWS) - 1
_BELOW, _CARRY, _X, _Y = (
    sum(1 << row for row in range(_ROWS) if row >> bit & 1) for bit in range(4)
)

#: A cell's kind: it reads neither x_i nor y_i, x_i alone, or y_i; with a gated clock, x_i.
_OTHER, _INNER, _OUTER = 0, 1, 2
_OWN = (_INNER, _OUTER)

#: So many carry cells or more: what they put out is anything.
MANY = 2

#: No bit is below, but the decision, whose cells are counted.
DECISION = -1


@cache
def _applied(truth: int, values: tuple[int, ...]) -> int:
    """Return a function of signals and x_(i-1), row by row."""
    found = 0
    for row in range(2 << len(values)):
        if truth >> row & 1:
            term = _BELOW if row >> len(values) else ~_BELOW
            for place, value in enumerate(values):
                term &= value if row >> place & 1 else ~value
            found |= term
    return found & _ALL


#: What each cell is at once, for one choice of constants; first whether what is bent does bend.
Values = tuple[int, ...]

#: The cells so far: the pattern of each, then what its pins read.
Cells = tuple[tuple[int, ...], ...]


class _Search:
    """Every circuit of a bit's own cells, below a limit."""

    def __init__(
        self,
        library: Sequence[Cell],
        carry_in: int,
        carry_out: int,
        below: float,
        *,
        sign: bool = False,
        gated: bool = False,
    ):
        self.patterns = patterns(library, bent=carry_in in (0, 1))
        self.carry_out = carry_out
        self.limit = below
        self.smallest = library[0].area
        self.cell = min(cell.area for cell in library if cell.pins > 1)
        # The sign's x is 1, and so no signal.
        self.down = _ALL if sign else _X
        self.up = self.down ^ (_ALL if carry_in == MANY else _BELOW)
        inputs, kinds = ([_Y], [_OUTER]) if sign else ([_X, _Y], [_INNER, _OUTER])
        self.steady: tuple[int, ...] = (0, _Y)
        # Of which kind are the cells that can carry.
        self.carrier = _INNER
        if gated:
            inputs, kinds, self.steady, self.carrier = [_X], [_OUTER], (0,), _OUTER
        self.held: tuple[int, ...] = (_ALL,)
        self.carries = _ALL
        if carry_in == 1:
            inputs, kinds = [*inputs, _CARRY, _ALL ^ _CARRY], [*kinds, _OTHER, _OTHER]
            self.held, self.carries = (_ALL ^ _CARRY, _CARRY), _ALL ^ _CARRY ^ _BELOW
        elif carry_in == DECISION:
            inputs, kinds = [*inputs, _BELOW], [*kinds, self.carrier]
        self.inputs, self.kinds = tuple(inputs), tuple(kinds)
        # How many more signals the pins of an area can take up than its cells put out.
        self.uses = [(cell.area, cell.pins - 1) for cell in library if cell.pins > 1]
        self.room = cache(self._room)
        self.pins = cache(self._pins)

    def _room(self, area: float) -> int:
        return max(
            (more + self.room(area - size) for size, more in self.uses if size <= area), default=0
        )

    def run(self) -> float:
        self.extend([(1,)], 0.0, (), self.kinds, 0)
        return self.limit

    def extend(
        self,
        values: list[Values],
        area: float,
        cells: Cells,
        kinds: tuple[int, ...],
        idle: int,
    ) -> None:
        """Try every cell that can come next; `idle` has a 1 for each cell that nothing reads."""
        inner, outer = (
            sum(1 << at for at, kind in enumerate(kinds) if kind == one) for one in _OWN
        )
        newest = 1 << len(kinds) - 1
        # Inner cells come first, so once y comes in no more of them do.
        wanted = 0
        if self.carry_out and self.carrier == _INNER and (not cells or kinds[-1] != _OUTER):
            wanted = self.carry_out - self.carrying(values, values, cells, kinds, strict=False)
        for number, pattern in enumerate(self.patterns):
            rest = self.limit - area - pattern.area
            if rest <= 0:
                return
            room = self.room(rest)
            # What is still to carry out, and what brings y in, are no inverters.
            inner_fits = rest > self.cell * max(1, wanted + pattern.inverter)
            for pins, read in self.pins(number, len(kinds)):
                if read & outer:
                    kind = _OUTER
                    if wanted > 0:
                        continue
                elif not read & inner or not inner_fits:
                    continue
                else:
                    kind = _INNER
                # All that nothing reads yet, and y, still has to come together.
                left = idle & ~read
                if left.bit_count() + (kind == _INNER) > room:
                    continue
                # Of cells that do not read each other one order is enough: the inner ones first.
                key = (number, *pins)
                if cells and not newest & read and (kind, key) < (kinds[-1], cells[-1]):
                    continue
                ends = kind == _OUTER and not left
                if rest <= self.smallest and not (
                    ends and self.can_be(values, pattern.outputs, pins)
                ):
                    continue
                found = self.next_values(values, pattern.outputs, pins)
                if not found:
                    continue
                more, all_kinds = (*cells, key), (*kinds, kind)
                if ends and self.is_bit(found, more, all_kinds):
                    self.limit = area + pattern.area
                    return
                if rest > self.smallest:
                    self.extend(found, area + pattern.area, more, all_kinds, left | newest << 1)

    def _pins(self, number: int, signals: int) -> list[tuple[tuple[int, ...], int]]:
        """Return what the pins of a pattern can read, and the signals that are read, as bits."""
        pattern = self.patterns[number]
        return [
            (pins, sum(1 << pin for pin in pins))
            for pins in permutations(range(signals), pattern.signals)
            if not any(tuple(pins[at] for at in order) < pins for order in pattern.alike)
        ]

    def can_be(
        self,
        values: list[Values],
        outputs: tuple[tuple[int, bool], ...],
        pins: tuple[int, ...],
    ) -> bool:
        """Return whether a cell can be each of the next values, whatever else is then."""
        read = {tuple((*self.inputs, *row[1:])[pin] for pin in pins) for row in values}
        found = {_applied(truth, signals) for signals in read for truth, _ in outputs}
        return all(
            any(not (value ^ wanted) & mask for value in found for mask in masks)
            for wanted, masks in (
                *((steady, self.held) for steady in self.steady),
                (self.down, self.held),
                (self.up, (self.carries,)),
            )
        )

    def next_values(
        self,
        values: list[Values],
        outputs: tuple[tuple[int, bool], ...],
        pins: tuple[int, ...],
    ) -> list[Values]:
        """Return the values with those of one more cell; none if it does nothing new."""
        found: set[Values] = set()
        same = set(range(len(self.inputs) + len(values[0]) - 1))
        constant = True
        for row in values:
            signals = (*self.inputs, *row[1:])
            read = tuple(signals[pin] for pin in pins)
            for truth, bends in outputs:
                value = _applied(truth, read)
                constant = constant and value in (0, _ALL)
                same = {at for at in same if signals[at] == value}
                found.add((row[0] & bends, *row[1:], value))
        return [] if constant or same else list(found)

    def is_bit(self, values: list[Values], cells: Cells, kinds: tuple[int, ...]) -> bool:
        """Return whether the last cell is the bit's next value, and, if asked, others carry."""
        for steady in self.steady:
            if not any(not (row[-1] ^ steady) & mask for row in values for mask in self.held):
                return False
        flips = [row for row in values if not (row[-1] ^ self.up) & self.carries]
        if not flips:
            return False
        down = [
            row
            for row in values
            if row[0] and any(not (row[-1] ^ self.down) & mask for mask in self.held)
        ]
        if not down or not self.carry_out:
            return bool(down)
        return self.carrying(down, flips, cells, kinds, strict=True) >= self.carry_out

    def carrying(
        self,
        down: list[Values],
        flips: list[Values],
        cells: Cells,
        kinds: tuple[int, ...],
        *,
        strict: bool,
    ) -> int:
        """Return how many cells carry out at once, at most: steady while down, not while up."""
        first = len(self.inputs)
        chosen = [
            at
            for at, (cell, kind) in enumerate(zip(cells, kinds[first:], strict=True), 1)
            if kind == self.carrier and not self.patterns[cell[0]].inverter
        ]
        if not chosen:
            return 0
        steady: set[int] = set()
        for row in down:
            for mask in self.held:
                if strict and (row[-1] ^ self.down) & mask:
                    continue
                # With x_(i-1) = 1.
                mask &= _BELOW
                steady.add(sum(1 << at for at in chosen if row[at] & mask in (0, mask)))
        mask = self.carries & _BELOW
        moving = {sum(1 << at for at in chosen if row[at] & mask not in (0, mask)) for row in flips}
        return max((a & b).bit_count() for a in steady for b in moving)


def least_bit(
    library: Sequence[Cell],
    below: float,
    *,
    carry_in: int = MANY,
    carry_out: int = 0,
    gated: bool = False,
) -> float:
    """Return the least area of a bit's own cells, or `below` if it is no less.

    Parameters
    ----------
    library : sequence of Cell
        The cells.
    below : float
        Only smaller circuits are tried.
    carry_in : int
        How many cells of the level below carry; they are free. What `MANY` or more put out is as
        it should be; of one both polarities are. Or `DECISION`: the bit is bit 0, and no cell is
        free that reads the fraction bit v.
    carry_out : int
        How many of the cells that do not read y_i carry, at least.
    gated : bool
        Whether the clock is gated: the bit need not hold, and no cell reads y_i.
    """
    return _Search(library, carry_in, carry_out, below, gated=gated).run()


def least_sign(library: Sequence[Cell], below: float, *, carry_in: int = MANY) -> float:
    """Return the least area of the sign's own cells, or `below` if it is no less.

    Parameters are those of `least_bit`. The clock is not gated.
    """
    return _Search(library, carry_in, 0, below, sign=True).run()
