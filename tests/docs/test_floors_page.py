"""The page on floors: its tables are what the result file says, and that what is measured."""

from __future__ import annotations

from types import ModuleType

import pytest
from scripts import script

from esru.design import parse
from esru.flow.cost import lane_costs
from esru.report.fresh import stale


@pytest.fixture(scope="module")
def page() -> ModuleType:
    return script("docs", "floors")


def test_the_tables_are_fresh(page: ModuleType) -> None:
    assert not stale(page.generated()), "run docs/floors.py"


def _measured_again(page: ModuleType, target: str) -> None:
    rows = [row for row in page.read()["rows"] if row["target"] == target]
    for boundary, structure in dict.fromkeys((r["boundary"], r["structure"]) for r in rows):
        kept = [r for r in rows if (r["boundary"], r["structure"]) == (boundary, structure)]
        designs = [parse(row["design"]) for row in kept]
        found = lane_costs(designs, target, boundary, structure=structure)
        for row, cost in zip(kept, found, strict=True):
            counts = cost.to_json()
            assert {name: counts[name] for name in ("cells", "lut", "ff", "carry")} == {
                name: row[name] for name in ("cells", "lut", "ff", "carry")
            }, row


@pytest.mark.slow
@pytest.mark.parametrize("target", ["ice40", "lut6"])
def test_the_counts_are_measured(page: ModuleType, target: str) -> None:
    _measured_again(page, target)


@pytest.mark.slow
@pytest.mark.parametrize("target", ["ice40", "ecp5", "xc7", "lut4", "lut6"])
def test_the_sums_are_measured(page: ModuleType, target: str) -> None:
    found = page.read()["sums"]
    for row in found["rows"]:
        if row["target"] == target:
            design = parse(found["design"])
            (cost,) = lane_costs([design], target, "accumulator", structure=row["structure"])
            assert cost.cells is not None and cost.truncating is not None
            assert cost.truncating.cells == row["truncating"]
            assert cost.cells == row["rounding"] - row["truncating"]


def test_both_terms_of_a_difference_are_least(page: ModuleType) -> None:
    rows = {(row["target"], row["structure"]): row for row in page.read()["sums"]["rows"]}
    targets = {target for target, _ in rows}
    for target in targets:
        plain, helped = rows[target, "plain"], rows[target, "helped"]
        assert all(helped[term] < plain[term] for term in ("rounding", "truncating"))
        assert helped["truncating"] < 14.1 + 2 * (target in ("ice40", "ecp5", "lut4"))
    # As docs/ratio.md says.
    below = {t for t in targets if rows[t, "helped"]["rounding"] < rows[t, "plain"]["truncating"]}
    assert below == {"ecp5", "lut4", "lut6"}


def test_no_source_in_every_lane_stands_beside_a_shared_one(page: ModuleType) -> None:
    cells = {
        (row["design"], row["target"], row["boundary"]): row["cells"]
        for row in page.read()["rows"]
        if row["structure"] == "helped"
    }
    lines = [line.strip("| ").split(" | ") for line in page.ratios(page.read()).splitlines()]
    rows = [line for line in lines if len(line) == 6 and line[0] != "target"]
    assert len(rows) == 5 * 2 * 3
    for target, boundary, name, *_, shown in rows:
        design = name.strip("`")
        of = cells[page.SHARED, target, boundary]
        alike = f"{of / cells[design, target, boundary]:.2f}x"
        assert shown == (alike if design.endswith("lanes=64") else "-")


#: What the best unit takes at 64 lanes, and how many times that the reference takes.
BARS = {
    ("ice40", "decision"): (14.0, 6.0),
    ("xc7", "decision"): (11.0, None),
    ("lut6", "decision"): (12.0, 6.0),
    ("ecp5", "decision"): (8.0, None),
    ("ice40", "unit"): (3.9, None),
    ("xc7", "unit"): (3.0, None),
    ("ecp5", "unit"): (2.6, None),
}


@pytest.mark.parametrize(("target", "boundary"), BARS)
def test_the_ratios_stay_above_what_was_asked(page: ModuleType, target: str, boundary: str) -> None:
    cells = {
        (row["design"], row["structure"]): row["cells"]
        for row in page.read()["rows"]
        if (row["target"], row["boundary"]) == (target, boundary)
    }
    own = cells["4:3:select:lfsr24,leap=4,lanes=64", "helped"]
    plain, helped = BARS[target, boundary]
    assert cells[page.REFERENCE, "plain"] / own >= plain
    assert helped is None or cells[page.REFERENCE, "helped"] / own >= helped
