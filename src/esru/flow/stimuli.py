"""What an array of units is shown in a simulation, and what it is to answer, cycle by cycle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, repeat, starmap
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from esru.design import Design
from esru.edges import edge_fractions, end_wholes
from esru.emulate.arrays import round_array, round_up_array
from esru.emulate.operand import operand_words
from esru.emulate.stream import Array
from esru.float_formats import SCALE_BITS
from esru.flow.accumulator_stimuli import (
    dithered_rounds,
    numbers,
    packed,
    stored_words,
    updated_words,
)
from esru.flow.float_stimuli import float_inputs
from esru.rounding import round_word
from esru.sources.settings import OPERANDS

#: A period up to this many words is followed to its end, lanes permitting.
MOST_WORDS = 1 << 16
#: Words of a longer one; the proofs cover the rest.
PREFIX = 1 << 14
#: Words of a short one, at least: several periods.
FEWEST_WORDS = 1 << 12
#: Lanes times words, at most (some 10 s).
MOST_CASES = 1 << 19

#: Additions per sum, taken for 4 (it is 3 on average).
_ADDITIONS = 4

#: Cycles whose stimuli are made at once.
_CHUNK = 2048

_SEED = 20230417


@dataclass(frozen=True)
class Plan:
    """How much of a design a simulation covers.

    Attributes
    ----------
    words : int
        Words of a source that are used after the reset.
    exhaustive : bool
        Every lane sees every word of the period with every fraction.
    text : str
        The same in words.
    """

    words: int
    exhaustive: bool
    text: str


def plan(design: Design, lanes: int) -> Plan:
    """Return what a simulation of some lanes of a design covers."""
    period = Array(design, lanes).period
    # At the boundary `dither` some additions belong to a rounding.
    dither = design.boundary == "dither"
    share, sums = (_ADDITIONS, ", sums of 1 to 8") if dither else (1, "")
    most = max(MOST_CASES // lanes, 1024) // share
    if not period:
        words = min(FEWEST_WORDS // share, most)
        return Plan(words, False, f"{words} words from outside{sums}, chosen fractions")
    every = period << design.n
    sampled = dither or (design.boundary != "decision" and design.floats)
    if not sampled and every <= MOST_WORDS and every * lanes <= MOST_CASES:
        text = f"all {period} words with all {1 << design.n} fractions"
        return Plan(every, True, text)
    words = min(period if period <= MOST_WORDS else PREFIX // share, most)
    covered = f"{words} of {period} words"
    if words == period:
        times = -(-min(FEWEST_WORDS // share, most) // period)
        words *= times
        covered = f"all {period} words" + (f", {times} times" if times > 1 else "")
    return Plan(words, False, f"{covered}{sums}, chosen fractions")


def _fractions(
    design: Design, words: npt.NDArray[np.uint32], first: int, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Return fractions for some cycles (rows) and lanes: sweep, edge, below the edge, random."""
    n = design.n
    cycles, lanes = words.shape
    cycle = np.arange(first, first + cycles, dtype=np.int64)[:, None]
    lane = np.arange(lanes, dtype=np.int64)[None, :]
    chance = rng.integers(0, 1 << n, words.shape, dtype=np.int64)
    sweep = cycle + 11 * lane
    edge, below = edge_fractions(design, words, chance)
    kind = (cycle + lane + rng.integers(0, 2, words.shape)) % 5
    mixed = np.choose(kind, [sweep, edge, below, chance, np.where(chance & 7, chance, 0)])
    return mixed & ((1 << n) - 1)


def _dropped_bits(
    design: Design, fractions: npt.NDArray[np.int64], unseen: npt.NDArray[np.uint64]
) -> npt.NDArray[np.uint64]:
    """Return all D dropped bits: the fractions above what the rule does not see."""
    return fractions.astype(np.uint64) << np.uint64(design.dropped - design.n) | unseen


def _inputs(
    design: Design,
    fractions: npt.NDArray[np.int64],
    unseen: npt.NDArray[np.uint64],
    rng: np.random.Generator,
) -> npt.NDArray[np.uint64]:
    """Return input words as bit patterns: integer parts at and around the ends of the output."""
    if design.floats:
        return float_inputs(design, fractions, unseen, rng)
    whole_bits = design.input.width - design.dropped
    ends, shape = end_wholes(design), fractions.shape
    chosen = ends[rng.integers(0, len(ends), shape)]
    if whole_bits:
        free = rng.integers(0, (1 << whole_bits) - 1, shape, dtype=np.uint64, endpoint=True)
        chosen = np.where(rng.integers(0, 3, shape) == 0, free, chosen)
    low = _dropped_bits(design, fractions, unseen)
    if not whole_bits:
        return low
    return chosen << np.uint64(design.dropped) | low


def _results(
    design: Design, patterns: npt.NDArray[np.uint64], words: npt.NDArray[np.uint32]
) -> npt.NDArray[np.uint64]:
    """Return the unit's output words as bit patterns."""
    if design.floats:
        return round_array(design, patterns.astype(np.int64), words).astype(np.uint64)
    source, out = design.fixed
    if source.width == 64 and not source.signed:
        # The upper half of these does not fit the vectorised model.
        pairs = zip(patterns.ravel().tolist(), words.ravel().tolist(), strict=True)
        rounded = [out.encode(round_word(design, x, r)) for x, r in pairs]
        return np.array(rounded, np.uint64).reshape(patterns.shape)
    x = numbers(source, patterns)
    return round_array(design, x, words).astype(np.uint64) & np.uint64((1 << out.width) - 1)


class Round(NamedTuple):
    """What goes into an array in one clock cycle, and what is to come out.

    Attributes
    ----------
    data, expected : int
        All lanes' inputs and outputs, lane 0 lowest.
    beside : dict
        The inputs of `Design.side_inputs`.
    words : list of int
        Each lane's random word.
    """

    data: int
    beside: dict[str, int]
    expected: int
    words: list[int]


def rounds_of(design: Design, array: Array, todo: Plan, variant: int = 0) -> Iterator[Round]:
    """Yield what happens in successive phases; another variant has other data."""
    if design.boundary == "dither":
        yield from starmap(Round, dithered_rounds(design, array, todo.words, _SEED + variant))
        return
    rng = np.random.default_rng(_SEED + variant)
    period = array.period
    previous = None
    for first in range(0, todo.words, _CHUNK):
        count = min(_CHUNK, todo.words - first)
        shape = (count, array.lanes)
        below = max(design.dropped - design.n, 0)
        unseen = rng.integers(0, 1 << below, shape, dtype=np.uint64)
        beside: dict[str, list[int]] = {}
        if design.source == "port":
            sources = array.lanes // design.lanes
            given = rng.integers(0, 1 << design.k, (count, sources), dtype=np.uint32)
            words = array.to_lanes(given)
            beside["r"] = packed(given, design.k)
        elif design.source in OPERANDS:
            before = previous
            words = operand_words(design, unseen, before)
            previous = unseen[-1]
        else:
            words = array.lane_words(first, count)
        if todo.exhaustive:
            index = np.arange(first, first + count, dtype=np.int64)[:, None]
            lane = np.arange(array.lanes, dtype=np.int64)[None, :]
            fractions = (index // period + lane) & ((1 << design.n) - 1)
        else:
            fractions = _fractions(design, words, first + variant, rng)
        if design.boundary == "decision":
            whole = design.fraction_bits > design.n
            seen = _dropped_bits(design, fractions, unseen) if whole else fractions
            data = packed(seen, design.fraction_bits)
            expected = packed(round_up_array(design, fractions, words), 1)
        else:
            patterns = _inputs(design, fractions, unseen, rng)
            if design.floats and design.source in OPERANDS:
                # Infinities and NaN have low bits of their own.
                words = operand_words(design, patterns, before)
                previous = patterns[-1]
            data = packed(patterns, design.x_bits)
            if design.block:
                scales = patterns[:, :: design.block] >> np.uint64(design.x_bits)
                beside["scale"] = packed(scales, SCALE_BITS)
            results = _results(design, patterns, words)
            if design.boundary == "accumulator":
                stored = stored_words(design, shape, rng)
                beside["w"] = packed(stored, design.out_format.width)
                results = updated_words(design, stored, patterns, words)
            expected = packed(results, design.out_format.width)
        together = [
            dict(zip(beside, row, strict=True)) for row in zip(*beside.values(), strict=True)
        ]
        yield from map(Round, data, together or repeat({}), expected, words.tolist())


def stimuli(
    design: Design, lanes: int, words: int, variant: int = 0
) -> Iterator[tuple[int, dict[str, int], int]]:
    """Yield data, side inputs and expected output, lanes side by side, for phases from 0 on.

    Parameters
    ----------
    design : Design
        The unit.
    lanes : int
        Lanes of the array, lane 0 lowest in data and output.
    words : int
        How many; at the boundary ``dither`` additions.
    variant : int
        Another one has other data.
    """
    todo = Plan(words, False, "")
    for one in islice(rounds_of(design, Array(design, lanes), todo, variant), words):
        yield one.data, one.beside, one.expected
