"""ResNet-20 for images of 32x32 pixels, as He et al. published it, with identity shortcuts."""

from __future__ import annotations

import math

import torch
from torch import nn
from torch.nn import functional

from esru.train.images.task import BLOCKS, CLASSES, STAGES
from esru.train.random import WEIGHTS, uniforms


class Block(nn.Module):
    """Two 3x3 convolutions, each normalised over the batch, added to what they read."""

    def __init__(self, before: int, channels: int) -> None:
        super().__init__()
        self.stride = 1 if before == channels else 2
        self.first = nn.Conv2d(before, channels, 3, self.stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.second = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return the block's activations."""
        found = torch.relu(self.norm1(self.first(inputs)))
        found = self.norm2(self.second(found))
        if self.stride == 2:
            extra = found.shape[1] - inputs.shape[1]
            inputs = functional.pad(inputs[:, :, ::2, ::2], (0, 0, 0, 0, 0, extra))
        return torch.relu(found + inputs)


class ResNet20(nn.Module):
    """The network.

    Parameters
    ----------
    seed : int
        Fixes the initial weights: uniform with the variance 2 / inputs; biases are 0.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        # Made without numbers, so that nothing is drawn from a global generator.
        with torch.device("meta"):
            self.first = nn.Conv2d(3, STAGES[0], 3, 1, 1, bias=False)
            self.norm = nn.BatchNorm2d(STAGES[0])
            blocks, before = [], STAGES[0]
            for channels in STAGES:
                for _ in range(BLOCKS):
                    blocks.append(Block(before, channels))
                    before = channels
            self.blocks = nn.Sequential(*blocks)
            self.last = nn.Linear(before, CLASSES)
        self.to_empty(device="cpu")
        weights = [parameter for parameter in self.parameters() if parameter.dim() > 1]
        drawn = torch.from_numpy(uniforms(seed, WEIGHTS, sum(w.numel() for w in weights)))
        with torch.no_grad():
            parts = torch.split(drawn, [weight.numel() for weight in weights])
            for weight, part in zip(weights, parts, strict=True):
                limit = math.sqrt(6 / (weight.numel() // weight.shape[0]))
                weight.copy_((part * limit).view_as(weight))
            self.last.bias.zero_()
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.reset_parameters()

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Return logits, shape (examples, classes)."""
        found = torch.relu(self.norm(self.first(inputs)))
        return torch.as_tensor(self.last(self.blocks(found).mean((2, 3))))

    def rounded(self) -> list[nn.Parameter]:
        """Return the parameters that are stored in 8 bits: all but the norms'."""
        norms = {p for m in self.modules() if isinstance(m, nn.BatchNorm2d) for p in m.parameters()}
        return [parameter for parameter in self.parameters() if parameter not in norms]
