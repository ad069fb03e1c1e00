"""Counter source: a counter read backwards, the van der Corput sequence in base 2.

Conventions, for L bits:

- The register c counts modulo 2^L, upwards in steps of 1; `leap` of them lie between words.
- A word is the register with its bits reversed, k = L: its top bit is bit 0 of c. Further bits
  of a longer counter would change nothing, as a word sees only the lowest ones.

Any 2^m successive words (odd leap) that begin at a multiple of 2^m fall one each into the 2^m
equal parts of the range: sums of roundings vary far less than independent ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from esru.sources.register import RegisterModel, Words


@dataclass(frozen=True)
class CounterModel(RegisterModel):
    """Exact model of a bit-reversed counter.

    Parameters
    ----------
    length : int
        Bits L of the counter, 1..32.
    seed : int
        The count of phase 0.
    leap : int
        Counts per word.
    width : int
        Bits k of a word: L.
    """

    length: int
    seed: int
    leap: int
    width: int

    @property
    def visits_zero(self) -> bool:
        """A counter passes through all 2^L states."""
        return True

    def step(self, state: int) -> int:
        """Return the next count."""
        return (state + 1) % (1 << self.length)

    def register_at(self, phase: int) -> int:
        """Return the count at a phase, in words."""
        return (self.seed + self.leap * phase) % (1 << self.length)

    def states(self, start: int, count: int) -> Words:
        """Return `count` counts, a word apart, the first at phase `start` >= 0."""
        mask = (1 << self.length) - 1
        index = np.arange(count, dtype=np.uint64) * np.uint64(self.leap)
        counts = (index + np.uint64(self.register_at(start))) & np.uint64(mask)
        return counts.astype(np.uint32)

    def cut(self, states: Words) -> Words:
        """Return the words of some counts: the same bits in reverse."""
        words = np.zeros_like(states)
        for i in range(self.length):
            words |= (states >> np.uint32(i) & np.uint32(1)) << np.uint32(self.length - 1 - i)
        return words
