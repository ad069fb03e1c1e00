"""The words of an array of units made on the device where the tensor lies.

A period of up to 2^24 words is a table on the device, of what a lane compares its fraction with:
one row for each way in which a lane map shows a word. A longer linear register runs on the device
from states that the host jumps to. Other long sources, and delays of long ones, come from the
host. In every case the words are those of `Array.lane_words`, bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from esru.design import Design
from esru.emulate.arrays import decision_values
from esru.emulate.jump import Register
from esru.emulate.stream import Array, period_table, tensor_cycles
from esru.sources.cellular import CellularModel
from esru.sources.lane_maps import map_words, places, variant
from esru.sources.register import LinearModel

#: A table has at most so many entries (rows times period).
_MOST_ENTRIES = 1 << 26

#: Words of at most so many bits become what is compared by a look-up.
_LOOKED_UP = 16

#: Elements that one program of the fused kernel rounds; a power of two.
BLOCK = 1024


@dataclass(frozen=True)
class DeviceTable:
    """A whole period P: in cycle c lane i has ``values[rows[i] + (starts[i] + c) mod P]``.

    Attributes
    ----------
    values : torch.Tensor
        int32 (int64 above n = 30), one row after the other. A row goes on past the period for the
        cycles of one block of the fused kernel, which so needs one remainder a block.
    rows, starts : torch.Tensor
        int32, shape (lanes,): where the lane's row begins, and its phase in cycle 0, below P.
    period : int
        P.
    """

    values: torch.Tensor
    rows: torch.Tensor
    starts: torch.Tensor
    period: int


@lru_cache(maxsize=16)
def device_values(design: Design, lanes: int, device: torch.device) -> DeviceValues:
    """Return the values of an array on a device; its tables are made once."""
    return DeviceValues(Array(design, lanes), device)


class DeviceValues:
    """What the lanes of an array compare their fractions with, cycle by cycle.

    Parameters
    ----------
    array : Array
        The array; its source makes its own words.
    device : torch.device
        Where values are wanted.
    """

    def __init__(self, array: Array, device: torch.device) -> None:
        array.require_words()
        self.array, self.device = array, device
        design = array.design
        shown = [variant(design.map, max(design.k, 1), i) for i in range(design.lanes)]
        self._delay = design.map == "delay"
        self._numbers = [0] if self._delay else sorted(set(shown))
        lanes = range(array.lanes)
        ages = [lane % design.lanes if self._delay else 0 for lane in lanes]
        starts = [array.phases[lane // design.lanes] - ages[lane] for lane in lanes]
        rows = [
            0 if self._delay else self._numbers.index(shown[lane % design.lanes]) for lane in lanes
        ]
        self._rows = torch.tensor(rows, device=device)
        self.table: DeviceTable | None = None
        words = period_table(array.model)
        if words is not None and len(words) * len(self._numbers) <= _MOST_ENTRIES:
            seen = [map_words(design.map, design.k, number, words) for number in self._numbers]
            period = len(words)
            length = period + tensor_cycles(BLOCK, array.lanes) + 1
            values = np.stack([np.resize(decision_values(design, row), length) for row in seen])
            self.table = DeviceTable(
                self._put(values.reshape(-1)),
                (self._rows * length).to(torch.int32),
                torch.tensor([at % period for at in starts], dtype=torch.int32, device=device),
                period,
            )
            return
        model = array.model
        self._register: Register | None = None
        if isinstance(model, LinearModel) and not model.visits_zero and not self._delay:
            self._register = Register(model)
        self._by_word: torch.Tensor | None = None
        if design.k <= _LOOKED_UP:
            every = np.arange(1 << design.k, dtype=np.uint32)
            self._by_word = self._put(decision_values(design, every))

    def _put(self, values: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> torch.Tensor:
        narrow = values.astype(np.int32 if self.array.design.n <= 30 else np.int64)
        return torch.from_numpy(narrow).to(self.device)

    def __call__(self, size: int, phase: int) -> torch.Tensor:
        """Return what each element of a tensor is compared with.

        Parameters
        ----------
        size : int
            Elements, in their order.
        phase : int
            The cycle in which the tensor begins, >= 0.

        Returns
        -------
        torch.Tensor
            Integers, shape (size,), as `decision_values` has them.
        """
        cycles = tensor_cycles(size, self.array.lanes)
        if self.table is not None:
            table, period = self.table, self.table.period
            cycle = torch.arange(cycles, device=self.device)[:, None] + phase % period
            place = (cycle + table.starts) % period
            return table.values[table.rows + place].reshape(-1)[:size]
        if self._register is not None:
            return self._values(self._to_lanes(self._run(self._register, phase, cycles)))[:size]
        words = self.array.lane_words(phase, cycles).reshape(-1)[:size]
        return torch.from_numpy(decision_values(self.array.design, words)).to(self.device)

    def _run(self, register: Register, phase: int, cycles: int) -> torch.Tensor:
        """Return the words of the sources, shape (cycles, sources), by their recurrence."""
        model = register.model
        phases = [start + phase for start in self.array.phases]
        length, taps = register.taps
        known = register.start(phases, cycles).astype(np.int64)
        states = torch.empty((cycles, len(phases)), dtype=torch.int64, device=self.device)
        filled = len(known)
        states[:filled] = torch.from_numpy(known).to(self.device)
        while filled < cycles:
            # States 2^j words apart obey the same recurrence: the widest that the rows allow.
            apart = 1 << (filled // length).bit_length() - 1
            oldest = filled - length * apart
            more = min((length - taps[-1]) * apart, cycles - filled)
            row = states[oldest + taps[0] * apart :][:more].clone()
            for i in taps[1:]:
                row ^= states[oldest + i * apart :][:more]
            states[filled : filled + more] = row
            filled += more
        if isinstance(model, CellularModel):
            words = states & (1 << model.width) - 1
        else:
            words = states >> model.length - model.width
        if model.alternating:
            cycle = torch.arange(cycles, device=self.device)[:, None]
            odd = (cycle + torch.tensor([at % 2 for at in phases], device=self.device)) % 2
            words ^= odd * ((1 << model.width) - 1)
        return words

    def _to_lanes(self, words: torch.Tensor) -> torch.Tensor:
        """Return what each lane sees of its source's words, shape (cycles * lanes,)."""
        design = self.array.design
        seen = [_mapped(words, design.map, design.k, number) for number in self._numbers]
        return torch.stack(seen, dim=-1)[..., self._rows[: design.lanes]].reshape(-1)

    def _values(self, words: torch.Tensor) -> torch.Tensor:
        if self._by_word is not None:
            return self._by_word[words]
        design = self.array.design
        if design.rule == "zero":
            return (1 << design.n) - (words << design.n - design.k)
        found = decision_values(design, words.cpu().numpy())
        return torch.from_numpy(found).to(self.device)


def _mapped(words: torch.Tensor, name: str, width: int, number: int) -> torch.Tensor:
    """Return many words as a lane sees them: `esru.sources.lane_maps.map_words` on tensors."""
    if not number:
        return words
    if name in ("invert", "complement"):
        return words ^ (1 << width) - 1
    seen = torch.zeros_like(words)
    for i, bit in enumerate(places(name, width, number)):
        seen |= (words >> bit & 1) << i
    return seen
