"""docs/evidence.md: what it says of registers, FP4 and controls holds in the result files."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from esru.design import parse
from esru.evidence.studies import FAMILIES, LENGTHS, ONE_LUT, OPERANDS
from esru.train.tasks import find_task

ROOT = Path(__file__).parent.parent.parent
TEXT = " ".join((ROOT / "docs" / "evidence.md").read_text(encoding="utf-8").split())
RESULT = json.loads((ROOT / "docs" / "results" / "evidence.json").read_text(encoding="utf-8"))

ROWS = {
    (*row["series"].split(", "), row["at"], row["lr"]): row
    for row in RESULT["studies"]["registers"]["rows"]
}
LOWEST = 2.0**-6
OTHER_TASKS = ("digits-cnn", "chars-transformer", "fp4-transformer")


def loss(*place: Any) -> float:
    return float(-ROWS[place]["diff"])


def test_a_long_register_on_the_worst_schedule() -> None:
    rows = {
        (row["series"], row["at"], row["schedule"], row["lr"]): row
        for row in RESULT["studies"]["bits"]["rows"]
        if row["series"].endswith(", long") and row["at"] >= 1
    }
    worst = {place: row for place, row in rows.items() if place[2] == "worst"}
    assert 2 * len(worst) == len(rows)
    words = {(2**24 - 1) // row["gcd"] for row in worst.values()}
    assert f"leaves a weight {words.pop()} words there" in TEXT and not words
    over = []
    for (series, k, _, lr), row in worst.items():
        natural = rows[series, k, "natural", lr]
        assert k < 3 or abs(row["mean"] - natural["mean"]) < 0.3
        if (row["bound"] < 1) != (natural["bound"] < 1):
            over.append((series, k, lr))
            losses = f"{-natural['diff']:.2f} points on `natural`, {-row['diff']:.2f} on `worst`"
    assert over == [("nearest, long", 3, LOWEST)]
    assert f"at the lowest learning rate it loses {losses}" in TEXT


#: Generated parts with a deviation in them whose numbers are not those of a training.
NO_TRAININGS = ("statements", "excess")


def check_line(line: str, task: str) -> None:
    """Check the line of controls below a table against its task's file."""
    path = ROOT / "docs" / "results" / f"controls-{task}.json"
    found = json.loads(path.read_text(encoding="utf-8"))
    assert found["task"] == task and line.startswith(f"Controls, {found['seeds']} seeds:")
    kept = [row for row in found["controls"] if row["control"] != "reference"]
    if find_task(task).metric == "accuracy":
        wanted = [f"{row['accuracy']['mean']:.2f}" for row in kept]
    else:
        wanted = [f"{row['loss']['mean']:.3f}" for row in kept]
    assert re.findall(r"([\d.]+) ±", line) == wanted


def test_every_table_has_its_controls() -> None:
    """Among its rows, or in a line below it: what its task's own file says."""
    tables = 0
    for name in ("evidence", "evidence-rows", "training", "decisions-found", "generator-free"):
        page = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
        for part, body in re.findall(r"<!-- begin: (.*?) -->\n(.*?)<!-- end", page, re.DOTALL):
            if "±" not in body or part in NO_TRAININGS or part.startswith("controls "):
                continue
            tables += 1
            if part == "train papers":  # what the command prints
                assert {"float32", "nearest", "reference"} <= {
                    line.split()[1] for line in body.splitlines() if line.startswith("2^")
                }
                continue
            if part == "search fp4":  # a table for each task
                trained = [line.split(" | ")[1] for line in body.splitlines() if " ± " in line[:60]]
                assert trained == 4 * ["float32", "nearest", "reference", "winner"]
                continue
            if name == "generator-free":  # a line for each task
                lines = [line for line in body.splitlines() if "Controls" in line]
                assert [line.split("`")[1] for line in lines] == ["digits-mlp", "digits-cnn"]
                for line in lines:
                    check_line(line.partition("`: ")[2], line.split("`")[1])
                continue
            if part in ("tensors", "formats"):
                assert "\n| float32 |" in body and ("nearest" in body or "`8:0:half:none" in body)
                continue
            own = {"designs": "digits-mlp", "designs fp4": "fp4-transformer"}
            task = own.get(part, part if part in OTHER_TASKS else "digits-mlp")
            check_line(body.rstrip().splitlines()[-1], task)
    assert tables == 21


def test_there_is_no_resonance() -> None:
    assert {row["at"] for row in ROWS.values()} == set(LENGTHS)
    assert {(row["C"], row["gcd"]) for row in ROWS.values()} == {(41, 1)}


def test_words_need_not_be_fresh() -> None:
    for rule, step, length, lr in ROWS:
        if step == "one step" and length >= 5:
            fresh = loss(rule, "fresh", length, lr)
            assert abs(loss(rule, step, length, lr) - fresh) < 0.3, (rule, length, lr)


def test_eight_bits_of_register_are_enough() -> None:
    for rule in ("half", "nearest", "select"):
        for lr in (2.0**-2, 2.0**-4, LOWEST):
            eight, all_ = (loss(rule, "one step", length, lr) for length in (8, 24))
            assert abs(eight - all_) < 0.2
    for rule in ("half", "nearest"):
        three, four = (ROWS[rule, "one step", length, 2.0**-2] for length in (3, 4))
        assert three["diff"] < -20 and four["diff"] < -0.8
        # Some trainings fail, and not all of them.
        assert min(three["diff_sd"], four["diff_sd"]) > 2


def test_under_zero_it_is_the_three_bits() -> None:
    assert parse("3:3:zero:lfsr8").behaviour == parse("8:3:zero:lfsr8").behaviour
    eight, all_ = (loss("zero", "one step", length, LOWEST) for length in (8, 24))
    half = loss("half", "one step", 8, LOWEST)
    assert (
        f"`3:3:zero:lfsr8` loses {eight:.1f} points at the lowest learning rate and 24 bits of "
        f"register {all_:.1f}, `half` with the same eight {half:.1f}"
    ) in TEXT
    five = loss("zero", "one step", 5, LOWEST)
    assert f"at the lowest five bits are best and lose {five:.1f}." in TEXT
    assert five == min(loss("zero", "one step", length, LOWEST) for length in LENGTHS)
    for lr in (2.0**-2, 2.0**-4):
        losses = [loss("zero", "one step", length, lr) for length in LENGTHS[:-1]]
        assert losses == sorted(losses)


def test_gradients_in_fp4() -> None:
    study = RESULT["studies"]["fp4-transformer"]
    margin = find_task("fp4-transformer").margin

    def rows(series: str, schedule: str) -> list[Any]:
        return [
            row for row in study["rows"] if (row["series"], row["schedule"]) == (series, schedule)
        ]

    cheap = [*rows("one LUT4", "natural"), *rows("one LUT4", "worst")]
    losses = [-row["diff"] for row in cheap]
    assert f"it loses {min(losses):.3f} to {max(losses):.3f} nats" in TEXT
    assert len(cheap) == 4 and all(row["bound"] < margin for row in cheap)
    search = json.loads((ROOT / "docs" / "results" / "search-bits8.json").read_text("utf-8"))
    by_design = {row["design"]: row for row in search["rows"]}
    unit, winner = by_design[ONE_LUT], by_design[search["winner"]["design"]]
    assert unit["verdict"] == "rejected"
    cells = [row["cost"]["ice40"]["decision"]["cells"] for row in (unit, winner)]
    assert f"{cells[0]:.2f} cells a lane of an iCE40, the digits' winner {cells[1]:.2f}" in TEXT
    assert {(row["C"], row["gcd"]) for row in cheap} == {(4432, 1)}
    for schedule, factor in (("natural", 2), ("worst", 14)):
        for row in rows("papers", schedule):
            assert row["gcd"] == factor and row["bound"] < margin
            assert row["diff"] == pytest.approx(-0.03, abs=0.005)
    pairs = zip(rows("papers", "natural"), rows("papers", "worst"), strict=True)
    assert all(abs(one["diff"] - other["diff"]) < 0.003 for one, other in pairs)
    assert "The papers' point loses 0.03 nats, within 0.003 the same where" in TEXT


def test_other_sources() -> None:
    rows: dict[tuple[str, str, str], list[Any]] = {}
    for row in RESULT["studies"]["families"]["rows"]:
        rule, _, source = row["series"].partition(", ")
        rows.setdefault((rule, source, row["schedule"]), []).append(row)
    within = {place: [row["bound"] < 1 for row in found] for place, found in rows.items()}
    for source in FAMILIES:
        for rule in ("half", "select"):
            assert all(within[rule, source, "natural"])
        assert within["zero", source, "natural"] == [True, False, False]
    beyond = {
        (rule, source): -found[-1]["diff"]
        for (rule, source, how), found in rows.items()
        if how == "worst" and rule != "zero" and source != "counter3" and found[-1]["bound"] >= 1
    }
    ((unit, lost),) = beyond.items()
    assert f"`4:3:{unit[0]}:{unit[1]}` loses {lost:.2f} points at 2^-6" in TEXT
    automaton = [row["mean"] for row in rows["half", FAMILIES[2], "worst"]]
    assert automaton == [row["mean"] for row in rows["half", FAMILIES[2], "natural"]]
    counted = [
        row for (_, source, _), found in rows.items() for row in found if source == "counter3"
    ]
    most = max(-row["diff"] for row in counted if row["schedule"] == "worst")
    assert f"loses up to {most:.0f} points on the worst" in TEXT
    assert {row["gcd"] for row in counted if row["schedule"] == "worst"} == {8}
    for source in OPERANDS:
        assert round(-rows["half", source, "natural"][0]["diff"]) == 11
        assert all(within["select", source, "natural"])
