"""The page on the papers' ratio: its tables, its claims, and that its counts come again."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from scripts import script

from esru.design import parse
from esru.flow.cost import lane_costs
from esru.report.fresh import stale

ROOT = Path(__file__).parent.parent.parent

#: What the winner must save at 64 lanes, against the reference as plain RTL.
PLAIN = {"ice40": 14, "xc7": 11, "lut6": 12, "ecp5": 8, "nand2": 20, "osu018": 20}

#: The same at the boundary `unit`.
UNIT = {"ice40": 3.9, "xc7": 3, "ecp5": 2.6}

#: What an accumulator must save against the reference's whole unit, on every target.
ACCUMULATOR = 9.75


def _page() -> ModuleType:
    return script("docs", "ratio")


PAGE = _page()
TEXT = (ROOT / "docs" / "ratio.md").read_text(encoding="utf-8")
ROWS: dict[tuple[str, str, str, str], dict[str, Any]] = PAGE.by_key(PAGE.read())


def _best(name: str, target: str, boundary: str, metric: str) -> float:
    """Return the lesser count of the two structures."""
    found = [ROWS.get((name, target, boundary, structure)) for structure in ("plain", "helped")]
    return min(float(row[metric]) for row in found if row is not None)


def test_the_tables_are_fresh() -> None:
    assert not stale(PAGE.generated()), "run python docs/ratio.py"


@pytest.mark.parametrize("target", PLAIN)
def test_the_winner_at_the_decision(target: str) -> None:
    metric = "area" if target in ("nand2", "osu018") else "cells"
    reference = ROWS["reference", target, "decision", "plain"][metric]
    assert reference / _best("winner", target, "decision", metric) >= PLAIN[target]
    if target in ("nand2", "osu018"):
        return
    helped = ROWS["reference", target, "decision", "helped"][metric]
    assert helped / _best("winner", target, "decision", metric) >= PAGE.CLAIMED


@pytest.mark.parametrize("target", UNIT)
def test_the_winner_at_the_unit(target: str) -> None:
    metric = "area" if target in ("nand2", "osu018") else "cells"
    reference = ROWS["reference", target, "unit", "plain"][metric]
    assert reference / _best("winner", target, "unit", metric) >= UNIT[target]


@pytest.mark.parametrize("target", ["nand2", "osu018"])
def test_rounding_in_an_accumulator_of_standard_cells(target: str) -> None:
    unit = ROWS["reference", target, "unit", "plain"]["area"]
    for name, boundary in (("half n = 4", "dither"), ("winner", "accumulator")):
        assert ROWS[name, target, boundary, "plain"]["area"] <= unit / ACCUMULATOR


@pytest.mark.parametrize("target", ["ice40", "ecp5", "gowin", "xc7", "lut4", "lut6"])
def test_rounding_in_an_accumulator(target: str) -> None:
    unit = ROWS["reference", target, "unit", "plain"]["cells"]
    cost = ROWS["half n = 4", target, "dither", "plain"]["cells"]
    assert cost <= unit / ACCUMULATOR
    plain = ROWS["winner", target, "accumulator", "plain"]["cells"]
    assert (plain <= unit / ACCUMULATOR) == (target not in ("gowin", "lut4"))
    eight = ROWS["select n = 8", target, "accumulator", "helped"]["cells"]
    assert eight <= unit / ACCUMULATOR, "the page says so"
    assert ROWS["winner", target, "accumulator", "helped"]["cells"] <= unit / ACCUMULATOR
    helped = ROWS["winner", target, "accumulator", "helped"]["cells"]
    unit_helped = ROWS["reference", target, "unit", "helped"]["cells"]
    assert helped <= unit_helped / ACCUMULATOR, "the page says so"
    (line,) = [line for line in TEXT.splitlines() if f"| {target} | accumulator | winner |" in line]
    assert line.split(" | ")[-1] == f"{unit_helped / helped:.2f}x |"
    assert (plain < helped) == (target in ("xc7", "lut6")), "the page says so"


def test_the_figures_in_the_text() -> None:
    """Each is said in words on the page; here it is what was counted."""
    for name, bit in (("lut4", 1.6), ("lut6", 1.2)):
        reference = ROWS["reference", name, "decision", "plain"]["cells"]
        assert round(reference / 24, 1) == bit
        assert f"{bit} {name.upper()}" in TEXT
    carried = ROWS["winner", "lut4", "accumulator", "plain"]["cells"]
    assert round(carried - ROWS["winner", "lut4", "decision", "plain"]["cells"]) == 3
    helped = ROWS["winner", "lut4", "accumulator", "helped"]["cells"]
    assert helped - ROWS["winner", "lut4", "decision", "helped"]["cells"] == 1
    assert round(ROWS["half n = 4", "lut4", "dither", "plain"]["cells"], 1) == 0.1


def test_what_comes_near_the_papers_figure() -> None:
    """What the summary says of every reading that does."""
    near = [r for r in PAGE.readings(PAGE.read()) if abs(r.ratio - 9.75) <= 0.05 * 9.75]
    assert near and not any(r.boundary == "unit" for r in near)
    decision = [r for r in near if r.boundary == "decision"]
    assert decision and all(r.name.startswith("papers-zero, ") for r in decision)
    assert all("LFSR" in r.name for r in decision)
    own = [r for r in near if r.name.startswith("papers") and "zero" not in r.name]
    assert own and {r.against.rpartition(": ")[2] for r in own} == {"unit"}
    assert {r.target for r in own} <= {"nand2", "osu018"}
    eight = [ROWS["select n = 8", "lut6", "decision", how]["cells"] for how in ("plain", "helped")]
    assert 0 < eight[1] - eight[0] < 0.05
    # Carry chains, as plain RTL.
    for target in ("ice40", "ecp5", "gowin", "xc7"):
        key = (target, "decision", "plain")
        reference, point = ROWS["reference", *key], ROWS["papers-zero, LFSR", *key]
        assert reference["cells"] / point["cells"] < 0.95 * 9.75


def test_flip_flops() -> None:
    """The bar of 60x, by a unit that the search has accepted; the winner is just below it."""
    text = (ROOT / "docs" / "results" / "search-bits8.json").read_text(encoding="utf-8")
    verdicts = {row["design"]: row["verdict"] for row in json.loads(text)["rows"]}
    place = ("ice40", "decision", "plain")
    assert verdicts[ROWS["select n = 5", *place]["design"]] == "accepted"
    assert 59 < ROWS["reference", *place]["ff"] / ROWS["winner", *place]["ff"] < 60
    rows = (
        ROWS["reference", "ice40", "decision", "plain"],
        ROWS["select n = 5", "ice40", "decision", "plain"],
    )
    assert rows[0]["ff"] / rows[1]["ff"] >= 60


@pytest.mark.parametrize("name", ["lut6", pytest.param("ice40", marks=pytest.mark.slow)])
def test_the_counts_come_again(name: str) -> None:
    versions = PAGE.read()["versions"]
    from esru.flow import toolchain

    if toolchain.versions()["yosys"] != versions["yosys"]:
        pytest.skip("another Yosys counts otherwise")
    chosen = ("reference", "papers", "winner")
    for boundary in ("decision", "unit"):
        for structure in ("plain", "helped"):
            keys = [(row, name, boundary, structure) for row in chosen]
            designs = [parse(ROWS[key]["design"]) for key in keys]
            found = lane_costs(designs, name, boundary, structure=structure)
            for key, cost in zip(keys, found, strict=True):
                assert cost.cells == pytest.approx(ROWS[key]["cells"], abs=1e-6), key
