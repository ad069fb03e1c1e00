"""Trainings of the digits in `esru.torch`: which tensors are rounded, and by what.

Data, order of the examples, initial weights and what is averaged are those of the task
digits-mlp; scales fit each tensor, and the softmax is torch's. So the figures are close to the
task's, but not the same, and their last digits may differ from machine to machine.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional

from esru.evidence.studies import Tensors
from esru.torch import Rounding, quantise
from esru.train.engine import batch_order
from esru.train.network import network_class
from esru.train.tasks import Task


def train(task: Task, tensors: Tensors, seed: int, lr: float) -> float:
    """Return the accuracy of one run, in percent.

    Parameters
    ----------
    task : Task
        The perceptron of the digits.
    tensors : Tensors
        Which tensors go through which unit.
    seed : int
        Initial weights and order of the examples.
    lr : float
        Learning rate of SGD.
    """
    network = network_class(task)(task, [lr], torch.device("cpu"))
    data = network.load()
    inputs, _ = task.shapes[0]
    hidden, outputs = task.shapes[2]
    model: Any = nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, outputs))
    start = zip(network.initial(seed), network.weight_bits, strict=True)
    with torch.no_grad():
        for parameter, (integers, bits) in zip(model.parameters(), start, strict=True):
            # The task's weights have the shape (inputs, outputs), torch's the other way round.
            parameter.copy_(torch.from_numpy(integers.T * 2.0**-bits))
    rounding = Rounding(
        tensors.weights or None,
        tensors.activations or None,
        tensors.gradients or None,
        tensors.updates or None,
    )
    model = quantise(model, rounding)
    optimizer = rounding.optimizer(torch.optim.SGD(model.parameters(), lr=lr))
    train_inputs, test_inputs = (
        part * 2.0**-network.image_bits for part in (data.train, data.test)
    )
    labels, truth = map(torch.from_numpy, (data.train_labels, data.test_labels))
    per_epoch = task.steps // task.epochs
    scores = []
    for step, chosen in enumerate(torch.from_numpy(batch_order(task, seed))):
        loss: Any = functional.cross_entropy(model(train_inputs[chosen]), labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if (step + 1) % per_epoch == 0 and task.steps - step <= per_epoch * task.averaged:
            with torch.no_grad():
                correct = (model(test_inputs).argmax(1) == truth).sum()
            scores.append(100.0 * int(correct) / len(truth))
    return sum(scores) / len(scores)
