"""docs/evidence.md: what it says of registers and of FP4 holds in the result file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from esru.design import parse
from esru.evidence.studies import LENGTHS, ONE_LUT
from esru.train.tasks import find_task

ROOT = Path(__file__).parent.parent.parent
TEXT = " ".join((ROOT / "docs" / "evidence.md").read_text(encoding="utf-8").split())
RESULT = json.loads((ROOT / "docs" / "results" / "evidence.json").read_text(encoding="utf-8"))

ROWS = {
    (*row["series"].split(", "), row["at"], row["lr"]): row
    for row in RESULT["studies"]["registers"]["rows"]
}
LOWEST = 2.0**-6


def loss(*place: Any) -> float:
    return float(-ROWS[place]["diff"])


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
