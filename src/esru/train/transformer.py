"""The transformer of `chars-transformer`: one block of causal attention and a perceptron.

A window of characters goes through an embedding with learned positions, attention of `HEADS`
heads, a perceptron with rectified activations (each behind a root-mean-square norm, each added to
what it read) and a last norm; the logits are those of the next character. Adam gives the update.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from esru.train import text
from esru.train.adam import Adam
from esru.train.network import ERROR_BITS, Network, Split, Tensors, softmax_table, to_int8
from esru.train.quantised import Float32, Int8, Layers
from esru.train.tasks import Task

HEADS = 2

#: The tensors that are weights of linear layers.
QUERY, MIX, RISE, FALL, LAST = 2, 3, 4, 6, 7

#: 1 / root of a head's size (16), which is a power of two.
SCORE_SCALE = 2.0**-2

#: Fraction bits of the residual stream, of what a norm returns, of queries, keys and values, of
#: the scores, of what attention returns and of the perceptron's activations (0..127).
STREAM_BITS, NORM_BITS, QUERY_BITS, SCORE_BITS, MIXED_BITS, ACTIVE_BITS = 6, 5, 5, 4, 5, 5


class Transformer(Network):
    """The network for R runs."""

    weight_bits = (7,) * 9
    image_bits = 0
    logit_bits = 4

    def __init__(self, task: Task, learning_rates: Sequence[float], device: torch.device) -> None:
        super().__init__(task, learning_rates, device)
        runs = len(learning_rates)
        self._length, self._width = task.shapes[1]
        self._adam = Adam([(runs, *shape) for shape in task.shapes], device)
        self._rates = torch.tensor(list(learning_rates), dtype=torch.float32, device=device)
        self._layers: Layers = Int8(torch.from_numpy(softmax_table(SCORE_BITS)).to(device))
        later = torch.ones(self._length, self._length, dtype=torch.bool, device=device)
        self._later = later.triu(1)

    def load(self) -> Split:
        """Return windows of characters, and the characters that follow each of theirs."""
        task = self.task
        found = text.load(task.train_examples, task.test_examples, self._length)
        train, test = (torch.from_numpy(part).float() for part in (found.train, found.test))
        return Split(train, found.train_next, test, found.test_next.reshape(-1))

    def targets(self, labels: npt.NDArray[np.int64]) -> torch.Tensor:
        """Return the characters that follow, shape (windows, length)."""
        return torch.from_numpy(labels)

    def logits(self, weights: Tensors, inputs: torch.Tensor) -> torch.Tensor:
        """Return integer logits, shape (R, windows * length, characters)."""
        found = self._forward(
            self._values(weights), inputs.expand(weights[0].shape[0], -1, -1), self._layers
        )
        return to_int8(found * 2.0**self.logit_bits)

    def deltas(
        self, weights: Tensors, inputs: torch.Tensor, targets: torch.Tensor, deltas: Tensors
    ) -> None:
        """Write -learning rate * Adam's direction, in ulps of each tensor."""
        runs, tokens = targets.shape[0], targets.shape[1] * targets.shape[2]
        values = self._values(weights)
        for value in values:
            value.requires_grad_()
        found = self._forward(values, inputs, self._layers)
        wanted = torch.zeros(found.shape, dtype=torch.float64, device=found.device)
        wanted.scatter_(2, targets.view(runs, tokens, 1), 2.0**ERROR_BITS)
        errors = self.errors(to_int8(found.detach() * 2.0**self.logit_bits), wanted)
        errors.mul_(2.0**-ERROR_BITS / tokens)
        gradients = torch.autograd.grad(found, values, errors)
        directions = self._adam.directions(gradients)
        for delta, direction, bits in zip(deltas, directions, self.weight_bits, strict=True):
            fall = (-self._rates * 2.0**bits).view(runs, *[1] * (direction.dim() - 1))
            torch.mul(direction, fall, out=delta)

    def directions(self, gradients: Tensors) -> Tensors:
        """Return Adam's directions of the control's one run."""
        found = self._adam.directions([gradient.unsqueeze(0) for gradient in gradients])
        return tuple(direction[0] for direction in found)

    def float_logits(self, weights: Tensors, inputs: torch.Tensor) -> torch.Tensor:
        """Return the logits of the float32 control, shape (windows * length, characters)."""
        values = tuple(weight.unsqueeze(0) for weight in weights)
        return self._forward(values, inputs.unsqueeze(0), Float32())[0]

    def _values(self, weights: Tensors) -> Tensors:
        """Return the values that the integers stand for."""
        pairs = zip(weights, self.weight_bits, strict=True)
        return tuple(weight * 2.0**-bits for weight, bits in pairs)

    def _forward(self, weights: Tensors, windows: torch.Tensor, layers: Layers) -> torch.Tensor:
        """Return the logits, not rounded, of windows (R, examples, length)."""
        embedding, position, query, mix, rise, rise_bias, fall, last, last_bias = weights
        runs, examples, length = windows.shape
        tokens, width = examples * length, self._width
        chosen = windows.reshape(runs, tokens, 1).to(torch.int64).expand(-1, -1, width)
        stream = torch.gather(embedding, 1, chosen).view(runs, examples, length, width)
        stream = layers.rounded(
            (stream + position.unsqueeze(1)).view(runs, tokens, width), STREAM_BITS
        )
        heads = layers.linear(layers.normalised(stream, NORM_BITS), query, QUERY)
        heads = layers.returned(heads, QUERY_BITS)
        mixed = self._attention(heads.view(runs, examples, length, 3, HEADS, -1), layers)
        mixed = layers.linear(mixed.reshape(runs, tokens, width), mix, MIX)
        stream = layers.returned(stream + mixed, STREAM_BITS)
        active = layers.linear(layers.normalised(stream, NORM_BITS), rise, RISE, rise_bias)
        active = layers.rectified(active, ACTIVE_BITS)
        stream = layers.returned(stream + layers.linear(active, fall, FALL), STREAM_BITS)
        return layers.linear(layers.normalised(stream, NORM_BITS), last, LAST, last_bias)

    def _attention(self, heads: torch.Tensor, layers: Layers) -> torch.Tensor:
        """Return what each head takes from earlier places, shape (R, examples, length, width)."""
        runs, examples, length, _, count, size = heads.shape
        parts = heads.permute(3, 0, 1, 4, 2, 5).reshape(3, -1, length, size)
        scores = parts[0] @ parts[1].transpose(1, 2) * SCORE_SCALE
        # Errors are rounded for each run, so the runs have an axis of their own.
        scores = layers.rounded(scores.view(runs, -1, length, length), SCORE_BITS)
        shares = layers.shares(scores, SCORE_BITS, self._later)
        mixed = shares.view(-1, length, length) @ parts[2]
        mixed = mixed.view(runs, examples, count, length, size).transpose(2, 3)
        return layers.rounded(mixed, MIXED_BITS)
