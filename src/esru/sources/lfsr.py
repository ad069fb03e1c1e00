"""Shift-register sources: `lfsr`, `debruijn` (zero state spliced in) and `plateau`.

Conventions, for a primitive polynomial p of degree L:

- Fibonacci: shift left; new bit 0 = XOR of bits L-1-i over all x^i in p with i < L. The bit
  stream then satisfies the recurrence whose characteristic polynomial is p.
- Galois: shift left; XOR p if the bit that leaves was set, that is, multiplication by x mod p.
- A word is the `width` top bits of the register; `leap` register steps lie between words.
- `debruijn` passes through zero between the state 10...0 and that state's successor, so that
  every state occurs once in 2^L steps (Golomb, Shift Register Sequences, VI).
- `plateau` inverts every second rounding's word, beginning with the second.

Everything is exact: a phase anywhere in the period is reached by GF(2) matrix powers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import gcd, isqrt

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


def power(columns: Columns, exponent: int) -> Columns:
    """Return a linear map applied `exponent` >= 0 times."""
    result: Columns = tuple(1 << i for i in range(len(columns)))
    while exponent:
        if exponent & 1:
            result = compose(columns, result)
        columns = compose(columns, columns)
        exponent >>= 1
    return result


def _apply_array(columns: Columns, states: Words) -> Words:
    """Apply a linear map to an array of states, a byte at a time through tables."""
    image = np.zeros_like(states)
    for low in range(0, len(columns), 8):
        part = columns[low : low + 8]
        table = np.array([apply(part, byte) for byte in range(1 << len(part))], np.uint32)
        image ^= table[(states >> np.uint32(low)) & np.uint32((1 << len(part)) - 1)]
    return image


@dataclass(frozen=True)
class LfsrModel:
    """Exact model of a shift-register source.

    Parameters
    ----------
    family : str
        ``lfsr``, ``debruijn`` or ``plateau``.
    length : int
        Register bits L, 2..32.
    polynomial : int
        A primitive polynomial of degree L.
    galois : bool
        Galois form when true, else Fibonacci.
    seed : int
        The state of phase 0; not 0 unless the family is ``debruijn``.
    leap : int
        Register steps per word.
    width : int
        Bits k of a word, the top ones of the register; 0 < k <= L.
    """

    family: str
    length: int
    polynomial: int
    galois: bool
    seed: int
    leap: int
    width: int

    def step(self, state: int) -> int:
        """Return the next register state: one step, written bit by bit.

        This is the definition; every faster way below is tested against it.
        """
        top = 1 << (self.length - 1)
        low = self.polynomial & (2 * top - 1)
        if self.galois:
            following = (state << 1) & (2 * top - 1)
            if state & top:
                following ^= low
            splice = low
        else:
            feedback = 0
            for i in range(self.length):
                if self.polynomial >> i & 1:
                    feedback ^= state >> (self.length - 1 - i) & 1
            following = (state << 1) & (2 * top - 1) | feedback
            splice = 1
        if self.family == "debruijn" and state & (top - 1) == 0:
            following ^= splice
        return following

    @cached_property
    def columns(self) -> Columns:
        """One register step as a linear map (without a de Bruijn register's splice)."""
        top = self.length - 1
        low = self.polynomial & ((1 << self.length) - 1)
        if self.galois:
            return tuple(low if i == top else 2 << i for i in range(self.length))
        feeds = [self.polynomial >> (top - i) & 1 for i in range(self.length)]
        mask = (1 << self.length) - 1
        return tuple((2 << i) & mask | feeds[i] for i in range(self.length))

    @property
    def register_period(self) -> int:
        """States the register passes through: 2^L - 1, or 2^L for ``debruijn``."""
        return (1 << self.length) - (self.family != "debruijn")

    @property
    def period(self) -> int:
        """Words until the stream repeats."""
        steps = self.register_period // gcd(self.leap, self.register_period)
        if self.family == "plateau" and steps % 2:
            return 2 * steps
        return steps

    @cached_property
    def _after_zero(self) -> int:
        """The state that follows zero in a de Bruijn register."""
        return self.step(0)

    @cached_property
    def _seed_index(self) -> int:
        """How many de Bruijn steps the seed lies after zero (baby steps, giant steps)."""
        if self.seed == 0:
            return 0
        stride = isqrt(self.register_period) + 1
        baby: dict[int, int] = {}
        state = self._after_zero
        for j in range(stride):
            baby.setdefault(state, j)
            state = apply(self.columns, state)
        order = (1 << self.length) - 1
        back = power(self.columns, order - stride % order)
        state, giant = self.seed, 0
        while state not in baby:
            state = apply(back, state)
            giant += stride
        return giant + baby[state] + 1

    def register_at(self, phase: int) -> int:
        """Return the register's true state (never inverted) at a phase, in words."""
        steps = self.leap * phase
        if self.family != "debruijn":
            return apply(power(self.columns, steps % self.register_period), self.seed)
        index = (self._seed_index + steps) % self.register_period
        return apply(power(self.columns, index - 1), self._after_zero) if index else 0

    def inverted_at(self, phase: int) -> bool:
        """Return whether the word at a phase is an inverted one."""
        return self.family == "plateau" and phase % 2 == 1

    def word_at(self, phase: int) -> int:
        """Return the word at a phase >= 0 (scalar reference for `words`)."""
        word = self.register_at(phase) >> (self.length - self.width)
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

        Where the leap is coprime with the register's period every state occurs once (plateau:
        once and once inverted), and the counts need no table. A `Design` refuses any other
        leap for a period too long for one.
        """
        if gcd(self.leap, self.register_period) != 1:
            return np.bincount(self.table, minlength=1 << self.width).astype(np.int64)
        counts = np.full(1 << self.width, 1 << (self.length - self.width), np.int64)
        if self.family != "debruijn":
            counts[0] -= 1
        return counts + counts[::-1] if self.family == "plateau" else counts

    def _generate(self, start: int, count: int) -> Words:
        if self.family == "debruijn":
            states = self._spliced(start, count)
        else:
            states = self._linear(self.register_at(start), count)
        words = states >> np.uint32(self.length - self.width)
        if self.family == "plateau":
            words[(start + 1) % 2 :: 2] ^= np.uint32((1 << self.width) - 1)
        return words

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

    def _spliced(self, start: int, count: int) -> Words:
        """Return `count` de Bruijn states `leap` steps apart: linear runs between zeros."""
        states = np.empty(count, np.uint32)
        size = 1 << self.length
        index = (self._seed_index + self.leap * start) % size
        done = 0
        while done < count:
            if index == 0:
                states[done] = 0
                done += 1
                index = self.leap % size
                continue
            run = min(count - done, (size - 1 - index) // self.leap + 1)
            first = apply(power(self.columns, index - 1), self._after_zero)
            states[done : done + run] = self._linear(first, run)
            done += run
            index = (index + self.leap * run) % size
        return states
