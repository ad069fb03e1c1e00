"""States of linear registers from any phases on: jumps by matrix powers, stretches by XOR.

Every bit of a register obeys the recurrence of its polynomial p over GF(2). So do whole states,
and, as p(x)^(2^j) = p(x^(2^j)), states 2^j words apart. A long stretch is therefore made by a
few XORs of whole rows, with no loop over its elements.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from esru.emulate.sparse import Recurrence
from esru.sources.register import Columns, LinearModel, apply, compose, power

Words = npt.NDArray[np.uint32]


def shortest_recurrence(bits: Sequence[int]) -> int:
    """Return the polynomial of the shortest recurrence of a bit sequence (Berlekamp, Massey).

    Parameters
    ----------
    bits : sequence of int
        At least twice as many as the recurrence is long.

    Returns
    -------
    int
        p of degree L: s[t + L] = XOR of s[t + i] over all x^i in p with i < L.
    """
    found, before = 1, 1
    length, gap = 0, 1
    for t in range(len(bits)):
        wrong = 0
        for i in range(length + 1):
            if found >> i & 1:
                wrong ^= bits[t - i]
        if not wrong:
            gap += 1
        elif 2 * length <= t:
            found, before = found ^ before << gap, found
            length, gap = t + 1 - length, 1
        else:
            found ^= before << gap
            gap += 1
    # `found` counts back from the newest bit; p counts up from the oldest.
    return sum((found >> i & 1) << (length - i) for i in range(length + 1))


def extend(rows: npt.NDArray[Any], filled: int, recurrence: Recurrence) -> None:
    """Continue the first `filled` rows, as many as the recurrence is long, to the end.

    Parameters
    ----------
    rows : ndarray of unsigned integers, shape (count, columns)
        States, or words, or any other bits of successive states.
    filled : int
        Rows that are known.
    recurrence : Recurrence
        One that they obey.
    """
    length, taps = recurrence
    while filled < len(rows):
        # The widest spacing 2^j that the rows so far allow.
        apart = 1 << (filled // length).bit_length() - 1
        oldest = filled - length * apart
        more = min((length - taps[-1]) * apart, len(rows) - filled)
        found = rows[filled : filled + more]
        first, *rest = (rows[oldest + i * apart :][:more] for i in taps)
        if rest:
            np.bitwise_xor(first, rest[0], out=found)
            for other in rest[1:]:
                np.bitwise_xor(found, other, out=found)
        else:
            found[:] = first
        filled += more


class Register:
    """A linear register (`lfsr`, `plateau`, `cellular`) followed from several phases at once.

    Parameters
    ----------
    model : LinearModel
        The source; not a ``debruijn`` one, whose steps are not linear.
    """

    def __init__(self, model: LinearModel) -> None:
        self.model = model
        self._columns = model.columns
        self._squares = [_byte_tables(model.columns)]
        self._strides: list[list[Words]] = []
        self._lock = Lock()

    @cached_property
    def taps(self) -> Recurrence:
        """Length of the recurrence of successive words' states, and the exponents below it."""
        model = self.model
        stride = power(model.columns, model.leap)
        state, bits = model.seed, []
        for _ in range(2 * model.length):
            bits.append(state & 1)
            state = apply(stride, state)
        found = shortest_recurrence(bits)
        length = found.bit_length() - 1
        return length, tuple(i for i in range(length) if found >> i & 1)

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
        states = np.empty((count, len(phases)), np.uint32)
        self.fill(states, self.start(phases, count))
        self.finish(states, phases)
        return states

    def start(self, phases: Sequence[int], count: int) -> Words:
        """Return the first states from each phase on: as many as the recurrence needs."""
        return self.follow(self._states(phases), count)

    def follow(self, states: Words, count: int) -> Words:
        """Return the first states from these on: as many as the recurrence needs, by doubling."""
        rows = np.empty((min(self.taps[0], count), len(states)), np.uint32)
        rows[:1] = states
        filled, step = 1, 0
        while filled < len(rows):
            if len(self._strides) == step:
                with self._lock:
                    self._add_stride(step)
            more = min(filled, len(rows) - filled)
            rows[filled : filled + more] = _image(self._strides[step], rows[:more])
            filled, step = filled + more, step + 1
        return rows

    def ahead(self, states: Words, words: int) -> Words:
        """Return the states that some words later follow these; words >= 0, of any size."""
        steps = self.model.leap * words % self.model.register_period
        for bit in range(steps.bit_length()):
            if steps >> bit & 1:
                states = _image(self._square(bit), states)
        return states

    def fill(self, states: Words, known: Words) -> None:
        """Continue the known rows, at least `taps[0]` of them, to the end of `states`.

        Parameters
        ----------
        states : ndarray of uint32, shape (count, columns)
            Where to write; the known rows become its first ones.
        known : ndarray of uint32, shape (rows, columns)
            The first rows.
        """
        states[: len(known)] = known
        extend(states, len(known), self.taps)

    def finish(self, states: Words, phases: Sequence[int]) -> None:
        """Turn states into words, in place; row 0 is that of the phases."""
        model = self.model
        if model.length > model.width:
            states[:] = model.cut(states)
        if model.alternating and states.size:
            ones = np.uint32((1 << model.width) - 1)
            odd = np.array([phase % 2 for phase in phases], np.uint32)
            states[0::2] ^= odd * ones
            states[1::2] ^= (1 - odd) * ones

    def _add_stride(self, step: int) -> None:
        """Append the map from one word's state to that 2^step words later, if it is missing."""
        if len(self._strides) == step:
            leap = self.model.leap << step
            self._strides.append(_byte_tables(power(self.model.columns, leap)))

    def _square(self, bit: int) -> list[Words]:
        """Return the map of 2^bit steps."""
        if len(self._squares) <= bit:
            with self._lock:
                while len(self._squares) <= bit:
                    self._columns = compose(self._columns, self._columns)
                    self._squares.append(_byte_tables(self._columns))
        return self._squares[bit]

    def _states(self, phases: Sequence[int]) -> Words:
        """Return the register's state at each phase."""
        model = self.model
        steps = [model.leap * p % model.register_period for p in phases]
        return self.after(np.array(steps, np.int64))

    def after(self, steps: npt.NDArray[np.int64]) -> Words:
        """Return the states after so many register steps from the seed, by the bits of each."""
        states = np.full(len(steps), self.model.seed, np.uint32)
        for bit in range(int(steps.max(initial=0)).bit_length()):
            states = np.where(steps >> bit & 1, _image(self._square(bit), states), states)
        return states


def _byte_tables(columns: Columns) -> list[Words]:
    """Return a linear map as tables: entry v of table b is the image of v << 8 b."""
    tables = []
    for low in range(0, len(columns), 8):
        table = np.zeros(256, np.uint32)
        for bit, column in enumerate(columns[low : low + 8]):
            table[1 << bit : 2 << bit] = table[: 1 << bit] ^ np.uint32(column)
        tables.append(table)
    return tables


def _image(tables: list[Words], states: Words) -> Words:
    """Return the images of states under a linear map, a byte at a time through its tables."""
    image: Words = tables[0][states & np.uint32(255)]
    for index, table in enumerate(tables[1:], 1):
        image ^= table[states >> np.uint32(8 * index) & np.uint32(255)]
    return image
