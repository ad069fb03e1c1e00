"""Linear, Conv2d and Embedding whose tensors go through units: drop-in, with the same state."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional

from esru.torch.config import Rounding


class _Rounded(nn.Module):
    """What the three layers share: a quantiser, or nothing, for each kind of tensor."""

    def round_by(self, rounding: Rounding) -> None:
        """Give the layer its quantisers, where its parameters lie."""
        self.weight_quantiser = rounding.quantiser("weights")
        self.activation_quantiser = rounding.quantiser("activations")
        self.gradient_quantiser = rounding.quantiser("gradients")
        for parameter in self.parameters(recurse=False):
            for quantiser in self.children():
                quantiser.to(parameter.device).train(self.training)


class Linear(nn.Linear, _Rounded):
    """`torch.nn.Linear` with rounded weights, inputs and output gradients.

    Parameters
    ----------
    rounding : Rounding
        Which tensors go through which unit.
    *args, **kwargs
        As `torch.nn.Linear` takes them.
    """

    def __init__(self, *args: Any, rounding: Rounding, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.round_by(rounding)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Return the layer's output."""
        weight = self.weight_quantiser(self.weight)
        found = functional.linear(self.activation_quantiser(input), weight, self.bias)
        return torch.as_tensor(self.gradient_quantiser(found))


class Conv2d(nn.Conv2d, _Rounded):
    """`torch.nn.Conv2d` with rounded weights, inputs and output gradients.

    Parameters
    ----------
    rounding : Rounding
        Which tensors go through which unit.
    *args, **kwargs
        As `torch.nn.Conv2d` takes them.
    """

    def __init__(self, *args: Any, rounding: Rounding, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.round_by(rounding)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Return the layer's output."""
        weight = self.weight_quantiser(self.weight)
        found = self._conv_forward(self.activation_quantiser(input), weight, self.bias)
        return torch.as_tensor(self.gradient_quantiser(found))


class Embedding(nn.Embedding, _Rounded):
    """`torch.nn.Embedding` with a rounded table and output gradients; indices have no rounding.

    Parameters
    ----------
    rounding : Rounding
        Which tensors go through which unit.
    *args, **kwargs
        As `torch.nn.Embedding` takes them.
    """

    def __init__(self, *args: Any, rounding: Rounding, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.round_by(rounding)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        """Return the looked-up rows."""
        found = functional.embedding(
            input,
            self.weight_quantiser(self.weight),
            self.padding_idx,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.sparse,
        )
        return torch.as_tensor(self.gradient_quantiser(found))
