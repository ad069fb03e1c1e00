"""Exact counts of accumulators and of lanes given cell by cell: a cell more or less is seen."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import budgets
import pytest
from recorded import RECORDED, compare_with_budgets

from esru.boundaries import truncating_text
from esru.design import parse
from esru.flow import targets
from esru.flow.cost import lane_costs
from esru.flow.measure import measure
from esru.hdl import structure

COUNTS: dict[str, dict[str, dict[str, float]]] = RECORDED["counts"]
RATIO = Path(__file__).parents[2] / "docs" / "results" / "ratio.json"

#: The winner with the 64 lanes that share its source, as the budgets have it.
WINNER = budgets.DESIGNS[3]

#: The targets that have cells to build lanes of.
GIVEN = [name for name in targets.TARGETS if targets.target(name).fabric is not None]

#: 9.75 times below the reference unit, with the winner at `accumulator` and `half`, which has its
#: P(up), at `dither`. Not reached in plain structure by the winner: chains with a carry-in of
#: their own, and LUTs without carry chains.
BAR = 9.75
MISSED = {"gowin", "lut4"}


def rounding(target: str, text: str, boundary: str, structure: str = "plain") -> float:
    """Return the recorded cells that rounding adds to a lane of an accumulator."""
    keys = (budgets.key, budgets.truncating_key)
    group, truncating = (COUNTS[key(text, boundary, structure)][target]["cells"] for key in keys)
    return (group - truncating) / parse(text).lanes


@pytest.mark.slow
@pytest.mark.library
@pytest.mark.parametrize("target", targets.TARGETS)
def test_accumulators_and_cells_given_one_by_one(target: str) -> None:
    compare_with_budgets(budgets.accumulators() | budgets.helped(target), target)


def test_an_accumulator_given_cell_by_cell() -> None:
    """The winner's, with and without rounding; the slow test has all of them on every target."""
    keys = [key("winner", "accumulator", "helped") for key in (budgets.key, budgets.truncating_key)]
    design = replace(parse("winner"), boundary="accumulator")
    truncating = parse(truncating_text(design))
    designs = [(design, None), (truncating, design.lanes)]
    netlists = [budgets.netlist(one, "helped", "lut6", lanes) for one, lanes in designs]
    compare_with_budgets(dict(zip(keys, netlists, strict=True)), "lut6")


def test_all_of_it_is_recorded() -> None:
    keys = (budgets.key, budgets.truncating_key)
    plain = {
        key(text, boundary)
        for boundary, texts in budgets.ACCUMULATORS.items()
        for text in texts
        for key in keys
    }
    given = {key(text, "accumulator", "helped") for text in budgets.HELPED_SUMS for key in keys}
    given |= {budgets.key(t, b, "helped") for b in budgets.BOUNDARIES for t in budgets.DESIGNS}
    for target in targets.TARGETS:
        found = {name for name, by_target in COUNTS.items() if target in by_target}
        assert plain <= found
        assert given <= found if target in GIVEN else not given & found
    assert len(GIVEN) == 8


def _one_lut_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each decision passes through a LUT that does nothing."""
    true = structure.add_helped_select

    def more(m: Any, fabric: Any, chain: Any, *rest: Any) -> Any:
        up = true(m, fabric, chain, *rest)
        return structure.add_lut(m, fabric, [up], lambda up: up, f"more{rest[-1]}")

    monkeypatch.setattr(structure, "add_helped_select", more)


def test_a_cell_more_or_less_asks_for_an_update(monkeypatch: pytest.MonkeyPatch) -> None:
    name = budgets.key(WINNER, "decision", "helped")
    design = parse(WINNER)
    winner = {name: budgets.netlist(design, "helped", "lut6")}
    compare_with_budgets(winner, "lut6")
    with monkeypatch.context() as patch:
        _one_lut_more(patch)
        # Not the one that is remembered.
        more = {name: budgets.netlist.__wrapped__(design, "helped", "lut6")}
        with pytest.raises(AssertionError, match=r"'cells': 70.* -> .*'cells': 134.*py lut6"):
            compare_with_budgets(more, "lut6")
    monkeypatch.setitem(COUNTS[name]["lut6"], "cells", 71)
    with pytest.raises(AssertionError, match=r"'cells': 71.* -> .*'cells': 70.*py lut6"):
        compare_with_budgets(winner, "lut6")


def test_the_difference_is_the_cost_of_a_lane() -> None:
    design = replace(parse("winner"), lanes=4, boundary="accumulator")
    (cost,) = lane_costs([design], "lut6", "accumulator", structure="helped")
    group = budgets.netlist(design, "helped", "lut6")
    truncating = budgets.netlist(parse(truncating_text(design)), "helped", "lut6", 4)
    cells = measure([group, truncating], "lut6")
    of_four, less = (cells[one.name].cells for one in (group, truncating))
    assert of_four is not None and less is not None and of_four > less > 0
    assert cost.cells == (of_four - less) / 4
    assert cost.truncating is not None and cost.truncating.cells == less / 4


def test_the_ratios_were_counted_alike() -> None:
    """Every accumulator in the page on ratios, from another run, costs what is recorded here."""
    rows = json.loads(RATIO.read_text(encoding="utf-8"))["rows"]
    cost = {
        (row["design"], row["target"], row["boundary"], row["structure"]): row["cells"]
        for row in rows
    }
    plain = [
        (text, boundary, "plain")
        for boundary, texts in budgets.ACCUMULATORS.items()
        for text in texts
    ]
    given = [(text, "accumulator", "helped") for text in budgets.HELPED_SUMS]
    compared = 0
    for text, boundary, how in plain + given:
        for target in targets.TARGETS:
            place = (str(parse(text)), target, boundary, how)
            if place not in cost:
                continue
            found = rounding(target, text, boundary, how)
            assert found == pytest.approx(cost[place], abs=1e-6), place
            compared += 1
    # What is not of 16 lanes on eight targets, and what is given cell by cell on six of these.
    assert compared == 7 * 8 + 2 * 6


@pytest.mark.parametrize("target", GIVEN)
def test_the_bar(target: str) -> None:
    unit = COUNTS["reference unit"][target]["cells"]
    assert unit >= BAR * rounding(target, budgets.HALF, "dither")
    plain = rounding(target, "winner", "accumulator")
    assert (unit >= BAR * plain) == (target not in MISSED)
    for text in budgets.HELPED_SUMS:
        assert unit >= BAR * rounding(target, text, "accumulator", "helped")


@pytest.mark.parametrize("target", GIVEN)
def test_both_terms_are_the_least_known(target: str) -> None:
    """Given cell by cell neither is more than in plain structure."""
    for text, given in zip(("winner", budgets.EIGHT), budgets.HELPED_SUMS, strict=True):
        for key in (budgets.key, budgets.truncating_key):
            plain = COUNTS[key(text, "accumulator")][target]["cells"] / parse(text).lanes
            helped = COUNTS[key(given, "accumulator", "helped")][target]["cells"] / 64
            assert helped < plain
