"""Models of the random sources: one family per file, no hardware."""

from __future__ import annotations

from collections.abc import Callable
from math import gcd
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from esru.sources.cellular import CellularModel
from esru.sources.counter import CounterModel
from esru.sources.given import GivenModel
from esru.sources.lane_maps import map_words
from esru.sources.lfsr import LfsrModel
from esru.sources.none import NoneModel
from esru.sources.register import RegisterModel, Words
from esru.sources.settings import GIVEN

if TYPE_CHECKING:
    from esru.design import Design

SourceModel = RegisterModel | NoneModel | GivenModel


def source_model(design: Design) -> SourceModel:
    """Return the model of a design's source; its word stream is exactly the hardware's."""
    if design.source == "none":
        return NoneModel()
    if design.source in GIVEN:
        return GivenModel(design.source, design.k)
    if design.source == "cellular":
        return CellularModel(design.length, design.taps, design.seed, design.leap, design.k)
    if design.source == "counter":
        return CounterModel(design.length, design.seed, design.leap, design.k)
    return LfsrModel(
        family=design.source,
        length=design.length,
        polynomial=design.taps,
        galois=design.form == "galois",
        seed=design.seed,
        leap=design.leap,
        width=design.k,
    )


def seen_counts(design: Design) -> npt.NDArray[np.int64]:
    """Return how often lane 0 sees each of the 2^k words in one period of its source."""
    counts = source_model(design).word_counts()
    return counts[::-1] if design.map == "complement" else counts


def seen_words(design: Design) -> Callable[[int, int], Words]:
    """Return a function from a phase >= 0 and a count to as many words as lane 0 sees from there.

    It holds one model, which makes the table of its period once.
    """
    words = source_model(design).words
    if design.map != "complement":
        return words
    return lambda start, count: map_words(design.map, design.k, 1, words(start, count))


def fresh_leap(family: str, length: int, width: int) -> int:
    """Return the least leap whose words share no bits and that reaches the whole period.

    That is the least s >= width coprime with the register's period; 1 where there is none.
    """
    period = (1 << length) - (family != "debruijn")
    return next((s for s in range(width, period) if gcd(s, period) == 1), 1)
