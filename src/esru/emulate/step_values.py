"""What each element of a batch of runs is compared with, step by step.

The tensors of all runs lie in one flat buffer, tensor by tensor: `Blocks`. A run's words follow
from its design and from the cycles between two steps, so that runs which share both share them.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np
import numpy.typing as npt
import torch

from esru.decision_table import is_table
from esru.design import Design
from esru.emulate.arrays import decision_values
from esru.emulate.stream import Array, Words, tensor_cycles
from esru.emulate.tensors import MAX_FLOAT_BITS

#: A design with the cycles C from one step to the next: fixes the words of a run.
Stream = tuple[Design, int]


class Blocks:
    """A flat buffer that holds several tensors of each of R runs.

    Parameters
    ----------
    shapes : sequence of tuple of int
        Shape of each tensor in one run.
    runs : int
        R.
    device : torch.device
        Where the buffer lies.
    dtype : torch.dtype
        Type of its elements.

    Attributes
    ----------
    flat : torch.Tensor
        The buffer, shape (R * elements of one run,).
    views : tuple of torch.Tensor
        One contiguous view of it per tensor, shape (R, *shape).
    """

    def __init__(
        self,
        shapes: Sequence[tuple[int, ...]],
        runs: int,
        device: torch.device,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        sizes = [prod(shape) for shape in shapes]
        self.flat = torch.zeros(runs * sum(sizes), dtype=dtype, device=device)
        parts = torch.split(self.flat, [runs * size for size in sizes])
        self.views = tuple(
            part.view(runs, *shape) for part, shape in zip(parts, shapes, strict=True)
        )


class StepValues:
    """What the elements of R runs are compared with.

    Thresholds are in units of 2^-24 ulp; for `select` it is 2^J, and for a table the code times
    2^n.

    Parameters
    ----------
    streams : sequence of Stream
        The distinct word streams.
    chosen : sequence of int
        For each run the index of its stream.
    shapes : sequence of tuple of int
        Shapes of the tensors of one run, in the order in which they meet the array.
    steps : int
        Steps of a run.
    lanes : int
        Lanes of the array.
    device : torch.device
        Where the weights lie.
    """

    def __init__(
        self,
        streams: Sequence[Stream],
        chosen: Sequence[int],
        shapes: Sequence[tuple[int, ...]],
        steps: int,
        lanes: int,
        device: torch.device,
    ) -> None:
        self._chosen = torch.tensor(chosen, dtype=torch.int64, device=device)
        sizes = [prod(shape) for shape in shapes]
        self._values = [
            torch.from_numpy(np.stack(parts, axis=1)).to(device)
            for parts in zip(
                *(stream_values(stream, sizes, steps, lanes) for stream in streams), strict=True
            )
        ]
        self._found = Blocks([(size,) for size in sizes], len(chosen), device)

    def at(self, step: int) -> torch.Tensor:
        """Return those of a step: a flat buffer, which the next call overwrites."""
        for values, view in zip(self._values, self._found.views, strict=True):
            torch.index_select(values[step], 0, self._chosen, out=view)
        return self._found.flat


def comparable(design: Design, words: Words) -> npt.NDArray[np.int64]:
    """Return what `StepValues` holds for each random word."""
    values = decision_values(design, words)
    if design.rule == "select":
        return np.left_shift(1, design.n - 1 - values)
    if is_table(design.rule):
        return values << design.n
    return values << (MAX_FLOAT_BITS - design.n)


def stream_values(
    stream: Stream, sizes: Sequence[int], steps: int, lanes: int
) -> list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    """Return what each element is compared with in each step, shape (steps, size) per tensor."""
    design, cycles = stream
    array = Array(design, lanes)
    lengths = [tensor_cycles(size, lanes) for size in sizes]
    words = array.block_words([step * cycles for step in range(steps)], sum(lengths))
    values = comparable(design, words).reshape(steps, -1)
    parts, first = [], 0
    for size, length in zip(sizes, lengths, strict=True):
        part = values[:, first * lanes : first * lanes + size]
        parts.append(part.astype(np.float32))
        first += length
    return parts
