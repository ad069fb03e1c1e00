"""Shift-register sources: `lfsr`, `debruijn` (zero state spliced in) and `plateau`.

Conventions, for a primitive polynomial p of degree L:

- Fibonacci: shift left; new bit 0 = XOR of bits L-1-i over all x^i in p with i < L. The bit
  stream then satisfies the recurrence whose characteristic polynomial is p.
- Galois: shift left; XOR p if the bit that leaves was set, that is, multiplication by x mod p.
- A word is the `width` top bits of the register; `leap` register steps lie between words.
- `debruijn` passes through zero between the state 10...0 and that state's successor, so that
  every state occurs once in 2^L steps (Golomb, Shift Register Sequences, VI).
- `plateau` inverts every second rounding's word, beginning with the second.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from math import isqrt

import numpy as np

from esru.sources.register import TABLE_PERIOD as TABLE_PERIOD
from esru.sources.register import Columns, LinearModel, Words, apply, jump, power


@dataclass(frozen=True)
class LfsrModel(LinearModel):
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
    def visits_zero(self) -> bool:
        """Whether the zero state is spliced in."""
        return self.family == "debruijn"

    @property
    def alternating(self) -> bool:
        """Whether every second word is inverted."""
        return self.family == "plateau"

    @cached_property
    def after_zero(self) -> int:
        """The state that follows zero in a de Bruijn register."""
        return self.step(0)

    @cached_property
    def seed_index(self) -> int:
        """How many de Bruijn steps the seed lies after zero (baby steps, giant steps)."""
        if self.seed == 0:
            return 0
        stride = isqrt(self.register_period) + 1
        baby: dict[int, int] = {}
        state = self.after_zero
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
        if self.family != "debruijn":
            return super().register_at(phase)
        index = (self.seed_index + self.leap * phase) % self.register_period
        return jump(self.columns, index - 1, self.after_zero) if index else 0

    def states(self, start: int, count: int) -> Words:
        """Return `count` states, a word apart, the first at phase `start` >= 0."""
        if self.family == "debruijn":
            return self._spliced(start, count)
        return super().states(start, count)

    def _spliced(self, start: int, count: int) -> Words:
        """Return `count` de Bruijn states `leap` steps apart: linear runs between zeros."""
        states = np.empty(count, np.uint32)
        size = 1 << self.length
        if self.leap > size // 2 and count:
            # Few steps back for many forwards: the same states, the last one first.
            last = self.register_at(start + count - 1)
            back = replace(self, seed=last, leap=size - self.leap)
            return back.states(0, count)[::-1].copy()
        index = (self.seed_index + self.leap * start) % size
        done = 0
        while done < count:
            if index == 0:
                states[done] = 0
                done += 1
                index = self.leap % size
                continue
            run = min(count - done, (size - 1 - index) // self.leap + 1)
            first = jump(self.columns, index - 1, self.after_zero)
            states[done : done + run] = self._linear(first, run)
            done += run
            index = (index + self.leap * run) % size
        return states
