"""Searches decisions that fit one look-up table (LUT) of a lane, or two: the machine-found rules.

A lane sees m fraction bits and s bits of a code that all lanes share; each code occurs as often
as its weight says. All biases are over the 256 fractions of 8 dropped bits, in units of 2^-8 ulp,
whatever m is, so that seeing fewer bits is not hidden. What counts is, in this order: the
greatest bias, the dead zone, the root mean square, and then how few random bits the weights need.

One LUT holds any function of its inputs. A lane is then 2^s subsets of the fractions, and P(up)
at a fraction is the sum of the weights of the subsets it is in: any subset sum of the weights.
So all laws of the weights are enumerated, and each fraction takes the closest sum: that is the
optimum over all functions and all laws with at most 8 random bits. Two LUTs are in
`esru.search.decision_two`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from esru.decision_table import DecisionTable
from esru.design import Design
from esru.formats import parse_format
from esru.quality import Quality, quality
from esru.sources import fresh_leap

Ints = npt.NDArray[np.int64]

#: Dropped bits that biases are taken over, and random bits at most: those of the search.
BITS = 8
FULL = 1 << BITS

#: An input format with so many dropped bits.
WIDE = parse_format("s16.8")

#: Laws that are looked at together.
_BLOCK = 1 << 12


@dataclass(frozen=True)
class Decision:
    """A decision that was found.

    Attributes
    ----------
    luts, width : int
        LUTs of a lane, and their inputs.
    seen : int
        m, the fraction bits that are looked at.
    table : DecisionTable
        The decision; its n is at least its k, so it may ignore its lowest fraction bits.
    greatest : int
        The greatest bias, in 1/256 ulp.
    bound : int
        No decision of so many LUTs has a smaller one.
    method : str
        How that is known.
    joined : bool
        Whether a multiplexer joins the two LUTs; otherwise the first feeds the second.
    """

    luts: int
    width: int
    seen: int
    table: DecisionTable
    greatest: int
    bound: int
    method: str
    joined: bool = False

    @property
    def name(self) -> str:
        """Such as ``2 LUT4``."""
        return f"{self.luts} LUT{self.width}" + (" + MUXF7" if self.joined else "")

    def design(self, source: str) -> Design:
        """Return a design with this decision, for 8 dropped bits.

        Parameters
        ----------
        source : str
            ``shared``: one 13-bit LFSR for 64 lanes; ``uniform``: a source of each word once.
        """
        return with_source(self.table.n, self.table.k, self.table.rule, source)


def with_source(n: int, k: int, rule: str, source: str) -> Design:
    """Return a design of a rule as the search compares them: 8 dropped bits if n is fewer."""
    if source == "uniform":
        return Design(n, k, rule, "debruijn", max(k, 2))
    leap = fresh_leap("lfsr", 13, k)
    return Design(n, k, rule, "lfsr", 13, leap=leap, lanes=64)


def measured(design: Design) -> Quality:
    """Return a rule's exact properties over 8 dropped bits and uniform words."""
    return quality(replace(with_source(design.n, design.k, design.rule, "uniform"), in_format=WIDE))


def least_bias(seen: int) -> int:
    """Return a lower bound of the greatest bias when m fraction bits are looked at.

    The fraction 0 never rounds up, and neither does any other that looks the same.
    """
    return (1 << (BITS - seen)) - 1


def laws(words: int, codes: int) -> Iterator[tuple[int, ...]]:
    """Yield every multiset of `codes` weights that sum to `words`, the greatest first."""

    def further(left: int, places: int, most: int) -> Iterator[tuple[int, ...]]:
        if places == 1:
            if left <= most:
                yield (left,)
            return
        for weight in range(min(left, most), -(-left // places) - 1, -1):
            for rest in further(left - weight, places - 1, weight):
                yield (weight, *rest)

    yield from further(words, codes, words)


def cells(seen: int) -> tuple[Ints, Ints]:
    """Return the first and last fraction, of 8 bits, of each value of the m highest."""
    first = np.arange(1 << seen, dtype=np.int64) << (BITS - seen)
    return first, first + (1 << (BITS - seen)) - 1


def _best_law(seen: int, code_bits: int, k: int) -> tuple[tuple[int, int, float], tuple[int, ...]]:
    """Return the best key of all laws with k random bits, and the law."""
    codes = 1 << code_bits
    first, last = cells(seen)
    middle = (first + last)[1:]  # twice the middle
    subsets = np.array([[s >> c & 1 for c in range(codes)] for s in range(1 << codes)])
    best: tuple[tuple[int, int, float], tuple[int, ...]] | None = None
    every = np.array(list(laws(1 << k, codes)), np.int64)
    for start in range(0, len(every), _BLOCK):
        part = every[start : start + _BLOCK]
        sums = part @ subsets.T << (BITS - k)
        gaps = np.abs(2 * sums[:, :, None] - middle)
        at = gaps.argmin(axis=1)
        gap = np.take_along_axis(gaps, at[:, None, :], 1)[:, 0, :]
        # A cell's ends are half its width less one from its middle.
        greatest = np.maximum((gap.max(axis=1) + last[0]) // 2, last[0])
        chosen = np.take_along_axis(sums, at, 1)
        zone = np.where((chosen > 0).any(axis=1), (chosen > 0).argmax(axis=1) + 1, 1 << seen)
        squares = (gap.astype(np.float64) ** 2).mean(axis=1)
        row = int(np.lexsort((squares, zone, greatest))[0])
        key = (int(greatest[row]), int(zone[row]) << (BITS - seen), float(squares[row]))
        if best is None or key < best[0]:
            best = key, tuple(part[row].tolist())
    assert best is not None
    return best


def _closest(seen: int, k: int, law: tuple[int, ...]) -> DecisionTable:
    """Return the table in which every fraction takes the closest sum of the weights."""
    codes, n = len(law), max(seen, k)
    first, last = cells(seen)
    subsets = [[s >> c & 1 for c in range(codes)] for s in range(1 << codes)]
    sums = [sum(w for w, taken in zip(law, row, strict=True) if taken) for row in subsets]
    bits = 0
    for f in range(1, 1 << n):
        cell = f >> (n - seen)
        if not cell:
            continue
        middle = int(first[cell] + last[cell])
        gaps = [abs(2 * (value << (BITS - k)) - middle) for value in sums]
        subset = gaps.index(min(gaps))
        bits |= sum((subset >> c & 1) << (f + (c << n)) for c in range(codes))
    return DecisionTable(n, k, (codes - 1).bit_length(), bits, law)


@lru_cache(maxsize=4)
def one_lut(width: int) -> Decision:
    """Return the best decision of one LUT: exhaustive, so it is the optimum.

    Every number m of fraction bits whose bound (`least_bias`) is below the best found is gone
    through with every number of code bits beside it, every k up to 8 and every law.
    """
    best: tuple[tuple[int, int, float, int], int, tuple[int, ...]] | None = None
    for seen in range(width, 0, -1):
        for code_bits in range(width - seen + 1):
            if best is not None and least_bias(seen) > best[0][0]:
                continue
            for k in range(code_bits, BITS + 1):
                (greatest, zone, squares), law = _best_law(seen, code_bits, k)
                key = (greatest, zone, squares, k)
                if best is None or key < best[0]:
                    best = key, seen, law
    assert best is not None
    key, seen, law = best
    table = _closest(seen, key[3], law)
    return Decision(1, width, seen, table, key[0], key[0], "every law of at most 8 random bits")


def check(decision: Decision) -> None:
    """Check a decision against the exact model: its greatest bias is what it says.

    Raises
    ------
    AssertionError
        If it is not.
    """
    found = measured(decision.design("uniform")).bias.max
    assert found == Fraction(decision.greatest, FULL), (decision.name, found)
