"""The transformer of `fp4-transformer`: backward products of FP4 matrices, errors rounded by units.

Weights are float32, a copy of high precision, and nothing rounds their update. Forwards each
linear layer multiplies int8 activations by weights rounded to int8, to nearest. Backwards it
multiplies matrices of ocp_e2m1 in blocks with scales: errors, which the units round, by weights
for the errors of the layer's input, and by activations for the gradient of its weights; weights
and activations are rounded to nearest. Blocks lie along the axis that is summed over, so that
each error is rounded twice: along the layer's outputs, then along the tokens.

Attention, norms and activations are those of `esru.train.transformer`. Between a linear layer
and the next norm or product, errors stay in float32.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch.autograd import Function

from esru.train.fp4_blocks import SCALINGS, Blocks, nearest_e2m1
from esru.train.network import ERROR_BITS, softmax_table
from esru.train.quantised import Bias, Int8, round_to
from esru.train.tasks import ERROR_LAYERS, Task
from esru.train.transformer import SCORE_BITS, Transformer

#: From the number of a tensor of errors in its step, and its elements, to rounded elements.
Round = Callable[[int, torch.Tensor], torch.Tensor]

#: Fraction bits of the weights' int8 copy.
WEIGHT_BITS = 7


class _Linear(Function):
    @staticmethod
    def forward(
        ctx: Any, values: torch.Tensor, weight: torch.Tensor, bias: Bias, layer: int, fp4: Fp4
    ) -> torch.Tensor:
        ctx.save_for_backward(values, weight)
        ctx.layer, ctx.fp4, ctx.biased = layer, fp4, bias is not None
        found = values @ round_to(weight, WEIGHT_BITS, -128.0)[0]
        return found if bias is None else found.add_(bias.unsqueeze(1))

    @staticmethod
    def backward(ctx: Any, *errors: torch.Tensor) -> Any:
        values, weight = ctx.saved_tensors
        fp4, error = ctx.fp4, errors[0]
        number = 2 * ERROR_LAYERS.index(ctx.layer)
        across = fp4.rounded_errors(number, error)
        along = fp4.rounded_errors(number + 1, error.transpose(1, 2))
        back = across @ fp4.nearest(weight).transpose(1, 2)
        gradient = (along @ fp4.nearest(values.transpose(1, 2)).transpose(1, 2)).transpose(1, 2)
        bias = along.sum(-1).float() if ctx.biased else None
        return back.float(), gradient.float(), bias, None, None


class Fp4(Int8):
    """Layers whose linear ones multiply FP4 matrices backwards.

    Parameters
    ----------
    table : torch.Tensor
        As `Int8` takes it.
    scaling : str
        Of `esru.train.fp4_blocks.SCALINGS`.
    units : callable
        What rounds errors.
    """

    round_returned_errors = False

    def __init__(self, table: torch.Tensor, scaling: str, units: Round) -> None:
        super().__init__(table)
        self._block, self._scaled = SCALINGS[scaling]
        self._units = units

    def nearest(self, values: torch.Tensor) -> torch.Tensor:
        """Return values (R, rows, size) as FP4 holds them in blocks, float64, to nearest."""
        blocks = self._scaled(values, self._block)
        return _joined(nearest_e2m1(blocks.elements()), blocks, values)

    def rounded_errors(self, number: int, errors: torch.Tensor) -> torch.Tensor:
        """Return errors (R, rows, size) as FP4 holds them in blocks, float64, by the units."""
        blocks = self._scaled(errors, self._block)
        return _joined(self._units(number, blocks.elements()), blocks, errors)

    def linear(
        self, values: torch.Tensor, weight: torch.Tensor, layer: int, bias: Bias = None
    ) -> torch.Tensor:
        """Return values @ weight + bias, FP4 matrices in the two backward products."""
        return _Linear.apply(values, weight, bias, layer, self)  # type: ignore[no-any-return, no-untyped-call]  # torch types no apply


def _joined(elements: torch.Tensor, blocks: Blocks, like: torch.Tensor) -> torch.Tensor:
    """Return elements times scales in the shape of `like`, float64."""
    runs, rows, size = like.shape
    return (elements * blocks.scales).view(runs, rows, -1)[..., :size].double()


class Fp4Transformer(Transformer):
    """The network for R runs; its `rounder` rounds the errors."""

    def __init__(self, task: Task, learning_rates: Sequence[float], device: torch.device) -> None:
        super().__init__(task, learning_rates, device)
        table = torch.from_numpy(softmax_table(SCORE_BITS)).to(device)
        self._layers = Fp4(table, task.gradients, self._round)

    def errors(self, logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Return softmax less target in units of 2^-7, in float32."""
        powers = self.exponentials(logits)
        total = powers.sum(2, keepdim=True)
        return powers.mul_(2.0**ERROR_BITS).div_(total).sub_(targets).float()

    def _round(self, number: int, elements: torch.Tensor) -> torch.Tensor:
        assert self.rounder is not None
        return self.rounder.round(number, elements)
