"""What all sources with a register have in common: phases, periods, words and their counts.

Everything is exact: a phase anywhere in the period is reached at once, for linear registers by
GF(2) matrix powers.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property, lru_cache
from math import gcd

import numpy as np
import numpy.typing as npt

Words = npt.NDArray[np.uint32]

#: A period up to this many words is kept as a table (64 MiB at most).
TABLE_PERIOD = 1 << 24

#: A linear map on the register: column i is the image of bit i.
Columns = tuple[int, ...]


def apply(columns: Columns, state: int) -> int:
    """Return the image of a state under a linear map over GF(2)."""
    image = 0
    for i, column in enumerate(columns):
        if state >> i & 1:
            image ^= column
    return image


def compose(outer: Columns, inner: Columns) -> Columns:
    """Return the map that applies `inner`, then `outer`."""
    return tuple(apply(outer, column) for column in inner)


@lru_cache(maxsize=1024)
def _squared(columns: Columns, times: int) -> Columns:
    """Return a linear map applied 2^times times."""
    if not times:
        return columns
    half = _squared(columns, times - 1)
    return compose(half, half)


def power(columns: Columns, exponent: int) -> Columns:
    """Return a linear map applied `exponent` >= 0 times."""
    result: Columns = tuple(1 << i for i in range(len(columns)))
    for i in range(exponent.bit_length()):
        if exponent >> i & 1:
            result = compose(_squared(columns, i), result)
    return result


def jump(columns: Columns, exponent: int, state: int) -> int:
    """Return the image of a state under a linear map applied `exponent` >= 0 times."""
    for i in range(exponent.bit_length()):
        if exponent >> i & 1:
            state = apply(_squared(columns, i), state)
    return state


def _apply_array(columns: Columns, states: Words) -> Words:
    """Apply a linear map to an array of states, a byte at a time through tables."""
    image = np.zeros_like(states)
    for low in range(0, len(columns), 8):
        part = columns[low : low + 8]
        table = np.zeros(1, np.uint32)
        for column in part:
            table = np.concatenate((table, table ^ np.uint32(column)))
        image ^= table[(states >> np.uint32(low)) & np.uint32((1 << len(part)) - 1)]
    return image


class RegisterModel(ABC):
    """Exact model of a source whose words come from a register of `length` bits.

    Attributes
    ----------
    length : int
        Register bits L.
    seed : int
        The state of phase 0.
    leap : int
        Register steps per word.
    width : int
        Bits k of a word, 0 < k <= L.
    """

    length: int
    seed: int
    leap: int
    width: int

    @property
    def visits_zero(self) -> bool:
        """Whether the state 0 occurs, and with it all 2^L states."""
        return False

    @property
    def alternating(self) -> bool:
        """Whether every second word is inverted, beginning with the second."""
        return False

    @abstractmethod
    def step(self, state: int) -> int:
        """Return the next register state: the definition, against which all else is tested."""

    @abstractmethod
    def register_at(self, phase: int) -> int:
        """Return the register's true state (never inverted) at a phase, in words."""

    @abstractmethod
    def states(self, start: int, count: int) -> Words:
        """Return `count` states, a word apart, the first at phase `start` >= 0."""

    def cut(self, states: Words) -> Words:
        """Return the words of some states: their `width` top bits."""
        return states >> np.uint32(self.length - self.width)

    @property
    def register_period(self) -> int:
        """States the register passes through: 2^L, less one if it is never zero."""
        return (1 << self.length) - (not self.visits_zero)

    @property
    def period(self) -> int:
        """Words until the stream repeats."""
        steps = self.register_period // gcd(self.leap, self.register_period)
        return 2 * steps if self.alternating and steps % 2 else steps

    def inverted_at(self, phase: int) -> bool:
        """Return whether the word at a phase is an inverted one."""
        return self.alternating and phase % 2 == 1

    def word_at(self, phase: int) -> int:
        """Return the word at a phase >= 0 (scalar reference for `words`)."""
        word = int(self.cut(np.array([self.register_at(phase)], np.uint32))[0])
        return word ^ ((1 << self.width) - 1) if self.inverted_at(phase) else word

    def words(self, start: int, count: int) -> Words:
        """Return `count` successive words, the first at phase `start` >= 0."""
        if self.period <= TABLE_PERIOD:
            first = start % self.period
            if first + count <= self.period:
                return self.table[first : first + count]
            return np.take(self.table, np.arange(first, first + count), mode="wrap")
        return self._generate(start, count)

    @cached_property
    def table(self) -> Words:
        """The words of one whole period, for periods up to `TABLE_PERIOD` (read-only)."""
        table = self._generate(0, self.period)
        table.flags.writeable = False
        return table

    def word_counts(self) -> npt.NDArray[np.int64]:
        """Return how often each of the 2^k words occurs in one period.

        Where the leap is coprime with the register's period every state occurs once
        (alternating: once and once inverted), and the counts need no table. A `Design` refuses
        any other leap for a period too long for one.
        """
        if gcd(self.leap, self.register_period) != 1:
            return np.bincount(self.table, minlength=1 << self.width).astype(np.int64)
        counts = np.full(1 << self.width, 1 << (self.length - self.width), np.int64)
        if not self.visits_zero:
            counts[0] -= 1
        return counts + counts[::-1] if self.alternating else counts

    def _generate(self, start: int, count: int) -> Words:
        words = self.cut(self.states(start, count))
        if self.alternating:
            words[(start + 1) % 2 :: 2] ^= np.uint32((1 << self.width) - 1)
        return words


class LinearModel(RegisterModel):
    """A register whose step is a linear map over GF(2) and passes through all states but zero."""

    @property
    @abstractmethod
    def columns(self) -> Columns:
        """One register step as a linear map."""

    def register_at(self, phase: int) -> int:
        """Return the register's true state (never inverted) at a phase, in words."""
        return jump(self.columns, self.leap * phase % self.register_period, self.seed)

    def states(self, start: int, count: int) -> Words:
        """Return `count` states, a word apart, the first at phase `start` >= 0."""
        return self._linear(self.register_at(start), count)

    def _linear(self, state: int, count: int) -> Words:
        """Return `count` states `leap` linear steps apart, by doubling."""
        states = np.empty(count, np.uint32)
        if not count:
            return states
        states[0] = state
        stride = power(self.columns, self.leap % ((1 << self.length) - 1))
        filled = 1
        while filled < count:
            more = min(filled, count - filled)
            states[filled : filled + more] = _apply_array(stride, states[:more])
            stride = compose(stride, stride)
            filled += more
        return states
