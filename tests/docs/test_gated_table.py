"""The table with gated clocks in docs/ratio.md: like beside like, and what its text says."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from esru.design import parse
from esru.flow import targets

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "docs" / "ratio.md").read_text(encoding="utf-8")
SECTION = TEXT[
    TEXT.index("\n## With a gated clock\n") : TEXT.index("\n## By the format of the result\n")
]

TARGETS = ("nand2", "osu018")
OWN = ("reference", "reference, fresh bits", "papers")
SHARED = ("reference, shared", "papers, shared", "winner")
SHARED += ("half n = 4", "select n = 5", "select n = 8")

#: Of the units, those whose words share no bits.
FRESH = SHARED[2:]


def _read(name: str) -> dict[str, Any]:
    text = (ROOT / "docs" / "results" / f"{name}.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


GATED, UNGATED = _read("gated"), _read("ratio")


def _rows(result: dict[str, Any]) -> dict[tuple[str, str, str], dict[str, Any]]:
    return {
        (row["name"], row["target"], row["boundary"]): row
        for row in result["rows"]
        if row["structure"] == "plain"
    }


ROWS, BEFORE = _rows(GATED), _rows(UNGATED)


def _area(name: str, target: str, boundary: str, gated: bool = True) -> float:
    rows = ROWS if gated else BEFORE
    return float(rows[name, f"{target}-gated" if gated else target, boundary]["area"])


def _times(of: str, name: str, *place: str, gated: bool = True) -> str:
    ratio = _area(of, place[0], place[1], gated) / _area(name, place[0], place[1], gated)
    return f"{ratio:.2f}x"


def test_the_designs_and_the_tools_are_those_of_the_other_tables() -> None:
    assert GATED["versions"]["yosys"] == UNGATED["versions"]["yosys"]
    assert GATED["lanes"] == UNGATED["lanes"] == 64
    assert len(ROWS) == len(GATED["rows"])
    for (name, target, boundary), row in ROWS.items():
        assert row["design"] == BEFORE[name, target.removesuffix("-gated"), boundary]["design"]


def test_the_table_sets_gated_beside_gated() -> None:
    lines = [line.strip("| ").split(" | ") for line in SECTION.splitlines() if line[:1] == "|"][2:]
    table = {(line[0].removesuffix("-gated"), *line[1:3]): line[3:] for line in lines}
    wanted = set(product(TARGETS, ("decision", "result", "unit"), OWN + SHARED))
    assert set(table) == wanted and len(lines) == len(wanted)
    for (target, boundary, name), line in table.items():
        place = (target, boundary)
        design = parse(ROWS[name, f"{target}-gated", boundary]["design"])
        assert design.lanes == (64 if name in SHARED else 1)
        areas = [f"{_area(name, *place, gated):.2f}" for gated in (True, False)]
        if name.startswith("reference"):
            assert line == [areas[0], "-", "-", "-", areas[1], "-"]
            continue
        assert (design.leap >= design.k) == (name in FRESH)
        shared = _times("reference, shared", name, *place) if name in SHARED else "-"
        fresh = _times("reference, fresh bits", name, *place) if name in FRESH else "-"
        own = [_times("reference", name, *place, gated=gated) for gated in (True, False)]
        assert line == [areas[0], own[0], shared, fresh, areas[1], own[1]]


def _less(name: str, target: str) -> str:
    """Return by how much less a unit takes with a gated clock."""
    return f"{1 - _area(name, target, 'unit') / _area(name, target, 'unit', False):.0%}".replace(
        "%", " %"
    )


def test_what_the_text_says() -> None:
    text = " ".join(SECTION.split())
    of, unit = ([_less(name, target) for target in TARGETS] for name in ("reference", "winner"))
    assert f"the reference takes {of[0]} less (nand2) and {of[1]} less (osu018)" in text
    assert f"the winner {unit[0]} and {unit[1]} less" in text
    saves = [
        " and ".join(_times("reference", "winner", t, "unit", gated=gated) for t in TARGETS)
        for gated in (True, False)
    ]
    assert f"saves {saves[0]} there, for {saves[1]} without" in text
    fresh = " and ".join(_times("reference, fresh bits", "winner", t, "unit") for t in TARGETS)
    assert f"against the reference with fresh bits {fresh}." in text
    at_result = [
        " and ".join(_times(of, "winner", target, "result") for target in TARGETS)
        for of in ("reference", "reference, fresh bits", "reference, shared")
    ]
    told = "At `result` it saves {}, against fresh bits {}, shared on both sides {}."
    assert told.format(*at_result) in text
    places = [(target, "decision") for target in TARGETS]
    decision = " and ".join(_times("reference", "winner", *place) for place in places)
    assert f"At the decision it saves less than without, {decision}" in text
    for place in places:
        gated, before = (
            _area("reference", *place, how) / _area("winner", *place, how) for how in (True, False)
        )
        assert gated < before
        # The papers' flip-flops have no gate; one gate counts for 64 lanes of the winner.
        target = f"{place[0]}-gated"
        assert ROWS["papers", target, "decision"]["ff"] == 4
        assert _area("papers", *place) == _area("papers", *place, False)
        assert ROWS["winner", target, "decision"]["ff"] * 64 == 26 + 1
        assert ROWS["reference", target, "decision"]["ff"] == 24 + 1
    assert "has 24 flip-flops in every lane, and the winner 26 for 64 lanes" in text


def test_what_a_gate_in_every_lane_takes() -> None:
    text = " ".join(SECTION.split())
    shared, alone, flip_flops = [], [], set()
    for target, name in zip(TARGETS, ("nand2-gated", "osu018-gated"), strict=True):
        gate = float(targets.target(name).counts.rpartition(" ")[2])
        of, unit = (_area(design, target, "unit") for design in ("reference", "winner"))
        # All but one of 64 gates.
        more = gate * 63 / 64
        shared.append(f"{(of - more) / unit:.2f}x")
        alone.append(of / (unit + more))
        assert alone[-1] < _area("reference", target, "unit", False) / _area(
            "winner", target, "unit", False
        )
        flip_flops.add(round(ROWS["winner", name, "unit"]["ff"] * 64) - 1)
    assert f"in both the winner saves {' and '.join(shared)} at `unit`" in text
    assert f"with one a lane in both {alone[0]:.2f}x and {alone[1]:.2f}x" in text
    (count,) = flip_flops
    assert f"One gate for 64 lanes drives {count} flip-flops" in text


@pytest.mark.parametrize("target", TARGETS)
def test_the_counts_are_the_recorded_ones(target: str) -> None:
    """Those of tests/flow/budgets.json, which count the whole group of lanes."""
    path = ROOT / "tests" / "flow" / "budgets.json"
    budgets = json.loads(path.read_text(encoding="utf-8"))["counts"]
    kept = {"reference": "reference", "papers": "papers"}
    kept |= {name: ROWS[name, f"{target}-gated", "unit"]["design"] for name in FRESH[::3]}
    assert len(kept) == 4
    for (name, text), boundary in product(kept.items(), ("decision", "unit")):
        found = budgets[f"{text} {boundary}"][f"{target}-gated"]["area"]
        lanes = 64 if name in SHARED else 1
        assert _area(name, target, boundary) * lanes == pytest.approx(found, abs=1e-4)
