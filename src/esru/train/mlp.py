"""The perceptron of `digits-mlp`: one hidden layer with rectified activations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from esru.train.network import ERROR_BITS, DigitsNetwork, Tensors, to_int8
from esru.train.tasks import Task

#: Fraction bits of the hidden activations (0..127) and of their errors.
HIDDEN_BITS = 2
HIDDEN_ERROR_BITS = 7


class Mlp(DigitsNetwork):
    """The network for R runs."""

    weight_bits = (7, 5, 6, 5)
    image_bits = 1
    logit_bits = 3

    def __init__(self, task: Task, learning_rates: Sequence[float], device: torch.device) -> None:
        super().__init__(task, learning_rates, device)
        weight1, _, weight2, _ = self.weight_bits
        # The update in ulps of the weights, as a factor of the errors: a power of two.
        self._update1 = self._step * 2.0 ** (weight1 - HIDDEN_ERROR_BITS - self.image_bits)
        self._update2 = self._step * 2.0 ** (weight2 - ERROR_BITS - HIDDEN_BITS)

    def inputs(self, images: npt.NDArray[np.int8]) -> torch.Tensor:
        """Return the pixels, shape (examples, 64)."""
        return torch.from_numpy(images.astype(np.float32))

    def _forward(self, weights: Tensors, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        weight1, bias1, weight2, bias2 = weights
        bits1, bias_bits1, bits2, bias_bits2 = self.weight_bits
        hidden = torch.baddbmm(
            bias1.unsqueeze(1),
            inputs,
            weight1,
            beta=2.0 ** (HIDDEN_BITS - bias_bits1),
            alpha=2.0 ** (HIDDEN_BITS - self.image_bits - bits1),
        )
        self.observe("activation 1", hidden, self.image_bits + bits1 - HIDDEN_BITS)
        hidden.round_().clamp_(0, 127)
        logits = torch.baddbmm(
            bias2.unsqueeze(1),
            hidden,
            weight2,
            beta=2.0 ** (self.logit_bits - bias_bits2),
            alpha=2.0 ** (self.logit_bits - HIDDEN_BITS - bits2),
        )
        self.observe("logit", logits, HIDDEN_BITS + bits2 - self.logit_bits)
        return hidden, to_int8(logits)

    def logits(self, weights: Tensors, inputs: torch.Tensor) -> torch.Tensor:
        """Return integer logits, shape (R, examples, 10)."""
        return self._forward(weights, inputs.expand(weights[0].shape[0], -1, -1))[1]

    def deltas(
        self, weights: Tensors, inputs: torch.Tensor, targets: torch.Tensor, deltas: Tensors
    ) -> None:
        """Write -learning rate * mean gradient, in ulps of each tensor."""
        bits1, bias_bits1, bits2, bias_bits2 = self.weight_bits
        weight2 = weights[2]
        hidden, logits = self._forward(weights, inputs)
        error2 = self.errors(logits, targets)
        error1 = torch.bmm(error2, weight2.transpose(1, 2))
        error1.mul_(2.0 ** (HIDDEN_ERROR_BITS - ERROR_BITS - bits2))
        self.observe("gradient 1", error1, ERROR_BITS + bits2 - HIDDEN_ERROR_BITS)
        to_int8(error1)
        error1.mul_(hidden.sign())
        error2.mul_(self._update2)
        error1.mul_(self._update1)
        torch.bmm(inputs.transpose(1, 2), error1, out=deltas[0])
        torch.sum(error1, 1, out=deltas[1])
        deltas[1].mul_(2.0 ** (self.image_bits + bias_bits1 - bits1))
        torch.bmm(hidden.transpose(1, 2), error2, out=deltas[2])
        torch.sum(error2, 1, out=deltas[3])
        deltas[3].mul_(2.0 ** (HIDDEN_BITS + bias_bits2 - bits2))

    @property
    def gradient_bits(self) -> tuple[int, ...]:
        """Fraction bits of each tensor's gradient, summed over the batch, in ulps of the tensor."""
        bits1, bias_bits1, bits2, bias_bits2 = self.weight_bits
        return (
            HIDDEN_ERROR_BITS + self.image_bits - bits1,
            HIDDEN_ERROR_BITS - bias_bits1,
            ERROR_BITS + HIDDEN_BITS - bits2,
            ERROR_BITS - bias_bits2,
        )

    def float_logits(self, weights: Tensors, inputs: torch.Tensor) -> torch.Tensor:
        """Return the logits of the float32 control, shape (examples, 10)."""
        weight1, bias1, weight2, bias2 = weights
        hidden = inputs @ weight1 + bias1
        self.observe("activation 1", hidden * 2.0**HIDDEN_BITS, None)
        return torch.relu(hidden) @ weight2 + bias2
