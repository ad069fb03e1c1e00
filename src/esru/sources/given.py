"""Sources that make no words themselves: `port` (an input) and `operand-*` (the data's own bits).

What can be said of them alone holds for uniform words that do not depend on the fraction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from esru.errors import InputError


@dataclass(frozen=True)
class GivenModel:
    """A source whose words come from outside the unit's own state.

    Parameters
    ----------
    family : str
        ``port`` or one of the operand sources.
    width : int
        Bits k of a word.
    """

    family: str
    width: int

    @property
    def period(self) -> int:
        """0: the words have no period of their own."""
        return 0

    def word_counts(self) -> npt.NDArray[np.int64]:
        """Return 1 for each of the 2^k words: what is taken for granted of them."""
        return np.ones(1 << self.width, np.int64)

    def word_at(self, phase: int) -> int:
        """Refuse: no word follows from a phase."""
        self._refuse()

    def words(self, start: int, count: int) -> npt.NDArray[np.uint32]:
        """Refuse: no word follows from a phase."""
        self._refuse()

    def _refuse(self) -> NoReturn:
        rule = "one that makes its own words, for a sequence of them"
        raise InputError.must("Source", rule, repr(self.family))
