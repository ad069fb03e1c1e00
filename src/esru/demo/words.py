"""Words of long registers, for many phases at once; short ones come from tables anyway."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from esru.emulate.stream import Array
from esru.sources.lfsr import LfsrModel
from esru.sources.register import Columns, apply, compose, power

Words = npt.NDArray[np.uint32]

#: A period up to this many words is made as a table, in milliseconds.
_TABLED = 1 << 20


class Register:
    """A linear shift register (`lfsr` or `plateau`) followed from several phases side by side.

    The maps that double a stretch of states are kept, so that many short stretches are cheap.

    Parameters
    ----------
    model : LfsrModel
        The source; not a ``debruijn`` one, whose steps are not linear.
    """

    def __init__(self, model: LfsrModel) -> None:
        self.model = model
        self._squares = [model.columns]
        self._strides = [power(model.columns, model.leap)]
        self._tables: list[list[Words]] = []

    def words(self, phases: Sequence[int], count: int) -> Words:
        """Return successive words from each phase on.

        Parameters
        ----------
        phases : sequence of int
            In words since the seed, >= 0, of any size.
        count : int
            Words of each, >= 0.

        Returns
        -------
        ndarray of uint32, shape (count, len(phases))
        """
        model = self.model
        states = np.empty((count, len(phases)), np.uint32)
        if count:
            states[0] = [self._state(phase) for phase in phases]
        filled, level = 1, 0
        while filled < count:
            more = min(filled, count - filled)
            states[filled : filled + more] = self._leapt(level, states[:more])
            filled, level = 2 * filled, level + 1
        words = states >> np.uint32(model.length - model.width)
        if model.family == "plateau":
            odd = (np.arange(count)[:, None] + [phase % 2 for phase in phases]) % 2
            words ^= odd.astype(np.uint32) * np.uint32((1 << model.width) - 1)
        return words

    def _state(self, phase: int) -> int:
        """Return the register's state at a phase."""
        steps = self.model.leap * phase % self.model.register_period
        state, bit = self.model.seed, 0
        while steps >> bit:
            if len(self._squares) == bit:
                self._squares.append(compose(self._squares[-1], self._squares[-1]))
            if steps >> bit & 1:
                state = apply(self._squares[bit], state)
            bit += 1
        return state

    def _leapt(self, level: int, states: Words) -> Words:
        """Return states 2^level words further on, a byte at a time through tables."""
        if len(self._tables) == level:
            self._tables.append(_byte_tables(self._strides[-1]))
            self._strides.append(compose(self._strides[-1], self._strides[-1]))
        image = np.zeros_like(states)
        for index, table in enumerate(self._tables[level]):
            image ^= table[states >> np.uint32(8 * index) & np.uint32(255)]
        return image


def _byte_tables(columns: Columns) -> list[Words]:
    """Return a linear map as tables: entry v of table b is the image of v << 8 b."""
    tables = []
    for low in range(0, len(columns), 8):
        table = np.zeros(256, np.uint32)
        for bit, column in enumerate(columns[low : low + 8]):
            table[1 << bit : 2 << bit] = table[: 1 << bit] ^ np.uint32(column)
        tables.append(table)
    return tables


@lru_cache(maxsize=8)
def _register(model: LfsrModel) -> Register:
    return Register(model)


def lane_words(array: Array, phase: int, cycles: int) -> Words:
    """Return what `Array.lane_words` returns, faster where the period has no table."""
    model = array.model
    if not isinstance(model, LfsrModel) or model.period <= _TABLED or model.family == "debruijn":
        return array.lane_words(phase, cycles)
    if array.design.map == "delay":
        return array.lane_words(phase, cycles)
    return array.to_lanes(_register(model).words([start + phase for start in array.phases], cycles))
