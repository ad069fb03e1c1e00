"""Weight updates of many runs at once, each rounded by its own array of float units.

A weight is a number of the output format and nothing else. The sum of weight and update is
rounded to the unit's input format, to nearest, as an adder in front of the unit rounds it; the
unit rounds that. Fractions are taken to 24 bits, whatever n is, as in `esru.emulate.update`.
"""

from __future__ import annotations

import torch

from esru.emulate.decision import table_ups
from esru.emulate.floats import pair_of, round_bits, value_table
from esru.emulate.runs import Runs
from esru.emulate.step_values import StepValues
from esru.emulate.tensors import MAX_FLOAT_BITS


class FloatRounder:
    """Rounds the updates of a batch of runs whose weights are floats, step by step.

    Parameters
    ----------
    runs : Runs
        The runs; their tensors are the weights.
    steps : int
        Steps of a run.
    """

    def __init__(self, runs: Runs, steps: int) -> None:
        self._design = runs.design
        self._source, out = pair_of(runs.design)
        self._numbers = torch.from_numpy(value_table(out)).to(runs.device)
        self._ups = table_ups(runs.design, runs.device)
        self._words = StepValues(runs, steps)

    def apply(self, weights: torch.Tensor, delta: torch.Tensor, step: int) -> None:
        """Replace weights by the rounded sum of weights and updates.

        Parameters
        ----------
        weights : torch.Tensor
            Flat buffer of numbers of the output format, in float32; changed in place.
        delta : torch.Tensor
            Flat buffer of updates, float64 numbers that float32 holds.
        step : int
            The training step, which fixes the words.
        """
        # One rounding: the sum of two float32 numbers, rounded to float64 and then to float32,
        # is what float32 makes of it.
        total = (weights.double() + delta).float()
        if self._source.name != "float32":
            total = total.to(getattr(torch, self._source.name)).float()
        compared = self._words.at(step).to(torch.int64)
        bits = total.view(torch.int32).to(torch.int64) & 0xFFFFFFFF
        codes = round_bits(
            self._design, bits, lambda f: self._up(f, compared), torch.where, n=MAX_FLOAT_BITS
        )
        torch.index_select(self._numbers, 0, codes, out=weights)

    def _up(self, f: torch.Tensor, compared: torch.Tensor) -> torch.Tensor:
        """Return the decisions for fractions in units of 2^-24 ulp."""
        if self._design.rule == "select":
            # compared = 2^J: bit n-1-J of the n rounding bits is bit 23-J of these.
            bits = f * compared >> (MAX_FLOAT_BITS - 1)
            return (bits & 1).to(torch.bool)
        if self._ups is None:
            return f >= compared
        n = self._design.n
        return self._ups[(f >> (MAX_FLOAT_BITS - n)) + compared]
