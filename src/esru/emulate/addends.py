"""What an array of units adds to each element's fraction: its words, ready for use.

A rule that compares, up if f >= t, is the same as adding 2^n - t to the n fraction bits and
looking at the carry; `select` looks at one bit of f, so that its addend is that bit's mask; any
other truth table is looked up, at the place that f and its addend, the code times 2^n, add up to.

A source with a short period is kept as a table, tiled over the lanes and longer than the period
by one block, so that any block is a slice of it. The words of a long linear register run on from
block to block by its recurrence, and any other long source has a table of its period
(`esru.emulate.word_blocks`).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from threading import local
from typing import Any

import numpy as np
import numpy.typing as npt

from esru.decision_table import decision_table, is_table
from esru.design import Design
from esru.emulate.arrays import decision_values
from esru.emulate.jump import Register
from esru.emulate.stream import Array, period_table, tensor_cycles
from esru.emulate.word_blocks import RunningWords, SplicedWords, TableWords
from esru.float_formats import FLOAT32
from esru.sources.lane_maps import map_words, variant
from esru.sources.lfsr import LfsrModel
from esru.sources.register import LinearModel, RegisterModel

Addends = npt.NDArray[np.int32]

#: Elements that are rounded together: their buffers stay in a core's second-level cache.
BLOCK = 1 << 15

#: A tiled table has at most so many elements for one period (4 MiB).
_TILED = 1 << 20

#: A table of the addends of each word, for each lane if they differ, has at most so many entries.
_LOOKED_UP = 1 << 20

#: Of so many bits float32 holds every integer, and so the place of a word's first 1.
_EXACT = 24

#: What is done with an addend: its carry counts, it masks a bit, it is a part of a table's index.
CARRY, MASK, INDEX = "carry", "mask", "index"


@lru_cache(maxsize=256)
def addend_kind(design: Design) -> str:
    """Return what is done with a design's addends: `CARRY`, `MASK` or `INDEX`.

    A table whose every column is a threshold, or one bit of the fraction, is one of the first two.
    """
    if not is_table(design.rule):
        return MASK if design.rule == "select" else CARRY
    columns = _columns(design)
    if (columns[:, 1:] >= columns[:, :-1]).all():
        return CARRY
    return MASK if (_masks(columns) >= 0).all() else INDEX


def _columns(design: Design) -> npt.NDArray[np.bool_]:
    """Return a table's decisions, shape (codes, fractions); codes without a word decide nothing."""
    table = decision_table(design.rule, design.n, design.k)
    columns = table.ups()
    columns[np.array(table.weights) == 0] = False
    return columns


def _masks(columns: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Return the mask of the one fraction bit that each column is; 0: none ever, -1: no such."""
    found = np.where(columns.any(axis=1), -1, 0)
    fractions = np.arange(columns.shape[1])
    for bit in range(columns.shape[1].bit_length() - 1):
        found[(columns == (fractions >> bit & 1)).all(axis=1)] = 1 << bit
    return found


def addend_values(design: Design, words: npt.NDArray[Any]) -> Addends:
    """Return the addend of each word, for what `addend_kind` says."""
    values, kind = decision_values(design, words), addend_kind(design)
    if is_table(design.rule):
        if kind == INDEX:
            return (values << design.n).astype(np.int32)
        columns = _columns(design)
        by_code = columns.sum(axis=1) if kind == CARRY else _masks(columns)
        return by_code.astype(np.int32)[values]
    if kind == MASK:
        return np.left_shift(1, values).astype(np.int32)
    return ((1 << design.n) - values).astype(np.int32)


class _Scratch(local):
    """A thread's buffers: made anew for each tensor, their pages could cost a third of the time."""

    def __init__(self) -> None:
        self._bytes: list[npt.NDArray[np.uint8]] = []
        self._typed: dict[tuple[type, ...], list[npt.NDArray[Any]]] = {}

    def __call__(self, types: tuple[type, ...], size: int) -> list[npt.NDArray[Any]]:
        """Return one array of at most `BLOCK` elements of each type; the content is anything."""
        found = self._typed.get(types)
        if found is None:
            more = len(types) - len(self._bytes)
            self._bytes += [np.empty(8 * BLOCK, np.uint8) for _ in range(more)]
            pairs = zip(self._bytes, types, strict=False)
            found = self._typed[types] = [kept.view(kind)[:BLOCK] for kept, kind in pairs]
        return found if size == BLOCK else [kept[:size] for kept in found]


#: Buffers for what works on blocks.
scratch = _Scratch()


class AddendStream:
    """The addends of an array of units whose addends fit int32 (n <= 30).

    Parameters
    ----------
    array : Array
        The array.
    """

    def __init__(self, array: Array) -> None:
        self.array = array
        self.rows = max(1, BLOCK // array.lanes)
        design, model = array.design, array.model
        self.kind = addend_kind(design)
        self._period = array.period
        self._decisions: Addends | None = None
        if self.kind == INDEX:
            self._decisions = _columns(design).reshape(-1).astype(np.int32)
        self._tile: Addends | None = None
        self._source: RunningWords | TableWords | None = None
        self._looked_up: Addends | None = None
        if self._period * array.lanes <= _TILED:
            cycles = self._period + self.rows
            self._tile = addend_values(design, array.lane_words(0, cycles)).reshape(-1)
            return
        if isinstance(model, LinearModel) and design.source != "debruijn":
            self._source = RunningWords(Register(model), array.columns, self.rows)
        elif isinstance(model, RegisterModel) and period_table(model) is not None:
            self._source = TableWords(model, array.columns, self.rows)
        elif isinstance(model, LfsrModel):
            self._source = SplicedWords(model, array.columns, self.rows)
        self._complement = design.map == "complement"
        mapped = design.map not in ("same", "delay", "complement")
        if (mapped or is_table(design.rule)) and 1 << design.k <= _LOOKED_UP // design.lanes:
            self._looked_up = self._addends_by_word(mapped)

    def blocks(self, size: int, phase: int) -> Iterator[tuple[slice, Addends]]:
        """Yield the elements of a tensor block by block, each with its addends.

        Addends may be changed by the next block, and must not be written to.

        Parameters
        ----------
        size : int
            Elements of the tensor.
        phase : int
            The cycle in which it begins, >= 0.
        """
        lanes = self.array.lanes
        step = self.rows * lanes
        for low in range(0, size, step):
            count = min(step, size - low)
            yield slice(low, low + count), self._block(phase + low // lanes, count)

    def decide(self, bits: Addends, addends: Addends, ups: Addends) -> None:
        """Write the decisions, 0 or 1, of a stream that is not of the kind `CARRY`.

        Parameters
        ----------
        bits : ndarray of int32
            Integers whose n lowest bits are the fractions.
        addends : ndarray of int32
            The addend of each.
        ups : ndarray of int32
            Where to write.
        """
        if self._decisions is None:
            np.bitwise_and(bits, addends, out=ups)
            np.not_equal(ups, 0, out=ups)
            return
        np.bitwise_and(bits, (1 << self.array.design.n) - 1, out=ups)
        np.add(ups, addends, out=ups)
        np.copyto(ups, self._decisions.take(ups, mode="clip"))

    def _block(self, phase: int, count: int) -> Addends:
        if self._tile is not None:
            first = phase % self._period * self.array.lanes
            return self._tile[first : first + count]
        cycles = tensor_cycles(count, self.array.lanes)
        if self._source is None:
            words: npt.NDArray[Any] = self.array.lane_words(phase, cycles)
        else:
            words = self._source.words(phase, cycles)
            if self._complement:
                words = words ^ words.dtype.type((1 << self.array.design.k) - 1)
            elif self._looked_up is None and self.array.design.map not in ("same", "delay"):
                words = self.array.to_lanes(words)
        return self._addends(words).reshape(-1)[:count]

    def _addends_by_word(self, mapped: bool) -> Addends:
        """Return the addend of each word, shape (words, 1) or with a column for each lane."""
        design = self.array.design
        every = np.arange(1 << design.k, dtype=np.uint32)
        columns = [
            addend_values(design, map_words(design.map, design.k, number, every))
            for number in (variant(design.map, design.k, lane) for lane in range(design.lanes))
        ]
        return np.stack(columns if mapped else columns[:1], axis=1)

    def _addends(self, words: npt.NDArray[Any]) -> Addends:
        """Return the addends of words of sources or lanes, shape (cycles, lanes)."""
        if self._looked_up is None:
            found = _calculated(self.array.design, words)
        else:
            found = self._looked_up.take(words, axis=0, mode="clip").reshape(len(words), -1)
        share = self.array.lanes // found.shape[1]
        if share == 1:
            return found
        seen = np.empty((*found.shape, share), np.int32)
        seen[:] = found[:, :, None]
        return seen.reshape(len(words), -1)


def _calculated(design: Design, words: npt.NDArray[Any]) -> Addends:
    """Return what `addend_values` does, for most rules in a few passes of int32."""
    n, k, rule = design.n, design.k, design.rule
    if is_table(rule) or (rule == "select" and k >= _EXACT):
        return addend_values(design, words)
    if rule == "zero" and n == k and words.dtype == np.uint32:
        return np.ascontiguousarray(words).view(np.int32)
    found = np.empty(words.shape, np.int32)
    np.copyto(found, words, casting="unsafe")
    if rule == "select":
        # The highest power of two in 2r + 1 is that of the bit that decides.
        np.left_shift(found, 1, out=found)
        np.bitwise_or(found, 1, out=found)
        power = found.astype(np.float32)
        patterns = power.view(np.int32)
        np.bitwise_and(patterns, np.int32(-1 << FLOAT32.fraction), out=patterns)
        np.copyto(found, power, casting="unsafe")
    elif rule == "replicate":
        whole, rest = divmod(n, k)
        top = np.right_shift(found, k - rest) if rest else None
        np.multiply(found, sum(1 << rest + k * i for i in range(whole)), out=found)
        if top is not None:
            np.bitwise_or(found, top, out=found)
    elif n > k:
        half = 0 if rule == "zero" else 1 << n - k - 1
        if rule == "nearest":
            # Ties to even: what is added is one less for odd words.
            np.subtract(found << n - k, found & 1, out=found)
        else:
            np.left_shift(found, n - k, out=found)
        if half:
            np.add(found, half, out=found)
    return found
