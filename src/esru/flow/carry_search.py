"""The least cells of one bit of a unit, by trying every circuit; `carry_bound` adds them up.

There, and in docs/decisions/0014, stands what a bit's own cells are, what carries, and why what
comes from lower bits may be what it likes in each of four cases: reset, hold, down and up. With a
gated clock there is no hold, and no y_i.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from itertools import permutations

from esru.flow.carry_patterns import patterns
from esru.flow.unit_bound import Cell

#: The rows of a signal: bit 0 of a row is x_(i-1), then two carry cells, x_i and y_i.
_ROWS = 32
_ALL = (1 << _ROWS) - 1
_BELOW, _CARRY, _OTHER_CARRY, _X, _Y = (
    sum(1 << row for row in range(_ROWS) if row >> bit & 1) for bit in range(5)
)

#: A cell's kind: it reads neither x_i nor y_i, x_i alone, or y_i; with a gated clock, x_i.
_OTHER, _INNER, _OUTER = 0, 1, 2
_OWN = (_INNER, _OUTER)

#: What carries: one cell; two, of which one puts out the complement of the other while the word
#: rounds up; or two that are alike then, an inverter with them: what they put out is anything.
ONE, BOTH, MANY = 1, 2, 3

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
        inverted: Sequence[int] = (),
    ):
        self.patterns = patterns(library, bent=carry_in in range(MANY))
        self.carry_out = carry_out
        self.limit = below
        self.smallest = library[0].area
        self.cell = min(cell.area for cell in library if cell.pins > 1)
        # The sign's x is 1, and so no signal.
        self.down = _ALL if sign else _X
        self.up = self.down ^ (_ALL if carry_in == MANY else _BELOW)
        inputs, kinds = ([_Y], [_OUTER]) if sign else ([_X, _Y], [_INNER, _OUTER])
        self.steady: tuple[int, ...] = (0, _Y)
        # What reads v alone, and no signal of the bit.
        self.lowest = _INNER
        if gated:
            inputs, kinds, self.steady, self.lowest = [_X], [_OUTER], (0,), _OUTER
        # In which rows the carry cells are constant, and in which they carry.
        self.held: tuple[int, ...] = (_ALL,)
        self.carries = _ALL
        for carry in (_CARRY, _OTHER_CARRY)[:carry_in] if carry_in in (ONE, BOTH) else ():
            self.held = tuple(mask & one for mask in self.held for one in (_ALL ^ carry, carry))
            self.carries &= _ALL ^ carry ^ _BELOW
        if carry_in == ONE:
            inputs, kinds = [*inputs, _CARRY, _ALL ^ _CARRY], [*kinds, _OTHER, _OTHER]
        elif carry_in == BOTH:
            carries = _CARRY, _ALL ^ _OTHER_CARRY
            inputs += [*carries, *(_ALL ^ carries[one] for one in inverted)]
            kinds += [_OTHER] * (len(inputs) - len(kinds))
        elif carry_in == DECISION:
            inputs, kinds = [*inputs, _BELOW], [*kinds, self.lowest]
        self.inputs, self.kinds = tuple(inputs), tuple(kinds)
        # How many more signals the pins of an area can take up than its cells put out.
        self.uses = [(cell.area, cell.pins - 1) for cell in library if cell.pins > 1]
        self.room = cache(self._room)
        self.pins = cache(self._pins)
        self.ends = lru_cache(1 << 16)(self._ends)
        self.can_be = lru_cache(1 << 18)(self._can_be)

    def _room(self, area: float) -> int:
        return max(
            (more + self.room(area - size) for size, more in self.uses if size <= area), default=0
        )

    def run(self) -> float:
        self.extend([(1,)], 0.0, (), self.kinds, 0, (0, 0))
        return self.limit

    def extend(
        self,
        values: list[Values],
        area: float,
        cells: Cells,
        kinds: tuple[int, ...],
        idle: int,
        carriers: tuple[int, int],
    ) -> None:
        """Try every cell that can come next.

        `idle` has a 1 for each cell that nothing reads; so many may carry, each alone, if y_i is 0
        and if it is 1.
        """
        inner, outer = (
            sum(1 << at for at, kind in enumerate(kinds) if kind == one) for one in _OWN
        )
        newest = 1 << len(kinds) - 1
        signals = [(*self.inputs, *row[1:]) for row in values]
        reads: dict[tuple[int, ...], frozenset[tuple[int, ...]]] = {}
        # An inverter is alike to a cell only if it reads another that carries.
        wanted = min(self.carry_out, BOTH) - min(carriers)
        for number, pattern in enumerate(self.patterns):
            rest = self.limit - area - pattern.area
            if rest <= 0:
                return
            room = self.room(rest)
            # What is still to carry out, and what comes last, are no inverters, and not the same.
            if wanted > 0 and rest <= self.cell * (wanted + pattern.inverter):
                continue
            # Nor is what brings y in.
            inner_fits = rest > self.cell
            last = rest <= self.smallest
            choices = self.pins(number, len(kinds))
            if last:
                choices = self.ends(number, len(kinds), idle, outer)
            for pins, read in choices:
                if read & outer:
                    kind = _OUTER
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
                if last:
                    if pins not in reads:
                        reads[pins] = frozenset(tuple(row[pin] for pin in pins) for row in signals)
                    if not self.can_be(number, reads[pins]):
                        continue
                found = self.next_values(values, pattern.outputs, pins)
                if not found:
                    continue
                more, all_kinds = (*cells, key), (*kinds, kind)
                if ends and self.is_bit(found, more):
                    self.limit = area + pattern.area
                    return
                if not last:
                    left |= newest << 1
                    now = carriers
                    if not pattern.inverter and wanted > 0:
                        may = self.may_carry(found)
                        now = carriers[0] + may[0], carriers[1] + may[1]
                    self.extend(found, area + pattern.area, more, all_kinds, left, now)

    def _pins(self, number: int, signals: int) -> list[tuple[tuple[int, ...], int]]:
        """Return what the pins of a pattern can read, and the signals that are read, as bits."""
        pattern = self.patterns[number]
        return [
            (pins, sum(1 << pin for pin in pins))
            for pins in permutations(range(signals), pattern.signals)
            if not any(tuple(pins[at] for at in order) < pins for order in pattern.alike)
        ]

    def _ends(
        self, number: int, signals: int, idle: int, outer: int
    ) -> list[tuple[tuple[int, ...], int]]:
        """Return what the pins of the last cell can read: with y, all that nothing reads yet."""
        choices = self.pins(number, signals)
        return [(pins, read) for pins, read in choices if read & outer and not idle & ~read]

    def _can_be(self, number: int, read: frozenset[tuple[int, ...]]) -> bool:
        """Return whether a cell that reads this can be each next value, whatever else is."""
        found = {
            _applied(truth, signals)
            for signals in read
            for truth, _ in self.patterns[number].outputs
        }
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

    def is_bit(self, values: list[Values], cells: Cells) -> bool:
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
        return self.carrying(down, flips, cells) >= self.carry_out

    def may_carry(self, values: list[Values]) -> tuple[bool, bool]:
        """Return whether the last cell can be steady, and can follow x_i, if y_i is 0 and if 1.

        Not whether it does both at once.
        """

        def may(half: int) -> bool:
            masks = [mask & half for mask in self.held]
            carries = self.carries & half
            return any(row[-1] & mask in (0, mask) for row in values for mask in masks) and any(
                not (row[-1] ^ sign) & carries for row in values for sign in (_X, ~_X)
            )

        return may(_BELOW & ~_Y), may(_BELOW & _Y)

    def carrying(self, down: list[Values], flips: list[Values], cells: Cells) -> int:
        """Return what carries out at once, at most.

        It is steady while the word rounds down, and not while it rounds up, whatever y_i is; of its
        two values the one with which less carries counts.
        """
        own = range(1, len(cells) + 1)
        cells_alone = sum(1 << at for at in own if not self.patterns[cells[at - 1][0]].inverter)
        if not cells_alone:
            return 0
        # With x_(i-1) = 1.
        halves = _BELOW & ~_Y, _BELOW & _Y
        steady: set[tuple[int, ...]] = set()
        for row in down:
            for mask in self.held:
                if (row[-1] ^ self.down) & mask:
                    continue
                rows = [mask & half for half in halves]
                steady.add(tuple(sum(1 << at for at in own if row[at] & m in (0, m)) for m in rows))
        rows = [self.carries & half for half in halves]
        moving = {
            tuple(
                sum(1 << at for at in own if not (row[at] ^ sign) & m)
                for m in rows
                for sign in (_X, ~_X)
            )
            for row in flips
        }
        most = 0
        for still, still_with_y in steady:
            for up, off, up_with_y, off_with_y in moving:
                without = _state(still & up, still & off, cells_alone)
                with_y = _state(still_with_y & up_with_y, still_with_y & off_with_y, cells_alone)
                most = max(most, min(without, with_y))
        return most


def _state(carries: int, complements: int, cells_alone: int) -> int:
    """Return what carries: cells as bits, and which of them are no inverters."""
    if max(carries.bit_count(), complements.bit_count()) > 1:
        return MANY
    return ((carries | complements) & cells_alone).bit_count()


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
        What of the level below carries, for nothing: no cell (0), `ONE`, inverters with it,
        `BOTH`, without inverters, or `MANY`, which put out what they should. Or
        `DECISION`: the bit is bit 0, and no cell is free that reads the fraction bit v.
    carry_out : int
        What of its own cells carries, at least: 0, `ONE`, `BOTH` or `MANY`.
    gated : bool
        Whether the clock is gated: the bit need not hold, and no cell reads y_i.
    """
    if carry_in != BOTH:
        return _Search(library, carry_in, carry_out, below, gated=gated).run()
    inverter = min(cell.area for cell in library if cell.pins == 1)
    for inverted in ((), (0,), (1,), (0, 1)):
        more = inverter * len(inverted)
        search = _Search(library, carry_in, carry_out, below - more, gated=gated, inverted=inverted)
        below = search.run() + more
    return below


def least_sign(library: Sequence[Cell], below: float, *, carry_in: int = MANY) -> float:
    """Return the least area of the sign's own cells, or `below` if it is no less.

    Parameters are those of `least_bit`. The clock is not gated.
    """
    return _Search(library, carry_in, 0, below, sign=True).run()
