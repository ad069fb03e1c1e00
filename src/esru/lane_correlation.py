"""How far the lanes of an array round together: exact, over the whole joint period.

All sources of an array have one period, so all lanes together repeat after it: the sums below
run over every phase, never over samples.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from esru.design import Design
from esru.emulate.arrays import round_up_array
from esru.emulate.stream import Array
from esru.sources.lfsr import TABLE_PERIOD

#: Cycles summed at once: the products stay below 2^24, which float32 holds exactly.
_CHUNK = 1 << 16


def lane_correlation(
    design: Design, lanes: int | None = None, fractions: int = 15
) -> npt.NDArray[np.float64]:
    """Return the correlation matrix of the decisions of an array's lanes.

    Every lane gets the same fraction; the phase is uniform over the whole period.

    Parameters
    ----------
    design : Design
        The unit; the period of its source must not exceed 2^24 words.
    lanes : int or None
        Lanes of the array, a multiple of ``design.lanes``; None: the lanes of one source.
    fractions : int
        How many evenly spaced fractions i/(fractions+1) are taken together.

    Returns
    -------
    ndarray of float64, shape (lanes, lanes)
        Entry i, j: the covariance of the decisions of lanes i and j, summed over the fractions,
        over the root of the product of both variances, summed likewise. 1 on the diagonal, 1 for
        lanes that always decide alike, 0 for lanes uncorrelated at each fraction. NaN for a lane
        that never rounds at random, and everywhere if the period is too long.
    """
    array = Array(design, design.lanes if lanes is None else lanes)
    period = array.period
    if period > TABLE_PERIOD:
        return np.full((array.lanes, array.lanes), np.nan)
    chosen = [(i << design.n) // (fractions + 1) for i in range(1, fractions + 1)]
    together = [np.zeros((array.lanes, array.lanes), np.int64) for _ in chosen]
    for first in range(0, period, _CHUNK):
        words = array.lane_words(first, min(_CHUNK, period - first))
        for count, f in zip(together, chosen, strict=True):
            up = round_up_array(design, np.int64(f) + np.zeros(words.shape, np.int64), words)
            ones = up.astype(np.float32)
            count += (ones.T @ ones).astype(np.int64)
    # period * both - one * other, in integers: exact below 2^48.
    covariance = np.zeros((array.lanes, array.lanes), np.int64)
    for count in together:
        covariance += period * count - np.outer(np.diag(count), np.diag(count))
    scale = np.sqrt(np.diag(covariance).astype(np.float64))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(covariance / np.outer(scale, scale))
