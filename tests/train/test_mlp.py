"""The batched float32 engine equals a training written in integers, whatever the batch."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from esru.design import parse
from esru.train import Job, Result, Task, schedule_cycles, tasks, train_batch

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")

from integer_training import integer_steps  # noqa: E402  (after the check)

from esru.train import digits, engine  # noqa: E402
from esru.train.engine import batch_order  # noqa: E402
from esru.train.mlp import Mlp  # noqa: E402
from esru.train.stored import Stored  # noqa: E402

TASK = tasks()["digits-mlp"]
SHORT = replace(TASK, epochs=1, averaged=1)
SHORT_CNN = replace(tasks()["digits-cnn"], epochs=1, averaged=1)
SELECT = parse("8:7:select:lfsr13,leap=7,lanes=64")


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.mark.parametrize(
    ("name", "text", "schedule", "lr"),
    [
        ("digits-mlp", "reference", "worst", 2.0**-4),
        ("digits-mlp", "papers", "natural", 2.0**-2),
        ("digits-mlp", "8:7:select:lfsr13,leap=7,lanes=64", "fixed:77", 2.0**-6),
        ("digits-mlp", "8:5:nearest:debruijn6,leap=5,lanes=8", "worst", 2.0**-2),
        ("digits-mlp", "8:0:half:none,overflow=wrap", "natural", 2.0**-2),
        ("digits-mlp", "4:3:half:operand-prev,in=s18.10", "natural", 2.0**-4),
        ("digits-mlp", "4:3:select:operand-xor,lanes=16,in=s17.9", "natural", 2.0**-4),
        ("digits-cnn", "4:3:half:operand-neighbour,lanes=64,in=s20.12", "natural", 2.0**-4),
        ("digits-cnn", "reference", "natural", 2.0**-4),
        ("digits-cnn", "8:7:select:lfsr13,leap=7,lanes=64", "worst", 2.0**-4),
    ],
)
def test_two_steps_equal_a_training_in_integers(
    name: str, text: str, schedule: str, lr: float
) -> None:
    task, design = tasks()[name], parse(text)
    cycles, _ = schedule_cycles(task, design, schedule)
    expected = integer_steps(task, design, 3, lr, cycles, steps=2)
    assert final_weights(task, Job(design, 3, lr, schedule), steps=2) == expected


def final_weights(task: Task, job: Job, steps: int) -> list[list[int]]:
    """Return the engine's weights after a few steps of the task's own order."""
    kept: list[list[list[int]]] = []
    order = batch_order(task, job.seed)[:steps]
    data = digits.load(task.train_examples, task.test_examples)
    short = replace(task, epochs=1, train_examples=steps * task.batch, averaged=1)

    def keep(self: Stored, weights: list[torch.Tensor]) -> str:
        kept.append([w.reshape(-1).int().tolist() for w in weights])
        return ""

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "batch_order", lambda *_: order)
        patch.setattr(Stored, "digest", keep)
        patch.setattr(digits, "load", lambda *_: data)
        engine.run_batch(short, [job], 64, torch.device("cpu"))
    return kept[0]


def mixed_jobs() -> list[Job]:
    """Return jobs that differ in everything a batch may mix."""
    named = ("reference", "papers", "papers-zero", "nearest", "4:3:half:operand-prev,in=s18.10")
    designs = [parse(t) for t in named] + [SELECT]
    return [
        Job(design, seed, lr, schedule)
        for design in designs
        for seed, lr, schedule in (
            (0, 2.0**-4, "natural"),
            (0, 2.0**-4, "worst"),
            (7, 2.0**-2, "fixed:50"),
        )
    ]


@pytest.mark.parametrize("task", [SHORT, SHORT_CNN], ids=lambda task: task.name)
def test_a_result_does_not_depend_on_its_batch(task: Task) -> None:
    rates = set(task.learning_rates)
    jobs = [replace(job, lr=job.lr if job.lr in rates else 2.0**-4) for job in mixed_jobs()]
    together = train_batch(task, jobs)
    assert [(r.design, r.seed, r.lr, r.schedule) for r in together] == [
        (j.design, j.seed, j.lr, j.schedule) for j in jobs
    ]
    alone = [train_batch(task, [job])[0] for job in jobs]
    assert together == alone
    assert train_batch(task, jobs[::-2]) == together[::-2]


def test_a_result_does_not_depend_on_the_process() -> None:
    code = (
        "import torch; torch.set_num_threads(1)\n"
        "from dataclasses import replace\n"
        "from esru.design import parse\n"
        "from esru.train import Job, tasks, train_batch\n"
        "short = replace(tasks()['digits-mlp'], epochs=1, averaged=1)\n"
        "r = train_batch(short, [Job(parse('papers'), 5, 2.0**-4, 'worst')])[0]\n"
        "print(r.accuracy.hex(), r.loss.hex(), r.digest)\n"
    )
    job = Job(parse("papers"), 5, 2.0**-4, "worst")
    here: Result = train_batch(SHORT, [Job(SELECT, 1, 2.0**-2), job])[1]
    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert ran.stdout.split() == [here.accuracy.hex(), here.loss.hex(), here.digest]


def test_the_same_run_is_trained_once() -> None:
    """`worst` equals `natural` for a prime period, and boundaries do not matter."""
    calls: list[tuple[int, int]] = []
    jobs = [
        Job(SELECT, 0, 2.0**-4, "natural"),
        Job(SELECT, 0, 2.0**-4, "worst"),
        Job(replace(SELECT, boundary="unit"), 0, 2.0**-4, "fixed:39"),
    ]
    results = train_batch(SHORT, jobs, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(0, 1), (1, 1)]
    assert len({(r.accuracy, r.loss, r.digest) for r in results}) == 1
    assert [(r.design, r.schedule) for r in results] == [(j.design, j.schedule) for j in jobs]
    assert train_batch(TASK, []) == []


def test_the_schedule_changes_the_words_alone() -> None:
    natural, shifted = train_batch(
        SHORT, [Job(parse("reference"), 0, 2.0**-4, s) for s in ("natural", "fixed:40")]
    )
    assert natural.digest != shifted.digest
    # Deterministic rounding sees no schedule.
    plain = train_batch(
        SHORT, [Job(parse("nearest"), 0, 2.0**-4, s) for s in ("natural", "fixed:40")]
    )
    assert plain[0].digest == plain[1].digest


def test_more_lanes_than_weights_in_a_tensor() -> None:
    found = train_batch(SHORT, [Job(parse("reference"), 0, 2.0**-4)], lanes=1024)[0]
    assert found.accuracy > 50


#: SHA-256 of the final weights of some runs: the same on every machine and device.
GOLDEN = {
    ("digits-mlp", "reference"): "26e33ea83251ca5ef232b78285f91db112b7511375f228ff1cca497fb14bf127",
    ("digits-mlp", str(SELECT)): "97751225d94042cdfa48907d128fcabc08dac2f5d418c941ec29c28b69907912",
    ("digits-mlp", "papers"): "bf4b2037989475a8d784987953550b62cd0ad0574f20e086674f4a85101ad663",
    ("digits-cnn", "reference"): "d6a5883267981339f2fdb0b65b6fe73fb8dd073fbff210a1f8ffc96c17846a7b",
    ("digits-cnn", str(SELECT)): "b59ed8c64ee4edc81ecd9f218c08e795006b65dd9c884f6dc4e7f119e4572d33",
}


CUDA = pytest.param(
    "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
)


@pytest.mark.parametrize("device", ["cpu", CUDA])
@pytest.mark.parametrize(("name", "text"), GOLDEN)
def test_golden_run(name: str, text: str, device: str) -> None:
    found = train_batch(name, [Job(parse(text), 0, 2.0**-4, "worst")], device=device)[0]
    assert found.digest == GOLDEN[name, text]


def test_accuracy_and_loss_of_given_logits() -> None:
    """Of equal logits the lowest class answers; the loss is the cross-entropy."""
    network = Mlp(TASK, [0.25, 0.25], torch.device("cpu"))
    rng = np.random.default_rng(4)
    logits = rng.integers(-128, 128, (2, 50, 10)).astype(np.float32)
    logits[0, 0] = 5.0
    labels = rng.integers(0, 10, 50)
    labels[0] = 3  # a tie that class 0 wins
    labels[1:20] = logits[0, 1:20].argmax(1)
    accuracy, loss = engine._score(network, torch.from_numpy(logits), labels)
    values = torch.from_numpy(logits).double() * 2.0**-network.logit_bits
    for run in range(2):
        right = sum(
            list(row).index(max(row)) == k for row, k in zip(logits[run], labels, strict=True)
        )
        assert accuracy[run] == 100.0 * right / 50
        expected = torch.nn.functional.cross_entropy(values[run], torch.from_numpy(labels))
        assert loss[run] == pytest.approx(float(expected), rel=1e-9)


def test_the_last_epochs_are_averaged() -> None:
    """Two epochs of a run: its mean is that of the scores after each."""
    job = Job(SELECT, 2, 2.0**-4)
    scores: list[np.ndarray] = []
    score = engine._score

    def keep(*args: object) -> np.ndarray:
        scores.append(score(*args))
        return scores[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "_score", keep)
        (found,) = train_batch(replace(TASK, epochs=3, averaged=2), [job])
        assert len(scores) == 2
        (last,) = train_batch(replace(TASK, epochs=3, averaged=1), [job])
    assert found.accuracy == (scores[0][0, 0] + scores[1][0, 0]) / 2
    assert (last.accuracy, last.loss) == (scores[1][0, 0], scores[1][1, 0])
    assert last.digest == found.digest
