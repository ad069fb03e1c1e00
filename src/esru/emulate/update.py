"""Weight updates of many runs at once, each rounded by its own array of units.

A batch holds runs whose designs share formats and the kind of rule, so that one pass of plain
tensor operations rounds every weight of every run; what differs (source, n, k, lanes, schedule)
is in the words. Fixed-point units are here, float units in `esru.emulate.float_update`. Fractions
are taken to 24 bits, whatever n is: the top n bits reach a threshold t exactly if all 24 reach
t * 2^(24-n).
"""

from __future__ import annotations

import torch

from esru.emulate.decision import Decision
from esru.emulate.float_update import FloatRounder
from esru.emulate.operand_update import OperandRounder
from esru.emulate.runs import Runs
from esru.emulate.step_values import StepValues
from esru.emulate.tensors import MAX_FLOAT_BITS
from esru.sources.settings import OPERANDS


def make_rounder(runs: Runs, steps: int) -> UpdateRounder | OperandRounder | FloatRounder:
    """Return what rounds the updates of runs of so many steps: see `UpdateRounder`."""
    if runs.design.source in OPERANDS:
        return OperandRounder(runs)
    return FloatRounder(runs, steps) if runs.design.floats else UpdateRounder(runs, steps)


class UpdateRounder:
    """Rounds the updates of a batch of runs, step by step.

    Parameters
    ----------
    runs : Runs
        The runs; their tensors are the weights.
    steps : int
        Steps of a run.
    """

    def __init__(self, runs: Runs, steps: int) -> None:
        self._design = runs.design
        self._decision = Decision(runs.design, runs.device)
        self._words = StepValues(runs, steps)
        self._whole = torch.empty(
            len(runs.chosen) * sum(runs.sizes), dtype=torch.float32, device=runs.device
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
        up = self._decision.up(delta, whole, compared)
        _, out = self._design.fixed
        weights.add_(whole).add_(up).clamp_(out.low, out.high)

    def _apply_wrapping(
        self, weights: torch.Tensor, delta: torch.Tensor, compared: torch.Tensor
    ) -> None:
        """Saturate the sum to the input format, then round, then wrap the carry.

        A saturating output hides how the input saturates; one that wraps shows it.
        """
        (_, out), scale = self._design.fixed, float(1 << MAX_FLOAT_BITS)
        total = weights + self._whole
        f = delta.mul_(scale).floor_().sub_(self._whole, alpha=scale)
        f[total > out.high] = scale - 1
        f[total < out.low] = 0.0
        up = self._decision.up(f.mul_(1 / scale), torch.zeros_like(f), compared)
        torch.clamp(total, out.low, out.high, out=weights).add_(up)
        weights.sub_((weights > out.high).to(torch.float32), alpha=float(1 << out.width))
