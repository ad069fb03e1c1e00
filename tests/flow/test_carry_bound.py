"""Lower bounds with carries: what no bit is smaller than, and circuits that are not below it."""

from __future__ import annotations

from itertools import product

import pytest

from esru.flow import carry_bound, carry_search, unit_bound
from esru.flow.targets import asic, nand2
from esru.scalar_rules import named_up

#: NAND2 equivalents.
LIBRARY = unit_bound.cells(
    asic.Gate(name, nand2.EQUIVALENTS[name], "Y", function)
    for name, (_, function) in nand2.GATES.items()
)

#: A library in which circuits have few cells.
RICH = unit_bound.cells(
    [
        asic.Gate("AND2", 2, "Y", "(A*B)"),
        asic.Gate("XOR2", 3, "Y", "(A^B)"),
        asic.Gate("MUX2", 4, "Y", "((A*!S)+(B*S))"),
    ]
)


@pytest.mark.slow
def test_a_bit_with_free_carries_is_the_slice_of_the_other_bound() -> None:
    """Two searches, one of truth tables with constants as variables, one of sets of functions."""
    slice_area = unit_bound.least_area(LIBRARY, unit_bound.BIT)
    assert carry_search.least_bit(LIBRARY, slice_area + 0.5) == slice_area
    rich = unit_bound.least_area(RICH, unit_bound.BIT)
    assert carry_search.least_bit(RICH, rich + 1) == rich


def test_only_smaller_circuits_are_tried() -> None:
    assert carry_search.least_bit(LIBRARY, 3.5) == 3.5
    assert carry_search.least_bit(LIBRARY, 2) == 2
    assert carry_search.least_bit(LIBRARY, 3.75) == 3.5


@pytest.mark.slow
def test_a_bit_alone_in_a_library_of_few_cells() -> None:
    """A witness: y or x + carry by a MUX2, reset by an AND2, the carry masked by an AND2."""
    for rst, en, up, below, x, y in product((0, 1), repeat=6):
        masked = below & up & en
        data = x ^ masked
        chosen = data if en else y
        expected = 0 if rst else (x ^ (below & up) if en else y)
        assert (chosen & (1 - rst)) == expected
    by_hand = 2 + 3 + 4 + 2
    least = carry_search.least_bit(RICH, by_hand + 1, carry_in=0)
    # The AND2 that masks reads x_(i-1) alone: it carries, so it is no cell of the bit.
    fed = carry_search.least_bit(RICH, by_hand + 1)
    assert fed <= by_hand - 2 < least <= by_hand


def test_a_cell_that_carries_out() -> None:
    """A witness of 4.5: INV, NAND2, OAI21, AOI21; the NAND2 is 1 while nothing is added."""
    for case, (mask, up_to, steady), expected in (
        ("reset", (1, 1, 1), (0, 0, 0, 0)),
        ("hold", (0, 0, 0), (0, 0, 1, 1)),
        ("pass", (0, 1, 1), (0, 1, 0, 1)),
        ("flip", (1, 0, 1), (1, 0, 1, 0)),
    ):
        for row, value in enumerate(expected):
            x, y = row & 1, row >> 1
            carry = not (x and mask)  # NAND2, 1
            inner = not ((y or steady) and carry)  # OAI21, 1.5
            assert (not ((not x and up_to) or inner)) == bool(value), case  # INV, AOI21, 2
            if case == "pass":
                assert carry
            if case == "flip":
                assert carry != bool(x)
    assert carry_search.least_bit(LIBRARY, 4.75, carry_out=1) == 4.5


def test_a_sign_into_which_no_cell_carries() -> None:
    """A witness of 2.5: AOI21, NAND2; two pins change with x_6 while nothing is added."""
    for case, hold, masked, read, expected in (
        ("reset", 0, (0, 0), (1, 1), (0, 0, 0, 0)),
        ("hold", 1, (0, 0), (1, 1), (0, 0, 1, 1)),
        ("pass", 0, (0, 1), (0, 1), (1, 1, 1, 1)),
        ("flip", 0, (0, 0), (0, 1), (1, 0, 1, 0)),
    ):
        for row, value in enumerate(expected):
            below, y = row & 1, row >> 1
            inner = not ((y and hold) or masked[below])  # AOI21, 1.5
            assert (not (inner and read[below])) == bool(value), case  # NAND2, 1
    assert carry_search.least_sign(LIBRARY, 3, carry_in=0) == 2.5


def test_what_makes_the_sum_does_not_carry() -> None:
    """It changes with x_i while nothing is added: such a cell is in the smallest bit, at 8."""
    assert carry_search.least_bit(RICH, 9.5) == 8
    assert carry_search.least_bit(RICH, 9.5, carry_out=1) == 9.5


def test_a_lone_carry_cell() -> None:
    """A witness of 4: two AOI22, and both polarities of what carries; more of them take 3.5."""
    for case, held, keep, passes, expected in (
        ("reset", (0, 0), 0, 0, (0,) * 8),
        ("hold", (0, 0), 1, 0, (0, 0, 0, 0, 1, 1, 1, 1)),
        ("pass", (0, 0), 0, 1, (0, 0, 1, 1, 0, 0, 1, 1)),
        ("flip", (0, 1), 0, 1, (0, 1, 1, 0, 0, 1, 1, 0)),
    ):
        for row, value in enumerate(expected):
            below, x, y = row & 1, row >> 1 & 1, row >> 2
            carry = held[below]
            inner = not ((x and passes) or (y and keep))  # AOI22, 2
            assert (not ((x and carry) or (not carry and inner))) == bool(value), case  # AOI22, 2
    few = [cell for cell in LIBRARY if cell.area in (0.5, 2)]
    assert carry_search.least_bit(few, 4.5, carry_in=1) == 4


def test_two_cells_that_carry_out() -> None:
    """A witness of 5: two NOR2 that carry, AOI22, NAND2."""
    for case, masked, passes, keeps, expected in (
        ("reset", 1, 0, 0, (0, 0, 0, 0)),
        ("hold", 1, 0, 1, (0, 0, 1, 1)),
        ("pass", 1, 1, 0, (0, 1, 0, 1)),
        ("flip", 0, 0, 0, (1, 0, 1, 0)),
    ):
        for row, value in enumerate(expected):
            x, y = row & 1, row >> 1
            none = not (x or masked)  # NOR2, 1
            carry = not (none or 0)  # NOR2, 1, of a pin that is 0 in all four cases
            inner = not ((x and passes) or (y and keeps))  # AOI22, 2
            assert (not (carry and inner)) == bool(value), case  # NAND2, 1
            assert (none, carry) == ((not x, bool(x)) if case == "flip" else (False, True))
    assert carry_search.least_bit(LIBRARY, 5.25, carry_out=2) == 5
    assert carry_search.least_bit(LIBRARY, 5.25, carry_out=1) == 4.5


@pytest.mark.slow
def test_the_fewer_cells_carry_in_the_more_a_bit_takes() -> None:
    """With few cells: what masks x_(i-1), or bit 0's fraction bit v, is a cell of the bit."""
    by_hand = 2 + 3 + 4 + 2
    numbers = (carry_search.DECISION, 0, 1, carry_search.MANY)
    found = [carry_search.least_bit(RICH, by_hand + 1, carry_in=number) for number in numbers]
    assert found == [by_hand, by_hand, 9, 8]


def _bits(
    *bit: carry_bound.Counts, lowest: float = 0, cell: float = 2, saving: float = 0.5
) -> carry_bound.Bits:
    none, one, more = bit
    return carry_bound.Bits((none, one, more), (lowest,) * 3, (3, 2, 2), cell, saving)


@pytest.mark.parametrize(
    ("bits", "area"),
    [
        # Rows by carries in, columns by carries out: none, one, more. A bit's own cell carries in.
        (_bits((5, 9, 18), (3, 9, 18), (3, 9, 18), cell=1), 7 * 4 + 3),
        # Or each bit has one for the next. Or they take turns.
        (_bits((5, 5, 5), (3, 3, 3), (3, 3, 3)), 5 + 6 * 3 + 2),
        (_bits((5, 6, 7), (3, 5, 6), (3, 5, 6)), 3 * (6 + 3) + 5 + 3),
        # With two cells for the next.
        (_bits((5, 6, 6.5), (4.5, 9, 9), (2, 9, 9)), 3 * (6.5 + 2) + 5 + 3),
        # Bit 0 takes more, whatever it carries out.
        (_bits((5, 6, 7), (3, 5, 6), (3, 5, 6), lowest=8), 8 + 3 + 2 * (6 + 3) + 5 + 3),
    ],
)
def test_the_bits_of_a_unit(bits: carry_bound.Bits, area: float) -> None:
    assert carry_bound.carried_unit(bits, 4) == 8 * 4 + area + bits.cell
    # Each further bit of the fraction saves as much as a constant does.
    assert carry_bound.carried_unit(bits, 4, fraction=4) == 8 * 4 + area + bits.cell + 3 * 0.5


@pytest.mark.parametrize("rule", ["zero", "half", "nearest", "replicate", "select"])
def test_a_fraction_bit_is_rounded_up_by_some_words_and_not_by_others(rule: str) -> None:
    """What the bound asks of a decision: alone the bit decides in one case and not in another."""
    for n in range(1, 9):
        for k in range(1, n + (rule not in ("half", "select"))):
            words = range(1 << k)
            assert not any(named_up(rule, n, k, 0, word) for word in words)
            assert any(
                {named_up(rule, n, k, 1 << bit, word) for word in words} == {False, True}
                for bit in range(n)
            ), (n, k)


class _Netlist:
    """Cells that compute rows of values at once, and what they take."""

    def __init__(self, rows: int):
        self.ones = (1 << rows) - 1
        self.area = 0.0

    def cell(self, name: str, value: int) -> int:
        self.area += nand2.EQUIVALENTS[name]
        return ~value & self.ones


def unit_by_hand() -> float:
    """Return the area of a unit given cell by cell, without its decision; it is checked."""
    rows = list(product(range(256), (0, 0x55, 0xAA, 0xFF), (0, 1), (0, 1), (0, 1)))
    m = _Netlist(len(rows))

    def column(values: list[int]) -> int:
        return sum(value << at for at, value in enumerate(values))

    x = [column([row[0] >> bit & 1 for row in rows]) for bit in range(8)]
    y = [column([row[1] >> bit & 1 for row in rows]) for bit in range(8)]
    up, rst, en = (column([row[at] for row in rows]) for at in (2, 3, 4))
    hold = m.cell("NOR2", en | rst)
    load = m.cell("NOR2", rst | hold)
    idle = m.cell("INV", load)
    carry = m.cell("INV", m.cell("NAND2", up & load))
    same, none = [], 0
    for bit in range(7):
        if bit:
            carry = m.cell("INV", none)
        none = m.cell("NAND2", carry & x[bit])
        same.append(m.cell("OAI21", (x[bit] | carry) & none))
    over = m.cell("NOR2", none | x[7])
    found = [
        m.cell("OAI21", (same[bit] | idle) & m.cell("AOI21", y[bit] & hold | over))
        for bit in range(7)
    ]
    sign = m.cell("NAND3", x[7] & none & load)
    found.append(m.cell("NAND2", sign & m.cell("NAND2", y[7] & hold)))
    for bit in range(8):
        m.area += nand2.EQUIVALENTS[nand2.FLIP_FLOP]
        expected = []
        for word, held, add, reset, enable in rows:
            number = min((word ^ 128) - 128 + add, 127)
            value = 0 if reset else number & 255 if enable else held
            expected.append(value >> bit & 1)
        assert found[bit] == column(expected), bit
    return m.area


def test_a_unit_by_hand_is_not_below_the_bound() -> None:
    assert unit_by_hand() == 82
    # What tests/docs/test_ratio_bound.py has of this library.
    bit = ((4.5, 5, 5.5), (4, 4.5, 5), (3.5, 4.5, 5))
    bits = carry_bound.Bits(bit, bit[0], (2.5, 2, 2), 1, 1)
    assert carry_bound.carried_unit(bits, 4) == 67
