"""Which operands a board check sends: every value, or random ones that sit on the rule's edges."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from esru.demo.model import Patterns
from esru.design import Design
from esru.edges import edge_fractions, end_wholes
from esru.errors import InputError
from esru.sources import source_model

if TYPE_CHECKING:
    from esru.demo.config import DemoConfig

#: Bytes that an exhaustive stage may send unless it was asked for (11 s at 115200 baud).
DEFAULT_BYTES = 1 << 17
#: The same for random blocks, and the most of them.
RANDOM_BYTES = 1 << 15
RANDOM_BLOCKS = 1024

#: Operands of more bits are never enumerated (2^24 blocks take hours).
MOST_BITS = 24

#: Between the operands of neighbouring lanes in one block; odd, so that it generates 2^w.
_STRIDE = 37


@dataclass(frozen=True)
class Sweep:
    """An exhaustive stage.

    Attributes
    ----------
    blocks : int
        How many.
    repeat : int
        Blocks in which a lane keeps its operand: the period, or 1.
    text : str
        What it covers.
    """

    blocks: int
    repeat: int
    text: str

    def operands(self, config: DemoConfig, first: int, count: int) -> Patterns:
        """Return the operands of some blocks, shape (count, lanes)."""
        index = np.arange(first, first + count, dtype=np.uint64)[:, None] // np.uint64(self.repeat)
        lane = np.arange(config.lanes, dtype=np.uint64)[None, :]
        return (index + np.uint64(_STRIDE) * lane) & np.uint64((1 << config.operand_bits) - 1)


def sweep(config: DemoConfig, exhaustive: bool) -> Sweep | None:
    """Return the exhaustive stage of a check, or None if it takes too long unasked.

    Parameters
    ----------
    config : DemoConfig
        The demo on the board.
    exhaustive : bool
        Every operand, however long it takes.

    Raises
    ------
    InputError
        If that was asked for operands of more than 24 bits.
    """
    period = source_model(config.design).period
    values = 1 << config.operand_bits
    if (period * values) * config.block_bytes <= DEFAULT_BYTES:
        words = f"{period} words" if period > 1 else "1 word"
        return Sweep(period * values, period, f"all {words} with all {values} operands")
    if exhaustive and config.operand_bits > MOST_BITS:
        raise InputError.must(
            "Operands of an exhaustive check", f"at most {MOST_BITS} bits", config.operand_bits
        )
    if exhaustive or values * config.block_bytes <= DEFAULT_BYTES:
        return Sweep(values, 1, f"all {values} operands")
    return None


def default_blocks(config: DemoConfig) -> int:
    """Return how many random blocks a check sends unless it is told."""
    return max(min(RANDOM_BLOCKS, RANDOM_BYTES // config.block_bytes), 16)


def jumps(config: DemoConfig, clock_cycles: int) -> list[tuple[int, int, str]]:
    """Return phases to jump to, with the blocks to round there and what the jump is for.

    Parameters
    ----------
    config : DemoConfig
        The demo on the board.
    clock_cycles : int
        The furthest phase that is worth the time.
    """
    period = source_model(config.design).period
    far = [(1000, "1000 cycles on")]
    if period <= clock_cycles:
        if period > 16:
            far.append((period - 8, "across the period's end"))
        far.append((7 * period, "after 7 periods" if 7 * period <= clock_cycles else ""))
    else:
        far.append((clock_cycles, f"{clock_cycles} cycles on"))
    return [(phase, 16, text) for phase, text in far if text]


def mixed_operands(
    config: DemoConfig, words: npt.NDArray[np.uint32], rng: np.random.Generator
) -> Patterns:
    """Return operands for known random words: edges of the rule, corners of the formats, chance.

    Parameters
    ----------
    config : DemoConfig
        The demo on the board.
    words : ndarray of uint32, shape (blocks, lanes)
        The word that each operand will meet.
    rng : numpy.random.Generator
        Makes the choices.

    Returns
    -------
    ndarray of uint64, of the shape of `words`
    """
    design = config.design
    fractions = _fractions(design, words, rng)
    if design.boundary == "decision":
        return fractions
    dropped = design.dropped
    unseen = rng.integers(0, 1 << (dropped - design.n), words.shape, dtype=np.uint64)
    low = fractions << np.uint64(dropped - design.n) | unseen
    bits = design.input.width - dropped
    if not bits:
        return low
    return _wholes(design, bits, words.shape, rng) << np.uint64(dropped) | low


def _fractions(design: Design, words: npt.NDArray[np.uint32], rng: np.random.Generator) -> Patterns:
    """Return fractions: at the least that rounds up, one below, 0, the greatest, random."""
    top = (1 << design.n) - 1
    chance = rng.integers(0, top, words.shape, dtype=np.int64, endpoint=True)
    edge, below = edge_fractions(design, words, chance)
    kind = rng.integers(0, 8, words.shape)
    ends = np.where(kind == 0, 0, top)
    mixed = np.select([kind < 2, kind < 4, kind < 6], [ends, edge, below], chance)
    return (mixed & top).astype(np.uint64)


def _wholes(
    design: Design, bits: int, shape: tuple[int, ...], rng: np.random.Generator
) -> Patterns:
    """Return integer parts as patterns: at and around the ends of the output, random."""
    ends = end_wholes(design)
    corners = ends[rng.integers(0, len(ends), shape)]
    free = rng.integers(0, (1 << bits) - 1, shape, dtype=np.uint64, endpoint=True)
    return np.where(rng.integers(0, 2, shape) == 0, free, corners)


def pieces(total: int, most: int) -> Iterator[tuple[int, int]]:
    """Yield first and count of the parts of a whole, each at most `most`."""
    for first in range(0, total, most):
        yield first, min(most, total - first)
