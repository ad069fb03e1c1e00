"""Weight updates of many runs at once, each rounded by its own array of float units.

A weight is a number of the output format and nothing else. The sum of weight and update is
rounded to the unit's input format, to nearest, as an adder in front of the unit rounds it; the
unit rounds that. Fractions are taken to 24 bits, whatever n is, as in `esru.emulate.update`.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from esru.decision_table import decision_table, is_table
from esru.emulate.floats import pair_of, round_bits, value_table
from esru.emulate.step_values import StepValues, Stream
from esru.emulate.tensors import MAX_FLOAT_BITS, check_float_bits


class FloatRounder:
    """Rounds the updates of a batch of runs whose weights are floats, step by step.

    Parameters
    ----------
    streams : sequence of Stream
        The distinct word streams; all designs have the same `esru.emulate.update.batch_key`.
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
        for design, _ in streams:
            check_float_bits(design)
        self._design = streams[0][0]
        self._source, out = pair_of(self._design)
        self._numbers = torch.from_numpy(value_table(out)).to(device)
        self._ups: torch.Tensor | None = None
        if is_table(self._design.rule):
            table = decision_table(self._design.rule, self._design.n, self._design.k)
            self._ups = torch.from_numpy(table.ups().reshape(-1)).to(device)
        self._words = StepValues(streams, chosen, shapes, steps, lanes, device)

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
