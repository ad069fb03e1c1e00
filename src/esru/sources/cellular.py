"""Cellular source: a hybrid automaton of rules 90 and 150, null boundary, maximal length.

Conventions, for L cells and a rule vector d of L bits:

- Cell i becomes cell i-1 XOR cell i+1 (rule 90), and XOR itself where bit i of d is 1
  (rule 150). Beyond both ends lie zeros.
- The step's matrix is tridiagonal with ones beside the diagonal, so its characteristic polynomial
  is its minimal one; if that is primitive, the cells pass through all 2^L - 1 states but zero.
- A word is the `width` lowest cells, cell 0 its lowest bit. Cell 0 has one neighbour only, which
  says what it will be; as the lowest bit it does least harm. The neighbours of the top bit lie
  on both sides of it, the upper one outside the word if L > k.

The catalogue holds, for each L, the rule vector with the fewest cells of rule 150 and, of those,
the least integer. Nothing is taken on trust: `is_maximal` proves each entry, and the tests search
the catalogue anew. (Serra, Slater, Muzio and Miller, The Analysis of One-Dimensional Linear
Cellular Automata and Their Aliasing Properties, IEEE TCAD 9(7), 1990.)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np

from esru.errors import InputError
from esru.sources.polynomial import MAX_LENGTH, MIN_LENGTH, is_primitive
from esru.sources.register import Columns, LinearModel, Words

#: The default rule vector of each number of cells; `find_rules` finds the same ones.
CATALOGUE: dict[int, int] = {
    2: 0x1,
    3: 0x1,
    4: 0x5,
    5: 0x1,
    6: 0x1,
    7: 0x4,
    8: 0x6,
    9: 0x1,
    10: 0x42,
    11: 0x1,
    12: 0x44,
    13: 0x10,
    14: 0x1,
    15: 0x4,
    16: 0x50,
    17: 0x10,
    18: 0x22,
    19: 0x4,
    20: 0x6,
    21: 0x60,
    22: 0x10,
    23: 0x1,
    24: 0x880,
    25: 0x100,
    26: 0x1,
    27: 0x48,
    28: 0x4,
    29: 0x1,
    30: 0x1,
    31: 0x400,
    32: 0x110,
}


def characteristic(rules: int, length: int) -> int:
    """Return the characteristic polynomial of the automaton's step.

    Expanding the determinant along the last cell: p_i = (x + d_(i-1)) p_(i-1) + p_(i-2).
    """
    before, now = 0, 1
    for cell in range(length):
        before, now = now, now << 1 ^ (now if rules >> cell & 1 else 0) ^ before
    return now


def is_maximal(rules: int, length: int) -> bool:
    """Return whether the automaton passes through all 2^L - 1 states but zero."""
    return is_primitive(characteristic(rules, length))


def _candidates(length: int) -> Iterator[int]:
    """Yield rule vectors: fewest cells of rule 150 first, then least integer."""
    for count in range(1, length + 1):
        yield from sorted(
            sum(1 << i for i in cells) for cells in combinations(range(length), count)
        )


def find_rules(length: int) -> int:
    """Search the default rule vector: fewest cells of rule 150, then least integer."""
    return next(rules for rules in _candidates(length) if is_maximal(rules, length))


def default_rules(length: int) -> int:
    """Return the catalogue's rule vector for `length` cells.

    Raises
    ------
    InputError
        If `length` is outside 2..32.
    """
    if length not in CATALOGUE:
        raise InputError.must("Source length", f"between {MIN_LENGTH} and {MAX_LENGTH}", length)
    return CATALOGUE[length]


def format_rules(rules: int) -> str:
    """Return a rule vector as text, such as ``rule 150 in cells 1 and 2, else 90``."""
    cells = [str(i) for i in range(rules.bit_length()) if rules >> i & 1]
    text = cells[0] if len(cells) == 1 else ", ".join(cells[:-1]) + f" and {cells[-1]}"
    return f"rule 150 in cell{'s' * (len(cells) > 1)} {text}, else 90"


@dataclass(frozen=True)
class CellularModel(LinearModel):
    """Exact model of a cellular source.

    Parameters
    ----------
    length : int
        Cells L, 2..32.
    rules : int
        The rule vector, maximal; bit i is 1 where cell i follows rule 150.
    seed : int
        The state of phase 0, not 0; bit i is cell i.
    leap : int
        Steps of the automaton per word.
    width : int
        Bits k of a word, the lowest cells; 0 < k <= L.
    """

    length: int
    rules: int
    seed: int
    leap: int
    width: int

    def step(self, state: int) -> int:
        """Return the next state: one step, cell by cell."""

        def cell(i: int) -> int:
            return state >> i & 1 if 0 <= i < self.length else 0

        following = 0
        for i in range(self.length):
            itself = cell(i) if self.rules >> i & 1 else 0
            following |= (cell(i - 1) ^ cell(i + 1) ^ itself) << i
        return following

    @cached_property
    def columns(self) -> Columns:
        """One step as a linear map."""
        mask = (1 << self.length) - 1
        return tuple(
            (2 << i) & mask | 1 << i >> 1 | self.rules & 1 << i for i in range(self.length)
        )

    def cut(self, states: Words) -> Words:
        """Return the words of some states: their lowest cells."""
        return states & np.uint32((1 << self.width) - 1)
