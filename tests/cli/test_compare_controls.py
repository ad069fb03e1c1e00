"""`esru compare` carries its controls: below the designs, as `esru train` has them, once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import Any

import pytest

from esru.cli import main
from esru.cli.compare import Costs
from esru.flow.peers import INPUT
from esru.quality import quality
from esru.report.training import controls_below
from esru.train import Job, Result, find_task
from esru.train.control import Control

pytest.importorskip("torch")
pytest.importorskip("sklearn")

#: What only a comparison with controls says.
KEYS = {"format", "seeds", "controls", "admission", "admitted"}


def said(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    """Return the standard output of a command that is done."""
    assert main(argv) == 0
    return capsys.readouterr().out


def test_controls_are_those_of_the_training(capsys: pytest.CaptureFixture[str]) -> None:
    """To the last digit, whatever is compared with; without them the rest is the same."""
    argv = ["compare", "nearest", "--against", "8:8:zero:debruijn8", "--target", "lut6"]
    argv += ["--boundary", "decision", "--seeds", "2"]
    text = said(capsys, *argv)
    found = json.loads(said(capsys, *argv, "--json"))
    alone = json.loads(said(capsys, "train", "--controls", "--seeds", "2", "--json"))
    assert [row["control"] for row in found["controls"]] == [
        name for name in ("float32", "reference", "nearest") for _ in range(3)
    ]
    for key in KEYS:
        assert found[key] == alone[key]
    assert found["admitted"] is True
    # The design that is a control itself has the accuracy of that control.
    natural = [test for test in found["rows"][1]["tests"] if test["schedule"] == "natural"]
    assert [test["accuracy"] for test in natural] == [
        row["accuracy"]["mean"] for row in found["controls"][6:]
    ]
    below = controls_below(found, find_task("digits-mlp"))
    assert f"\n\n{below}\n\n" in text
    lines = below.splitlines()
    assert lines[0] == "controls of digits-mlp, natural schedule, 2 seeds"
    assert [line.split()[:2] for line in lines[4:13:3]] == [
        ["float32", "2^-2"],
        ["reference", "2^-2"],
        ["nearest", "2^-2"],
    ]
    assert lines[-1] == "digits-mlp may judge designs"
    bare = said(capsys, *argv, "--no-controls")
    assert bare == text.replace(f"\n{below}\n", "") and "float32" not in bare
    without = json.loads(said(capsys, *argv, "--no-controls", "--json"))
    assert not KEYS & set(without)
    assert without == {key: value for key, value in found.items() if key not in KEYS}


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """Return what the command trains, where nothing is trained or costed indeed."""
    jobs: list[Job] = []

    def run_batch(task: Any, some: Sequence[Job], *_: Any) -> list[Result]:
        jobs.extend(some)
        return [Result(j.design, task.name, j.seed, j.lr, j.schedule, 9.0, 2.0, "") for j in some]

    monkeypatch.setattr("esru.train.engine.run_batch", run_batch)
    monkeypatch.setattr(
        "esru.train.control.train_float32",
        lambda task, seed, lr: Control(task.name, seed, lr, 9.0, 2.0),
    )
    monkeypatch.setattr("esru.cli.compare._costs", lambda rows, *_: ([Costs() for _ in rows], {}))
    return jobs


def test_equal_runs_are_trained_once(
    trained: list[Job],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Sums over all words of a published unit take half a second: once is enough.
    monkeypatch.setattr("esru.quality.quality", cache(quality))

    def count(*argv: str) -> int:
        trained.clear()
        said(capsys, "compare", *argv, "--seeds", "2", "--json")
        return len(trained)

    cell = 3 * 2  # learning rates, seeds
    assert count("papers", "--no-controls") == 4 * cell
    assert count("papers") == 5 * cell  # round to nearest
    # A design that is a control itself, whose two schedules are one: it has no words.
    assert count("nearest") == count("nearest", "--no-controls") == 3 * cell
    # Beside published units the controls have their input, as the designs do.
    assert count("nearest", "--peers") == count("nearest", "--peers", "--no-controls")
    few = count("papers", "--peers", "--no-controls")
    assert count("papers", "--peers") == few + cell
    assert f"8:0:half:none,in={INPUT}" in {str(job.design) for job in trained}


def test_controls_have_the_formats_of_what_is_compared_with(
    trained: list[Job], capsys: pytest.CaptureFixture[str]
) -> None:
    argv = ["compare", "papers,out=int4", "--against", "reference,out=int4", "--seeds", "1"]
    found = json.loads(said(capsys, *argv, "--json"))
    assert found["format"] == "int4"
    assert {str(job.design) for job in trained} == {
        f"{unit},out=int4"
        for unit in ("8:3:replicate:plateau3", "24:24:zero:lfsr24", "8:0:half:none")
    }
    # Stand-ins teach nothing: the table says that it is no verdict.
    below = controls_below(found, find_task("digits-mlp"))
    assert found["admitted"] is False and below.endswith(
        "digits-mlp, with weights in int4, cannot judge designs at these seeds: "
        "the rows above are no verdict on these"
    )


def test_without_training_there_are_none(
    trained: list[Job], capsys: pytest.CaptureFixture[str]
) -> None:
    found = json.loads(said(capsys, "compare", "papers", "--seeds", "0", "--json"))
    assert not KEYS & set(found) and trained == []
