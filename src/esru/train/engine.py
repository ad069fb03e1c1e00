"""Batches of runs: one training step serves every run of a batch.

A run's result does not depend on the batch it was in: every number is exact or rounded element
by element (see `esru.train.network`), and the words come from the run's own array.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
import torch

from esru.emulate.block_rounder import BlockRounder
from esru.emulate.runs import Blocks, Runs
from esru.emulate.update import make_rounder
from esru.train.network import DigitsNetwork, Network, network_class
from esru.train.random import ORDER, permutations
from esru.train.schedule import schedule_cycles
from esru.train.stored import Master, Stored
from esru.train.tasks import Job, Result, Task


def batch_order(task: Task, seed: int) -> npt.NDArray[np.int64]:
    """Return the training examples of each step, shape (steps, batch)."""
    per_epoch = task.train_examples // task.batch
    order = permutations(seed, ORDER, task.epochs, task.train_examples)
    return order[:, : per_epoch * task.batch].reshape(task.steps, task.batch)


#: As `esru.train.network.Observer`, with the step first.
StepObserver = Callable[[int, str, torch.Tensor, int | None], None]


def run_batch(
    task: Task,
    jobs: Sequence[Job],
    lanes: int,
    device: torch.device,
    observer: StepObserver | None = None,
) -> list[Result]:
    """Train jobs whose designs share a `batch_key`, at most `task.together`, all at once.

    An observer sees what each step rounds, but nothing of the tests between epochs; it is for
    jobs of one learning rate.
    """
    network = network_class(task)(task, [job.lr for job in jobs], device)
    stored = Master() if task.gradients else Stored(jobs[0].design.out_format)
    network.dtype = stored.dtype
    data = network.load()
    keys = [(job.design, schedule_cycles(task, job.design, job.schedule, lanes)[0]) for job in jobs]
    streams = list(dict.fromkeys(keys))
    chosen = [streams.index(key) for key in keys]
    shapes = task.rounded if task.gradients else task.shapes
    units = Runs(streams, chosen, shapes, lanes, device)
    if task.gradients:
        network.rounder = BlockRounder(units)
    rounder = stored if isinstance(stored, Master) else make_rounder(units, task.steps)
    weights = Blocks(task.shapes, len(jobs), device)
    deltas = Blocks(task.shapes, len(jobs), device, stored.dtype)
    seeds = {job.seed: [*map(stored.start, network.initial(job.seed))] for job in jobs}
    for i, view in enumerate(weights.views):
        view.copy_(torch.from_numpy(np.stack([seeds[job.seed][i] for job in jobs])))
    # The weights in ulps of int8, as the network counts them.
    same = stored.unit == 1 and stored.dtype == weights.flat.dtype
    seen = weights if same else Blocks(task.shapes, len(jobs), device, stored.dtype)

    def refresh() -> None:
        if not same:
            torch.mul(weights.flat, stored.unit, out=seen.flat)

    refresh()
    orders = {seed: batch_order(task, seed) for seed in seeds}
    order = torch.from_numpy(np.stack([orders[job.seed] for job in jobs], axis=1)).to(device)
    train, test = (part.to(device, stored.dtype) for part in (data.train, data.test))
    targets = network.targets(data.train_labels).to(device)
    batch = (len(jobs), task.batch)
    scores = []
    per_epoch = task.steps // task.epochs
    for step in range(task.steps):
        examples = order[step].view(-1)
        inputs = train.index_select(0, examples).view(*batch, *train.shape[1:])
        wanted = targets.index_select(0, examples).view(*batch, *targets.shape[1:])
        if observer is not None:
            network.observer = partial(observer, step)
        if network.rounder is not None:
            network.rounder.begin(step)
        network.deltas(seen.views, inputs, wanted, deltas.views)
        if observer is not None:
            assert isinstance(network, DigitsNetwork)
            network.observe_updates(weights.views, deltas.views, jobs[0].lr)
            network.observer = None
        if not same:
            deltas.flat.mul_(1 / stored.unit)
        rounder.apply(weights.flat, deltas.flat, step)
        refresh()
        if (step + 1) % per_epoch == 0 and task.steps - step <= per_epoch * task.averaged:
            logits = network.logits(seen.views, test.unsqueeze(0))
            scores.append(_score(network, logits, data.test_labels))
    accuracy, loss = np.mean(scores, axis=0)
    return [
        Result(
            job.design,
            task.name,
            job.seed,
            job.lr,
            job.schedule,
            float(accuracy[i]),
            float(loss[i]),
            stored.digest([view[i] for view in weights.views]),
        )
        for i, job in enumerate(jobs)
    ]


def _score(
    network: Network, logits: torch.Tensor, labels: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Return accuracy (percent) and loss of each run, shape (2, R).

    Of equal logits the lowest class counts as the answer. Logarithms are taken one by one and
    summed exactly: the loss of a run must not depend on its place in the batch.
    """
    totals = network.exponentials(logits).sum(2).cpu().numpy()
    found = logits.cpu().numpy()
    runs, examples, _ = found.shape
    correct = (found.argmax(2) == labels).sum(1)
    below = (found.max(2) - found[:, np.arange(examples), labels]) * 2.0**-network.logit_bits
    losses = [
        math.fsum([*map(math.log, totals[run].tolist()), *below[run].tolist()]) / examples
        for run in range(runs)
    ]
    return np.stack([100.0 * correct / examples, np.array(losses)])
