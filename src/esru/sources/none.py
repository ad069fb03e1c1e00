"""The source of no bits at all, for deterministic rounding (k = 0)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class NoneModel:
    """A source whose every word is 0, of width 0 and period 1."""

    width: int = 0
    period: int = 1

    def word_at(self, phase: int) -> int:
        """Return 0, the only word."""
        return 0

    def state_at(self, phase: int) -> int:
        """Return 0: there is no register."""
        return 0

    def words(self, start: int, count: int) -> npt.NDArray[np.uint32]:
        """Return `count` zeros."""
        return np.zeros(count, np.uint32)

    def word_counts(self) -> npt.NDArray[np.int64]:
        """Return how often each word occurs in one period."""
        return np.ones(1, np.int64)
