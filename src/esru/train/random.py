"""Random numbers that are the same on every machine and in every NumPy version.

Only the raw 64-bit output of PCG64 is used, which NumPy promises never to change; permutations
and uniform numbers are made from it here.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

#: What a stream of random numbers is for; each purpose has a stream of its own.
SPLIT, WEIGHTS, ORDER = 0, 1, 2


def raw_words(seed: int, purpose: int, count: int) -> npt.NDArray[np.uint64]:
    """Return `count` random 64-bit words."""
    source = np.random.PCG64(np.random.SeedSequence([seed, purpose]))
    words: npt.NDArray[np.uint64] = source.random_raw(count)
    return words


def permutations(seed: int, purpose: int, rows: int, size: int) -> npt.NDArray[np.int64]:
    """Return `rows` random permutations of 0 .. size-1, shape (rows, size)."""
    keys = raw_words(seed, purpose, rows * size).reshape(rows, size)
    return np.argsort(keys, axis=1, kind="stable").astype(np.int64)


def uniforms(seed: int, purpose: int, count: int) -> npt.NDArray[np.float64]:
    """Return `count` numbers, uniform on [-1, 1), multiples of 2^-52."""
    high = (raw_words(seed, purpose, count) >> np.uint64(11)).astype(np.float64)
    return high * 2.0**-52 - 1.0
