"""Lower bounds with carries: what no bit is smaller than, and circuits that are not below it."""

from __future__ import annotations

from itertools import product

import pytest

from esru.flow import carry_bound, carry_search, unit_bound
from esru.flow.targets import asic, nand2
from esru.scalar_rules import named_up


def _library(*names: str) -> tuple[unit_bound.Cell, ...]:
    return unit_bound.cells(
        asic.Gate(name, nand2.EQUIVALENTS[name], "Y", nand2.GATES[name][1]) for name in names
    )


LIBRARY = _library(*nand2.GATES)

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


@pytest.mark.parametrize("library", [LIBRARY, RICH], ids=["nand2", "rich"])
def test_the_same_with_a_gated_clock(library: tuple[unit_bound.Cell, ...]) -> None:
    """Nothing is held: without y a bit is 0, x or not x."""
    slice_area = unit_bound.least_area(library, unit_bound.BIT - {unit_bound.Y}, variables=1)
    assert carry_search.least_bit(library, slice_area + 0.5, gated=True) == slice_area
    assert carry_search.least_bit(library, slice_area, gated=True) == slice_area
    assert slice_area < unit_bound.least_area(library, unit_bound.BIT)


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


def test_a_bit_with_a_gated_clock_in_a_library_of_few_cells() -> None:
    """A witness: x + carry by an XOR2, reset by an AND2, the carry masked by an AND2."""
    for rst, up, below, x in product((0, 1), repeat=4):
        assert (x ^ (below & up)) & (1 - rst) == (0 if rst else x ^ (below & up))
    by_hand = 2 + 3 + 2
    found = [
        carry_search.least_bit(RICH, by_hand + 1, carry_in=number, gated=True)
        for number in (carry_search.DECISION, 0, 1, carry_search.MANY)
    ]
    # One carry comes masked; of two a MUX2 can choose, by x.
    assert found == [by_hand, by_hand, 5, 4]


def test_a_carry_that_goes_on_with_a_gated_clock() -> None:
    """A witness of 3.5: two OAI21 and an INV; the carry is 1 in reset, so a NAND2 need not be."""
    for case, carries, rst, expected in (
        ("reset", (1, 1), 1, (0, 0, 0, 0)),
        ("pass", (0, 0), 0, (0, 1, 0, 1)),
        ("flip", (0, 1), 0, (0, 1, 1, 0)),
    ):
        for row, value in enumerate(expected):
            x, carry = row & 1, carries[row >> 1]
            none = not ((x or rst) and carry)  # OAI21, 1.5
            same = not ((x or carry) and none)  # OAI21, 1.5
            assert (not same) == bool(value), case  # INV, 0.5
            if row >> 1 or case != "flip":
                assert none == (not x if case == "flip" else case == "pass")
    assert carry_search.least_bit(LIBRARY, 3.75, carry_in=1, carry_out=1, gated=True) == 3.5


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
    assert carry_search.least_bit(LIBRARY, 4.75, carry_out=carry_search.BOTH) == 4.5


@pytest.mark.slow
def test_what_chooses_before_the_increment_carries() -> None:
    """A witness of 4.5: AOI22, NOR2, AOI21, as in `enabled_first_by_hand`; the NOR2 reads y."""
    for case, (load, hold, idle), expected in (
        ("reset", (0, 0, 1), (0, 0, 0, 0)),
        ("hold", (0, 1, 1), (0, 0, 1, 1)),
        ("pass", (1, 0, 1), (0, 1, 0, 1)),
        ("flip", (1, 0, 0), (1, 0, 1, 0)),
    ):
        for row, value in enumerate(expected):
            x, y = row & 1, row >> 1
            chosen = not ((x and load) or (y and hold))  # AOI22, 2
            carry = not (chosen or idle)  # NOR2, 1
            assert (not ((chosen and idle) or carry)) == bool(value), case  # AOI21, 1.5
            assert carry == (case == "flip" and bool(x))
    few = _library("NOR2", "AOI21", "AOI22")
    found = carry_search.least_bit(few, 4.75, carry_in=carry_search.ONE, carry_out=carry_search.ONE)
    assert found == 4.5


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


def test_a_carry_and_its_complement_that_go_on() -> None:
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
    few = _library("NOR2", "NAND2", "AOI22")
    assert carry_search.least_bit(few, 5.25, carry_out=carry_search.BOTH) == 5
    # They are each other's complement. Two that are alike take a cell more, or an inverter.
    assert carry_search.least_bit(few, 6.25, carry_out=carry_search.MANY) == 6
    few = _library("INV", "NOR2", "NAND2", "AOI22")
    assert carry_search.least_bit(few, 5.75, carry_out=carry_search.MANY) == 5.5


def test_a_carry_and_its_complement_that_come_in() -> None:
    """Neither is there for nothing in the other polarity: it takes an inverter of the bit's own."""
    few = _library("INV", "OAI21", "AOI22")
    both, free = (
        carry_search.least_bit(few, 4.25, carry_in=number)
        for number in (carry_search.BOTH, carry_search.MANY)
    )
    assert (both, free) == (4, 3.5)


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
    none, one, both, many = bit
    rows = none, one, both, many
    return carry_bound.Bits(rows, (lowest,) * 4, (3, 2, 2, 2), cell, cell / 2, saving)


@pytest.mark.parametrize(
    ("bits", "area"),
    [
        # Rows by what carries in, columns by what carries out: none, one, both, more. A bit's own
        # cell carries in.
        (_bits((5, 9, 18, 18), *[(3, 9, 18, 18)] * 3, cell=1), 7 * 4 + 3),
        # Or each bit has one for the next. Or they take turns.
        (_bits((5, 5, 5, 5), *[(3, 3, 3, 3)] * 3), 5 + 6 * 3 + 2),
        (_bits((5, 6, 7, 7), *[(3, 5, 6, 6)] * 3), 3 * (6 + 3) + 5 + 3),
        # With two cells for the next, whatever they are, or that are each other's complement.
        (
            _bits((5, 6, 6.5, 6.5), (4.5, 9, 9, 9), (4.5, 9, 9, 9), (2, 9, 9, 9)),
            3 * (6.5 + 2) + 5 + 3,
        ),
        (
            _bits((5, 6, 6.5, 8), (4.5, 9, 9, 9), (2, 9, 9, 9), (2, 9, 9, 9)),
            3 * (6.5 + 2) + 5 + 3,
        ),
        # An inverter, of the last bit or for nothing there, makes more of both.
        (
            _bits((5, 6, 6.5, 18), (4.5, 9, 9, 9), (4.5, 9, 9, 9), (2, 9, 9, 9)),
            3 * (6.5 + 1 + 2) + 5 + 3,
        ),
        # Bit 0 takes more, whatever it carries out.
        (_bits((5, 6, 7, 7), *[(3, 5, 6, 6)] * 3, lowest=8), 8 + 3 + 2 * (6 + 3) + 5 + 3),
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
