"""The least circuits of a slice, and of functions that are known."""

from __future__ import annotations

import pytest

from esru.flow import unit_bound
from esru.flow.targets import asic


def test_a_slice_of_the_least_area() -> None:
    """A witness: no slice is smaller, and this one does all four things."""
    for case, expected in {
        "reset": (0, 0, 0, 0),
        "hold": (0, 0, 1, 1),
        "pass": (0, 1, 0, 1),
        "flip": (1, 0, 1, 0),
    }.items():
        passes, holds, stays = case == "pass", case == "hold", case != "flip"
        for row, value in enumerate(expected):
            x, y = bool(row & 1), bool(row >> 1)
            inner = not ((x and passes) or (y and holds))  # AOI22, 2
            assert (not ((x or stays) and inner)) == bool(value)  # OAI21, 1.5


@pytest.mark.parametrize(
    ("function", "area"),
    [(0b0110, 4), (0b1001, 5), (0b1000, 2), (0b1110, 3), (0b0010, 3), (0b1011, 2), (0b0111, 1)],
)
def test_least_circuits_of_nands(function: int, area: int) -> None:
    """Known: exclusive or takes four NAND2, its complement five."""
    library = unit_bound.cells([asic.Gate("NAND2", 1, "Y", "!(A*B)")])
    # The constants cannot help: the function is one.
    table = sum(function << shift for shift in (0, 4, 8, 12))
    assert unit_bound.least_area(library, frozenset({table})) == area


def test_constants_of_its_own_at_every_pin() -> None:
    """What chooses between two inputs is three NAND2: the two choices come from elsewhere."""
    library = unit_bound.cells([asic.Gate("NAND2", 1, "Y", "!(A*B)")])
    assert unit_bound.least_area(library, frozenset({unit_bound.X, unit_bound.Y})) == 3
    assert unit_bound.least_area(library, unit_bound.SIGN) == 2
    # Two signals from elsewhere are no cheaper than the one of an exclusive or.
    both = frozenset({unit_bound.X, unit_bound.X ^ 0xFFFF})
    assert unit_bound.least_area(library, both) == 4


def test_cells_are_the_smallest_of_each_function() -> None:
    gates = [
        asic.Gate("BUF", 1, "Y", "A"),
        asic.Gate("ONE", 0, "Y", "CONST1"),
        asic.Gate("OAI21", 9, "Y", "(!((A+B)*C))"),
        asic.Gate("XOR2", 3, "Y", "A*!B+!A*B"),
        asic.Gate("XOR2X2", 4, "Y", "(A^B)"),
    ]
    found = unit_bound.cells(gates)
    assert [(cell.area, cell.pins, cell.truth) for cell in found] == [
        (3, 2, 0b0110),
        (9, 3, 0b00011111),
    ]
    assert [len(cell.alike) for cell in found] == [2, 2]
