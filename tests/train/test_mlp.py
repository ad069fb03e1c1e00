"""The batched float32 engine equals a training written in integers, and so does any batch."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from math import floor

import numpy as np
import pytest

from esru.design import Design, parse
from esru.rounding import round_word
from esru.sources import source_model
from esru.train import Job, Result, schedule_cycles, tasks, train_batch

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")

from esru.train import digits  # noqa: E402  (after the check)
from esru.train.engine import batch_order  # noqa: E402
from esru.train.mlp import SCALES, Mlp  # noqa: E402

TASK = tasks()["digits-mlp"]
SHORT = replace(TASK, epochs=1, averaged=1)
SELECT = parse("8:7:select:lfsr13,leap=7,lanes=64")


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    torch.set_num_threads(1)


def to_nearest(values: np.ndarray, shift: int, low: int, high: int) -> np.ndarray:
    """Return values / 2^shift, integers rounded to nearest even and saturated."""
    half, mask = 1 << (shift - 1), (1 << shift) - 1
    below, rest = values >> shift, values & mask
    up = (rest > half) | ((rest == half) & (below & 1 == 1))
    return np.clip(below + up, low, high)


def integer_steps(design: Design, seed: int, lr: float, cycles: int, steps: int) -> list[list[int]]:
    """Train a few steps in integers and fractions, every weight by the scalar reference."""
    s = SCALES
    data = digits.load(TASK.train_examples, TASK.test_examples)
    start = Mlp(TASK, [lr], torch.device("cpu")).initial(TASK, seed)
    w1, b1, w2, b2 = (tensor.astype(np.int64) for tensor in start)
    source = source_model(design)
    order = batch_order(TASK, seed)
    for step in range(steps):
        x = data.train_images[order[step]].astype(np.int64)
        label = data.train_labels[order[step]]
        sum1 = x @ w1 + (b1 << (s.image + s.weight1 - s.bias1))
        h = to_nearest(sum1, s.image + s.weight1 - s.hidden, 0, 127)
        sum2 = h @ w2 + (b2 << (s.hidden + s.weight2 - s.bias2))
        z = to_nearest(sum2, s.hidden + s.weight2 - s.logit, -128, 127)
        powers = [
            [round(math.exp((int(v) - int(row.max())) * 2.0**-s.logit) * 2**40) for v in row]
            for row in z
        ]
        e2 = np.zeros_like(z)
        for i, row in enumerate(powers):
            for j, power in enumerate(row):
                share = Fraction(power * 2**s.error2, sum(row)) - (label[i] == j) * 2**s.error2
                e2[i, j] = min(max(round(share), -128), 127)
        e1 = to_nearest(e2 @ w2.T, s.error2 + s.weight2 - s.error1, -128, 127) * (h > 0)
        scale = Fraction(-lr) / TASK.batch
        gradients = [
            (x.T @ e1, s.image + s.error1 - s.weight1),
            (e1.sum(0), s.error1 - s.bias1),
            (h.T @ e2, s.hidden + s.error2 - s.weight2),
            (e2.sum(0), s.error2 - s.bias2),
        ]
        cycle = step * cycles
        for tensor, (gradient, bits) in zip((w1, b1, w2, b2), gradients, strict=True):
            flat = tensor.reshape(-1)
            for j, g in enumerate(gradient.reshape(-1).tolist()):
                lane = j % 64
                sources = 64 // design.lanes
                phase = lane // design.lanes * source.period // sources + cycle + j // 64
                value = int(flat[j]) + scale * g * Fraction(1, 2**bits)
                wide = floor(value * 2**design.n)
                wide = min(max(wide, design.input.low), design.input.high)
                flat[j] = round_word(design, wide, int(source.words(phase % source.period, 1)[0]))
            cycle += -(-tensor.size // 64)
    return [tensor.reshape(-1).tolist() for tensor in (w1, b1, w2, b2)]


@pytest.mark.parametrize(
    ("text", "schedule", "lr"),
    [
        ("reference", "worst", 2.0**-4),
        ("papers", "natural", 2.0**-2),
        ("8:7:select:lfsr13,leap=7,lanes=64", "fixed:77", 2.0**-6),
        ("8:5:nearest:debruijn6,leap=5,lanes=8", "worst", 2.0**-2),
        ("8:0:half:none,overflow=wrap", "natural", 2.0**-2),
    ],
)
def test_two_steps_equal_a_training_in_integers(text: str, schedule: str, lr: float) -> None:
    design = parse(text)
    cycles, _ = schedule_cycles(TASK, design, schedule)
    steps = 2
    expected = integer_steps(design, 3, lr, cycles, steps)
    assert final_weights(Job(design, 3, lr, schedule), steps) == expected


def final_weights(job: Job, steps: int) -> list[list[int]]:
    """Return the engine's weights after a few steps of the task's own order."""
    from esru.train import engine

    kept: list[list[list[int]]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "batch_order", lambda _, seed: batch_order(TASK, seed)[:steps])
        patch.setattr(
            engine,
            "_digest",
            lambda weights: kept.append([w.reshape(-1).int().tolist() for w in weights]) or "",
        )
        task = replace(TASK, epochs=1, train_examples=steps * TASK.batch, averaged=1)
        data = digits.load(TASK.train_examples, TASK.test_examples)
        patch.setattr(digits, "load", lambda *_: data)
        engine.run_batch(task, [job], 64, torch.device("cpu"))
    return kept[0]


def mixed_jobs() -> list[Job]:
    """Return jobs that differ in everything a batch may mix."""
    designs = [parse(t) for t in ("reference", "papers", "papers-zero", "nearest")] + [SELECT]
    return [
        Job(design, seed, lr, schedule)
        for design in designs
        for seed, lr, schedule in (
            (0, 2.0**-4, "natural"),
            (0, 2.0**-4, "worst"),
            (7, 2.0**-2, "fixed:50"),
        )
    ]


def test_a_result_does_not_depend_on_its_batch() -> None:
    jobs = mixed_jobs()
    together = train_batch(SHORT, jobs)
    assert [(r.design, r.seed, r.lr, r.schedule) for r in together] == [
        (j.design, j.seed, j.lr, j.schedule) for j in jobs
    ]
    alone = [train_batch(SHORT, [job])[0] for job in jobs]
    assert together == alone
    odd = train_batch(SHORT, jobs[::-2])
    assert odd == together[::-2]


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


#: SHA-256 of the final weights of two runs: the same on every machine, device and version.
GOLDEN = {
    "reference": "26e33ea83251ca5ef232b78285f91db112b7511375f228ff1cca497fb14bf127",
    str(SELECT): "97751225d94042cdfa48907d128fcabc08dac2f5d418c941ec29c28b69907912",
}


@pytest.mark.parametrize("text", GOLDEN)
def test_golden_run(text: str) -> None:
    found = train_batch(TASK, [Job(parse(text), 0, 2.0**-4, "worst")])[0]
    assert found.digest == GOLDEN[text]
