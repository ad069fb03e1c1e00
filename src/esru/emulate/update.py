"""Weight updates of many runs at once, each rounded by its own array of units.

The tensors of all runs lie in one flat buffer, tensor by tensor: `Blocks`. A batch holds runs
whose designs share formats and the kind of rule, so that one pass of plain tensor operations
rounds every weight of every run; what differs (source, n, k, lanes, schedule) is in the words.
Fixed-point units are here, float units in `esru.emulate.float_update`. Fractions are
taken to 24 bits, whatever n is: the top n bits reach a threshold t exactly if all 24 reach
t * 2^(24-n).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from math import prod

import torch

from esru.decision_table import decision_table, is_table
from esru.design import Design
from esru.emulate.float_update import FloatRounder
from esru.emulate.operand_update import OperandRounder
from esru.emulate.step_values import Blocks as Blocks
from esru.emulate.step_values import StepValues, Stream
from esru.emulate.tensors import MAX_FLOAT_BITS, check_float_bits
from esru.sources.settings import OPERANDS

#: The fraction that every design is compared in, in units of 2^-24 ulp.
_SCALE = float(1 << MAX_FLOAT_BITS)


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


def make_rounder(
    streams: Sequence[Stream],
    chosen: Sequence[int],
    shapes: Sequence[tuple[int, ...]],
    steps: int,
    lanes: int,
    device: torch.device,
) -> UpdateRounder | OperandRounder | FloatRounder:
    """Return what rounds the updates of a batch of runs: see `UpdateRounder`."""
    design = streams[0][0]
    if design.source in OPERANDS:
        assert len({batch_key(other) for other, _ in streams}) == 1
        return OperandRounder(design, shapes, len(chosen), lanes, device)
    made = FloatRounder if design.floats else UpdateRounder
    return made(streams, chosen, shapes, steps, lanes, device)


class UpdateRounder:
    """Rounds the updates of a batch of runs, step by step.

    Parameters
    ----------
    streams : sequence of Stream
        The distinct word streams; all designs have the same `batch_key`.
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
        steps: int,
        lanes: int,
        device: torch.device,
    ) -> None:
        designs = [design for design, _ in streams]
        assert len({batch_key(design) for design in designs}) == 1
        for design in designs:
            check_float_bits(design)
        self._design = designs[0]
        self._table: torch.Tensor | None = None
        if is_table(self._design.rule):
            table = decision_table(self._design.rule, self._design.n, self._design.k)
            self._table = torch.from_numpy(table.ups().reshape(-1)).to(device, torch.float32)
        self._words = StepValues(streams, chosen, shapes, steps, lanes, device)
        self._whole = torch.empty(
            len(chosen) * sum(map(prod, shapes)), dtype=torch.float32, device=device
        )

    def apply(self, weights: torch.Tensor, delta: torch.Tensor, step: int) -> None:
        """Replace weights by the rounded sum of weights and updates, saturated.

        Parameters
        ----------
        weights : torch.Tensor
            Flat buffer of integers in ulps, within the output format; changed in place.
        delta : torch.Tensor
            Flat buffer of updates in ulps, below 2^100 in magnitude; its content is lost.
        step : int
            The training step, which fixes the words.
        """
        whole, compared = self._whole, self._words.at(step)
        torch.floor(delta, out=whole)
        if self._design.overflow == "wrap":
            self._apply_wrapping(weights, delta, compared)
            return
        if self._design.rule == "select":
            # compared = 2^J: bit n-1-J of f is the bit of weight 2^-(J+1) of the value.
            delta.mul_(compared)
            torch.floor(delta, out=compared)
            delta.mul_(2.0).floor_().sub_(compared, alpha=2.0)
        elif self._table is not None:
            delta.mul_(_SCALE).floor_().sub_(whole, alpha=_SCALE)
            delta.copy_(self._looked_up(self._table, delta, compared))
        else:
            delta.mul_(_SCALE).floor_().sub_(whole, alpha=_SCALE)
            torch.ge(delta, compared, out=delta)
        weights.add_(whole).add_(delta)
        _, out = self._design.fixed
        weights.clamp_(out.low, out.high)

    def _looked_up(
        self, table: torch.Tensor, fractions: torch.Tensor, codes: torch.Tensor
    ) -> torch.Tensor:
        """Return a table's decisions, 0 or 1, for fractions in units of 2^-24 ulp."""
        f = torch.floor(fractions * (2.0**self._design.n / _SCALE))
        return table[(f + codes).to(torch.int64)]

    def _apply_wrapping(
        self, weights: torch.Tensor, delta: torch.Tensor, compared: torch.Tensor
    ) -> None:
        """Saturate the sum to the input format, then round, then wrap the carry.

        A saturating output hides how the input saturates; one that wraps shows it.
        """
        (_, out), whole = self._design.fixed, self._whole
        total = weights + whole
        f = delta.mul_(_SCALE).floor_().sub_(whole, alpha=_SCALE)
        f[total > out.high] = _SCALE - 1
        f[total < out.low] = 0.0
        if self._design.rule == "select":
            bits = f.mul_(compared).mul_(2.0 / _SCALE).floor_()
            up = torch.remainder(bits, 2.0)
        elif self._table is not None:
            up = self._looked_up(self._table, f, compared)
        else:
            up = (f >= compared).to(torch.float32)
        torch.clamp(total, out.low, out.high, out=weights).add_(up)
        weights.sub_((weights > out.high).to(torch.float32), alpha=float(1 << out.width))
