"""What rounding costs in the accumulators, exactly: a change that costs a cell is seen."""

from __future__ import annotations

import pytest

from esru.design import parse
from esru.flow.cost import lane_costs

LANES = 64

#: Cells of a group of 64 lanes less those of 64 truncating lanes, and the cells of a reference
#: unit (one lane): the search's winner, and `half` with its P(up) for the sums.
WINNER = "winner"
HALF = "4:3:half:lfsr24,leap=4,lanes=64"
BUDGETS = {
    ("ice40", "accumulator", WINNER): 282,
    ("ecp5", "accumulator", WINNER): 262,
    ("xc7", "accumulator", WINNER): 70,
    ("lut6", "accumulator", WINNER): 78,
    ("lut4", "accumulator", WINNER): 417,
    ("ice40", "dither", HALF): 25,
    ("ecp5", "dither", HALF): 5,
    ("xc7", "dither", HALF): 5,
    ("lut4", "dither", HALF): 5,
}
REFERENCE_UNIT = {"ice40": 67, "ecp5": 52, "xc7": 41, "lut6": 42, "lut4": 56}

#: 9.75 times below the reference unit; not reached: lut4 without carry chains, in plain structure.
BAR = 9.75
MISSED = {("lut4", "accumulator")}

#: The winner at `accumulator` given cell by cell: cells of the group of 64 lanes, and of a lane
#: that truncates.
HELPED = {
    "ice40": (1243, 16.015625),
    "ecp5": (1222, 16),
    "xc7": (1030, 14),
    "lut6": (1030, 14),
    "lut4": (1222, 16),
}
#: A lane that truncates in plain structure.
PLAIN = {"ice40": 17.015625, "ecp5": 21, "xc7": 16, "lut6": 18, "lut4": 25}


@pytest.mark.parametrize(
    "target, boundary, text",
    [
        pytest.param(*key, marks=() if key[:2] == ("lut6", "accumulator") else pytest.mark.slow)
        for key in BUDGETS
    ],
)
def test_budget(target: str, boundary: str, text: str) -> None:
    (cost,) = lane_costs([parse(text)], target, boundary)
    assert cost.cells == BUDGETS[target, boundary, text] / LANES
    assert cost.truncating is not None and cost.truncating.cells
    (unit,) = lane_costs([parse("reference")], target, "unit")
    assert unit.cells == REFERENCE_UNIT[target]
    assert (unit.cells >= BAR * cost.cells) == ((target, boundary) not in MISSED)


@pytest.mark.parametrize(
    "target",
    [name if name == "lut4" else pytest.param(name, marks=pytest.mark.slow) for name in HELPED],
)
def test_given_cell_by_cell(target: str) -> None:
    """Both terms are the least known: neither is more than in plain structure."""
    group, truncating = HELPED[target]
    (cost,) = lane_costs([parse(WINNER)], target, "accumulator", structure="helped")
    assert cost.truncating is not None and cost.cells is not None
    assert cost.truncating.cells == truncating < PLAIN[target]
    assert cost.cells == group / LANES - truncating
    (plain,) = lane_costs([parse(WINNER)], target, "accumulator")
    assert plain.truncating is not None and plain.truncating.cells == PLAIN[target]
    assert plain.cells is not None and group / LANES < plain.cells + PLAIN[target]
    assert REFERENCE_UNIT[target] >= BAR * cost.cells
