"""The decisions that the search found: each proved, as a rule, as a module and cell by cell."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from esru.design import Design, parse
from esru.flow.cost import fabric_of
from esru.flow.formal import prove_design, prove_rounder
from esru.flow.mapped import prove_cells, structure_reads
from esru.hdl.emit import emit_rtlil, rounder_rtlil
from esru.search.found import FOUND, JOINED

FINDS = {**FOUND, "2 LUT6 joined": JOINED}

#: LUTs of a lane where it is given cell by cell: two LUT6 are not made of a few LUT4, and only
#: the 7-series join two.
GIVEN = {
    "1 LUT4": {"lut4": 1, "lut6": 1, "xc7": 1},
    "1 LUT6": {"lut4": 2, "lut6": 1, "xc7": 1},
    "2 LUT4": {"lut4": 2, "lut6": 2, "xc7": 2},
    "2 LUT6": {"lut6": 2, "xc7": 2},
    "2 LUT6 joined": {"xc7": 2},
}


def named(n: int, k: int, rule: str, boundary: str = "decision") -> Design:
    """Return a design of two lanes that share a short source."""
    leap = 8 if k == 8 else 7  # at least k, and coprime with 255
    return parse(f"{n}:{k}:{rule}:lfsr8,leap={leap},lanes=2,boundary={boundary}")


def changed(n: int, k: int, rule: str, place: int) -> Design:
    """Return the same with one entry of its table changed."""
    digits, *weights = rule.removeprefix("table-").split(".")
    wrong = f"table-{int(digits, 16) ^ 1 << place:0{len(digits)}x}"
    return named(n, k, ".".join([wrong, *weights]))


def as_of(design: Design, text: str, wrong: Design) -> str:
    """Return the hardware of a wrong table under the right one's name."""
    found = text.replace(wrong.id, design.id)
    assert found != text
    return found


@pytest.mark.parametrize("boundary", ["decision", "unit"])
@pytest.mark.parametrize("name", FINDS)
def test_the_rule_for_all_inputs(name: str, boundary: str, tmp_path: Path) -> None:
    design = named(*FINDS[name], boundary)
    check = prove_rounder(design, tmp_path)
    assert check.passed, check.detail
    wide = design.n if boundary == "decision" else design.input.width
    assert check.cases == 1 << (wide + design.k)


@pytest.mark.slow
@pytest.mark.parametrize("name", FINDS)
def test_the_module_with_reset_and_enable(name: str, tmp_path: Path) -> None:
    check = prove_design(named(*FINDS[name]), tmp_path)
    assert check.passed, check.detail
    assert check.cases == 255 * 2


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "target"), [(name, target) for name, luts in GIVEN.items() for target in luts]
)
def test_given_cell_by_cell(name: str, target: str, tmp_path: Path) -> None:
    """Before synthesis against the independent reference, after it against the plain module."""
    design = named(*FINDS[name])
    text = emit_rtlil(design, fabric=fabric_of(target, "helped"))
    cells = re.findall(r"cell \\(?:esru_)?(lut|LUT|MUXF7)", text)
    assert len(cells) - cells.count("MUXF7") == design.lanes * GIVEN[name][target]
    assert cells.count("MUXF7") == ("joined" in name) * design.lanes
    check = prove_design(design, tmp_path, text=text, models=structure_reads(tmp_path, target))
    assert check.passed, check.detail
    check = prove_cells(design, tmp_path / "mapped", target, structure="helped")
    assert check.passed, check.detail


@pytest.mark.slow
@pytest.mark.parametrize("name", FINDS)
def test_a_wrong_entry_is_caught(name: str, tmp_path: Path) -> None:
    """That of the fraction 1 and the code 0, in the hardware alone."""
    right, wrong = named(*FINDS[name]), changed(*FINDS[name], 1)
    check = prove_rounder(right, tmp_path, as_of(right, rounder_rtlil(wrong), wrong))
    assert not check.passed and "expected" in check.detail
    check = prove_design(right, tmp_path, text=as_of(right, emit_rtlil(wrong), wrong))
    assert not check.passed and "differs from the reference" in check.detail
