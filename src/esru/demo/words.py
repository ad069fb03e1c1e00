"""Words of long registers, for many phases at once; short ones come from tables anyway."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from esru.emulate.jump import Register
from esru.emulate.stream import Array
from esru.sources.lfsr import LfsrModel

Words = npt.NDArray[np.uint32]

#: A period up to this many words is made as a table, in milliseconds.
_TABLED = 1 << 20


@lru_cache(maxsize=8)
def _register(model: LfsrModel) -> Register:
    return Register(model)


def lane_words(array: Array, phase: int, cycles: int) -> Words:
    """Return what `Array.lane_words` returns, faster where the period has no table."""
    model = array.model
    if not isinstance(model, LfsrModel) or model.period <= _TABLED or model.family == "debruijn":
        return array.lane_words(phase, cycles)
    if array.design.map == "delay":
        return array.lane_words(phase, cycles)
    return array.to_lanes(_register(model).words([start + phase for start in array.phases], cycles))
