"""`cifar10-resnet20` on a few images of one's own: what is trained, recorded and refused."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from esru.cli import main
from esru.design import parse
from esru.errors import InputError
from esru.train import Job, tasks
from esru.train.images import load_images
from esru.train.images.task import RESNET20, task_of


def write(folder: Path, train: int = 16, **change: Any) -> Path:
    """Write images whose mean colour tells their class, and return the folder."""
    random = np.random.default_rng(0)
    arrays: dict[str, Any] = {}
    for part, count in (("train", train), ("test", 8)):
        labels = np.arange(count) % 4
        pixels = random.integers(0, 60, (count, 32, 32, 3))
        pixels[np.arange(count), :, :, labels % 3] += 90
        pixels[labels == 3] += 50
        arrays |= {f"x_{part}": pixels.astype(np.uint8), f"y_{part}": labels}
    np.savez(folder / "images.npz", **(arrays | change))
    return folder


@pytest.fixture
def one_thread() -> None:
    pytest.importorskip("sklearn")
    pytest.importorskip("torch").set_num_threads(1)


@pytest.mark.usefixtures("one_thread")
def test_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = str(write(tmp_path))
    argv = ["train", "papers", "--task", "cifar10-resnet20", "--data", data, "--epochs", "1"]
    assert main([*argv, "--seeds", "1", "--schedule", "worst", "--no-controls", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    digest = hashlib.sha256((tmp_path / "images.npz").read_bytes()).hexdigest()
    assert found["data"] == {
        "layout": "npz", "train": 16, "test": 8, "sha256": {"images.npz": digest},
    }  # fmt: skip
    assert (found["task"], found["epochs"]) == ("cifar10-resnet20", 1)
    # 268,336 weights of convolutions, 640 and 10 of the last layer, on 64 lanes.
    weights = sum(int(np.prod(shape)) for shape in RESNET20.shapes)
    assert weights == 432 + 6 * 2304 + 4608 + 5 * 9216 + 18432 + 5 * 36864 + 650
    # 14 divides 4200, the cycles nearest above the 4194 of a step.
    assert RESNET20.cycles(64) == 4194
    assert found["schedule"] == {"worst": {"C": 4200, "gcd": 14}}
    assert [test["seeds"] for test in found["tests"]] == [1]


@pytest.mark.usefixtures("one_thread")
def test_text_names_the_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = str(write(tmp_path))
    argv = ["train", "papers", "--task", "cifar10-resnet20", "--data", data, "--epochs", "1"]
    assert main([*argv, "--seeds", "1", "--schedule", "worst", "--no-controls"]) == 0
    digest = hashlib.sha256((tmp_path / "images.npz").read_bytes()).hexdigest()
    text = capsys.readouterr().out
    assert text.endswith(f"data npz, 16 + 8 images; SHA-256:\n{digest[:12]}  images.npz\n")


@pytest.mark.usefixtures("one_thread")
def test_a_run_is_the_units_own(tmp_path: Path) -> None:
    """The same job gives the same weights, another seed or unit others; all weights are int8."""
    from esru.train.images.training import ImageTraining

    images = load_images(write(tmp_path))
    task = task_of(images, 2)
    training = ImageTraining(task, images)
    reference, papers = parse("reference"), parse("papers")
    jobs = [
        Job(reference, 0, 2.0**-3),
        Job(papers, 0, 2.0**-3),
        # Another phase in the second step.
        Job(papers, 0, 2.0**-3, "worst"),
        Job(reference, 1, 2.0**-3),
        Job(reference, 0, 2.0**-3),
    ]
    calls: list[tuple[int, int]] = []
    found = training.jobs(task, jobs, progress=lambda done, total: calls.append((done, total)))
    digests = [result.digest for result in found]
    assert digests[0] == digests[4] and len(set(digests)) == 4
    # Two steps each; the last run is the first one again, and not counted.
    assert task.steps == 2 and calls[-1] == (8, 8)
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)
    assert {done for done, _ in calls} == set(range(9))
    (control,) = training.float32(task, [(2.0**-3, 0)])
    again = ImageTraining(task, images)
    assert again.float32(task, [(2.0**-3, 0)]) == [control]
    assert again.jobs(task, jobs[1:2]) == found[1:2]
    assert control.loss != found[0].loss


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
def test_it_learns(tmp_path: Path) -> None:
    """Forty steps tell four colours apart, in float32 and with the reference."""
    from esru.train.images.training import ImageTraining

    images = load_images(write(tmp_path))
    task = task_of(images, 40)
    training = ImageTraining(task, images)
    assert training.float32(task, [(2.0**-3, 0)])[0].accuracy > 90
    (reference,) = training.jobs(task, [Job(parse("reference"), 0, 2.0**-3)])
    assert reference.accuracy > 90


def test_training_images_are_moved_and_mirrored() -> None:
    pytest.importorskip("torch")
    from esru.train.images.training import moves

    image = np.arange(1, 1 + 32 * 32 * 3).reshape(32, 32, 3) % 251 + 1
    given = np.repeat(image.astype(np.uint8)[None], 400, 0)
    padded = np.pad(given[0], ((4, 4), (4, 4), (0, 0)))
    possible = {
        padded[r : r + 32, c : c + 32][:, ::way].tobytes()
        for r in range(9)
        for c in range(9)
        for way in (1, -1)
    }
    found = [made.tobytes() for made in moves(given, seed=1, step=2)]
    assert set(found) <= possible
    # Of 162 equally likely results 400 draws miss about 14 (each with (161/162)^400 = 0.084).
    assert len(set(found)) > 120
    assert found == [made.tobytes() for made in moves(given, seed=1, step=2)]
    assert found != [made.tobytes() for made in moves(given, seed=1, step=3)]


def refused(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert main(["train", "papers", *argv]) == 2
    out, err = capsys.readouterr()
    assert not out
    return err


@pytest.mark.usefixtures("one_thread")
def test_what_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = ("--task", "cifar10-resnet20")
    missing = refused(capsys, *own)
    assert "--data must be a folder of your images, not missing; the layouts are:" in missing
    empty = refused(capsys, *own, "--data", str(tmp_path))
    assert "Data folder" in empty
    for text in (missing, empty):
        assert "data_batch_1.bin" in text and "images.npz; images of shape (32, 32, 3)" in text
        assert "idx" not in text and "of another shape than (32, 32, 3) can be loaded" in text
    data = ("--data", str(tmp_path))
    for option in (data, ("--epochs", "3")):
        assert f"{option[0]} must be left out, except with" in refused(capsys, *option)
    write(tmp_path)
    assert "Epochs must be at least 1" in refused(capsys, *own, *data, "--epochs", "0")
    content = (tmp_path / "images.npz").read_bytes()
    (tmp_path / "images.npz").write_bytes(content[: len(content) // 2])
    assert "must be a whole npz file" in refused(capsys, *own, *data)
    write(tmp_path, y_test=np.full(8, 10))
    assert "Labels of cifar10-resnet20 must be below 10, not 10" in refused(capsys, *own, *data)
    grey = np.zeros((4, 28, 28), np.uint8)
    write(tmp_path, x_train=grey, y_train=np.zeros(4, int), x_test=grey, y_test=np.zeros(4, int))
    assert "must be of shape (32, 32, 3), not (28, 28, 1)" in refused(capsys, *own, *data)
    write(tmp_path)
    assert main(["train", "4:3:half:operand-prev", *own, *data]) == 2
    assert "Source of" in capsys.readouterr().err


def test_it_does_not_judge_designs(capsys: pytest.CaptureFixture[str]) -> None:
    """Its controls are not committed, so the search has no such task; the list has."""
    assert RESNET20.name not in tasks()
    assert main(["search", "--bits", "8", "--tasks", RESNET20.name]) == 2
    assert "Task must be one of" in capsys.readouterr().err
    assert main(["list", "tasks"]) == 0
    assert "cifar10-resnet20" in capsys.readouterr().out
    with pytest.raises(InputError, match="Epochs must be at least 1"):
        task_of_images(0)


def task_of_images(epochs: int) -> None:
    from esru.train.images.parts import Images, Part

    part = Part(np.zeros((4, 32, 32, 3), np.uint8), np.zeros(4, np.int64))
    task_of(Images("npz", part, part, {}), epochs)


@pytest.mark.usefixtures("one_thread")
def test_a_run_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interrupted command loses the run it was in, and no other."""
    from esru.train.images.training import ImageTraining

    monkeypatch.setenv("ESRU_CACHE", str(tmp_path / "cache"))
    run, calls = ImageTraining._run, []

    def counted(self: ImageTraining, seed: int, *rest: Any) -> Any:
        calls.append(seed)
        if calls == [0, 1]:
            raise KeyboardInterrupt
        return run(self, seed, *rest)

    monkeypatch.setattr(ImageTraining, "_run", counted)
    data = str(write(tmp_path))
    argv = ["train", "papers", "--task", "cifar10-resnet20", "--data", data, "--seeds", "2"]
    argv += ["--schedule", "natural", "--no-controls", "--json", "--epochs"]
    assert main([*argv, "1"]) == 130
    assert main([*argv, "1"]) == 0
    first = capsys.readouterr()
    assert calls == [0, 1, 1, 0, 1]
    assert "1 run was known from before" in first.err
    assert main([*argv, "1"]) == 0
    assert len(calls) == 5
    second = capsys.readouterr()
    assert second.out == first.out and "4 runs were known from before" in second.err
    # Others: more epochs, other lanes, other images.
    assert main([*argv, "2", "--seeds", "1"]) == 0
    assert main([*argv, "1", "--seeds", "1", "--lanes", "32"]) == 0
    write(tmp_path, y_test=np.zeros(8, int))
    assert main([*argv, "1", "--seeds", "1"]) == 0
    assert len(calls) == 11
    assert "known from before" not in capsys.readouterr().err
