"""Weight updates rounded without a generator: the random words are bits of the operands.

The words are those of `esru.emulate.operand`, on PyTorch tensors of many runs. What they are
depends on the data, so there is no stream to look up: the tensors are laid out cycle by cycle,
as they lie on the lanes.
"""

from __future__ import annotations

import numpy as np
import torch

from esru.design import Design
from esru.emulate.arrays import decision_values
from esru.emulate.decision import table_ups
from esru.emulate.runs import Runs
from esru.emulate.stream import tensor_cycles
from esru.emulate.tensors import MAX_FLOAT_BITS
from esru.errors import InputError


def low_words(design: Design, low: torch.Tensor, held: torch.Tensor) -> torch.Tensor:
    """Return the random words of successive cycles.

    Parameters
    ----------
    design : Design
        Its source is one of the operand sources.
    low : torch.Tensor of integers, shape (..., cycles, lanes)
        The k lowest dropped bits of each operand; 0 where a lane has none.
    held : torch.Tensor of integers, shape (..., lanes)
        Those of the cycle before the first; 0 after reset.
    """
    if design.source == "operand-own":
        return low
    if design.source == "operand-prev":
        return torch.cat((held.unsqueeze(-2), low[..., :-1, :]), -2)
    groups = low.reshape(*low.shape[:-1], -1, design.lanes)
    neighbour = groups.roll(-1, -1).reshape(low.shape)
    return neighbour if design.source == "operand-neighbour" else low ^ neighbour


class OperandRounder:
    """Rounds the updates of a batch of runs of one generator-free design, step by step.

    Parameters
    ----------
    runs : Runs
        The runs; their designs have one behaviour, whose source is one of the operand sources.

    Raises
    ------
    InputError
        If a design drops more bits than float32 holds.
    """

    def __init__(self, runs: Runs) -> None:
        self._design = design = runs.design
        if design.dropped > MAX_FLOAT_BITS:
            rule = f"at most {MAX_FLOAT_BITS} for floating-point tensors"
            raise InputError.must("Dropped bits (D) of an operand source", rule, design.dropped)
        self._runs, self._lanes, self._sizes = len(runs.chosen), runs.lanes, runs.sizes
        values = decision_values(design, np.arange(1 << design.k))
        self._values = torch.from_numpy(values.astype(np.int32)).to(runs.device)
        self._ups = table_ups(design, runs.device)
        self._held = torch.zeros(self._runs, self._lanes, dtype=torch.int32, device=runs.device)

    def apply(self, weights: torch.Tensor, delta: torch.Tensor, step: int) -> None:
        """Replace weights by the rounded sum of weights and updates.

        Parameters
        ----------
        weights : torch.Tensor
            Flat buffer of integers in ulps, within the output format; changed in place.
        delta : torch.Tensor
            Flat buffer of updates in ulps, below 2^100 in magnitude; its content is lost.
        step : int
            The training step. Steps must come in order: each leaves the next one operands.
        """
        design = self._design
        (_, out), dropped = design.fixed, design.dropped
        whole = torch.floor(delta)
        fractions = delta.mul_(2.0**dropped).floor_().sub_(whole, alpha=2.0**dropped)
        # The sum is saturated to the input format before the unit sees any bit of it.
        total = whole.add_(weights)
        fractions[total > out.high] = 2.0**dropped - 1
        fractions[total < out.low] = 0.0
        bits = fractions.to(torch.int32)
        words = self._words(bits & ((1 << design.k) - 1))
        f = bits >> (dropped - design.n)
        compared = self._values[words]
        if self._ups is not None:
            up = self._ups[(compared.long() << design.n) + f]
        else:
            up = (f >> compared) & 1 if design.rule == "select" else f >= compared
        torch.clamp(total, out.low, out.high, out=weights).add_(up)
        if design.overflow == "wrap":
            weights.sub_((weights > out.high).to(weights.dtype), alpha=float(1 << out.width))
        else:
            weights.clamp_(out.low, out.high)

    def _words(self, low: torch.Tensor) -> torch.Tensor:
        """Return each element's word, from a flat buffer of the operands' low bits."""
        found = []
        for part in torch.split(low, [self._runs * size for size in self._sizes]):
            size = part.numel() // self._runs
            cycles = tensor_cycles(size, self._lanes)
            laid = part.new_zeros(self._runs, cycles * self._lanes)
            laid[:, :size] = part.view(self._runs, size)
            laid = laid.view(self._runs, cycles, self._lanes)
            words = low_words(self._design, laid, self._held)
            self._held = laid[:, -1].clone()
            found.append(words.reshape(self._runs, -1)[:, :size].reshape(-1))
        return torch.cat(found)
