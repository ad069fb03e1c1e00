"""Lower bounds with carries: what no bit is smaller than, and circuits that are not below it."""

from __future__ import annotations

from itertools import product

import pytest

from esru.flow import carry_bound, unit_bound
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
    assert carry_bound.least_bit(LIBRARY, slice_area + 0.5) == slice_area
    rich = unit_bound.least_area(RICH, unit_bound.BIT)
    assert carry_bound.least_bit(RICH, rich + 1) == rich


def test_only_smaller_circuits_are_tried() -> None:
    assert carry_bound.least_bit(LIBRARY, 3.5) == 3.5
    assert carry_bound.least_bit(LIBRARY, 2) == 2
    assert carry_bound.least_bit(LIBRARY, 3.75) == 3.5


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
    least = carry_bound.least_bit(RICH, by_hand + 1, carry_in=False)
    # The AND2 that masks reads x_(i-1) alone: it carries, so it is no cell of the bit.
    fed = carry_bound.least_bit(RICH, by_hand + 1)
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
    assert carry_bound.least_bit(LIBRARY, 4.75, carry_out=True) == 4.5


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
    assert carry_bound.least_sign(LIBRARY, 3, carry_in=False) == 2.5


def test_what_makes_the_sum_does_not_carry() -> None:
    """It changes with x_i while nothing is added: such a cell is in the smallest bit, at 8."""
    assert carry_bound.least_bit(RICH, 9.5) == 8
    assert carry_bound.least_bit(RICH, 9.5, carry_out=True) == 9.5


@pytest.mark.parametrize(
    ("bits", "area"),
    [
        # Every bit has a carry cell of its own, or they take turns.
        (carry_bound.Bits((3, 9), (5, 9), (2, 4), 1), 32 + 7 * 5 + 4 + 1),
        (carry_bound.Bits((3, 3), (5, 5), (2, 3), 1), 32 + 5 + 6 * 3 + 2 + 1),
        (carry_bound.Bits((3, 5), (5, 6), (2, 2.5), 1), 32 + 3 * (6 + 3) + 5 + 2.5 + 1),
        # The last bit carries into the sign.
        (carry_bound.Bits((3, 5), (5, 6), (2, 4), 1), 32 + 3 * (6 + 3) + 6 + 2 + 1),
    ],
)
def test_the_bits_of_a_unit(bits: carry_bound.Bits, area: float) -> None:
    assert carry_bound.carried_unit(bits, 4) == area


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
    bits = carry_bound.Bits((3.5, 4.5), (4.5, 5), (2, 2.5), 1)
    assert carry_bound.carried_unit(bits, 4) == 65.5
