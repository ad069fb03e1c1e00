"""The search on FP4 gradients: its result file, what the pages say of it, a row repeated."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from scipy.stats import t as student
from scripts import script

from esru.design import parse
from esru.evidence.studies import ONE_LUT
from esru.search.race import LOOKS, Level
from esru.search.space import space
from esru.train.tasks import confirming, find_task

ROOT = Path(__file__).parent.parent.parent
RESULTS = ROOT / "docs" / "results"
NAME = "fp4-transformer"
BITS = 4


def read(name: str) -> dict[str, Any]:
    return dict(json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8")))


RESULT, FIGURES = read(f"search-{NAME}"), read("benchmark-search-fp4")
WINNER, PAPERS, ZERO = (RESULT[name] for name in ("winner", "papers", "papers_zero"))


def flat(path: str) -> str:
    return " ".join((ROOT / path).read_text(encoding="utf-8").split())


@pytest.fixture(scope="module")
def page() -> ModuleType:
    return script("docs", "training")


def test_the_question_is_the_task_at_its_own_margin() -> None:
    task = find_task(NAME)
    asked = {"bits": BITS, "tasks": [NAME], "margin": task.margin, "alpha": 0.05, "seed": 0}
    assert {key: RESULT[key] for key in asked} == asked
    assert RESULT["status"] == "done" and RESULT["evaluator"] is None
    assert RESULT["counts"]["behaviours"] == len(space(BITS).behaviours)
    assert all(check["passed"] for check in RESULT["proof"])


def test_the_time_is_of_this_run() -> None:
    assert FIGURES["command"] == f"esru search --bits {BITS} --tasks {NAME}"
    assert (FIGURES["status"], FIGURES["counts"]) == (RESULT["status"], RESULT["counts"])
    made = {name: FIGURES["versions"][name] for name in RESULT["versions"]}
    assert made == RESULT["versions"]
    # All but the start of the program and the proof of the hardware; from an empty cache.
    assert 0 < FIGURES["cold_seconds"] - RESULT["seconds"] < 300
    assert RESULT["counts"]["reused"] == 0
    cores = int(FIGURES["machine"].split()[0])
    assert FIGURES["processor_seconds"] < cores * FIGURES["cold_seconds"]


def test_the_winner_passed_in_every_cell_and_elsewhere() -> None:
    task = find_task(NAME)
    cells = {(lr, how) for lr in task.learning_rates for how in task.schedules}
    assert {(test["lr"], test["schedule"]) for test in WINNER["tests"]} == cells
    assert all(test["bound"] < RESULT["margin"] for test in WINNER["tests"])
    assert [entry["task"] for entry in RESULT["confirmation"] if entry["confirmed"]] == [
        other.name for other in confirming([NAME])
    ]


def test_the_papers_points_were_raced_on_its_seeds_at_most() -> None:
    seeds = WINNER["loss"]["seeds"]
    assert seeds in LOOKS
    for row in (PAPERS, ZERO):
        assert row["loss"]["seeds"] <= seeds
        left = row["reason"].startswith("raced for the comparison alone, as far as the winner")
        assert left == (row["verdict"] == "undecided" and row["loss"]["seeds"] == seeds)


def test_the_page_has_the_file(page: ModuleType) -> None:
    """Every figure of the generated part is of the files, and the file's are in it."""
    text = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    part = text.partition("<!-- begin: search fp4 -->\n")[2].partition("\n<!-- end")[0]
    assert part == page.search(RESULT, FIGURES)
    _, rows = page.losses(RESULT)
    assert [row[0].partition(":")[0] for row in rows] == [
        *("papers", "papers-zero", "winner", "float32", "round to nearest")
    ]
    for test in WINNER["tests"]:
        assert f"{test['diff']:+.3f} ({test['bound']:+.3f})" in part
    other = dict(RESULT, counts=RESULT["counts"] | {"trainings": 1})
    assert page.search(other, FIGURES) != part


def test_controls_are_shown_against_the_reference(page: ModuleType) -> None:
    """Paired by seed, worse is positive; on the natural schedule, where they trained."""
    _, rows = page.losses(RESULT)
    task = find_task(NAME)
    (control,) = (entry for entry in RESULT["controls"] if entry["task"] == NAME)
    for row, name in ((rows[-2], "float32"), (rows[-1], "nearest")):
        behind = {
            found["lr"]: found["behind_reference"]["mean"]
            for found in control["rows"]
            if found["trained_with"] == name
        }
        texts = [
            f"{behind[lr]:+.3f}" if how == "natural" else "-"
            for lr in task.learning_rates
            for how in task.schedules
        ]
        assert row[1:] == [*texts, str(control["seeds"]), "control"]
    assert float(rows[-1][1]) > 3 * RESULT["margin"] > 0 > float(rows[-2][1])


def test_the_search_trained_the_controls_that_train_trains() -> None:
    """Of both its tasks; the same seeds give the same means where another command had as many."""
    assert [entry["task"] for entry in RESULT["controls"]] == [
        NAME,
        *(other.name for other in confirming([NAME])),
    ]
    for entry in RESULT["controls"]:
        assert entry["admitted"] and all(entry["admission"].values())
        found = {(row["trained_with"], row["lr"]): row for row in entry["rows"]}
        assert {name for name, _ in found} == {"float32", "nearest", "reference", "winner"}
        more = read(f"controls-{entry['task']}")
        assert more["seeds"] == 2 * entry["seeds"]
        for row in more["controls"]:
            fewer = found[row["control"], row["lr"]]["loss"]
            # Half of a sample: their means differ by little more than its standard error.
            assert abs(fewer["mean"] - row["loss"]["mean"]) < row["loss"]["sd"]


def test_what_is_said_of_it() -> None:
    """The sentences below the tables, and those of the README and of docs/evidence.md."""
    text = flat("docs/training.md").partition("<!-- end: search fp4 -->")[2].partition("## ")[0]
    digits = read("search-bits8")
    cells = [row["cost"]["ice40"]["decision"]["cells"] for row in (WINNER, digits["winner"])]
    most = max(test["diff"] for test in WINNER["tests"])
    assert f"`{WINNER['design']}`" in text and WINNER["design"] == ONE_LUT
    assert (
        f"loses {most:.3f} nats in its worst cell, and takes {cells[0]:.2f} cells a lane where the "
        f"winner on the digits takes {cells[1]:.2f}"
    ) in text
    # That race has met whatever is cheaper than its own winner, in the order of cost.
    met = [
        parse(row["design"])
        for row in digits["rows"]
        if row["cost"]["ice40"]["decision"]["cells"] <= cells[0]
    ]
    assert len(met) > 5 and max(design.n for design in met) <= BITS
    assert "Nothing of 5 to 8 bits costs as little" in text
    # The bound that the same losses have among more behaviours.
    levels = [Level(1, 0.05, len(space(bits).behaviours)).step for bits in (BITS, 8)]
    narrow, wide = (student.isf(level, WINNER["loss"]["seeds"] - 1) for level in levels)
    bounds = [
        test["diff"] + (test["bound"] - test["diff"]) * wide / narrow for test in WINNER["tests"]
    ]
    assert max(bounds) > RESULT["margin"] and "these seeds would not be enough" in text
    rejected = next(row for row in digits["rows"] if row["behaviour"] == WINNER["behaviour"])
    assert rejected["verdict"] == "rejected" and "rejects it on the digits" in text
    lost = f"The papers' point loses {PAPERS['loss']['mean']:.3f} nats in its worst cell"
    assert lost in text and PAPERS["verdict"] == "undecided"
    assert "so few seeds leave open" in text
    own, more = RESULT["controls"][0]["seeds"], read(f"controls-{NAME}")["seeds"]
    assert f"The controls here are the search's own, of {own} seeds" in text
    assert f"those of `esru train --controls` further up have {more}." in text
    line = f"the answer is `{WINNER['design']}`, {cells[0]:.2f} cells per lane"
    assert line in flat("README.md")
    assert "no search has answered" not in flat("docs/evidence.md")


def test_a_result_is_taken_in_by_its_tasks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build = script("docs", "build")
    assert {path.name for path in build.TAKEN.values()} == {
        *("search-bits8.json", f"search-{NAME}.json")
    }
    monkeypatch.setattr(build, "TAKEN", {NAME: tmp_path / "taken.json"})
    printed = RESULT | {"run": "here", "files": {}}
    assert json.loads(build.take(printed).read_text(encoding="utf-8")) == RESULT
    with pytest.raises(SystemExit, match="Tasks of a result must be one of fp4-transformer, not"):
        build.take(printed | {"tasks": ["digits-cnn", NAME]})
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.slow
def test_a_row_can_be_repeated() -> None:
    """The one that took least trainings of those whose tests are kept, to the last bit."""
    pytest.importorskip("torch").set_num_threads(1)
    pytest.importorskip("sklearn")
    from esru.train.experiment import compare

    task = find_task(NAME)
    rows = [row for row in RESULT["rows"] if row["tests"]]
    row = min(rows, key=lambda row: sum(test["seeds"] for test in row["tests"]))
    test = row["tests"][0]
    one = replace(task, learning_rates=(test["lr"],))
    units = parse(row["design"]), parse("reference")
    (found,) = compare(one, *units, range(test["seeds"]), [test["schedule"]], RESULT["lanes"])
    assert round(-found.difference.mean, 6) == test["diff"]
