"""A batch of runs, each of whose tensors meet an array of units of the run's own.

The tensors of all runs lie in one flat buffer, tensor by tensor: `Blocks`. A run's words follow
from its design and from the cycles between two steps, so that runs which share both share them.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import prod

import torch

from esru.decision_table import is_table
from esru.design import Design
from esru.emulate.stream import Array, lanes_array
from esru.emulate.tensors import check_float_bits
from esru.sources.settings import OPERANDS

#: A design with the cycles C from one step to the next: fixes the words of a run.
Stream = tuple[Design, int]


def batch_key(design: Design) -> Hashable:
    """Return what the designs of one batch must share.

    That is the formats, the kind of rule and the overflow; a design that takes its random words
    from the operands has batches of its own, and so has a table. Fixed-point inputs may differ.
    """
    if design.source in OPERANDS:
        return design.behaviour
    formats = design.floats or design.out_format
    if is_table(design.rule):
        return design.rule, design.n, design.overflow, formats
    return design.rule == "select", design.overflow, formats


@dataclass(frozen=True)
class Runs:
    """What a batch of runs rounds, and with which arrays.

    Parameters
    ----------
    streams : sequence of Stream
        The distinct word streams; all designs have the same `batch_key`.
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

    streams: Sequence[Stream]
    chosen: Sequence[int]
    shapes: Sequence[tuple[int, ...]]
    lanes: int
    device: torch.device

    def __post_init__(self) -> None:
        assert len({batch_key(design) for design, _ in self.streams}) == 1
        for design, _ in self.streams:
            check_float_bits(design)
            lanes_array(design, self.lanes)

    @property
    def design(self) -> Design:
        """A design of the batch: it stands for all, but for what `batch_key` lets differ."""
        return self.streams[0][0]

    @property
    def arrays(self) -> list[Array]:
        """The array of each stream."""
        return [lanes_array(design, self.lanes) for design, _ in self.streams]

    @property
    def sizes(self) -> list[int]:
        """Elements of each tensor of one run."""
        return [prod(shape) for shape in self.shapes]


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
