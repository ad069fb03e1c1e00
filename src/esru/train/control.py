"""The float32 control: the same network, data and order, nothing quantised but the start.

It says what the task can reach, and so whether the task may judge designs. One run at a time, so
that a result depends on its seed and learning rate alone; unlike the int8 runs it may differ in
the last bits from machine to machine.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch.nn import functional

from esru.train.engine import StepObserver, batch_order
from esru.train.network import Network, Tensors, network_class
from esru.train.tasks import Task


@dataclass(frozen=True)
class Control:
    """Accuracy (percent) and loss (nats) of one float32 run."""

    task: str
    seed: int
    lr: float
    accuracy: float
    loss: float


def train_float32(
    task: Task, seed: int, lr: float, observer: StepObserver | None = None
) -> Control:
    """Train one run in float32 throughout.

    Parameters
    ----------
    task : Task
        What to train.
    seed : int
        Initial weights (the same as in int8) and batch order.
    lr : float
        Learning rate.
    observer : callable, optional
        Sees activations, updates and the sums of weights and updates at each step, all in ulps
        of the int8 tensors, as if they were to be rounded.
    """
    network = network_class(task)(task, [lr], torch.device("cpu"))
    data = network.load()
    weights = tuple(
        torch.from_numpy(tensor * np.float32(2.0**-bits)).requires_grad_()
        for tensor, bits in zip(network.initial(seed), network.weight_bits, strict=True)
    )
    train, test = (part * 2.0**-network.image_bits for part in (data.train, data.test))
    labels = torch.from_numpy(data.train_labels)
    scores = []
    per_epoch = task.steps // task.epochs
    for step, chosen in enumerate(torch.from_numpy(batch_order(task, seed))):
        if observer is not None:
            network.observer = partial(observer, step)
        loss = functional.cross_entropy(
            network.float_logits(weights, train[chosen]), labels[chosen].reshape(-1)
        )
        gradients = torch.autograd.grad(loss, weights)
        with torch.no_grad():
            if observer is not None:
                _observe_updates(network, weights, gradients, lr)
                network.observer = None
            for tensor, direction in zip(weights, network.directions(gradients), strict=True):
                tensor.sub_(direction, alpha=lr)
            if (step + 1) % per_epoch == 0 and task.steps - step <= per_epoch * task.averaged:
                found = network.float_logits(weights, test).to(torch.float64)
                truth = torch.from_numpy(data.test_labels)
                correct = int((found.argmax(1) == truth).sum())
                cross = float(functional.cross_entropy(found, truth))
                scores.append((100.0 * correct / len(truth), cross))
    accuracy, cross = np.mean(scores, axis=0)
    return Control(task.name, seed, lr, float(accuracy), float(cross))


def _observe_updates(network: Network, weights: Tensors, gradients: Tensors, lr: float) -> None:
    """Show the observer the updates, and the weights less the updates, in ulps of int8."""
    for i, (weight, gradient, bits) in enumerate(
        zip(weights, gradients, network.weight_bits, strict=True)
    ):
        delta = gradient * (-lr * 2.0**bits)
        network.observe(f"update {i}", delta, None)
        network.observe(f"weight {i}", weight * 2.0**bits + delta, None)
