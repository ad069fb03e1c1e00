"""One run of `cifar10-resnet20`, with a unit or in float32 throughout.

Weights are int8 with a power-of-two scale each and no copy of higher precision; the unit rounds
their updates. What each layer reads and the gradients of what it returns are int8, rounded to
nearest. Batch norms stay in float32: the sums are not exact, and the last bits of a result may
differ from machine to machine.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import nn, optim
from torch.nn import functional

from esru.design import Design
from esru.emulate import round_tensor
from esru.emulate.stream import DEFAULT_LANES
from esru.errors import InputError
from esru.torch import LowBitOptimizer, Rounding, quantise
from esru.train.control import Control
from esru.train.images.parts import Images
from esru.train.images.resnet import ResNet20
from esru.train.random import ORDER, permutations, raw_words
from esru.train.schedule import schedule_cycles
from esru.train.tasks import Job, Result, Task, check_job

MOMENTUM = 0.9
DECAY = 2.0**-13

#: Pixels by which a training image is moved at most, each way.
SHIFT = 4

#: The stream of random numbers that moves and mirrors training images.
_MOVES = 3

#: Images that are tested at once.
_TESTED = 500


class Score(NamedTuple):
    """What a run came to: accuracy (percent), loss (nats), SHA-256 of the final weights."""

    accuracy: float
    loss: float
    digest: str


class Kept(Protocol):
    """Scores by a text that names the run: a dictionary, or one that is stored."""

    def get(self, run: str, /) -> Score | None:
        """Return what a run came to, None if that is not known."""
        ...

    def __setitem__(self, run: str, score: Score, /) -> None: ...


class ImageTraining:
    """Trains on the images of a folder; what a run came to is kept, and not found out again.

    Parameters
    ----------
    task : Task
        From `esru.train.images.task.task_of`.
    images : Images
        The data.
    device : str
        The torch device of every run.
    kept : Kept, optional
        What runs came to; their text says what task, images and device leave open. By default it
        is forgotten with this object.
    """

    def __init__(
        self,
        task: Task,
        images: Images,
        device: str = "cpu",
        kept: Kept | None = None,
    ) -> None:
        self.task, self._images = task, images
        self._device = torch.device(device)
        self._kept: Kept = {} if kept is None else kept
        pixels = images.train.images
        self._mean = pixels.mean((0, 1, 2), dtype=np.float64).astype(np.float32)
        spread = pixels.std((0, 1, 2), dtype=np.float64).astype(np.float32)
        # A channel without any contrast stays 0.
        self._spread = np.where(spread > 0, spread, np.float32(1))

    @property
    def source(self) -> dict[str, object]:
        """What the results say of the data."""
        return {
            "layout": self._images.layout,
            "train": self.task.train_examples,
            "test": self.task.test_examples,
            "sha256": self._images.checksums,
        }

    def check(self, design: Design, lanes: int = DEFAULT_LANES) -> None:
        """Refuse a design that this task cannot train with.

        Raises
        ------
        InputError
            Naming what is wrong.
        """
        check_job(self.task, Job(design, 0, self.task.learning_rates[0]))
        round_tensor(design, torch.zeros(1), 0, lanes)

    def jobs(
        self,
        task: Task,
        jobs: Sequence[Job],
        lanes: int = DEFAULT_LANES,
        *,
        device: str | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> list[Result]:
        """Train every job, one after the other, equal ones once; called as `train_batch` is.

        Progress is counted in steps; `device` must be this object's own, or left out.
        """
        if device is not None and torch.device(device) != self._device:
            raise InputError.must("Device", f"{self._device}, as of the images", repr(device))
        for job in jobs:
            check_job(task, job)
            self.check(job.design, lanes)
        runs = [(job.seed, job.lr, job) for job in jobs]
        scores = self._scores(runs, lanes, progress)
        return [
            Result(job.design, task.name, job.seed, job.lr, job.schedule, *score)
            for job, score in zip(jobs, scores, strict=True)
        ]

    def float32(
        self,
        task: Task,
        cells: Sequence[tuple[float, int]],
        *,
        progress: Callable[[int, int], None] | None = None,
    ) -> list[Control]:
        """Train in float32 throughout, for each pair of learning rate and seed."""
        scores = self._scores([(seed, lr, None) for lr, seed in cells], DEFAULT_LANES, progress)
        return [
            Control(task.name, seed, lr, score.accuracy, score.loss)
            for (lr, seed), score in zip(cells, scores, strict=True)
        ]

    def _scores(
        self,
        runs: Sequence[tuple[int, float, Job | None]],
        lanes: int,
        progress: Callable[[int, int], None] | None,
    ) -> list[Score]:
        steps = self.task.steps
        keys, distinct = [], {}
        for seed, lr, job in runs:
            cycles = None
            if job is not None:
                cycles, _ = schedule_cycles(self.task, job.design, job.schedule, lanes)
            unit = None if job is None else job.design.behaviour
            key = f"unit {unit}, {cycles} cycles, {lanes} lanes, seed {seed}, rate {lr.hex()}"
            keys.append(key)
            distinct[key] = (seed, lr, None if job is None else job.design, cycles)
        found: dict[str, Score] = {}
        for key, (seed, lr, design, cycles) in distinct.items():

            def step(done: int, before: int = len(found) * steps) -> None:
                if progress is not None:
                    progress(before + done, len(distinct) * steps)

            step(0)
            score = self._kept.get(key)
            if score is None:
                score = self._run(seed, lr, design, cycles, lanes, step)
                self._kept[key] = score
            found[key] = score
            step(steps)
        return [found[key] for key in keys]

    def _run(
        self,
        seed: int,
        lr: float,
        design: Design | None,
        cycles: int | None,
        lanes: int,
        progress: Callable[[int], None],
    ) -> Score:
        task, device = self.task, self._device
        model = ResNet20(seed)
        rounded = model.rounded()
        norms = [p for p in model.parameters() if not any(p is other for other in rounded)]
        if design is not None:
            quantise(model, Rounding(activations="nearest", gradients="nearest", lanes=lanes))
        model.to(device)
        groups = [
            {"params": rounded, "weight_decay": DECAY},
            {"params": norms, "rounded": False},
        ]
        optimizer: optim.Optimizer = optim.SGD(groups, lr=lr, momentum=MOMENTUM)
        if design is not None:
            optimizer = LowBitOptimizer(optimizer, design, lanes=lanes, cycles=cycles)
        per_epoch = task.train_examples // task.batch
        orders = permutations(seed, ORDER, task.epochs, task.train_examples)
        for step, chosen in enumerate(
            orders[:, : per_epoch * task.batch].reshape(task.steps, task.batch)
        ):
            for group in optimizer.param_groups:
                group["lr"] = lr * (1 + math.cos(math.pi * step / task.steps)) / 2
            moved = moves(self._images.train.images[chosen], seed, step)
            labels = torch.from_numpy(self._images.train.labels[chosen]).to(device)
            loss = functional.cross_entropy(model(self._inputs(moved).to(device)), labels)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch types it not
            optimizer.step()
            progress(step + 1)
        return Score(*self._tested(model), _digest(rounded, optimizer))

    def _inputs(self, pixels: npt.NDArray[np.uint8]) -> torch.Tensor:
        values = (pixels - self._mean) / self._spread
        return torch.from_numpy(values.transpose(0, 3, 1, 2).astype(np.float32))

    def _tested(self, model: nn.Module) -> tuple[float, float]:
        """Return accuracy (percent) and mean cross-entropy (nats) on the test images."""
        part, device = self._images.test, self._device
        model.eval()
        correct, total = 0, 0.0
        with torch.no_grad():
            for first in range(0, len(part.images), _TESTED):
                inputs = self._inputs(part.images[first : first + _TESTED]).to(device)
                found = model(inputs).cpu().double()
                labels = torch.from_numpy(part.labels[first : first + _TESTED])
                correct += int((found.argmax(1) == labels).sum())
                total += float(functional.cross_entropy(found, labels, reduction="sum"))
        count = len(part.images)
        return 100.0 * correct / count, total / count


def moves(pixels: npt.NDArray[np.uint8], seed: int, step: int) -> npt.NDArray[np.uint8]:
    """Return images moved by up to `SHIFT` pixels each way, half of them mirrored."""
    count, height, width, _ = pixels.shape
    words = raw_words(seed, (_MOVES << 32) + step, count)
    span = np.uint64(2 * SHIFT + 1)
    down, right = words % span, (words >> np.uint64(8)) % span
    mirrored = (words >> np.uint64(63)) == 1
    padded = np.pad(pixels, ((0, 0), (SHIFT, SHIFT), (SHIFT, SHIFT), (0, 0)))
    rows = np.arange(height) + down.astype(np.int64)[:, None]
    columns = np.arange(width)[None, :].repeat(count, 0)
    columns[mirrored] = columns[mirrored, ::-1]
    columns = columns + right.astype(np.int64)[:, None]
    found: npt.NDArray[np.uint8] = padded[
        np.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]
    ]
    return found


def _digest(rounded: Sequence[nn.Parameter], optimizer: optim.Optimizer) -> str:
    """Return the SHA-256 of the weights as int8; of those of float32 as they are."""
    found = hashlib.sha256()
    for parameter in rounded:
        values = parameter.detach()
        if isinstance(optimizer, LowBitOptimizer):
            values = (values / optimizer.scales[parameter]).round().to(torch.int8)
        found.update(values.cpu().contiguous().numpy().tobytes())
    return found.hexdigest()
