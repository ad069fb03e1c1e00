"""The race's order: the same as if everything were costed, at less cost."""

from __future__ import annotations

import random
from collections.abc import Sequence
from fractions import Fraction

import pytest
from marks import slow_where

from esru.design import Design, parse
from esru.flow.cost import lane_costs
from esru.search.order import in_order, lane_inputs, lower_bound
from esru.search.space import space


@pytest.mark.parametrize("batch", [1, 3, 48])
@pytest.mark.parametrize("seed", range(5))
def test_order_is_by_cost_quality_id(batch: int, seed: int) -> None:
    chance = random.Random(seed)
    designs = list(space(3).behaviours)
    cost = {design: float(chance.randrange(1, 12)) for design in designs}
    bound = {design: Fraction(chance.randrange(0, int(cost[design]) + 1)) for design in designs}
    quality = {design: float(chance.randrange(4)) for design in designs}
    found = list(
        in_order(
            designs,
            bound.__getitem__,
            lambda part: [cost[design] for design in part],
            quality.__getitem__,
            batch,
        )
    )
    expected = sorted(designs, key=lambda d: (cost[d], quality[d], d.id))
    assert [design for design, _ in found] == expected
    assert all(cost[design] == cells for design, cells in found)


def test_a_design_is_costed_only_when_it_may_come_next() -> None:
    designs = list(space(3).behaviours)
    asked: list[Design] = []

    def cost(part: Sequence[Design]) -> list[float]:
        asked.extend(part)
        return [float(designs.index(design)) for design in part]

    first = next(
        in_order(designs, lambda d: Fraction(designs.index(d)), cost, lambda d: 0.0, batch=1)
    )
    assert first == (designs[0], 0.0)
    assert len(asked) == 1


def test_inputs_of_a_lane() -> None:
    assert lane_inputs(parse("8:0:zero:none")) == 0
    assert lane_inputs(parse("nearest")) == 1
    assert lane_inputs(parse("8:3:zero:lfsr3")) == 6  # the low 5 fraction bits are dead
    assert lane_inputs(parse("8:3:half:lfsr3")) == 7
    assert lane_inputs(parse("8:3:replicate:lfsr3")) == 11
    assert lane_inputs(parse("8:7:select:lfsr13")) == 11


@pytest.mark.parametrize(
    "target", slow_where({"ecp5", "xc7"}, ["ice40", "ecp5", "xc7", "lut4", "lut6"])
)
def test_bounds_hold(target: str) -> None:
    """A bound above a measured cost would lose a candidate."""
    designs = [design for design in space(4).behaviours if design.lanes != 64][::6]
    costs = lane_costs(designs, target, "decision")
    for design, cost in zip(designs, costs, strict=True):
        for objective in ("cells", "ff"):
            measured = cost.to_json()[objective]
            assert measured is not None
            assert lower_bound(design, target, objective) <= measured, (design, objective)
