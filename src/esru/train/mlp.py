"""The perceptron of `digits-mlp`, for many runs at once, in integers held by float32.

Every tensor is int8 with a power-of-two scale. Every sum of products is an integer below 2^24
times a power of two, so float32 holds it exactly whatever the order of the sum, and every
rounding but that of the weights is to nearest, ties to even. The exponentials of the softmax are
a table in multiples of 2^-40: their sums are exact too, and the one float64 division is rounded
the same way everywhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from esru.train.random import WEIGHTS, uniforms
from esru.train.tasks import Task

Tensors = tuple[torch.Tensor, ...]


@dataclass(frozen=True)
class Scales:
    """Fraction bits of each int8 tensor: the value is the integer * 2^-bits."""

    image: int = 1
    weight1: int = 7
    bias1: int = 5
    hidden: int = 2
    weight2: int = 6
    bias2: int = 5
    logit: int = 3
    error2: int = 7
    error1: int = 7


SCALES = Scales()


def softmax_table(fraction: int) -> npt.NDArray[np.float64]:
    """Return exp(-j * 2^-fraction) for j = 0..255, in multiples of 2^-40."""
    return np.array([round(math.exp(-j * 2.0**-fraction) * 2**40) for j in range(256)]) * 2.0**-40


class Mlp:
    """The network for R runs; holds the data, the table and the scale of each run's update.

    Parameters
    ----------
    task : Task
        Shapes (weights are [inputs, outputs]) and batch size, a power of two.
    learning_rates : sequence of float
        One per run.
    device : torch.device
        Where to compute.
    """

    def __init__(self, task: Task, learning_rates: list[float], device: torch.device) -> None:
        s = SCALES
        self._table = torch.from_numpy(softmax_table(s.logit)).to(device)
        rate = torch.tensor(learning_rates, dtype=torch.float32, device=device)[:, None, None]
        mean = rate / task.batch
        self._update2 = -mean * 2.0 ** (s.weight2 - s.error2 - s.hidden)
        self._update1 = -mean * 2.0 ** (s.weight1 - s.error1 - s.image)

    def initial(self, task: Task, seed: int) -> list[npt.NDArray[np.float32]]:
        """Return the weights that a seed starts from, integers; biases start at 0."""
        (inputs, hidden), _, (_, outputs), _ = task.shapes
        numbers = uniforms(seed, WEIGHTS, inputs * hidden + hidden * outputs)
        first, second = np.split(numbers, [inputs * hidden])
        limit1 = math.sqrt(6 / (inputs + hidden)) * 2**SCALES.weight1
        limit2 = math.sqrt(6 / (hidden + outputs)) * 2**SCALES.weight2
        return [
            np.rint(first * limit1).reshape(inputs, hidden).astype(np.float32),
            np.zeros(hidden, np.float32),
            np.rint(second * limit2).reshape(hidden, outputs).astype(np.float32),
            np.zeros(outputs, np.float32),
        ]

    def _forward(self, weights: Tensors, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        s = SCALES
        weight1, bias1, weight2, bias2 = weights
        hidden = torch.baddbmm(
            bias1.unsqueeze(1),
            images,
            weight1,
            beta=2.0 ** (s.hidden - s.bias1),
            alpha=2.0 ** (s.hidden - s.image - s.weight1),
        )
        hidden.round_().clamp_(0, 127)
        logits = torch.baddbmm(
            bias2.unsqueeze(1),
            hidden,
            weight2,
            beta=2.0 ** (s.logit - s.bias2),
            alpha=2.0 ** (s.logit - s.hidden - s.weight2),
        )
        return hidden, logits.round_().clamp_(-128, 127)

    def logits(self, weights: Tensors, images: torch.Tensor) -> torch.Tensor:
        """Return integer logits, shape (R, examples, 10)."""
        return self._forward(weights, images.expand(weights[0].shape[0], -1, -1))[1]

    def exponentials(self, logits: torch.Tensor) -> torch.Tensor:
        """Return exp(logit - largest logit) of each example, exact multiples of 2^-40."""
        below = logits.amax(2, keepdim=True) - logits
        return self._table[below.to(torch.int64)]

    def deltas(
        self, weights: Tensors, images: torch.Tensor, targets: torch.Tensor, deltas: Tensors
    ) -> None:
        """Write -learning rate * mean gradient, in ulps of each tensor.

        Parameters
        ----------
        weights : tuple of torch.Tensor
            Integers, shapes (R, *shape).
        images : torch.Tensor
            Integers, shape (R, batch, 64).
        targets : torch.Tensor
            float64, shape (R, batch, 10): 2^7 at the label, else 0.
        deltas : tuple of torch.Tensor
            Where to write, shaped as the weights.
        """
        s = SCALES
        weight2 = weights[2]
        hidden, logits = self._forward(weights, images)
        error2 = self._shares(logits).sub_(targets).round_().clamp_(-128, 127).to(torch.float32)
        error1 = torch.bmm(error2, weight2.transpose(1, 2))
        error1.mul_(2.0 ** (s.error1 - s.error2 - s.weight2)).round_().clamp_(-128, 127)
        error1.mul_(hidden.sign())
        error2.mul_(self._update2)
        error1.mul_(self._update1)
        torch.bmm(images.transpose(1, 2), error1, out=deltas[0])
        torch.sum(error1, 1, out=deltas[1])
        deltas[1].mul_(2.0 ** (s.image + s.bias1 - s.weight1))
        torch.bmm(hidden.transpose(1, 2), error2, out=deltas[2])
        torch.sum(error2, 1, out=deltas[3])
        deltas[3].mul_(2.0 ** (s.hidden + s.bias2 - s.weight2))

    def _shares(self, logits: torch.Tensor) -> torch.Tensor:
        """Return softmax * 2^7, float64."""
        powers = self.exponentials(logits)
        total = powers.sum(2, keepdim=True)
        return powers.mul_(2.0**SCALES.error2).div_(total)
