"""Tensors of many runs rounded to ocp_e2m1 in each step, every run by its own array of units.

What a unit reads is an element of a block, divided by the block's scale. Every number of
ocp_e2m1 is an integer times an ulp of 1/2, 1 or 2, so that a fraction is that of a quotient
below 4, and is taken to 24 bits, as in `esru.emulate.update`.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
import numpy.typing as npt
import torch

from esru.decision_table import decision_table, is_table
from esru.emulate.addends import AddendStream
from esru.emulate.floats import pair_of
from esru.emulate.step_values import Stream, comparable
from esru.emulate.stream import Array, tensor_cycles
from esru.emulate.tensors import MAX_FLOAT_BITS, check_float_bits

_SCALE = float(1 << MAX_FLOAT_BITS)


def e2m1_ulp(sizes: torch.Tensor) -> torch.Tensor:
    """Return the ulp of ocp_e2m1 at each magnitude: 1/2 below 2, 1 below 4, then 2."""
    found = (sizes < 2).to(sizes.dtype)
    return found.mul_(-0.5).sub_((sizes < 4).to(sizes.dtype)).add_(2.0)


class BlockRounder:
    """Rounds the tensors of a batch of runs, step by step.

    Parameters
    ----------
    streams : sequence of Stream
        The distinct word streams; all designs have the same `esru.emulate.update.batch_key`.
    chosen : sequence of int
        For each run the index of its stream.
    shapes : sequence of tuple of int
        Shapes of the tensors of one run and step, in the order in which they meet the array.
    lanes : int
        Lanes of the array.
    device : torch.device
        Where the tensors lie.

    Raises
    ------
    InputError
        If a design does not suit float32 or the lanes.
    """

    def __init__(
        self,
        streams: Sequence[Stream],
        chosen: Sequence[int],
        shapes: Sequence[tuple[int, ...]],
        lanes: int,
        device: torch.device,
    ) -> None:
        for design, _ in streams:
            check_float_bits(design)
        self.design = streams[0][0]
        assert pair_of(self.design)[1].name == "ocp_e2m1"
        self._streams = [(_Compared(Array(design, lanes)), cycles) for design, cycles in streams]
        self._chosen = torch.tensor(chosen, dtype=torch.int64, device=device)
        self._sizes = [prod(shape) for shape in shapes]
        lengths = [tensor_cycles(size, lanes) for size in self._sizes]
        self._first = [sum(lengths[:i]) for i in range(len(lengths))]
        self._step = 0
        self._ups: torch.Tensor | None = None
        if is_table(self.design.rule):
            table = decision_table(self.design.rule, self.design.n, self.design.k)
            self._ups = torch.from_numpy(table.ups().reshape(-1)).to(device, torch.float32)

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
        if self.design.rule == "select":
            # compared = 2^J: bit n-1-J of f is the bit of weight 2^-(J+1) of the quotient.
            scaled = quotient.mul_(compared)
            once = torch.floor(scaled)
            up = scaled.mul_(2.0).floor_().sub_(once, alpha=2.0)
        else:
            f = quotient.mul_(_SCALE).floor_().sub_(whole, alpha=_SCALE)
            if self._ups is None:
                up = (f >= compared).to(torch.float32)
            else:
                f = torch.floor(f * (2.0**self.design.n / _SCALE))
                up = self._ups[(f + compared).to(torch.int64)]
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
        found += np.float32(_SCALE)
        return found
