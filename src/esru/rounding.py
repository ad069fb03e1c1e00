"""Rules: the scalar reference and the exact probability of rounding up.

`round_up` is written from the contract's sentences, not from the hardware; the vectorised
emulation, the Amaranth modules and the Verilog are each checked against it.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt

from esru.decision_table import decision_table, is_table
from esru.design import Design
from esru.scalar_rules import leading_zeros as leading_zeros
from esru.scalar_rules import named_up
from esru.scalar_rules import nearest_fraction as nearest_fraction
from esru.scalar_rules import replicate_word as replicate_word
from esru.sources import seen_counts


def round_up(rule: str, n: int, k: int, f: int, r: int) -> bool:
    """Return the decision of a rule: scalar reference.

    Parameters
    ----------
    rule : str
        One of `esru.design.RULES`, or a table.
    n, k : int
        Rounding bits and random bits.
    f : int
        The fraction's top n bits, 0 <= f < 2^n.
    r : int
        The random word, 0 <= r < 2^k.
    """
    if is_table(rule):
        return decision_table(rule, n, k).up(f, r)
    return named_up(rule, n, k, f, r)


def round_word(design: Design, x: int, r: int) -> int:
    """Return the unit's output word for an input word and a random word.

    Parameters
    ----------
    design : Design
        The unit.
    x : int
        Input, an integer in units of the input format's last place.
    r : int
        Random word, 0 <= r < 2^k.

    Returns
    -------
    int
        Output, an integer in units of the output format's last place.
    """
    dropped, (_, out) = design.dropped, design.fixed
    f = (x & ((1 << dropped) - 1)) >> (dropped - design.n)
    y = (x >> dropped) + round_up(design.rule, design.n, design.k, f, r)
    if design.overflow == "wrap":
        return out.decode(y)
    return min(max(y, out.low), out.high)


def thresholds(design: Design) -> npt.NDArray[np.int64]:
    """Return, for each random word r, the least f that rounds up (2^n: none does).

    Defined for every rule in which a larger fraction never rounds down where a smaller one
    rounds up, that is, for all but `select` and tables.
    """
    n, k = design.n, design.k
    words = np.arange(1 << k, dtype=np.int64)
    if design.rule == "zero":
        return (1 << n) - (words << (n - k))
    if design.rule == "half":
        return (1 << n) - (words << (n - k)) - (1 << (n - k - 1))
    if design.rule == "replicate":
        addend = np.zeros_like(words)
        for position in range(n):
            addend = addend << 1 | (words >> (k - 1 - position % k) & 1)
        return (1 << n) - addend
    if design.rule == "nearest":
        if n == k:
            return (1 << n) - words
        # f' >= 2^k - r: the middle below that multiple of 2^(n-k) rounds up to it iff it is even.
        multiple = (1 << k) - words
        return (multiple << (n - k)) - (1 << (n - k - 1)) + (multiple % 2)
    raise AssertionError(design.rule)


def up_counts(design: Design) -> npt.NDArray[np.int64]:
    """Return, for each f in 0..2^n - 1, how many words of one period round it up."""
    n, k = design.n, design.k
    counts = seen_counts(design)
    if is_table(design.rule):
        table = decision_table(design.rule, n, k)
        codes = table.codes(np.arange(1 << k, dtype=np.int64))
        weights = np.zeros(1 << table.s, np.int64)
        np.add.at(weights, codes, counts)
        return weights @ table.ups().astype(np.int64)
    if design.rule == "select":
        f = np.arange(1 << n, dtype=np.int64)
        zeros = k - np.array([int(r).bit_length() for r in range(1 << k)])
        weight = np.bincount(zeros, weights=counts, minlength=k + 1).astype(np.int64)
        return sum((weight[j] * (f >> (n - 1 - j) & 1) for j in range(k + 1)), np.zeros_like(f))
    order = np.argsort(at := thresholds(design), kind="stable")
    arrived = np.concatenate(([0], np.cumsum(counts[order])))
    return arrived[np.searchsorted(at[order], np.arange(1 << n), side="right")]


def probability_up(design: Design, f: int) -> Fraction:
    """Return P(up | f) exactly, over one whole period of the source.

    Parameters
    ----------
    design : Design
        The unit.
    f : int
        The fraction's top n bits, 0 <= f < 2^n.
    """
    if not 0 <= f < 1 << design.n:
        raise IndexError(f"fraction {f} is outside 0..2^{design.n} - 1")
    counts = up_counts(design)
    return Fraction(int(counts[f]), int(seen_counts(design).sum()))
