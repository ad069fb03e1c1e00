"""How a cell can be used in a bit of which some pins are free: what `carry_search` tries.

A free pin is constant, and may be another constant in each case of the search, or *bent*: it
changes with x_(i-1) while the decision is down, and is anything while it is up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations, product

from esru.flow.unit_bound import Cell

_CONSTANT, _BENT = -1, -2


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
