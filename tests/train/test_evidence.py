"""The evidence: what is trained, how rows are paired and judged, and that a run is stored once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from esru.design import Design, parse
from esru.errors import InputError
from esru.evidence.claims import claims
from esru.evidence.rows import cell, control_line, judged, rate_text
from esru.evidence.studies import FLOAT32, Point, Study, Tensors, find_study, studies, word_source
from esru.train.schedule import schedule_cycles
from esru.train.tasks import Job, check_job, find_task


@pytest.mark.parametrize("study", studies(), ids=lambda study: study.name)
def test_every_point_can_be_trained(study: Study) -> None:
    task = find_task(study.task)
    assert len(set(study.points)) == len(study.points)
    for point in study.points:
        for one in (point, point.partner()):
            if isinstance(one.trained, Design):
                check_job(task, Job(one.trained, 0, study.learning_rates[0], one.schedule))
                schedule_cycles(task, one.trained, one.schedule, study.lanes)


def test_what_is_compared() -> None:
    unit = parse("8:3:half:lfsr3")
    assert Point("", 3, unit).partner() == Point("", None, parse("reference"))
    assert Point("", 3, unit, "worst").partner().schedule == "worst"
    # The reference meets its own long period anyhow.
    assert Point("", 3, unit, "fixed:41").partner().schedule == "natural"
    assert Point("", 3, unit, "fixed:41", unit).partner() == Point("", None, unit, "fixed:41")


def test_sources_of_k_bits() -> None:
    assert word_source("long", "half", 3) == "lfsr24,leap=4"
    assert word_source("short", "half", 3) == "lfsr3"
    assert word_source("short", "select", 3) == "lfsr4"
    assert word_source("plateau", "zero", 5) == "plateau5"
    assert word_source("short", "half", 1) is None


def test_every_gcd_is_there() -> None:
    study = find_study("resonance")
    task = find_task(study.task)
    for point in study.points:
        assert isinstance(point.trained, Design)
        assert schedule_cycles(task, point.trained, point.schedule)[1] == point.at
    assert {p.at for p in study.points if p.series == "8:3:replicate:plateau3"} == {1, 2, 7, 14}


def test_an_unknown_study_is_refused() -> None:
    with pytest.raises(InputError, match="Study must be one of bits, naive, "):
        find_study("tea")


@pytest.mark.parametrize(
    ("diff", "bound", "found", "sign"),
    [
        (0.3, -0.1, "better", "better"),
        (0.3, 0.4, "no worse", "open"),
        (-0.5, 0.9, "no worse", "worse"),
        (-0.3, 0.7, "no worse", "open"),
        (-2.0, 2.5, "worse", "worse"),
        (-0.5, 1.5, "open", "open"),
    ],
)
def test_what_a_row_says(diff: float, bound: float, found: str, sign: str) -> None:
    row = {"diff": diff, "bound": bound}
    assert judged(row) == found
    assert judged(row, 0) == sign


def test_controls_as_a_line() -> None:
    def row(control: str, lr: float, accuracy: float, loss: float) -> dict[str, object]:
        found = {"accuracy": {"mean": accuracy, "sd": 0.5}, "loss": {"mean": loss, "sd": 0.25}}
        return {"control": control, "lr": lr, **found}

    rows = [row("float32", 0.25, 96.0, 0.125), row("float32", 0.0625, 95.0, 0.5)]
    rows += [row("reference", 0.25, 94.0, 0.75), row("nearest", 0.25, 93.0, 1.0)]
    result = {"task": "digits-mlp", "seeds": 7, "controls": rows}
    assert control_line(result) == (
        "Controls, 7 seeds: float32 96.00 ± 0.50 (2^-2), 95.00 ± 0.50 (2^-4); "
        "round to nearest 93.00 ± 0.50 (2^-2)."
    )
    assert control_line({**result, "task": "chars-transformer", "controls": rows[1:]}) == (
        "Controls, 7 seeds: float32 0.500 ± 0.250 (2^-4); round to nearest 1.000 ± 0.250 (2^-2)."
    )


def test_cells() -> None:
    row = {"mean": -2.1484, "sd": 0.0261, "diff": -0.0466, "diff_sd": 0.018, "bound": 0.055}
    assert cell(row, "chars-transformer") == "2.148 ± 0.026 (**-0.047 ± 0.018**)"
    row = {"mean": 95.5, "sd": 0.5, "diff": -1.2, "diff_sd": 0.5, "bound": 1.4}
    assert cell(row, "digits-mlp") == "95.50 ± 0.50 (-1.20 ± 0.50)"
    assert cell(row, "digits-mlp", mean=False) == "-1.20 ± 0.50"
    assert rate_text(2.0**-6) == "2^-6"


def test_a_verdict_counts_learning_rates() -> None:
    claim = claims()[0]
    good, bad = {"diff": 0.0, "bound": 0.5}, {"diff": -3.0, "bound": 3.5}
    assert claim.verdict([good, good]) == "yes"
    assert claim.verdict([bad, bad]) == "no"
    assert claim.verdict([good, bad, bad]) == "at 1 of 3"


def test_a_small_loss_is_one_to_a_statement_of_a_difference() -> None:
    small = {"diff": -0.3, "bound": 0.4}
    for claim in claims():
        assert claim.judged(small) == ("no worse" if "no worse" in claim.wanted else "worse")
        assert claim.margin == (find_task("digits-mlp").margin if "no worse" in claim.wanted else 0)
    verdicts = {c.statement: c.verdict([small, small]) for c in claims()}
    assert list(verdicts.values()) == ["yes", "no", "yes", "no", "yes"]


def test_both_schedules_of_every_source() -> None:
    """What no random bit rounds has no period to meet, and so one schedule."""
    points = {(p.series, p.at, p.schedule) for p in find_study("bits").points if p.at}
    assert len({series for series, _, _ in points}) == 15
    for series, at, _ in points:
        assert {(series, at, "natural"), (series, at, "worst")} <= points
    points = {(p.series, p.at, p.schedule) for p in find_study("digits-cnn").points}
    for series, at, _ in points:
        if series not in ("reference", "nearest"):
            assert {(series, at, "natural"), (series, at, "worst")} <= points


def _small(*points: Point, seeds: int = 2) -> Study:
    return Study("small", "digits-mlp", (2.0**-4,), points, seeds=seeds)


def test_runs_are_stored_once_and_paired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    torch.set_num_threads(1)
    from esru.evidence import tensors as training
    from esru.evidence.measure import Measurer
    from esru.search import evaluate
    from esru.search.store import Store
    from esru.train import train_batch

    unit = parse("8:3:half:lfsr3")
    study = _small(Point("a", 3, unit), Point("float32", None, FLOAT32, against=unit))
    seen: list[tuple[int, int]] = []
    monkeypatch.setattr(training, "train", lambda task, tensors, seed, lr: 90.0 + seed)

    def progress(done: int, total: int) -> None:
        seen.append((done, total))

    with Store(tmp_path / "s.sqlite") as store, ThreadPoolExecutor(1) as pool:
        rows = Measurer(store, pool, {}).rows(study, progress)
        assert seen[-1] == (6, 6) and seen == sorted(seen)
        task = find_task("digits-mlp")
        own, other = (
            [r.accuracy for r in train_batch(task, [Job(d, seed, 2.0**-4) for seed in range(2)])]
            for d in (unit, parse("reference"))
        )
        assert rows[0]["mean"] == pytest.approx(sum(own) / 2, abs=1e-5)
        assert rows[0]["diff"] == pytest.approx((sum(own) - sum(other)) / 2, abs=1e-5)
        assert rows[0]["C"] == 39 and rows[0]["against"] == "24:24:zero:lfsr24"
        assert rows[1]["mean"] == 90.5 and rows[1]["against"] == str(unit)
        assert rows[1]["diff"] == pytest.approx(90.5 - sum(own) / 2, abs=1e-5)

        def never(*args: object) -> None:
            raise AssertionError("trained again")

        monkeypatch.setattr(evaluate, "train_chunk", never)
        monkeypatch.setattr(training, "train", never)
        assert Measurer(store, pool, {}).rows(study, progress) == rows
        # Another seed is another run.
        with pytest.raises(AssertionError, match="trained again"):
            Measurer(store, pool, {}).rows(replace(study, seeds=3), progress)


def test_a_training_of_other_tensors() -> None:
    pytest.importorskip("torch").set_num_threads(1)
    pytest.importorskip("sklearn")
    from esru.evidence.tensors import train

    task = find_task("digits-mlp")
    assert train(task, FLOAT32, 0, 2.0**-4) > 94
    # Stored in int8 and rounded to nearest, it stands still.
    still = Tensors(activations="nearest", gradients="nearest", updates="nearest")
    assert train(task, still, 0, 2.0**-6) < 80


def test_tensors_say_what_they_round() -> None:
    assert str(FLOAT32) == "float32"
    assert str(Tensors(gradients="reference", updates="nearest")) == (
        "gradients reference; updates nearest"
    )
