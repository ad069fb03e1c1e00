"""Words of an array's sources, block after block, each in the narrowest type that holds it.

A recurrence that holds for a register's states holds for each of their bits, and so for words,
which are some of these bits: eight random bits take a quarter of the memory of 32-bit states, and
of the time. `RunningWords` follows a recurrence of few terms, with so long a history that a block
comes from a few XORs of many rows; `SplicedWords` does so between the zeros of a long de Bruijn
register. `TableWords` cuts each source's words out of one table of the period.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from threading import local
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from esru.emulate.jump import Register, extend
from esru.emulate.sparse import sparse_recurrence
from esru.emulate.stream import period_table
from esru.sources.lfsr import LfsrModel
from esru.sources.register import RegisterModel

#: Words in any unsigned type.
Narrow = npt.NDArray[Any]

#: A history takes at most so many bytes: with the block that it makes it stays in a core's cache.
_HISTORY = 1 << 18

#: Runs of one array take at most so many bytes in a thread, but one is always kept.
_RUNS = 1 << 23

#: Words beside those of a block in each row that is transposed. Without them all rows would begin
#: in the same set of the first-level cache and throw each other out: up to seven times slower.
_APART = 8


def narrow_type(width: int) -> npt.DTypeLike:
    """Return the narrowest unsigned type for words of `width` bits."""
    return np.uint8 if width <= 8 else np.uint16 if width <= 16 else np.uint32


@dataclass
class _Run:
    """Words that were followed so far: rows of all columns, and which one is next."""

    rows: Narrow
    filled: int
    row: int = 0


class _Runs(local):
    """A thread's own runs by the phase that is next, the latest last; no thread waits."""

    def __init__(self) -> None:
        self.by_phase: dict[int, _Run] = {}


class RunningWords:
    """Words of a linear register from several phases at once, running on from call to call.

    Several runs are kept, so that tensors that take turns, each with a phase of its own, do not
    jump each time.

    Parameters
    ----------
    register : Register
        The register.
    phases : sequence of int
        Phase of each column in cycle 0; below 0: before the first word, at the period's end.
    rows : int
        Most words of a column in one call.
    """

    def __init__(self, register: Register, phases: Sequence[int], rows: int) -> None:
        self._register, self._phases, self._most = register, phases, rows
        width = register.model.width
        self._type = np.dtype(narrow_type(width))
        row_bytes = len(phases) * self._type.itemsize
        self._sparse = sparse_recurrence(register.taps)
        if self._sparse[0] * row_bytes > _HISTORY:
            self._sparse = register.taps
        length, taps = self._sparse
        kept = length
        while (length - taps[-1]) * kept < rows * length and 2 * kept * row_bytes <= _HISTORY:
            kept *= 2
        # As many rows again: they are moved to the front once in several blocks only.
        self._kept, self._room = kept, 2 * kept + rows
        self._inverted: Narrow | None = None
        if register.model.alternating:
            odd = (np.arange(rows + 1)[:, None] + np.array(phases, np.int64)) % 2
            self._inverted = (odd * ((1 << width) - 1)).astype(self._type)
        self._most_runs = max(1, _RUNS // (self._room * row_bytes))
        self._runs = _Runs()

    def words(self, phase: int, cycles: int) -> Narrow:
        """Return the words of some cycles, shape (cycles, columns); valid until the next call."""
        runs = self._runs.by_phase
        # Taken out while it changes: if this is interrupted, nothing runs on from it.
        run = runs.pop(phase, None) or self._begin(runs, phase)
        if run.row + cycles > run.filled:
            self._extend(run, run.row + cycles - run.filled)
        found = run.rows[run.row : run.row + cycles]
        run.row += cycles
        runs[phase + cycles] = run
        if self._inverted is not None:
            found = found ^ self._inverted[phase % 2 :][:cycles]
        return found

    def _begin(self, runs: dict[int, _Run], phase: int) -> _Run:
        """Jump to a phase; with too many runs the one that was longest unused goes."""
        if len(runs) < self._most_runs:
            rows = np.empty((self._room, len(self._phases)), self._type)
        else:
            rows = runs.pop(next(iter(runs))).rows
        length, _ = self._register.taps
        states = self._register.follow(self._states(phase), length)
        rows[:length] = self._register.model.cut(states)
        return _Run(rows, length)

    @cached_property
    def _first(self) -> npt.NDArray[np.uint32]:
        states: npt.NDArray[np.uint32] = self._register.start(self._phases, 1)[0]
        return states

    def _states(self, phase: int) -> npt.NDArray[np.uint32]:
        """Return the register's state of each column at a phase."""
        return self._register.ahead(self._first, phase)

    def _extend(self, run: _Run, wanted: int) -> None:
        """Make as many rows as are wanted, or as many again, so that small tensors are not slow."""
        more = max(wanted, min(run.filled, self._most))
        if run.filled + more > self._room:
            moved = run.filled - self._kept
            run.rows[: self._kept] = run.rows[moved : run.filled]
            run.row, run.filled = run.row - moved, self._kept
        end = run.filled + more
        # Until there are rows enough for the recurrence of few terms, that of many has to do.
        dense = min(end, max(run.filled, self._sparse[0]))
        extend(run.rows[:dense], run.filled, self._register.taps)
        extend(run.rows[:end], dense, self._sparse)
        run.filled = end


class SplicedWords(RunningWords):
    """Words of a long de Bruijn register: linear but where it passes through zero.

    Parameters
    ----------
    model : LfsrModel
        The source, of the family ``debruijn``.
    phases : sequence of int
        Phase of each column in cycle 0; below 0: at the period's end.
    rows : int
        Most words of a column in one call.
    """

    def __init__(self, model: LfsrModel, phases: Sequence[int], rows: int) -> None:
        linear = replace(model, family="lfsr", seed=model.after_zero)
        super().__init__(Register(linear), phases, rows)
        self._model, self._last = model, model.register_period - 1
        self._first_steps = np.array([self._steps_at(phase) for phase in phases], np.int64)

    def _steps_at(self, phase: int) -> int:
        """Return by how many steps the register is beyond zero."""
        return (self._model.seed_index + self._model.leap * phase) & self._last

    def _steps(self, phase: int) -> npt.NDArray[np.int64]:
        """Return by how many steps each column's register is beyond zero."""
        return (self._first_steps + (self._model.leap * phase & self._last)) & self._last

    def _states(self, phase: int) -> npt.NDArray[np.uint32]:
        return self._register.after(np.maximum(self._steps(phase) - 1, 0))

    def words(self, phase: int, cycles: int) -> Narrow:
        """Return the words of some cycles, shape (cycles, columns); valid until the next call."""
        found = super().words(phase, cycles)
        model, steps = self._model, self._steps(phase)
        end = self._last - model.leap * (cycles - 1)
        # Columns that pass through zero, or have since the words before.
        (passed,) = np.nonzero((steps <= model.leap) | (steps > end))
        if len(passed):
            found = found.copy()
            for column in passed.tolist():
                start = (self._phases[column] + phase) % model.period
                found[:, column] = model.words(start, cycles)
            del self._runs.by_phase[phase + cycles]
        return found


@lru_cache(maxsize=8)
def _windows(model: RegisterModel, size: int) -> Narrow:
    """Return the words from every phase of a period on: a view, shape (period, size)."""
    table = period_table(model)
    assert table is not None
    words = np.resize(table.astype(narrow_type(model.width)), len(table) + size - 1)
    return sliding_window_view(words, size)


class TableWords:
    """Words from several phases at once, out of the table of a period.

    Parameters
    ----------
    model : RegisterModel
        The source; its period is one that `period_table` keeps.
    phases : sequence of int
        Phase of each column in cycle 0; below 0: at the period's end.
    rows : int
        Most words of a column in one call.
    """

    def __init__(self, model: RegisterModel, phases: Sequence[int], rows: int) -> None:
        self._model, self._size = model, rows + _APART
        self._period = model.period
        self._phases = np.array([phase % self._period for phase in phases], np.int64)

    def words(self, phase: int, cycles: int) -> Narrow:
        """Return the words of some cycles, shape (cycles, columns)."""
        first = (self._phases + phase % self._period) % self._period
        columns: Narrow = _windows(self._model, self._size)[first]
        return columns[:, :cycles].T
