"""The convolutional network of `digits-cnn`: two 3x3 convolutions and a full layer.

The first convolution reads the 8x8 image, padded by one, with stride 2 (4x4 positions); the
second reads that without padding (2x2 positions). Both are matrix products of patches: each
patch lists rows, then columns, then channels, and a weight has the shape (patch, channels).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from esru.train.network import ERROR_BITS, DigitsNetwork, Tensors, to_int8
from esru.train.tasks import Task

#: Fraction bits of the activations (0..127) of both convolutions, and of their errors.
ACTIVE1_BITS, ACTIVE2_BITS = 2, 2
ERROR1_BITS, ERROR2_BITS = 7, 7

#: Where the second convolution's 3x3 windows begin in the 4x4 positions of the first.
_WINDOWS = tuple((row, column) for row in range(2) for column in range(2))


class Cnn(DigitsNetwork):
    """The network for R runs."""

    weight_bits = (6, 5, 6, 5, 6, 5)
    image_bits = 2
    logit_bits = 3

    def __init__(self, task: Task, learning_rates: Sequence[float], device: torch.device) -> None:
        super().__init__(task, learning_rates, device)
        bits1, _, bits2, _, bits3, _ = self.weight_bits
        self._update1 = self._step * 2.0 ** (bits1 - ERROR1_BITS - self.image_bits)
        self._update2 = self._step * 2.0 ** (bits2 - ERROR2_BITS - ACTIVE1_BITS)
        self._update3 = self._step * 2.0 ** (bits3 - ERROR_BITS - ACTIVE2_BITS)

    def inputs(self, images: npt.NDArray[np.int8]) -> torch.Tensor:
        """Return the patches of the first convolution, shape (examples, 16, 9)."""
        padded = np.pad(images.reshape(-1, 8, 8), ((0, 0), (1, 1), (1, 1)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))[:, ::2, ::2]
        return torch.from_numpy(windows.reshape(-1, 16, 9).astype(np.float32))

    def _layer(
        self, inputs: torch.Tensor, index: int, weights: Tensors, in_bits: int, out_bits: int
    ) -> torch.Tensor:
        """Return inputs @ weight + bias in units of 2^-out_bits, not yet rounded."""
        weight, bias = weights[2 * index : 2 * index + 2]
        bits, bias_bits = self.weight_bits[2 * index : 2 * index + 2]
        return torch.baddbmm(
            bias.unsqueeze(1),
            inputs,
            weight,
            beta=2.0 ** (out_bits - bias_bits),
            alpha=2.0 ** (out_bits - in_bits - bits),
        )

    def _fraction(self, index: int, in_bits: int, out_bits: int) -> int:
        """Return the fraction bits of a layer's sums in ulps of its output."""
        return in_bits + self.weight_bits[2 * index] - out_bits

    def _forward(self, weights: Tensors, inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return first activations, second patches, second activations and logits.

        Shapes: (R, examples * 16, C1), (R, examples * 4, 9 C1), (R, examples, 4 C2),
        (R, examples, 10).
        """
        runs, examples = inputs.shape[:2]
        flat = inputs.reshape(runs, examples * 16, 9)
        active1 = self._layer(flat, 0, weights, self.image_bits, ACTIVE1_BITS)
        self.observe("activation 1", active1, self._fraction(0, self.image_bits, ACTIVE1_BITS))
        active1.round_().clamp_(0, 127)
        patches = _patches(active1.view(runs, examples, 4, 4, -1))
        active2 = self._layer(patches, 1, weights, ACTIVE1_BITS, ACTIVE2_BITS)
        self.observe("activation 2", active2, self._fraction(1, ACTIVE1_BITS, ACTIVE2_BITS))
        active2.round_().clamp_(0, 127)
        full = active2.view(runs, examples, -1)
        logits = self._layer(full, 2, weights, ACTIVE2_BITS, self.logit_bits)
        self.observe("logit", logits, self._fraction(2, ACTIVE2_BITS, self.logit_bits))
        return active1, patches, full, to_int8(logits)

    def logits(self, weights: Tensors, inputs: torch.Tensor) -> torch.Tensor:
        """Return integer logits, shape (R, examples, 10)."""
        return self._forward(weights, inputs.expand(weights[0].shape[0], -1, -1, -1))[3]

    def deltas(
        self, weights: Tensors, inputs: torch.Tensor, targets: torch.Tensor, deltas: Tensors
    ) -> None:
        """Write -learning rate * mean gradient, in ulps of each tensor."""
        bits1, bias_bits1, bits2, bias_bits2, bits3, bias_bits3 = self.weight_bits
        runs, examples = inputs.shape[:2]
        active1, patches, full, logits = self._forward(weights, inputs)
        error3 = self.errors(logits, targets)
        error2 = torch.bmm(error3, weights[4].transpose(1, 2))
        error2.mul_(2.0 ** (ERROR2_BITS - ERROR_BITS - bits3))
        self.observe("gradient 2", error2, ERROR_BITS + bits3 - ERROR2_BITS)
        to_int8(error2)
        error2 = error2.mul_(full.sign()).view(runs, examples * 4, -1)
        error1 = _fold(torch.bmm(error2, weights[2].transpose(1, 2)), examples)
        error1 = error1.view(runs, examples * 16, -1)
        error1.mul_(2.0 ** (ERROR1_BITS - ERROR2_BITS - bits2))
        self.observe("gradient 1", error1, ERROR2_BITS + bits2 - ERROR1_BITS)
        to_int8(error1)
        error1.mul_(active1.sign())
        flat = inputs.reshape(runs, examples * 16, 9)
        layers = (
            (flat, error1, self._update1, self.image_bits + bias_bits1 - bits1),
            (patches, error2, self._update2, ACTIVE1_BITS + bias_bits2 - bits2),
            (full, error3, self._update3, ACTIVE2_BITS + bias_bits3 - bits3),
        )
        for index, (reads, error, update, shift) in enumerate(layers):
            error.mul_(update)
            torch.bmm(reads.transpose(1, 2), error, out=deltas[2 * index])
            torch.sum(error, 1, out=deltas[2 * index + 1])
            deltas[2 * index + 1].mul_(2.0**shift)

    @property
    def gradient_bits(self) -> tuple[int, ...]:
        """Fraction bits of each tensor's gradient, summed over the batch, in ulps of the tensor."""
        bits1, bias_bits1, bits2, bias_bits2, bits3, bias_bits3 = self.weight_bits
        return (
            ERROR1_BITS + self.image_bits - bits1,
            ERROR1_BITS - bias_bits1,
            ERROR2_BITS + ACTIVE1_BITS - bits2,
            ERROR2_BITS - bias_bits2,
            ERROR_BITS + ACTIVE2_BITS - bits3,
            ERROR_BITS - bias_bits3,
        )

    def float_logits(self, weights: Tensors, inputs: torch.Tensor) -> torch.Tensor:
        """Return the logits of the float32 control, shape (examples, 10)."""
        weight1, bias1, weight2, bias2, weight3, bias3 = weights
        examples = len(inputs)
        active1 = inputs.reshape(-1, 9) @ weight1 + bias1
        self.observe("activation 1", active1 * 2.0**ACTIVE1_BITS, None)
        active1 = torch.relu(active1)
        patches = _patches(active1.view(1, examples, 4, 4, -1))[0]
        active2 = patches @ weight2 + bias2
        self.observe("activation 2", active2 * 2.0**ACTIVE2_BITS, None)
        active2 = torch.relu(active2)
        return active2.view(examples, -1) @ weight3 + bias3


def _patches(active: torch.Tensor) -> torch.Tensor:
    """Return the 3x3 windows of (R, examples, 4, 4, C), shape (R, examples * 4, 9 C)."""
    runs, examples = active.shape[:2]
    windows = [active[:, :, r : r + 3, c : c + 3].flatten(2) for r, c in _WINDOWS]
    return torch.stack(windows, dim=2).view(runs, examples * 4, -1)


def _fold(errors: torch.Tensor, examples: int) -> torch.Tensor:
    """Add up the errors of overlapping windows: the transpose of `_patches`."""
    runs = errors.shape[0]
    windows = errors.view(runs, examples, 4, 3, 3, -1)
    total = errors.new_zeros(runs, examples, 4, 4, windows.shape[-1])
    for index, (r, c) in enumerate(_WINDOWS):
        total[:, :, r : r + 3, c : c + 3].add_(windows[:, :, index])
    return total
