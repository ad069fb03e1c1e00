"""`esru compare`: designs and published units side by side."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
from marks import skip_without_library

from esru.cli import main
from esru.design import ALIASES, parse
from esru.flow.cost import lane_costs
from esru.flow.peers import INPUT, PEERS
from esru.quality import quality

ROOT = Path(__file__).parent.parent.parent


def test_the_alias_winner_is_what_the_search_answers() -> None:
    result = json.loads((ROOT / "docs" / "results" / "search-bits8.json").read_text())
    assert parse(ALIASES["winner"]) == parse(result["winner"]["design"])


#: The winner with few lanes, and a design that names its input.
FEW = "4:3:select:lfsr24,leap=4,lanes=4"
OWN = "papers-zero,in=s16.8"


@pytest.fixture(scope="module")
def beside_peers() -> dict[str, Any]:
    """What `esru compare --peers --json` says of four designs and of all published units."""
    arguments = ["papers", FEW, OWN, "--peers", "--target", "lut4", "--seeds", "0", "--lanes", "4"]
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        assert main(["compare", *arguments, "--json"]) == 0
    return dict(json.loads(said.getvalue()))


def test_designs_and_peers(beside_peers: dict[str, Any]) -> None:
    assert beside_peers["schema"] == "esru.compare/1" and beside_peers["against"] == "reference"
    rows = {row["name"]: row for row in beside_peers["rows"]}
    assert list(rows) == ["reference", "papers", FEW, str(parse(OWN)), *PEERS]
    for boundary in ("decision", "unit"):
        (reference,) = lane_costs([parse("reference")], "lut4", boundary)
        for row in rows.values():
            cells = row["cost"]["lut4"][boundary]["cells"]
            ratio = row["ratio"]["lut4"][boundary]["cells"]
            assert ratio == pytest.approx(reference.cells / cells, abs=1e-4)
    assert rows["comparator12"]["cost"]["lut4"]["decision"]["ff"] == 12
    assert rows["galois32"]["cost"]["lut4"]["unit"]["ff"] == 32 + 8
    for row in rows.values():
        design = parse(row["design"])
        # Sums over 2^24 words take half a second each: one is enough.
        if design.k < 24 or row["name"] == "reference":
            assert row["bias"]["mean"] == float(quality(design).bias.mean)
        assert row["tests"] == []
        assert ("publication" in row) == (row["name"] in PEERS)


def test_training_is_paired_with_what_it_is_against(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    arguments = ["compare", "nearest", "--against", "8:8:zero:debruijn8", "--target", "lut6"]
    assert main([*arguments, "--boundary", "decision", "--seeds", "2"]) == 0
    text = capsys.readouterr().out
    (line,) = [line for line in text.splitlines() if line.startswith("nearest") and "lr" in line]
    assert float(line.split()[7]) > 10, "round half up loses the small updates"
    assert "mean ± standard deviation of 2 paired seeds" in text


def test_peers_are_compared_at_the_same_interface(beside_peers: dict[str, Any]) -> None:
    rows = {row["name"]: row for row in beside_peers["rows"]}
    own = str(parse(OWN))
    for name in ("reference", "papers", FEW, *PEERS):
        assert str(parse(rows[name]["design"]).input) == INPUT
    for name, mean, greatest in (("papers", -0.00195, 0.0748), (FEW, 3e-8, 0.0625)):
        bias = rows[name]["bias"]
        assert bias["mean"] == pytest.approx(mean, rel=0.01)
        assert bias["max"] == pytest.approx(greatest, rel=0.01)
    for boundary in ("decision", "unit"):
        narrow = lane_costs([parse("papers"), parse(FEW)], "lut4", boundary)
        for name, cost in zip(("papers", FEW), narrow, strict=True):
            assert rows[name]["cost"]["lut4"][boundary] == cost.to_json()
    assert str(parse(rows[own]["design"]).input) == "s16.8", (
        "a design that names its input keeps it"
    )


@pytest.mark.library
def test_standard_cells_are_compared_by_area(capsys: pytest.CaptureFixture[str]) -> None:
    skip_without_library()
    arguments = ["--target", "osu018,lut4", "--boundary", "decision", "--seeds", "0"]
    assert main(["compare", "papers", *arguments, "--lanes", "4"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    (cells,) = [line for line in lines if line[:2] == ["lut4", "decision"]]
    (area,) = [line for line in lines if line[:2] == ["osu018", "decision"]]
    assert cells[2] == "cells" and area[2] == "area"
    of, own = lane_costs([parse("reference"), parse("papers")], "osu018", "decision")
    assert area[3:5] == [f"{of.area:.2f}", f"{own.area:.2f}"]
    assert area[5].startswith(f"({of.area / own.area:.2f}x")


def test_each_ratio_stands_beside_the_two_others(
    beside_peers: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["compare", FEW, "--peers", "--target", "lut4", "--seeds", "0"]
    assert main([*arguments, "--boundary", "decision", "--lanes", "4"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    (printed,) = [line for line in lines if line[:2] == ["lut4", "decision"]]
    reference, few = parse("reference"), parse(f"{FEW},in=s32.24")
    plain, own, shared = lane_costs(
        [reference, few, parse("reference,lanes=4")], "lut4", "decision"
    )
    helped = lane_costs([reference, few], "lut4", "decision", structure="helped")
    wanted = [plain.cells / own.cells, helped[0].cells / helped[1].cells, shared.cells / own.cells]
    rows = {row["name"]: row for row in beside_peers["rows"]}
    for key, value in zip(("ratio", "ratio_helped", "ratio_shared"), wanted, strict=True):
        found = rows[FEW][key]["lut4"]["decision"]["cells"]
        assert found == pytest.approx(value, abs=1e-4)
    assert printed[3:5] == [f"{plain.cells:.2f}", f"{own.cells:.2f}"]
    assert printed[5:8] == [f"({wanted[0]:.2f}x,", f"{wanted[1]:.2f}x,", f"{wanted[2]:.2f}x)"]
    assert printed[10] == "-,", "a published unit has no cells given one by one"
    assert printed[11] == "-)", "and no source that it shares as the reference does"


def test_what_cannot_be_built_has_no_ratio(capsys: pytest.CaptureFixture[str]) -> None:
    # An adder of the rule is one with the accumulator's: there is nothing to give cell by cell.
    arguments = ["compare", "papers", "--target", "lut4", "--seeds", "0", "--lanes", "2"]
    assert main([*arguments, "--boundary", "accumulator", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert all(row["helped"] == {} and row["ratio_helped"] == {} for row in rows)
    assert rows[1]["ratio"]["lut4"]["accumulator"]["cells"] > 1


def test_without_peers_designs_keep_their_own_inputs(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["compare", "papers", "--target", "lut4", "--boundary", "decision", "--seeds", "0"]
    assert main([*arguments, "--lanes", "4", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [row["design"] for row in rows] == [ALIASES["reference"], ALIASES["papers"]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["papers", "papers"], "Designs must be named once, not reference, papers, papers"),
        (["--lanes", "0", "--seeds", "0"], "Lanes must be between 1 and 1024, not 0"),
        (["--seeds", "-1"], "Seeds must be between 0 and 10000, not -1"),
        (["--peers", "--boundary", "sum"], "Boundary must be one of decision, result, unit"),
        (["--target", "abacus"], "Target must be one of ice40"),
        (["--task", "nonsense"], "Task must be one of digits-mlp"),
        (["--task", "nonsense", "--seeds", "0"], "Task must be one of digits-mlp"),
        (["8:3:zero:port"], "Source of a trained design must be one that makes its own words"),
        (["fly"], "Design must be n:k:rule:source"),
    ],
)
def test_bad_input_is_refused_at_once(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", *arguments]) == 2
    said = capsys.readouterr()
    assert said.out == "" and message in said.err and len(said.err.splitlines()) == 1
