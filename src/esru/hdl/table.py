"""Rules given as a truth table as hardware: the code that lanes share, and a lane's look-up.

A lane's function is written as a tree of multiplexers over its inputs. Where it is one look-up
table that feeds another, of 4 or of 6 inputs each, it is written as these two: mapping does not
find such a pair by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import combinations
from typing import NamedTuple

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value

from esru.decision_table import decision_table
from esru.design import Design

#: Inputs of the look-up tables that a pair is sought for.
_SIZES = (4, 6)

#: The truth table of a function of some inputs, the first one the fastest.
Truth = tuple[bool, ...]


class Pair(NamedTuple):
    """A function as one look-up table that feeds another.

    Attributes
    ----------
    first : tuple of int
        The inputs of the first table.
    inner : tuple of bool
        Its truth table.
    second : tuple of int
        The inputs of the second one, beside the first one's output, which comes first.
    outer : tuple of bool
        Its truth table.
    """

    first: tuple[int, ...]
    inner: Truth
    second: tuple[int, ...]
    outer: Truth


class Joined(NamedTuple):
    """A function as two look-up tables and a multiplexer that takes one of them.

    Attributes
    ----------
    select : int
        The input that tells which.
    halves : tuple
        The inputs of the table for 0 and its truth table, then those for 1.
    """

    select: int
    halves: tuple[tuple[tuple[int, ...], Truth], ...]


def support(truth: Truth) -> list[int]:
    """Return the inputs that a function depends on."""
    places = range((len(truth) - 1).bit_length())
    return [i for i in places if any(truth[x] != truth[x ^ 1 << i] for x in range(len(truth)))]


@lru_cache(maxsize=256)
def find_pair(truth: Truth, size: int) -> Pair | None:
    """Return two look-up tables of `size` inputs that make a function; None: there are none.

    The search is exhaustive, over every choice of the inputs of both.
    """
    seen = support(truth)
    for many in range(min(size, len(seen)), 1, -1):
        for first in combinations(seen, many):
            apart = [i for i in seen if i not in first]
            room = size - 1 - len(apart)
            if room < 0:
                continue
            for shared in combinations(first, min(room, many)):
                second = (*apart, *shared)
                made = _pair(truth, first, second)
                if made is not None:
                    return made
    return None


def _pair(truth: Truth, first: tuple[int, ...], second: tuple[int, ...]) -> Pair | None:
    """Return a pair with these inputs if there is one."""
    known: dict[tuple[int, ...], list[tuple[bool, ...]]] = {}
    inner = []
    shared = [i for i in first if i in second]
    alone = [i for i in second if i not in first]
    for x in range(1 << len(first)):
        base = sum((x >> place & 1) << i for place, i in enumerate(first))
        column = tuple(truth[base | _spread(y, alone)] for y in range(1 << len(alone)))
        columns = known.setdefault(tuple(base >> i & 1 for i in shared), [])
        if column not in columns:
            columns.append(column)
        if len(columns) > 2:
            return None
        inner.append(columns.index(column) == 1)
    outer = []
    for x in range(2 << len(second)):
        base = _spread(x >> 1, second)
        columns = known[tuple(base >> i & 1 for i in shared)]
        place = sum((base >> i & 1) << j for j, i in enumerate(alone))
        outer.append(columns[min(x & 1, len(columns) - 1)][place])
    return Pair(first, tuple(inner), second, tuple(outer))


@lru_cache(maxsize=256)
def find_joined(truth: Truth, size: int) -> Joined | None:
    """Return two look-up tables of `size` inputs that a multiplexer joins; None: there are none.

    A half that is constant is left to `find_pair`, which needs no multiplexer.
    """
    for select in support(truth):
        halves = []
        for value in range(2):
            part = tuple(truth[x & ~(1 << select) | value << select] for x in range(len(truth)))
            halves.append(narrowed(part))
        if all(1 <= len(inputs) <= size for inputs, _ in halves):
            return Joined(select, tuple(halves))
    return None


def narrowed(truth: Truth) -> tuple[tuple[int, ...], Truth]:
    """Return the inputs that a function depends on, and its truth table over these alone."""
    seen = tuple(support(truth))
    return seen, tuple(truth[_spread(x, seen)] for x in range(1 << len(seen)))


def _spread(x: int, places: Sequence[int]) -> int:
    return sum((x >> j & 1) << i for j, i in enumerate(places))


def _look_up(truth: Truth, inputs: Sequence[Value]) -> Value:
    """Return a function as multiplexers, the last input the root's; equal parts are one."""
    made: dict[Truth, Value] = {}

    def node(part: Truth) -> Value:
        if part not in made:
            if not any(part) or all(part):
                made[part] = Const(int(part[0]), 1)
            else:
                half = len(part) // 2
                low, high = part[:half], part[half:]
                chosen = inputs[half.bit_length() - 1]
                made[part] = node(low) if low == high else Mux(chosen, node(high), node(low))
        return made[part]

    return node(truth)


def add_code(m: Module, design: Design, word: Value, name: str = "code") -> Value:
    """Add a table's code of the word, which all lanes of a source share, and return it."""
    table = decision_table(design.rule, design.n, design.k)
    code = Signal(table.s, name=name)
    if not table.s:
        return code
    codes = [table.code(r) for r in range(1 << design.k)]
    bits = [tuple(bool(c >> i & 1) for c in codes) for i in range(table.s)]
    m.d.comb += code.eq(Cat(_look_up(bit, list(word)) for bit in bits))
    return code


def add_table_up(m: Module, design: Design, fraction: Value, code: Value, suffix: str) -> Value:
    """Add one lane's look-up and return the decision."""
    table = decision_table(design.rule, design.n, design.k)
    truth: Truth = tuple(bool(up) for up in table.ups().reshape(-1))
    inputs: list[Value] = [*fraction, *code]
    pairs = (find_pair(truth, size) for size in _SIZES if len(support(truth)) > size)
    pair = next((pair for pair in pairs if pair is not None), None)
    up = Signal(name=f"looked_up{suffix}")
    if pair is None:
        m.d.comb += up.eq(_look_up(truth, inputs))
        return up
    inner = Signal(name=f"inner{suffix}")
    m.d.comb += inner.eq(_look_up(pair.inner, [inputs[i] for i in pair.first]))
    m.d.comb += up.eq(_look_up(pair.outer, [inner, *(inputs[i] for i in pair.second)]))
    return up
