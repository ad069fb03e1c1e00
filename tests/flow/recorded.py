"""What tests compare counts with: budgets.json, under the tools that it was recorded with."""

from __future__ import annotations

import json

import budgets
import pytest

from esru.errors import ToolMissing
from esru.flow import targets
from esru.flow.measure import Netlist, measure, require

RECORDED = json.loads(budgets.FILE.read_text(encoding="utf-8"))

#: The targets whose library is not installed with the tests.
OPTIONAL = ("osu018", "osu018-gated")


def require_recorded_tools(target: str) -> None:
    """Fail, naming both versions, if a tool is not the one that gave the recorded counts."""
    try:
        tools = [tool for tool in require(targets.target(target)) if tool is not None]
    except ToolMissing as error:
        if target not in OPTIONAL:
            raise
        pytest.skip(str(error))
    for tool in tools:
        recorded = RECORDED["tools"][tool.name]
        assert tool.identity in recorded, (
            f"the counts in budgets.json were found with {' or '.join(recorded)}, and this is"
            f" {tool.identity}: measure again, record both, and explain the difference"
        )


def compare_with_budgets(netlists: dict[str, Netlist], target: str) -> None:
    """Measure, and fail on every count that is not the recorded one, higher or lower."""
    require_recorded_tools(target)
    found = measure(list(netlists.values()), target)
    wrong = []
    for name, netlist in netlists.items():
        budget = dict(RECORDED["counts"][name][target])
        budget.pop("alone", None)
        seen = budgets.counts(found[netlist.name])
        if seen != budget:
            wrong.append(f"{name} on {target}: {budget} -> {seen}")
    assert not wrong, "; ".join([*wrong, f"{budgets.UPDATE} {target}"])
