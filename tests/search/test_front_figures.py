"""`esru search --fmax --activity`: figures of the front, and of nothing else."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from esru.cli import main
from esru.design import parse
from esru.report.front import front_table
from esru.search.evaluate import Request
from esru.search.front_figures import check_figures
from esru.search.measured import cached_activity, cached_fmax
from esru.search.question import Question

HERE = Path(__file__).parent
TOY = "toy_evaluator:evaluate"


def test_a_question_without_them_keeps_its_name() -> None:
    plain = Question(bits=2)
    assert not {"fmax", "activity"} & plain.to_json().keys()
    assert plain.to_json()["seed"] == 0, "0 is a seed, not an absence"
    assert len({plain.id, Question(bits=2, fmax=True).id, Question(bits=2, activity=True).id}) == 3


def test_a_target_without_a_clock_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    check_figures(Question(bits=2, target="lut6", activity=True))
    assert main(["search", "--bits", "2", "--target", "lut6", "--fmax"]) == 2
    message = "Target of --fmax must be one that nextpnr places, not lut6"
    assert message in capsys.readouterr().err


def test_the_table_has_what_was_measured_and_the_reference() -> None:
    def row(name: str, cells: float, fmax: float | None, **more: Any) -> dict[str, Any]:
        cost = {"ice40": {"decision": {"cells": cells, "fmax_mhz": fmax}}}
        return {
            "id": name,
            "design": name,
            "cost": cost,
            "loss": None,
            "verdict": "accepted",
        } | more

    result: dict[str, Any] = {"target": "ice40", "boundary": "decision", "objective": "cells"}
    rows = [row("b", 3.0, 200.0, activity=1.5), row("a", 2.0, None), row("c", 1.0, 9.0)]
    result |= {"front": ["a", "b"], "rows": rows, "reference": row("r", 50.0, None)}
    table = front_table(result)
    assert table is not None
    assert [line[0] for line in table[1]] == ["a", "b", "r"], "cheapest first, c is not on it"
    assert [line[3:5] for line in table[1]] == [["-", "-"], ["200.0", "1.5"], ["-", "-"]]
    result["rows"] = [row("a", 2.0, None)]
    assert front_table(result) is None


@pytest.mark.slow
def test_a_search_fills_the_front(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(HERE))
    asked = ["search", "--bits", "2", "--lanes", "8", "--json", "--evaluator", TOY]
    status = main([*asked, "--fmax", "--activity", "--out", str(tmp_path / "run")])
    found = json.loads(capsys.readouterr().out)
    assert status == int(found["winner"] is None)
    front = set(found["front"])
    assert front
    for row in found["rows"]:
        where = row["cost"].get("ice40", {}).get("decision", {})
        design = parse(row["design"])
        if row["id"] in front:
            known = cached_fmax(Request(design, "ice40", "decision"), lambda done, total: None)
            assert where["fmax_mhz"] == known["median"]
            assert row["activity"] == cached_activity(design, "decision")["toggles"] >= 0
        else:
            assert where.get("fmax_mhz") is None and "activity" not in row
    assert found["reference"]["cost"]["ice40"]["decision"]["fmax_mhz"] > 0
    with (tmp_path / "run" / "front.csv").open() as file:
        lines = {line["id"]: line for line in csv.DictReader(file)}
    assert {name for name, line in lines.items() if line["activity"]} == front
