"""What the carries of a unit of standard cells take: a lower bound, by trying every circuit.

`unit_bound` has the unit, and why what comes from elsewhere may be a constant. There carries are
free. Here they are not; the argument, with all its cases, is in docs/decisions/0014.

Of the cells in front of bit i's flip-flop, those of *level* i read x_i or y_i, those of level
i - 1 read x_(i-1) or y_(i-1) and neither. Bit i does not depend on y_(i-1): it is a constant, the
one with which less carries. A cell of level i - 1 *carries* if with all lower x at 1 its output is
x_(i-1) or its complement while the decision is up, and does not change with x_(i-1) while it is
down. A carry cell is such a cell that is no inverter. Some of those in front of bit i's flip-flop
are in front of bit i - 1's, too: they are cells of that bit, and cost bit i nothing. The others
come on top of the cells of bit i. What a bit takes depends on what there is of the first kind,
below it and for the next bit: no carry cell, one, two that are each other's complement, or more, an
inverter counting as one more.

The sign is such a bit, too, with x_7 at 1: nothing saturates, so its next value is 0 (reset), y_7
(not enabled), 1 and, where a carry comes in from x_6 (all x at 1, the number -1), not x_6.

Below bit 0 there is the decision. Put constants in for the bits of its fraction, as in `any_unit`,
until one is left; that one is bit 0's x_(i-1), and cells that read it are bit 0's own.

Where the clock may be gated, by signals made of reset and enable, no next value need be y_i. So all
y are set to constants first, and no cell reads them. Then a cell that carries x_6 can be the sign's
next value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from esru.flow.carry_search import BOTH, DECISION, MANY, ONE, least_bit, least_sign
from esru.flow.unit_bound import Cell, least_saving

#: A number for no carry cell, for `ONE`, for `BOTH` and for `MANY`.
Counts = tuple[float, float, float, float]


@dataclass(frozen=True)
class Bits:
    """What a bit's own cells take at least, by what carries: no cell, one, both, or more.

    Attributes
    ----------
    bit : tuple of tuple of float
        First by what carries into the bit, then by what of its own cells carries into the next bit
        and does something in this one. Cells that carry in are not counted.
    lowest : tuple of float
        Bit 0, with the cells that read the last bit of the fraction, by what of its cells carries
        into the next bit.
    sign : tuple of float
        The sign's, by what carries into it.
    cell : float
        The smallest cell that is no inverter.
    inverter : float
        The smallest inverter.
    saving : float
        What a fraction bit takes that is there besides a first one.
    """

    bit: tuple[Counts, Counts, Counts, Counts]
    lowest: Counts
    sign: Counts
    cell: float
    inverter: float
    saving: float


def bits_of(library: Sequence[Cell], below: Bits, gated: bool = False) -> Bits:
    """Return what a bit takes; nothing from `below` on is told apart.

    A bit takes no less with less that carries in, but for `ONE` and `BOTH`, of which neither is
    less, and no less with more that carries out: where such a number reaches `below` already,
    nothing is tried.

    Parameters
    ----------
    library : sequence of Cell
        The cells.
    below : Bits
        How far is tried.
    gated : bool
        Whether the clock may be gated.
    """

    def bit(most: Counts, carry_in: int, known: Counts) -> Counts:
        found = 0.0
        counts = []
        for carry_out, (limit, least) in enumerate(zip(most, known, strict=True)):
            found = max(found, least)
            if found < limit:
                found = least_bit(
                    library, limit, carry_in=carry_in, carry_out=carry_out, gated=gated
                )
            counts.append(found)
        none, one, both, many = counts
        return none, one, both, many

    cell = min(cell.area for cell in library if cell.pins > 1)
    many = bit(below.bit[MANY], MANY, (0.0,) * 4)
    both = bit(below.bit[BOTH], BOTH, many)
    one = bit(below.bit[ONE], ONE, many)
    none = bit(below.bit[0], 0, one)
    sign = cell, 0.0, 0.0, 0.0
    if not gated:
        alone, first, free = (
            least_sign(library, below.sign[carry_in], carry_in=carry_in)
            for carry_in in (0, ONE, MANY)
        )
        sign = alone, first, free, free
    # What carries into bit 0 is its own.
    least = [_with_own(counts, cell)[0] for counts in zip(none, one, both, many, strict=True)]
    return Bits(
        bit=(none, one, both, many),
        lowest=bit(below.lowest, DECISION, (least[0], least[1], least[2], least[3])),
        sign=sign,
        cell=cell,
        inverter=min(cell.area for cell in library if cell.pins == 1),
        saving=least_saving(library),
    )


def _with_idle(counts: Counts, cell: float, inverter: float) -> Counts:
    """Return what a bit takes if cells that carry out may do nothing in it: they come on top."""
    none, one, both, many = counts
    one = min(one, none + cell)
    both = min(both, one + cell)
    return none, one, both, min(many, one + cell, both + inverter)


def _with_own(counts: Counts, cell: float) -> Counts:
    """Return what a bit takes if cells that carry in may be its own: they come on top.

    On top of both no more need be looked at: the bit below puts out one with no more cells, and
    with an idle one besides that is `MANY`.
    """
    none, one, both, many = counts
    one = min(one, both + cell, many + cell)
    return min(none, one + cell), one, both, many


def carried_unit(bits: Bits, flip_flop: float, fraction: int = 1, width: int = 8) -> float:
    """Return a lower bound on the area of a saturating upward unit, its carries counted.

    Parameters
    ----------
    bits : Bits
        What its bits take.
    flip_flop : float
        The area of a flip-flop.
    fraction : int
        On how many bits of the fraction the decision depends, as docs/decisions/0014 says.
    width : int
        How many bits the output has.
    """
    rows = [_with_idle(counts, bits.cell, bits.inverter) for counts in bits.bit]
    # By what carries out, then by what carries in.
    columns = [_with_own(counts, bits.cell) for counts in zip(*rows, strict=True)]
    lowest = _with_idle(bits.lowest, bits.cell, bits.inverter)
    # The least area so far, by what of the last bit carries into the next.
    least = [max(area, column[0]) for area, column in zip(lowest, columns, strict=True)]
    for _ in range(width - 2):
        least = [min(area + column[n] for n, area in enumerate(least)) for column in columns]
    sign = _with_own(bits.sign, bits.cell)
    whole = min(area + sign[number] for number, area in enumerate(least))
    # A cell that saturation needs, and that is constant once x_7 is 1.
    saturation = bits.cell
    return width * flip_flop + whole + saturation + (fraction - 1) * bits.saving
