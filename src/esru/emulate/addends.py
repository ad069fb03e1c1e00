"""What an array of units adds to each element's fraction: its words, ready for use.

A rule that compares, up if f >= t, is the same as adding 2^n - t to the n fraction bits and
looking at the carry; `select` looks at one bit of f, so that its addend is that bit's mask.

A source with a short period is kept as a table, tiled over the lanes and longer than the period
by one block, so that any block is a slice of it. The states of a long linear register run on
from block to block by its recurrence (`esru.emulate.jump`). Any other long source takes its
words from the full table that all designs share (`esru.emulate.stream`).
"""

from __future__ import annotations

from collections.abc import Iterator
from threading import Lock

import numpy as np
import numpy.typing as npt

from esru.design import Design
from esru.emulate.arrays import decision_values
from esru.emulate.jump import Register, Words
from esru.emulate.stream import Array, tensor_cycles
from esru.sources.register import LinearModel

Addends = npt.NDArray[np.int32]

#: Elements that are rounded together: their buffers stay in a core's second-level cache.
BLOCK = 1 << 15

#: A tiled table has at most so many elements for one period (4 MiB).
_TILED = 1 << 20

#: Words of at most so many bits become addends by a look-up.
_LOOKED_UP = 16


def addend_values(design: Design, words: npt.NDArray[np.uint32]) -> Addends:
    """Return the addend of each word: 2^n - t, or the mask of the chosen bit for `select`."""
    values = decision_values(design, words)
    if design.rule == "select":
        return np.left_shift(1, values).astype(np.int32)
    return ((1 << design.n) - values).astype(np.int32)


class AddendStream:
    """The addends of an array of units whose addends fit int32 (n <= 30).

    Parameters
    ----------
    array : Array
        The array.
    """

    def __init__(self, array: Array) -> None:
        self.array = array
        self.rows = max(1, BLOCK // array.lanes)
        self._lock = Lock()
        design, model = array.design, array.model
        self._tile: Addends | None = None
        self._register: Register | None = None
        if array.period * array.lanes <= _TILED:
            cycles = array.period + self.rows
            self._tile = addend_values(design, array.lane_words(0, cycles)).reshape(-1)
        elif (
            isinstance(model, LinearModel) and design.source != "debruijn" and design.map != "delay"
        ):
            self._register = Register(model)
            self._next = -1
            self._known = np.empty((0, 0), np.uint32)
        self._looked_up: Addends | None = None
        if design.k <= _LOOKED_UP and self._tile is None:
            self._looked_up = addend_values(design, np.arange(1 << design.k, dtype=np.uint32))

    def blocks(self, size: int, phase: int) -> Iterator[tuple[slice, Addends]]:
        """Yield the elements of a tensor block by block, each with its addends.

        Parameters
        ----------
        size : int
            Elements of the tensor.
        phase : int
            The cycle in which it begins, >= 0.
        """
        lanes = self.array.lanes
        step = self.rows * lanes
        for low in range(0, size, step):
            count = min(step, size - low)
            yield slice(low, low + count), self._block(phase + low // lanes, count)

    def _block(self, phase: int, count: int) -> Addends:
        if self._tile is not None:
            first = phase % self.array.period * self.array.lanes
            return self._tile[first : first + count]
        cycles = tensor_cycles(count, self.array.lanes)
        if self._register is None:
            words = self.array.lane_words(phase, cycles)
        else:
            words = self._run_on(self._register, phase, cycles)
            if self.array.design.map != "same":
                words = self.array.to_lanes(words)
        return self._addends(words).reshape(-1)[:count]

    def _run_on(self, register: Register, phase: int, cycles: int) -> Words:
        """Return words of the sources, shape (cycles, sources), from the last block on or anew."""
        phases = [start + phase for start in self.array.phases]
        length = register.taps[0]
        states = np.empty((cycles + length, len(phases)), np.uint32)
        with self._lock:
            known = self._known if phase == self._next else None
            if known is None:
                known = register.start(phases, length)
            register.fill(states, known)
            self._next, self._known = phase + cycles, states[cycles:].copy()
        words = states[:cycles]
        register.finish(words, phases)
        return words

    def _addends(self, words: Words) -> Addends:
        """Return the addends of words of sources or lanes, shape (cycles, lanes)."""
        design = self.array.design
        if design.rule == "zero":
            found = words.view(np.int32)
            if design.n > design.k:
                found = found << (design.n - design.k)
        elif self._looked_up is not None:
            found = self._looked_up[words]
        else:
            found = addend_values(design, words)
        cycles, columns = found.shape
        share = self.array.lanes // columns
        if share == 1:
            return found
        seen = np.empty((cycles, columns, share), np.int32)
        seen[:] = found[:, :, None]
        return seen.reshape(cycles, -1)
