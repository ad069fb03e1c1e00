"""Inputs for accumulators and what the vectorised model makes of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from esru.accumulate import updated_word
from esru.design import Design
from esru.emulate.arrays import decision_values, round_array, round_up_array
from esru.emulate.stream import Array
from esru.formats import FixedFormat

Patterns = npt.NDArray[np.uint64]

_CHUNK = 1024

#: Widest word of the vectorised model.
_WIDEST = 63


def packed(values: npt.NDArray[Any], width: int) -> list[int]:
    """Return each row's words side by side as one integer, column 0 lowest."""
    bits = values.astype(np.uint64)[:, :, None] >> np.arange(width, dtype=np.uint64) & np.uint64(1)
    rows = np.packbits(bits.reshape(len(values), -1).astype(np.uint8), axis=1, bitorder="little")
    return [int.from_bytes(row.tobytes(), "little") for row in rows]


def stored_words(design: Design, shape: tuple[int, ...], rng: np.random.Generator) -> Patterns:
    """Return stored words as bit patterns: at and near the ends, around 0, and any."""
    out = design.fixed[1]
    near = [out.high, out.high - 1, out.low, out.low + 1, 0, 1]
    ends = np.array([out.encode(value) for value in near], np.uint64)
    free = rng.integers(0, (1 << out.width) - 1, shape, dtype=np.uint64, endpoint=True)
    return np.where(rng.integers(0, 2, shape) == 0, free, ends[rng.integers(0, len(ends), shape)])


def updated_words(
    design: Design, stored: Patterns, updates: Patterns, words: npt.NDArray[np.uint32]
) -> Patterns:
    """Return the stored words after an update: what training's rounding makes of the sum.

    That is the unit with the same rule, in a format wide enough for w * 2^D + x.
    """
    source, out = design.fixed
    whole = max(source.width - design.dropped, out.width) + 2
    if whole + design.dropped > _WIDEST:
        found = [
            out.encode(updated_word(design, out.decode(w), source.decode(x), r))
            for w, x, r in zip(
                stored.ravel().tolist(), updates.ravel().tolist(), words.ravel().tolist(),
                strict=True,
            )
        ]  # fmt: skip
        return np.array(found, np.uint64).reshape(stored.shape)
    wide = FixedFormat(True, whole + design.dropped, source.fraction)
    unit = replace(design, boundary="unit", in_format=wide)
    sums = (numbers(out, stored) << design.dropped) + numbers(source, updates)
    mask = np.uint64((1 << out.width) - 1)
    return round_array(unit, sums, words).astype(np.uint64) & mask


def numbers(kind: FixedFormat, patterns: Patterns) -> npt.NDArray[np.int64]:
    """Return what bit patterns of at most 64 bits stand for, in units of the last place."""
    values = patterns.astype(np.int64)
    if kind.signed:
        shift = 64 - kind.width
        values = (values << shift) >> shift
    return values


def dithered_rounds(
    design: Design, array: Array, sums: int, seed: int
) -> Iterator[tuple[int, dict[str, int], int, list[int]]]:
    """Yield data, side inputs, expected output and each lane's word, for cycles of sums.

    A sum has 1 to 8 additions, half of the sums one. Its last addition often leads to the edge of
    the lane's word and to an end of the output. The words are those from phase 0 on, one for each
    sum. The first two additions come without `first`: to the registers as they start.
    """
    rng = np.random.default_rng(seed)
    source, out = design.fixed
    mask = np.uint64((1 << source.width) - 1)
    total = np.zeros(array.lanes, np.uint64)
    words: npt.NDArray[np.uint32] = np.zeros(array.lanes, np.uint32)
    coming: Iterator[tuple[int, npt.NDArray[np.uint32]]] = _words(design, array, rng)
    left, started = 2, False
    while left or sums:
        inputs = {"first": int(left == 0)}
        if design.source == "port":
            inputs["r"] = int(rng.integers(0, 1 << design.k))
        if left == 0:
            given, words = next(coming)
            if design.source == "port":
                inputs["r"] = given
            left = 1 if rng.integers(0, 2) else int(rng.integers(2, 9))
            total, started, sums = np.zeros_like(total), True, sums - 1
        left -= 1
        x = _addends(design, total, words, left == 0, rng)
        total = (total + x) & mask
        data = packed(x[None], source.width)[0]
        results = _rounded(design, total, words if started else None)
        yield data, inputs, packed(results[None], out.width)[0], words.tolist()


def _words(
    design: Design, array: Array, rng: np.random.Generator
) -> Iterator[tuple[int, npt.NDArray[np.uint32]]]:
    """Yield the port `r` and each lane's word, phase by phase."""
    phase = 0
    while True:
        if design.source == "port":
            sources = array.lanes // design.lanes
            given = rng.integers(0, 1 << design.k, (_CHUNK, sources), dtype=np.uint32)
            yield from zip(packed(given, design.k), array.to_lanes(given), strict=True)
        else:
            words = array.lane_words(phase, _CHUNK)
            yield from zip([0] * _CHUNK, words, strict=True)
        phase += _CHUNK


def _addends(
    design: Design,
    total: Patterns,
    words: npt.NDArray[np.uint32],
    last: bool,
    rng: np.random.Generator,
) -> Patterns:
    """Return what each lane adds: any word, a small one, or what leads to an edge."""
    (source, out), dropped = design.fixed, design.dropped
    shape = total.shape
    mask = np.uint64((1 << source.width) - 1)
    x = rng.integers(0, int(mask), shape, dtype=np.uint64, endpoint=True)
    small = rng.integers(0, 1 << (dropped + 1), shape, dtype=np.uint64)
    x = np.where(rng.integers(0, 3, shape) == 0, x, small)
    if not last:
        return x
    edge = decision_values(design, words) - rng.integers(0, 2, shape)
    below = rng.integers(0, 1 << (dropped - design.n), shape, dtype=np.uint64)
    fraction = (edge & ((1 << design.n) - 1)).astype(np.uint64) << np.uint64(dropped - design.n)
    near = [out.high, out.high - 1, out.high + 1, out.low, out.low - 1, 0, -1]
    ends = np.array([(end << dropped) & int(mask) for end in near], np.uint64)
    aim = ends[rng.integers(0, len(ends), shape)] | fraction | below
    return np.where(rng.integers(0, 4, shape) == 0, x, (aim - total) & mask)


def _rounded(design: Design, total: Patterns, words: npt.NDArray[np.uint32] | None) -> Patterns:
    """Return sums rounded as training's model decides; without words truncated."""
    (source, out), dropped, n = design.fixed, design.dropped, design.n
    fractions = (total >> np.uint64(dropped - n) & np.uint64((1 << n) - 1)).astype(np.int64)
    whole = (total >> np.uint64(dropped)).astype(np.int64)
    if words is not None:
        whole = whole + round_up_array(design, fractions, words)
    bits = source.width - dropped
    whole &= (1 << bits) - 1
    if source.signed:
        whole -= (whole >> (bits - 1)) << bits
    if design.overflow == "saturate":
        whole = np.clip(whole, out.low, min(out.high, np.iinfo(np.int64).max))
    return whole.astype(np.uint64) & np.uint64((1 << out.width) - 1)
