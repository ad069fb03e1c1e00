"""What the carries of a unit of standard cells take: a lower bound, by trying every circuit.

`unit_bound` has the unit, its slices, and why what comes from elsewhere may be a constant. There
carries are free. Here they are not; the argument, with all its cases, is in docs/decisions/0014.

Of the cells in front of bit i's flip-flop, those of *level* i read x_i or y_i, those of level
i - 1 read x_(i-1) and neither. One of level i - 1 *carries* if with all lower x at 1 its output is
x_(i-1) or its complement while the decision is up, and does not change with x_(i-1) while it is
down. A carry cell is such a cell that is no inverter. Into bit i there are three cases:

- None. Then every signal of level i - 1 changes with x_(i-1) while the decision is down, or else
  does not while it is up. A pin may read either: *bent* or constant.
- One that is in front of bit i - 1's flip-flop, too: one of its cells of level i - 1 carries.
- One that is not: it comes on top of the cells of bit i.

The sign is such a bit, too, with x_7 at 1: nothing saturates, so its next value is 0 (reset), y_7
(not enabled), 1 and, where a carry comes in from x_6 (all x at 1, the number -1), not x_6.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import permutations, product

from esru.flow.unit_bound import Cell

#: The rows of a signal: bit 0 of a row is x_(i-1), then x_i and y_i.
_ROWS = 8
_ALL = (1 << _ROWS) - 1
_BELOW, _X, _Y = (sum(1 << row for row in range(_ROWS) if row >> bit & 1) for bit in range(3))

_CONSTANT, _BENT = -1, -2

#: A cell's kind: before its bit's y comes in, and after.
_INNER, _OUTER = 1, 2


@dataclass(frozen=True)
class Pattern:
    """A cell of which some pins read signals, and the others do as they like.

    Attributes
    ----------
    area : float
        The cell's.
    signals : int
        How many signals it reads.
    outputs : tuple of (int, bool)
        Each of its functions, of the signals and x_(i-1), the last, as a truth table; and whether
        all its bent pins change with x_(i-1).
    alike : tuple of tuple of int
        The orders of the signals that leave these as they are.
    inverter : bool
        Whether the cell is one.
    """

    area: float
    signals: int
    outputs: tuple[tuple[int, bool], ...]
    alike: tuple[tuple[int, ...], ...]
    inverter: bool


def _joined(cell: Cell, pins: Sequence[int], signals: int) -> frozenset[tuple[int, bool]]:
    """Return the functions of a cell whose pins read signals, constants or what is bent."""
    choices = [
        (0b00, 0b11) if pin == _CONSTANT else (0b00, 0b11, 0b10, 0b01) if pin == _BENT else (0,)
        for pin in pins
    ]
    found: dict[int, bool] = {}
    for chosen in product(*choices):
        bends = all(
            value in (0b10, 0b01) for pin, value in zip(pins, chosen, strict=True) if pin == _BENT
        )
        truth = 0
        for row in range(2 << signals):
            at = 0
            for place, (pin, value) in enumerate(zip(pins, chosen, strict=True)):
                at |= (row >> pin & 1 if pin >= 0 else value >> (row >> signals) & 1) << place
            truth |= (cell.truth >> at & 1) << row
        found[truth] = found.get(truth, False) or bends
    return frozenset(found.items())


def _reordered(truth: int, signals: int, order: Sequence[int]) -> int:
    """Return a truth table whose signals come in another order."""
    found = 0
    for row in range(2 << signals):
        source = row >> signals << signals
        for place, signal in enumerate(order):
            source |= (row >> signal & 1) << place
        found |= (truth >> source & 1) << row
    return found


def _reads_all(outputs: frozenset[tuple[int, bool]], signals: int) -> bool:
    """Return whether each of the signals matters to one of the functions."""
    rows = range(2 << signals)
    return all(
        any(
            (truth >> row ^ truth >> (row ^ 1 << signal)) & 1
            for truth, _ in outputs
            for row in rows
        )
        for signal in range(signals)
    )


def patterns(library: Sequence[Cell], bent: bool) -> tuple[Pattern, ...]:
    """Return how cells can be used, the smallest first; none that another does as well."""
    used: list[tuple[float, int, frozenset[tuple[int, bool]], bool]] = []
    others = (_CONSTANT, _BENT) if bent else (_CONSTANT,)
    for cell in library:
        for pins in product((*others, *range(cell.pins)), repeat=cell.pins):
            signals = max(pins) + 1
            # The signals in the order in which they come.
            first = list(dict.fromkeys(pin for pin in pins if pin >= 0))
            if signals < 1 or first != list(range(signals)):
                continue
            outputs = _joined(cell, pins, signals)
            if _reads_all(outputs, signals):
                used.append((cell.area, signals, outputs, cell.pins == 1))
    used.sort(key=lambda use: (use[0], -len(use[2])))
    kept: list[Pattern] = []
    for area, signals, outputs, inverter in used:
        orders = list(permutations(range(signals)))
        moved = {
            order: {(_reordered(truth, signals, order), bends) for truth, bends in outputs}
            for order in orders
        }
        # An inverter does not carry, so it does not stand for what is none.
        if any(
            other.signals == signals
            and not other.inverter
            and any(_covers(set(other.outputs), moved[order]) for order in orders)
            for other in kept
        ):
            continue
        alike = tuple(order for order in orders if moved[order] == outputs)
        kept.append(Pattern(area, signals, tuple(sorted(outputs)), alike, inverter))
    return tuple(kept)


def _covers(more: set[tuple[int, bool]], less: set[tuple[int, bool]]) -> bool:
    """Return whether the functions of one use are among those of another."""
    return all(
        (truth, bends) in more or (not bends and (truth, True) in more) for truth, bends in less
    )


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


class _Search:
    """Every circuit of a bit's own cells, below a limit."""

    def __init__(
        self, library: Sequence[Cell], bent: bool, carries: bool, sign: bool, below: float
    ):
        self.patterns = patterns(library, bent)
        self.carries = carries
        self.limit = below
        self.smallest = library[0].area
        # The sign's x is 1, and so no signal.
        self.down = _ALL if sign else _X
        self.up = self.down ^ (_BELOW if bent else _ALL)
        self.inputs = (_Y,) if sign else (_X, _Y)
        self.kinds = (_OUTER,) if sign else (_INNER, _OUTER)
        # How many more signals the pins of an area can take up than its cells put out.
        self.uses = [(cell.area, cell.pins - 1) for cell in library if cell.pins > 1]
        self.room = cache(self._room)

    def _room(self, area: float) -> int:
        return max(
            (more + self.room(area - size) for size, more in self.uses if size <= area), default=0
        )

    def run(self) -> float:
        self.extend([(1,)], 0.0, (), self.kinds, frozenset())
        return self.limit

    def pins(self, count: int, signals: int) -> Iterator[tuple[int, ...]]:
        return permutations(range(signals), count)

    def extend(
        self,
        values: list[Values],
        area: float,
        cells: tuple[tuple[int, ...], ...],
        kinds: tuple[int, ...],
        idle: frozenset[int],
    ) -> None:
        """Try every cell that can come next."""
        newest = len(kinds) - 1
        for number, pattern in enumerate(self.patterns):
            total = area + pattern.area
            if total >= self.limit:
                return
            for pins in self.pins(pattern.signals, len(kinds)):
                if any(tuple(pins[at] for at in order) < pins for order in pattern.alike):
                    continue
                kind = max(kinds[pin] for pin in pins)
                key = (number, *pins)
                # Of cells that do not read each other one order is enough: the inner ones first.
                if cells and newest not in pins and (kind, key) < (kinds[-1], cells[-1]):
                    continue
                left = idle.difference(pins) | {len(kinds)}
                rest = self.limit - total
                # All that nothing reads yet, and y, still has to come together.
                if len(left) - (kind == _OUTER) > self.room(rest):
                    continue
                if kind == _OUTER and self.carries and not self.has_inner(cells, kinds):
                    continue
                found = self.next_values(values, pattern, pins)
                if not found:
                    continue
                more, all_kinds = (*cells, key), (*kinds, kind)
                if kind == _OUTER and len(left) == 1 and self.is_bit(found, more, all_kinds):
                    self.limit = total
                    return
                if rest > self.smallest:
                    self.extend(found, total, more, all_kinds, left)

    def has_inner(self, cells: tuple[tuple[int, ...], ...], kinds: tuple[int, ...]) -> bool:
        """Return whether there is a cell that may carry."""
        return any(
            kind == _INNER and not self.patterns[cell[0]].inverter
            for cell, kind in zip(cells, kinds[2:], strict=True)
        )

    def next_values(
        self, values: list[Values], pattern: Pattern, pins: tuple[int, ...]
    ) -> list[Values]:
        """Return the values with those of one more cell; none if it does nothing new."""
        found: set[Values] = set()
        same = set(range(len(self.inputs) + len(values[0]) - 1))
        constant = True
        for row in values:
            signals = (*self.inputs, *row[1:])
            read = tuple(signals[pin] for pin in pins)
            for truth, bends in pattern.outputs:
                value = _applied(truth, read)
                constant = constant and value in (0, _ALL)
                same = {at for at in same if signals[at] == value}
                found.add((row[0] & bends, *row[1:], value))
        return [] if constant or same else list(found)

    def is_bit(
        self, values: list[Values], cells: tuple[tuple[int, ...], ...], kinds: tuple[int, ...]
    ) -> bool:
        """Return whether the last cell is the bit's next value, and, if asked, another carries."""
        outputs = {row[-1] for row in values}
        if not {0, _Y, self.up} <= outputs:
            return False
        down = [row for row in values if row[0] and row[-1] == self.down]
        if not down or not self.carries:
            return bool(down)
        flips = [row for row in values if row[-1] == self.up]
        for at, (cell, kind) in enumerate(zip(cells, kinds[2:], strict=True), 1):
            if kind != _INNER or self.patterns[cell[0]].inverter:
                continue
            # With x_(i-1) = 1.
            steady = any(row[at] & _BELOW in (0, _BELOW) for row in down)
            if steady and any(row[at] & _BELOW not in (0, _BELOW) for row in flips):
                return True
        return False


def least_bit(
    library: Sequence[Cell], below: float, *, carry_in: bool = True, carry_out: bool = False
) -> float:
    """Return the least area of a bit's own cells, or `below` if it is no less.

    Parameters
    ----------
    library : sequence of Cell
        The cells.
    below : float
        Only smaller circuits are tried.
    carry_in : bool
        Whether cells of the level below carry: they are all free, and as they should be.
    carry_out : bool
        Whether one of the cells that do not read y_i carries.
    """
    return _Search(library, not carry_in, carry_out, False, below).run()


def least_sign(library: Sequence[Cell], below: float, *, carry_in: bool = True) -> float:
    """Return the least area of the sign's own cells, or `below` if it is no less.

    Parameters are those of `least_bit`.
    """
    return _Search(library, not carry_in, False, True, below).run()


@dataclass(frozen=True)
class Bits:
    """The least areas of a bit's cells, without and with one that carries into the next.

    Attributes
    ----------
    fed : tuple of float
        Where a cell carries into the bit; it is not counted.
    alone : tuple of float
        Where none does, or one that is counted with them.
    sign : tuple of float
        The sign's: where a cell carries into it that is not counted, and where none does, or one
        that is counted with them.
    cell : float
        The smallest cell that is no inverter.
    """

    fed: tuple[float, float]
    alone: tuple[float, float]
    sign: tuple[float, float]
    cell: float


def bits_of(library: Sequence[Cell], below: float) -> Bits:
    """Return what a bit takes; areas from `below` on are not told apart."""
    cell = min(cell.area for cell in library if cell.pins > 1)
    fed = least_bit(library, below), least_bit(library, below, carry_out=True)
    alone: list[float] = []
    for carry_out in (False, True):
        # With a cell that carries in on top a bit takes no more.
        most = min(below, fed[carry_out] + cell)
        if carry_out:
            # Nor if what carries out is in front of the flip-flop without doing anything there.
            most = min(most, alone[0] + cell)
        alone.append(least_bit(library, most, carry_in=False, carry_out=carry_out))
    fed = fed[0], min(fed[1], fed[0] + cell)
    sign = least_sign(library, below)
    sign_alone = least_sign(library, min(below, sign + cell), carry_in=False)
    return Bits(fed, (alone[0], alone[1]), (sign, sign_alone), cell)


def carried_unit(bits: Bits, flip_flop: float, width: int = 8) -> float:
    """Return a lower bound on the area of a saturating unit in slices, its carries counted."""
    # The least area so far, without and with a cell of the last bit that carries into the next.
    least = (0.0, float("inf"))
    for _ in range(width - 1):
        found = []
        for carries in (0, 1):
            found.append(min(least[0] + bits.alone[carries], least[1] + bits.fed[carries]))
        least = found[0], found[1]
    fed, alone = bits.sign
    # Saturation: a cell that is constant once x_7 is 1.
    return width * flip_flop + min(least[1] + fed, least[0] + alone) + bits.cell
