"""Rules given as a truth table: `table-HEX`, with or without weights.

The table is that of a Boolean function of n fraction bits and s random bits, the *code* c:
bit f + (c << n) of the number HEX is the decision. A code is a word (s = k), or has a weight:
``table-HEX.w.w...`` holds one weight for each code, the number of words that lead to it. Words
are dealt out in order, so that the code is the number of weights' sums that r has reached. It is
the same for all lanes of a source, which is what makes an uneven law cheap.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

import numpy as np
import numpy.typing as npt

from esru.errors import InputError
from esru.scalar_rules import named_up

#: What a table's name begins with, and its summary beside those of the named rules.
PREFIX = "table-"
SUMMARY = "a truth table of n fraction bits and s random bits; found by machine or your own"

#: Fraction bits and code bits together, at most: two LUT6 with one output have 11 inputs.
MOST_INPUTS = 12

_NAME = re.compile(r"table-([0-9a-f]+)((?:\.[0-9]+)*)")
_FORM = "table- with hexadecimal digits, then weights after dots if any"


@dataclass(frozen=True)
class DecisionTable:
    """A truth table and the law of its codes.

    Attributes
    ----------
    n, k, s : int
        Fraction bits, random bits, code bits.
    bits : int
        Bit f + (c << n): the decision.
    weights : tuple of int
        How many words lead to each code; all 1 where the code is the word.
    """

    n: int
    k: int
    s: int
    bits: int
    weights: tuple[int, ...]

    @property
    def coded(self) -> bool:
        """Whether a code has a weight, so that it is not the word itself."""
        return self.weights != (1,) * (1 << self.k)

    @property
    def starts(self) -> tuple[int, ...]:
        """The first word of each code (2^k: there is none above)."""
        return (0, *accumulate(self.weights[:-1]))

    @property
    def rule(self) -> str:
        """The rule's name."""
        digits = max(1, (1 << (self.n + self.s)) // 4)
        tail = "".join(f".{weight}" for weight in self.weights) if self.coded else ""
        return f"{PREFIX}{self.bits:0{digits}x}{tail}"

    @property
    def inputs(self) -> int:
        """On how many bits a decision depends at least: fraction bits, and codes told apart."""
        columns = {self.column(code) for code, weight in enumerate(self.weights) if weight}
        size = 1 << self.n
        seen = sum(
            any(
                (column >> f ^ column >> (f ^ 1 << i)) & 1
                for column in columns
                for f in range(size)
            )
            for i in range(self.n)
        )
        return seen + (len(columns) - 1).bit_length()

    def column(self, code: int) -> int:
        """Return the decisions of a code: bit f is that of fraction f."""
        size = 1 << self.n
        return self.bits >> (code * size) & ((1 << size) - 1)

    def code(self, r: int) -> int:
        """Return the code of a word."""
        reached = 0
        for code, weight in enumerate(self.weights):
            reached += weight
            if r < reached:
                return code
        raise AssertionError(r)

    def up(self, f: int, r: int) -> bool:
        """Return the decision."""
        return bool(self.column(self.code(r)) >> f & 1)

    def ups(self) -> npt.NDArray[np.bool_]:
        """Return all decisions, shape (codes, fractions)."""
        size = 1 << (self.n + self.s)
        octets = np.frombuffer(self.bits.to_bytes((size + 7) // 8, "little"), np.uint8)
        flat = np.unpackbits(octets, bitorder="little")[:size]
        return flat.reshape(1 << self.s, 1 << self.n).astype(np.bool_)

    def codes(self, words: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the code of each word."""
        if not self.coded:
            return words
        ends = np.cumsum(np.array(self.weights, np.int64))
        return np.searchsorted(ends, words, side="right").astype(np.int64)

    def narrowed(self) -> DecisionTable:
        """Return the table without the lowest fraction bits that no decision depends on.

        At least k fraction bits stay.
        """
        n, bits = self.n, self.bits
        while n > max(self.k, 1):
            size = 1 << (n + self.s)
            even = sum((bits >> i & 1) << (i // 2) for i in range(0, size, 2))
            odd = sum((bits >> i & 1) << (i // 2) for i in range(1, size, 2))
            if even != odd:
                break
            n, bits = n - 1, even
        return DecisionTable(n, self.k, self.s, bits, self.weights)

    def merged(self) -> DecisionTable:
        """Return the one table of all that decide alike, whatever their codes are.

        Codes without a word are dropped, and neighbours with one column are one code; what is
        missing to a power of two has the weight 0 and decides nothing.
        """
        runs: list[tuple[int, int]] = []
        for code, weight in enumerate(self.weights):
            column = self.column(code)
            if weight and runs and runs[-1][0] == column:
                runs[-1] = (column, runs[-1][1] + weight)
            elif weight:
                runs.append((column, weight))
        s = (len(runs) - 1).bit_length()
        if s == self.k:
            runs = [(column, 1) for column, weight in runs for _ in range(weight)]
        runs += [(0, 0)] * ((1 << s) - len(runs))
        bits = sum(column << (code << self.n) for code, (column, _) in enumerate(runs))
        return DecisionTable(self.n, self.k, s, bits, tuple(weight for _, weight in runs))


def is_table(rule: str) -> bool:
    """Return whether a rule is given as a table."""
    return rule.startswith(PREFIX)


@lru_cache(maxsize=256)
def decision_table(rule: str, n: int, k: int) -> DecisionTable:
    """Return the table of a rule's name.

    Raises
    ------
    InputError
        If the name has not the form of a table, its size does not suit n and k, or it rounds the
        fraction 0 up.
    """
    match = _NAME.fullmatch(rule)
    if match is None:
        raise InputError.must("Rule", _FORM, shortened(repr(rule)))
    digits = match[1]
    weights = tuple(int(text) for text in match[2].split(".")[1:])
    s = (len(weights) - 1).bit_length() if weights else k
    if weights and len(weights) != 1 << s:
        raise InputError.must("Weights of a table", "a power of two", len(weights))
    if weights and sum(weights) != 1 << k:
        allowed = f"2^k ({1 << k}) in all"
        raise InputError.must("Weights of a table", allowed, sum(weights))
    if n + s > MOST_INPUTS:
        allowed = f"at most {MOST_INPUTS}"
        raise InputError.must("Inputs of a table (n + s)", allowed, n + s)
    size = 1 << (n + s)
    wanted = max(1, size // 4)
    if len(digits) != wanted:
        allowed = f"{wanted} for n = {n} and {s} bits of code"
        raise InputError.must("Digits of a table", allowed, len(digits))
    bits = int(digits, 16)
    if bits >> size:
        raise InputError.must("Table", f"a number of {size} bits", f"0x{digits}")
    table = DecisionTable(n, k, s, bits, weights or (1,) * (1 << k))
    if table.rule != rule:
        raise InputError.must(
            "Weights of a table", "left out if all are 1", shortened(match[2][1:])
        )
    for code, weight in enumerate(table.weights):
        # A code without a word decides nothing, and may hold what makes the lane cheaper.
        if weight and table.column(code) & 1:
            rule_of = "0 at the fraction 0, which never rounds up"
            raise InputError.must("Table", rule_of, f"1 there for the code {code}")
    return table


@lru_cache(maxsize=256)
def named_rule(rule: str, n: int, k: int) -> str | None:
    """Return the named rule that decides as a table does, on every fraction and word; or None."""
    table = decision_table(rule, n, k)
    for name, possible in (
        ("zero", True),
        ("half", n > k),
        ("nearest", True),
        ("replicate", k > 0),
        ("select", k == n - 1 and k > 0),
    ):
        if possible and all(
            table.column(table.code(r)) >> f & 1 == named_up(name, n, k, f, r)
            for r in range(1 << k)
            for f in range(1 << n)
        ):
            return name
    return None


def shortened(rule: str, most: int = 24) -> str:
    """Return a rule's name for people: a long table by its first digits and its length."""
    if len(rule) <= most:
        return rule
    return f"{rule[:most]}... ({len(rule)} characters)"
