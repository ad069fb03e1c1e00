"""Adam's direction, every number rounded the same way on every machine.

Only sums, products, quotients and square roots of float32 are used, each a pass of its own: IEEE
754 rounds them correctly, and no library can fuse two of them. The moments stay in float32: what
a unit rounds is the update of a weight.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from esru.train.quantised import correct_root

#: 1 - beta of the moments, powers of two: the product with them is exact.
STEP1, STEP2 = 2.0**-3, 2.0**-6

#: Added to the root of the second moment, before its bias is corrected.
EPSILON = 2.0**-30


class Adam:
    """The moments of some tensors.

    Parameters
    ----------
    shapes : sequence of tuple of int
        Shapes of the gradients.
    device : torch.device
        Where they lie.
    """

    def __init__(self, shapes: Sequence[tuple[int, ...]], device: torch.device) -> None:
        self._first = [torch.zeros(shape, device=device) for shape in shapes]
        self._second = [torch.zeros(shape, device=device) for shape in shapes]
        # Powers of the betas, by products: a library's power function may err in its last bit.
        self._power1 = self._power2 = 1.0

    def directions(self, gradients: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Take the next step's gradients; return by how many learning rates each weight falls."""
        self._power1 *= 1.0 - STEP1
        self._power2 *= 1.0 - STEP2
        factor = math.sqrt(1.0 - self._power2) / (1.0 - self._power1)
        found = []
        for first, second, gradient in zip(self._first, self._second, gradients, strict=True):
            first.mul_(1.0 - STEP1).add_(gradient * STEP1)
            second.mul_(1.0 - STEP2).add_(gradient.square() * STEP2)
            found.append((first * factor).div_(correct_root(second).add_(EPSILON)))
        return found
