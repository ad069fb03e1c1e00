"""The words that an array of units sees: which lane gets which word in which cycle.

An array of M lanes of a design has M / ``design.lanes`` sources of one kind, whose phases are
spread evenly over the period: source g starts at (g * period) // G, rounded down. Lane i belongs
to source i // ``design.lanes`` and sees its word through the design's lane map
(`esru.sources.lane_maps`). Element j of a tensor goes to lane j mod M in cycle j div M;
each tensor starts a new cycle; a source steps once in every cycle in use.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache
from math import gcd

import numpy as np
import numpy.typing as npt

from esru.design import Design
from esru.emulate.results import check_lanes
from esru.errors import InputError
from esru.sources import SourceModel, source_model
from esru.sources.given import GivenModel
from esru.sources.lane_maps import map_words, variant
from esru.sources.register import TABLE_PERIOD, RegisterModel

Words = npt.NDArray[np.uint32]

DEFAULT_LANES = 64

#: Tables above this many words (4 MiB) are few; smaller ones are kept for every design.
_SMALL_PERIOD = 1 << 20


@lru_cache(maxsize=4)
def _large_table(model: RegisterModel) -> Words:
    return model.table


@lru_cache(maxsize=128)
def _small_table(model: RegisterModel) -> Words:
    return model.table


def period_table(model: SourceModel) -> Words | None:
    """Return the words of one whole period, made once per process; None if it is too long."""
    if not isinstance(model, RegisterModel):
        return np.zeros(1, np.uint32)
    if model.period > TABLE_PERIOD:
        return None
    return (_small_table if model.period <= _SMALL_PERIOD else _large_table)(model)


def tensor_cycles(size: int, lanes: int) -> int:
    """Return how many cycles a tensor of `size` elements takes on `lanes` lanes."""
    return -(-size // lanes)


class Array:
    """The random words of an M-lane array of one design.

    Parameters
    ----------
    design : Design
        The unit; ``design.lanes`` of them share a source.
    lanes : int
        M, the lanes of the array: a multiple of ``design.lanes``, at most 1024.

    Raises
    ------
    InputError
        If `lanes` is out of range or no multiple of ``design.lanes``.
    """

    def __init__(self, design: Design, lanes: int = DEFAULT_LANES) -> None:
        lanes = check_lanes(lanes)
        if lanes % design.lanes:
            rule = f"a multiple of the lanes that share a source ({design.lanes})"
            raise InputError.must("Lanes of the array", rule, lanes)
        self.design = design
        self.lanes = lanes
        self.model = source_model(design)

    @property
    def period(self) -> int:
        """Words until a source, and so the whole array, repeats; 0 if it makes none itself."""
        return self.model.period

    @cached_property
    def phases(self) -> tuple[int, ...]:
        """Phase of each source in cycle 0, that is, after reset."""
        sources = self.lanes // self.design.lanes
        return tuple(g * self.period // sources for g in range(sources))

    @property
    def columns(self) -> tuple[int, ...]:
        """Phase in cycle 0 of each different sequence of words that lanes see before their map.

        One for each source; with the map ``delay`` one for each lane.
        """
        return tuple(phase - delay for phase in self.phases for delay in self._delays)

    def resonance(self, cycles: int) -> int:
        """Return gcd(cycles, period): a weight met every `cycles` sees 1 in so many phases.

        It is 1 for words without a period.
        """
        return gcd(cycles, self.period) if self.period else 1

    def lane_words(self, cycle: int, cycles: int) -> Words:
        """Return the words of successive cycles.

        Parameters
        ----------
        cycle : int
            The first cycle, counted from reset; >= 0, of any size.
        cycles : int
            How many; >= 0.

        Returns
        -------
        ndarray of uint32, shape (cycles, lanes)
            Word of each lane in each cycle, 0 <= word < 2^k.
        """
        words: Words = self.block_words([cycle], cycles)[0]
        return words

    def require_words(self) -> None:
        """Refuse a source whose words do not follow from the cycle.

        Raises
        ------
        InputError
            If the words are an input or come from operands.
        """
        if isinstance(self.model, GivenModel):
            rule = "one that makes its own words, cycle by cycle"
            raise InputError.must("Source of an emulated array", rule, repr(self.design.source))

    def block_words(self, starts: Sequence[int], cycles: int) -> Words:
        """Return the words of several stretches of equal length.

        Parameters
        ----------
        starts : sequence of int
            First cycle of each stretch, >= 0.
        cycles : int
            Cycles in each stretch.

        Returns
        -------
        ndarray of uint32, shape (len(starts), cycles, lanes)
        """
        self.require_words()
        if any(start < 0 for start in starts):
            raise InputError.must("Cycle", "at least 0", min(starts))
        if cycles < 0:
            raise InputError.must("Cycles", "at least 0", cycles)
        table = period_table(self.model)
        if table is not None:
            offsets = np.arange(cycles, dtype=np.int64)[:, None] + np.array(self.columns, np.int64)
            first = np.array([start % self.period for start in starts], np.int64)
            words = table[(first[:, None, None] + offsets) % self.period]
        else:
            words = self._windows(starts, cycles)
        return words if self._delays[1:] else self.to_lanes(words)

    def to_lanes(self, words: Words) -> Words:
        """Return what each lane sees of its source's words, for every map but ``delay``.

        Parameters
        ----------
        words : ndarray of uint32, shape (..., sources)
            Words of each source.

        Returns
        -------
        ndarray of uint32, shape (..., lanes)
        """
        design = self.design
        seen: Words = np.repeat(words, design.lanes, axis=-1)
        if design.map == "same":
            return seen
        for lane in range(design.lanes):
            number = variant(design.map, design.k, lane)
            part = seen[..., lane :: design.lanes]
            seen[..., lane :: design.lanes] = map_words(design.map, design.k, number, part)
        return seen

    @property
    def _delays(self) -> range:
        """How long ago the words are that each column shows: for ``delay`` one of each lane."""
        return range(self.design.lanes if self.design.map == "delay" else 1)

    def _windows(self, starts: Sequence[int], cycles: int) -> Words:
        """Cut the stretches of each source from one window that covers them all."""
        delays = self._delays
        words = np.empty((len(starts), cycles, len(self.phases) * len(delays)), np.uint32)
        if not words.size:
            return words
        low = min(starts) - delays[-1]
        span = max(starts) + cycles - low
        for g, phase in enumerate(self.phases):
            window = self.model.words((phase + low) % self.period, span)
            for i, start in enumerate(starts):
                for delay in delays:
                    first = start - delay - low
                    words[i, :, g * len(delays) + delay] = window[first : first + cycles]
        return words

    def tensor_words(self, size: int, cycle: int) -> tuple[Words, int]:
        """Return the words of a tensor's elements and the cycle after its last.

        Parameters
        ----------
        size : int
            Elements of the tensor, in their order.
        cycle : int
            The cycle in which the tensor begins.
        """
        cycles = tensor_cycles(size, self.lanes)
        return self.lane_words(cycle, cycles).reshape(-1)[:size], cycle + cycles


@lru_cache(maxsize=64)
def lanes_array(design: Design, lanes: int) -> Array:
    """Return an array of some lanes, made once; InputError as `Array` says."""
    return Array(design, lanes)
