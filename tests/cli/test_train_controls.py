"""`esru train DESIGN` carries its controls: beside it, on its array, on its device, once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from train.test_resnet import write

from esru.cli import main
from esru.design import Design, parse
from esru.report.training import training_text
from esru.train import Job, Result, find_task, train_batch
from esru.train.control import Control
from esru.train.unit_formats import trained_unit

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")

#: What the stand-in says of each unit, in percent; of all others it says 95.
REACHED = {parse("nearest"): 60.0, parse("papers"): 94.0}


@pytest.fixture
def handed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[set[Design], int, str]]:
    """Return what the command hands to a stand-in for training: units, lanes, device."""
    calls: list[tuple[set[Design], int, str]] = []

    def train(
        task: Any, jobs: Sequence[Job], lanes: int, *, device: str, progress: Any
    ) -> list[Result]:
        calls.append(({job.design for job in jobs}, lanes, device))
        return [
            Result(
                job.design, task.name, job.seed, job.lr, job.schedule,
                REACHED.get(job.design, 95.0), 0.5, "",
            )
            for job in jobs
        ]  # fmt: skip

    def in_float32(task: Any, seed: int, lr: float) -> Control:
        return Control(task.name, seed, lr, 95.5, 0.5)

    monkeypatch.setattr("esru.cli.train.train_batch", train)
    monkeypatch.setattr("esru.train.control.train_float32", in_float32)
    return calls


UNITS = {parse("reference"), parse("nearest")}


@pytest.mark.parametrize(
    ("argv", "units"),
    [
        (["papers"], UNITS | {parse("papers")}),
        (["papers", "--controls"], UNITS | {parse("papers")}),
        (["papers", "--no-controls"], {parse("papers"), parse("reference")}),
        (["--controls"], UNITS),
        (
            ["papers", "--format", "int5", "--against", "papers-zero"],
            {
                parse(f"{name},out=int5")
                for name in ("reference", "nearest", "papers", "papers-zero")
            },
        ),
    ],
)
def test_controls_train_on_the_lanes_and_the_device(
    argv: list[str], units: set[Design], handed: list[tuple[set[Design], int, str]]
) -> None:
    """All in one batch; torch takes `meta` for a device everywhere, and nothing else here does."""
    assert main(["train", *argv, "--lanes", "32", "--device", "meta", "--seeds", "2"]) == 0
    assert handed == [(units, 32, "meta")]
    assert main(["train", *argv, "--seeds", "1"]) == 0
    assert handed[1] == (units, 64, "cpu")


def test_lanes_change_the_controls(capsys: pytest.CaptureFixture[str]) -> None:
    """The reference of the controls is the one that `train_batch` trains on that many lanes."""
    torch.set_num_threads(1)
    argv = ["train", "papers", "--schedule", "natural", "--seeds", "1", "--json", "--lanes"]
    found = {}
    for lanes in (32, 64):
        assert main([*argv, str(lanes)]) == 0
        rows = json.loads(capsys.readouterr().out)["controls"]
        found[lanes] = {row["control"]: row["loss"]["mean"] for row in rows if row["lr"] == 0.25}
        jobs = [Job(parse(name), 0, 0.25) for name in ("reference", "nearest")]
        reference, nearest = (run.loss for run in train_batch("digits-mlp", jobs, lanes))
        assert (found[lanes]["reference"], found[lanes]["nearest"]) == (reference, nearest)
    assert found[32]["reference"] != found[64]["reference"]
    # No lanes in these two.
    assert found[32]["nearest"] == found[64]["nearest"]
    assert found[32]["float32"] == found[64]["float32"]


def test_equal_runs_are_trained_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The controls add what was not trained anyway."""
    trained: list[Job] = []

    def run_batch(task: Any, jobs: Sequence[Job], *_: Any) -> list[Result]:
        trained.extend(jobs)
        return [Result(j.design, task.name, j.seed, j.lr, j.schedule, 9.0, 2.0, "") for j in jobs]

    monkeypatch.setattr("esru.train.engine.run_batch", run_batch)
    monkeypatch.setattr(
        "esru.train.control.train_float32",
        lambda task, seed, lr: Control(task.name, seed, lr, 9.0, 2.0),
    )

    def count(*argv: str) -> int:
        trained.clear()
        assert main(["train", *argv, "--seeds", "2"]) == 0
        return len(trained)

    cell = 3 * 2  # learning rates, seeds
    assert count("papers", "--no-controls") == 4 * cell
    assert count("papers") == 5 * cell  # round to nearest
    assert {job.design for job in trained} == UNITS | {parse("papers")}
    assert count("papers", "--schedule", "fixed:50") == 4 * cell  # the natural reference too
    # A design that is a control itself.
    assert count("nearest", "--schedule", "natural") == 2 * cell
    fp4 = ("--task", "fp4-transformer", "--schedule", "natural")
    assert count("papers", *fp4) == 3 * 2 * 2
    task = find_task("fp4-transformer")
    assert {job.design for job in trained} == {
        trained_unit(task, unit) for unit in UNITS | {parse("papers")}
    }


def test_the_report(
    handed: list[tuple[set[Design], int, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    """Float32, nearest, the reference and the design below each other at each learning rate."""
    argv = ["train", "papers", "--seeds", "2"]
    assert main(argv) == 0
    out = capsys.readouterr().out
    lines = out.splitlines()
    assert lines[3].split() == [
        "lr", "trained", "with", "schedule", "C", "gcd", "accuracy", "%", "loss", "difference",
        "to", "loses", "<",
    ]  # fmt: skip
    first = [line.replace("the design", "design").split() for line in lines[5:10]]
    assert [row[:5] for row in first] == [
        ["2^-2", "float32", "-", "-", "-"],
        ["2^-2", "nearest", "natural", "39", "1"],
        ["2^-2", "reference", "natural", "39", "39"],  # of 2^24 - 1
        ["2^-2", "design", "natural", "39", "1"],
        ["2^-2", "design", "worst", "42", "14"],
    ]
    assert [row[5] for row in first] == ["95.50", "60.00", "95.00", "94.00", "94.00"]
    assert [row[-4:-1] for row in first] == [
        ["0.000", "-", "-"],
        ["±", "0.00", "float32"],
        ["±", "0.00", "float32"],
        ["±", "0.00", "reference"],
        ["±", "0.00", "reference"],
    ]
    assert [row[-6] for row in first[1:]] == ["0.000", "0.000", "0.000", "0.000"]
    assert [row[-5] for row in first[1:]] == ["-35.50", "-0.50", "-1.00", "-1.00"]
    assert [line.split()[0] for line in lines[5:20]] == ["2^-2"] * 5 + ["2^-4"] * 5 + ["2^-6"] * 5
    assert lines[-1] == "digits-mlp may judge designs"
    assert main([*argv, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert training_text(found, find_task("digits-mlp")) + "\n" == out
    assert [row["control"] for row in found["controls"]] == [
        name for name in ("float32", "reference", "nearest") for _ in range(3)
    ]
    assert found["admitted"] is True and len(found["admission"]) == 3


def test_what_is_compared_with_goes_by_its_name(
    handed: list[tuple[set[Design], int, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    for against, name in (
        ("papers-zero", "papers-zero"),
        ("4:3:half:lfsr9", "4:3:half:lfsr9,out=int4"),
        ("nearest,out=int4", "nearest"),
    ):
        argv = ["train", "papers", "--format", "int4", "--seeds", "1", "--schedule", "natural"]
        assert main([*argv, "--against", against]) == 0
        assert capsys.readouterr().out.splitlines()[8].split()[-2] == name
        assert main([*argv, "--against", against, "--no-controls"]) == 0
        assert f"  less {name}  loses <\n" in capsys.readouterr().out


def test_a_long_table_is_not_repeated(
    handed: list[tuple[set[Design], int, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    digits = "f0" * 31 + "00"
    design, cut = (f"6:6:table-{d}.33.17.9.5:lfsr6" for d in (digits, "f0f0f0...f000"))
    argv = ["train", design, "--against", design, "--seeds", "1", "--task", "fp4-transformer"]
    assert main(argv) == 0
    out, err = capsys.readouterr()
    assert digits not in out + err and "next: esru show DESIGN or" in err
    assert out.startswith(f"{cut} on ") and f"formats: {cut},in=" in out.splitlines()[1]
    assert out.splitlines()[9].split()[-2] == cut


def test_images_carry_controls_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the lanes and the device, each once, kept like all others; progress says so."""
    from esru.train.images.training import ImageTraining, Score

    monkeypatch.setenv("ESRU_CACHE", str(tmp_path / "cache"))
    calls: list[tuple[str, int, str]] = []

    def run(self: ImageTraining, seed: int, lr: float, design: Design | None, *rest: Any) -> Score:
        calls.append((str(design), rest[1], str(self._device)))
        return Score(90.0, 0.5, "")

    monkeypatch.setattr(ImageTraining, "_run", run)
    monkeypatch.setattr("esru.cli.terminal._PATIENCE", 0)
    argv = ["train", "papers", "--task", "cifar10-resnet20", "--data", str(write(tmp_path))]
    argv += ["--seeds", "1", "--schedule", "natural", "--lanes", "32", "--device", "meta"]
    assert main([*argv, "--no-controls"]) == 0
    papers, reference, nearest = (str(parse(d)) for d in ("papers", "reference", "nearest"))
    assert [name for name, *_ in calls] == [papers, reference]
    assert "controls" not in capsys.readouterr().err
    assert main(argv) == 0
    assert [name for name, *_ in calls] == [papers, reference, nearest, "None"]
    # Float32 has no lanes.
    assert [rest for _, *rest in calls] == [[32, "meta"]] * 3 + [[64, "meta"]]
    out, err = capsys.readouterr()
    assert "training cifar10-resnet20 and its controls: " in err
    assert "cifar10-resnet20 in float32: " in err
    assert "2 runs were known from before" in err
    assert "cannot judge designs at these seeds" in out
    assert out.splitlines()[-2].startswith("data npz, ")
    assert main([*argv, "--controls"]) == 1
    assert len(calls) == 4 and "4 runs were known from before" in capsys.readouterr().err
