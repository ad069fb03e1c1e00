"""Seeded faults: the levels that look at what is broken turn red, and no other does."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from types import ModuleType

import array_faults
import catalogue
import pytest
import rounder_faults
from catalogue import FAULTS
from fault import LEVELS, Fault
from marks import slow_where
from scripts import script
from study import RESULT, caught, check, described

from esru.design import parse
from esru.flow.verify import ALL_LEVELS, versions
from esru.report.fresh import stale

#: The levels, fastest first; of those that only a slow one sees, this many are planted by default.
FASTEST = ("simulation", "rounder", "module", "cocotb", "mapped", "board")
ALONE = {"cocotb": 2, "mapped": 1, "board": 0}

#: A fault of each design, array and target.
DESIGNS = {(f.design, f.lanes, f.target, f.asked): name for name, f in FAULTS.items()}


def _fastest(fault: Fault) -> str:
    return next(level for level in FASTEST if level in fault.caught_by)


def _marked() -> list[object]:
    """Return every fault's name; those beyond what a default run has time for are slow."""
    seen: Counter[str] = Counter()
    names: list[object] = []
    for name, fault in FAULTS.items():
        level = _fastest(fault)
        seen[level] += 1
        slow = seen[level] > ALONE.get(level, len(FAULTS))
        names.append(pytest.param(name, marks=pytest.mark.slow) if slow else name)
    return names


def test_the_catalogue() -> None:
    """At least 50 faults, names unique, every level and every hardware module of a unit."""
    modules = catalogue.MODULES
    assert sum(len(module.FAULTS) for module in modules) == len(FAULTS) >= 50
    assert {level for fault in FAULTS.values() for level in fault.caught_by} == set(LEVELS)
    for module in ("rounder", "sources", "unit", "bank"):
        assert sum(fault.module == module for fault in FAULTS.values()) >= 10
    for fault in FAULTS.values():
        assert fault.caught_by and list(fault.caught_by) == [
            v for v in LEVELS if v in fault.caught_by
        ]
        parse(fault.design)


@pytest.mark.parametrize("name", _marked())
def test_the_fastest_level_sees_the_fault(name: str, tmp_path: Path) -> None:
    fault = FAULTS[name]
    assert caught(fault, _fastest(fault), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_all_levels_that_look_at_it_and_no_other(name: str, tmp_path: Path) -> None:
    fault = FAULTS[name]
    seen = [level for level in fault.asked if caught(fault, level, tmp_path / level)]
    assert tuple(seen) == fault.caught_by


@pytest.mark.parametrize(
    "name", slow_where({"wrong first index"}, ["missing saturation below", "wrong first index"])
)
def test_nothing_is_red_without_a_fault(name: str, tmp_path: Path) -> None:
    levels = [level for level in FAULTS[name].asked if level != "mapped"]
    _all_green(FAULTS[name], tmp_path, tuple(levels))


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", {(f.design, f.lanes, f.target, f.asked): n for n, f in FAULTS.items()}.values()
)
def test_no_design_is_red_without_a_fault(name: str, tmp_path: Path) -> None:
    _all_green(FAULTS[name], tmp_path, FAULTS[name].asked)


def _all_green(fault: Fault, folder: Path, levels: tuple[str, ...]) -> None:
    for level in levels:
        done = check(level, parse(fault.design), folder / level, fault.lanes, fault.target)
        assert done and all(one.passed for one in done), [one.detail for one in done]


def test_a_fault_ends_with_its_patch(tmp_path: Path) -> None:
    fault = FAULTS["half step missing"]
    assert caught(fault, "simulation", tmp_path)
    assert all(one.passed for one in check("simulation", parse(fault.design), tmp_path, None, ""))


def test_a_mismatch_is_named(tmp_path: Path) -> None:
    said = caught(FAULTS["crossed lanes"], "simulation", tmp_path)
    for word in ("Amaranth == model: cycle ", "lane ", "frac 0x", "word ", "expected 0x", "got 0x"):
        assert word in said


def test_a_change_that_no_input_shows_is_not_caught(tmp_path: Path) -> None:
    """What is no fault turns no level red: here a sum whose addends are swapped."""
    plant = rounder_faults._addends(lambda a, b: (b, a))
    swapped = Fault("swapped", "rounder", "no fault", "6:4:zero:lfsr5", plant, ())
    for level in ("simulation", "rounder", "module"):
        assert caught(swapped, level, tmp_path / level) == ""
    lane = Fault(
        "same", "bank", "no fault", "8:3:zero:lfsr5", array_faults._lane(lambda b, i: i), ()
    )
    assert caught(lane, "module", tmp_path) == ""


def test_the_results_are_the_catalogues() -> None:
    results = json.loads(RESULT.read_text(encoding="utf-8"))
    assert [row["name"] for row in results["faults"]] == list(FAULTS), "run tests/faults/study.py"
    for row in results["faults"]:
        fault = FAULTS[row["name"]]
        assert {key: row[key] for key in described(fault)} == described(fault), row["name"]
        assert tuple(row["caught_by"]) == fault.caught_by
        assert row["counterexample"]
    assert results["levels"] == LEVELS
    assert set(results["versions"]) == set(versions(ALL_LEVELS))


def _page() -> ModuleType:
    return script("docs", "faults")


def test_the_page_is_fresh() -> None:
    page = _page()
    assert not stale(page.generated()), "run docs/faults.py"
