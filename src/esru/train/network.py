"""What the networks share: int8 tensors in float32, the softmax, and what the engine calls.

Every tensor is int8 with a power-of-two scale. Every sum of products is an integer below 2^24
times a power of two, so float32 holds it exactly whatever the order of the sum; where weights
are floats of up to 8 bits it is below 2^53, and held in float64. Every rounding but that of the
weights is to nearest, ties to even. The exponentials of the softmax are a table in multiples of
2^-40: their sums are exact too, and the one float64 division is rounded the same way everywhere.
"""

from __future__ import annotations

import importlib
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from esru.emulate.block_rounder import BlockRounder
from esru.train import digits
from esru.train.random import WEIGHTS, uniforms
from esru.train.tasks import Task

Tensors = tuple[torch.Tensor, ...]

#: Called with a tensor that is about to be rounded: its name, its values in ulps of the result,
#: and how many fraction bits hold them exactly (None: as many as a float has). The values are
#: overwritten afterwards: an observer keeps a copy, and changes nothing.
Observer = Callable[[str, torch.Tensor, int | None], None]

#: Fraction bits of the errors at the logits: the value is the integer * 2^-7.
ERROR_BITS = 7


def softmax_table(fraction: int) -> npt.NDArray[np.float64]:
    """Return exp(-j * 2^-fraction) for j = 0..255, in multiples of 2^-40."""
    return np.array([round(math.exp(-j * 2.0**-fraction) * 2**40) for j in range(256)]) * 2.0**-40


def to_int8(values: torch.Tensor) -> torch.Tensor:
    """Round to nearest, ties to even, and saturate, in place."""
    return values.round_().clamp_(-128, 127)


class Split(NamedTuple):
    """What is trained and tested on: inputs as integers in float32, and the classes."""

    train: torch.Tensor
    train_labels: npt.NDArray[np.int64]
    test: torch.Tensor
    test_labels: npt.NDArray[np.int64]


class Network(ABC):
    """A classifier for R runs at once.

    Parameters
    ----------
    task : Task
        Shapes and batch size.
    learning_rates : sequence of float
        One per run, powers of two.
    device : torch.device
        Where to compute.

    Attributes
    ----------
    weight_bits : tuple of int
        Fraction bits of each tensor of the task.
    image_bits, logit_bits : int
        Fraction bits of the inputs and of the logits.
    observer : callable or None
        Sees what is rounded, see `Observer`.
    dtype : torch.dtype
        Of weights, inputs and deltas: float32, or float64 where weights have more places.
    rounder : BlockRounder or None
        What rounds the errors of a task that says so (`Task.gradients`).
    """

    observer: Observer | None = None
    dtype: torch.dtype = torch.float32
    rounder: BlockRounder | None = None
    weight_bits: tuple[int, ...]
    image_bits: int
    logit_bits: int

    def __init__(self, task: Task, learning_rates: Sequence[float], device: torch.device) -> None:
        self.task = task
        self._table = torch.from_numpy(softmax_table(self.logit_bits)).to(device)
        rates = torch.tensor(list(learning_rates), dtype=torch.float32, device=device)
        #: -learning rate / batch of each run, shape (R, 1, 1).
        self._step = (-rates / task.batch)[:, None, None]

    @abstractmethod
    def load(self) -> Split:
        """Return the task's data."""

    @abstractmethod
    def targets(self, labels: npt.NDArray[np.int64]) -> torch.Tensor:
        """Return what `deltas` is to be given of the training labels."""

    @abstractmethod
    def logits(self, weights: Tensors, inputs: torch.Tensor) -> torch.Tensor:
        """Return integer logits, shape (R, answers, classes), of inputs (1, examples, ...)."""

    @abstractmethod
    def deltas(
        self, weights: Tensors, inputs: torch.Tensor, targets: torch.Tensor, deltas: Tensors
    ) -> None:
        """Write the update of the optimiser's next step, in ulps of each tensor.

        Parameters
        ----------
        weights : tuple of torch.Tensor
            In ulps of int8, shapes (R, *shape).
        inputs : torch.Tensor
            Integers, shape (R, batch, ...).
        targets : torch.Tensor
            Those of the inputs, shape (R, batch, ...).
        deltas : tuple of torch.Tensor
            Where to write, shaped as the weights.
        """

    @abstractmethod
    def float_logits(self, weights: Tensors, inputs: torch.Tensor) -> torch.Tensor:
        """Return the logits of the float32 control, shape (answers, classes), for autograd."""

    def directions(self, gradients: Tensors) -> Tensors:
        """Return by how many learning rates each weight of the float32 control falls."""
        return gradients

    def observe(self, name: str, values: torch.Tensor, bits: int | None) -> None:
        """Show the observer, if there is one, a tensor that is about to be rounded."""
        if self.observer is not None:
            self.observer(name, values, bits)

    def initial(self, seed: int) -> list[npt.NDArray[np.float32]]:
        """Return the integers that a seed starts from.

        Weights, of shape (inputs, outputs), are uniform within sqrt(6 / (inputs + outputs));
        biases are 0.
        """
        shapes = self.task.shapes
        sizes = [math.prod(shape) if len(shape) == 2 else 0 for shape in shapes]
        numbers = np.split(uniforms(seed, WEIGHTS, sum(sizes)), np.cumsum(sizes)[:-1])
        start = []
        for shape, bits, drawn in zip(shapes, self.weight_bits, numbers, strict=True):
            if len(shape) == 1:
                start.append(np.zeros(shape, np.float32))
            else:
                limit = math.sqrt(6 / sum(shape)) * 2**bits
                start.append(np.rint(drawn * limit).reshape(shape).astype(np.float32))
        return start

    def exponentials(self, logits: torch.Tensor) -> torch.Tensor:
        """Return exp(logit - largest logit) of each example, exact multiples of 2^-40."""
        below = logits.amax(2, keepdim=True) - logits
        return self._table[below.to(torch.int64)]

    def errors(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return softmax less target as int8 with 7 fraction bits."""
        powers = self.exponentials(logits)
        total = powers.sum(2, keepdim=True)
        shares = powers.mul_(2.0**ERROR_BITS).div_(total)
        return to_int8(shares.sub_(targets)).to(self.dtype)


class DigitsNetwork(Network):
    """A classifier of ten digits, trained with SGD."""

    @abstractmethod
    def inputs(self, images: npt.NDArray[np.int8]) -> torch.Tensor:
        """Return what the first layer reads of each image, integers in float32."""

    def load(self) -> Split:
        """Return the digits."""
        data = digits.load(self.task.train_examples, self.task.test_examples)
        train, test = self.inputs(data.train_images), self.inputs(data.test_images)
        return Split(train, data.train_labels, test, data.test_labels)

    def targets(self, labels: npt.NDArray[np.int64]) -> torch.Tensor:
        """Return float64, shape (examples, 10): 2^7 at the label, else 0."""
        found = torch.zeros(len(labels), 10, dtype=torch.float64)
        found[torch.arange(len(labels)), torch.from_numpy(labels)] = 2.0**ERROR_BITS
        return found

    @property
    @abstractmethod
    def gradient_bits(self) -> tuple[int, ...]:
        """Fraction bits of each tensor's gradient, summed over the batch, in ulps of the tensor."""

    def observe_updates(self, weights: Tensors, deltas: Tensors, lr: float) -> None:
        """Show the observer each tensor's update and the sum that the update's rounding sees."""
        step_bits = round(-math.log2(lr / self.task.batch))
        for i, (weight, delta) in enumerate(zip(weights, deltas, strict=True)):
            bits = self.gradient_bits[i] + step_bits
            self.observe(f"update {i}", delta, bits)
            self.observe(f"weight {i}", weight.double() + delta.double(), bits)


def network_class(task: Task) -> type[Network]:
    """Return the class of a task's network, which its name names as module:class."""
    module, _, name = task.network.partition(":")
    found: type[Network] = getattr(importlib.import_module(module), name)
    return found
