"""Tensors of many runs rounded to ocp_e2m1 in each step, every run by its own array of units.

What a unit reads is an element of a block, divided by the block's scale. Every number of
ocp_e2m1 is an integer times an ulp of 1/2, 1 or 2, so that a fraction is that of a quotient
below 4, and is taken to 24 bits, as in `esru.emulate.update`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from esru.decision_table import is_table
from esru.emulate.addends import AddendStream
from esru.emulate.decision import Decision
from esru.emulate.floats import pair_of
from esru.emulate.runs import Runs
from esru.emulate.step_values import comparable
from esru.emulate.stream import Array, tensor_cycles
from esru.emulate.tensors import MAX_FLOAT_BITS


def e2m1_ulp(sizes: torch.Tensor) -> torch.Tensor:
    """Return the ulp of ocp_e2m1 at each magnitude: 1/2 below 2, 1 below 4, then 2."""
    found = (sizes < 2).to(sizes.dtype)
    return found.mul_(-0.5).sub_((sizes < 4).to(sizes.dtype)).add_(2.0)


class BlockRounder:
    """Rounds the tensors of a batch of runs, step by step.

    Parameters
    ----------
    runs : Runs
        The runs; their designs round to ocp_e2m1.
    """

    def __init__(self, runs: Runs) -> None:
        assert pair_of(runs.design)[1].name == "ocp_e2m1"
        streams = zip(runs.arrays, runs.streams, strict=True)
        self._streams = [(_Compared(array), cycles) for array, (_, cycles) in streams]
        self._chosen = torch.tensor(runs.chosen, dtype=torch.int64, device=runs.device)
        self._sizes = runs.sizes
        lengths = [tensor_cycles(size, runs.lanes) for size in self._sizes]
        self._first = [sum(lengths[:i]) for i in range(len(lengths))]
        self._step = 0
        self._decision = Decision(runs.design, runs.device)

    def begin(self, step: int) -> None:
        """Begin a training step, which fixes the words."""
        self._step = step

    def round(self, index: int, elements: torch.Tensor) -> torch.Tensor:
        """Return elements rounded to ocp_e2m1.

        Parameters
        ----------
        index : int
            Which of the shapes it is.
        elements : torch.Tensor
            float32, the quotients of the units' inputs and scales, shape (R, *shape); at most 6
            in magnitude.
        """
        compared = self._compared(index).view(-1, *elements.shape[1:])
        sizes = elements.abs().clamp_(max=6.0)
        ulp = e2m1_ulp(sizes)
        quotient = sizes.div_(ulp)
        whole = torch.floor(quotient)
        up = self._decision.up(quotient, whole, compared)
        return torch.copysign(whole.add_(up).mul_(ulp).clamp_(max=6.0), elements)

    def _compared(self, index: int) -> torch.Tensor:
        """Return what each element is compared with, shape (R or 1, size)."""
        size, first = self._sizes[index], self._first[index]
        parts = [
            torch.from_numpy(compared(size, self._step * cycles + first))
            for compared, cycles in self._streams
        ]
        found = torch.stack(parts).to(self._chosen.device)
        return found if len(parts) == 1 else found.index_select(0, self._chosen)


class _Compared:
    """What the elements of a tensor are compared with, as `esru.emulate.step_values` has it."""

    def __init__(self, array: Array) -> None:
        self._array = array
        self._stream = None if is_table(array.design.rule) else AddendStream(array)

    def __call__(self, size: int, phase: int) -> npt.NDArray[np.float32]:
        design = self._array.design
        if self._stream is None:
            words, _ = self._array.tensor_words(size, phase)
            return comparable(design, words).astype(np.float32)
        found = np.empty(size, np.float32)
        for part, addends in self._stream.blocks(size, phase):
            np.copyto(found[part], addends)
        if design.rule == "select":
            # A mask is 2^(n-1-J).
            return np.divide(np.float32(2.0 ** (design.n - 1)), found, out=found)
        found *= np.float32(-(2.0 ** (MAX_FLOAT_BITS - design.n)))
        found += np.float32(1 << MAX_FLOAT_BITS)
        return found
