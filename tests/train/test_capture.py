"""Captured operands: exact, complete, and without any effect on the run."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from esru.design import parse
from esru.train import Job, Task, tasks, train_batch

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")

from integer_training import GRADIENTS  # noqa: E402  (after the check)

from esru.train import digits, engine  # noqa: E402
from esru.train.capture import Operands, capture, capture_float32  # noqa: E402
from esru.train.control import train_float32  # noqa: E402
from esru.train.network import network_class  # noqa: E402

SHORT = [replace(tasks()[name], epochs=1, averaged=1) for name in ("digits-mlp", "digits-cnn")]


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.mark.parametrize("task", SHORT, ids=lambda task: task.name)
def test_capturing_changes_nothing(task: Task) -> None:
    job = Job(parse("reference"), 1, 2.0**-4)
    result, kept = capture(task, job, range(task.steps))
    assert result == train_batch(task, [job])[0]
    kinds = {"activation", "logit", "gradient", "update", "weight"}
    assert {operands.kind for operands in kept} == kinds
    assert {operands.step for operands in kept} == set(range(task.steps))
    control = train_float32(task, 1, 2.0**-4)
    assert capture_float32(task, 1, 2.0**-4, [3], 16)[0] == control
    assert capture_float32(task, 1, 2.0**-4, [3], 16, bfloat16=True)[0] == control


@pytest.mark.parametrize("task", SHORT, ids=lambda task: task.name)
def test_updates_are_the_oracles_to_the_last_bit(task: Task) -> None:
    """The first step's updates in integers, and the bits below the weight's last place."""
    _, kept = capture(task, Job(parse("reference"), 3, 2.0**-4), [0])
    data = digits.load(task.train_examples, task.test_examples)
    chosen = engine.batch_order(task, 3)[0]
    network = network_class(task)(task, [2.0**-4], torch.device("cpu"))
    weights = [w.astype(np.int64) for w in network.initial(3)]
    images = data.train_images[chosen].astype(np.int64)
    gradients = GRADIENTS[task.name](weights, images, data.train_labels[chosen])
    found = {operands.name: operands for operands in kept}
    for i, (gradient, bits) in enumerate(gradients):
        update = found[f"update {i}"]
        # -learning rate / batch = -2^-4 / 2^5.
        assert update.dropped == bits + 9
        assert update.words.tolist() == (-gradient).reshape(-1).tolist()
        moved = update.words + (weights[i].reshape(-1) << update.dropped)
        assert found[f"weight {i}"].words.tolist() == moved.tolist()


def test_every_kind_uses_its_last_bit() -> None:
    """D is not above what the data needs: some operand of each tensor is odd."""
    for task in SHORT:
        _, kept = capture(task, Job(parse("reference"), 0, 2.0**-4), [0, 5])
        for name in {operands.name for operands in kept}:
            odd = [operands.words & 1 for operands in kept if operands.name == name]
            assert np.concatenate(odd).any(), (task.name, name)


def test_rounding_the_captured_activations_gives_the_next_layer() -> None:
    """Hidden activations rounded to nearest even, as the network rounds them, then rectified."""
    task = SHORT[0]
    _, kept = capture(task, Job(parse("reference"), 0, 2.0**-4), [0])
    found = {operands.name: operands for operands in kept}
    hidden = found["activation 1"]
    rounded = np.clip(np.rint(hidden.words / 2.0**hidden.dropped), 0, 127).reshape(32, -1)
    rectified = hidden.rectified().words
    assert (rectified >= 0).all() and (rectified[hidden.words > 0] > 0).all()
    network = network_class(task)(task, [2.0**-4], torch.device("cpu"))
    w2 = network.initial(0)[2]
    logit = found["logit"]
    assert (rounded @ w2).reshape(-1).tolist() == logit.words.tolist()


def test_bfloat16_leaves_low_bits_empty() -> None:
    """8 significant bits: a value of 1 ulp or more has no bit below 2^-7 ulp."""
    _, plain = capture_float32(SHORT[0], 0, 2.0**-4, [4], 16)
    _, short = capture_float32(SHORT[0], 0, 2.0**-4, [4], 16, bfloat16=True)

    def low(kept: list[Operands]) -> np.ndarray:
        words = np.concatenate([o.words for o in kept if o.kind == "weight"])
        return words[np.abs(words) >= 1 << 16] & 0x1FF

    # Weights that have not moved yet are whole numbers in both.
    assert (low(short) == 0).all() and (low(plain) != 0).mean() > 0.8
