"""What each element of a batch of runs is compared with, step by step."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from esru.decision_table import is_table
from esru.design import Design
from esru.emulate.arrays import decision_values
from esru.emulate.runs import Blocks, Runs
from esru.emulate.stream import Array, Words, tensor_cycles
from esru.emulate.tensors import MAX_FLOAT_BITS


class StepValues:
    """What the elements of R runs are compared with.

    Thresholds are in units of 2^-24 ulp; for `select` it is 2^J, and for a table the code times
    2^n.

    Parameters
    ----------
    runs : Runs
        The runs.
    steps : int
        Steps of a run.
    """

    def __init__(self, runs: Runs, steps: int) -> None:
        self._chosen = torch.tensor(runs.chosen, dtype=torch.int64, device=runs.device)
        streams = zip(runs.arrays, runs.streams, strict=True)
        values = [
            _stream_values(array, runs.sizes, steps, cycles) for array, (_, cycles) in streams
        ]
        self._values = [
            torch.from_numpy(np.stack(parts, axis=1)).to(runs.device)
            for parts in zip(*values, strict=True)
        ]
        self._found = Blocks([(size,) for size in runs.sizes], len(runs.chosen), runs.device)

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


def _stream_values(
    array: Array, sizes: list[int], steps: int, cycles: int
) -> list[npt.NDArray[np.float32]]:
    """Return what each element is compared with in each step, shape (steps, size) per tensor."""
    lanes = array.lanes
    lengths = [tensor_cycles(size, lanes) for size in sizes]
    words = array.block_words([step * cycles for step in range(steps)], sum(lengths))
    values = comparable(array.design, words).reshape(steps, -1)
    parts, first = [], 0
    for size, length in zip(sizes, lengths, strict=True):
        part = values[:, first * lanes : first * lanes + size]
        parts.append(part.astype(np.float32))
        first += length
    return parts
