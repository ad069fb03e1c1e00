"""How far the lanes of an array round together: exact, over the whole joint period.

All sources of an array have one period, so all lanes together repeat after it: the sums below
run over every phase, never over samples.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from esru.design import Design
from esru.emulate.stream import Array
from esru.quality import decider, pooled_fractions
from esru.sources.lane_maps import variant
from esru.sources.register import TABLE_PERIOD

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
        that never rounds at random, and everywhere if the period is too long or
        the source makes no words itself.

    Raises
    ------
    InputError
        If the lanes do not fit the design.
    """
    array = Array(design, design.lanes if lanes is None else lanes)
    period = array.period
    if not 0 < period <= TABLE_PERIOD:
        return np.full((array.lanes, array.lanes), np.nan)
    # Lanes that see the same words are counted once.
    shown = [variant(design.map, max(design.k, 1), i) for i in range(design.lanes)]
    first = {number: shown.index(number) for number in shown}
    groups = range(0, array.lanes, design.lanes)
    distinct = [group + i for group in groups for i in first.values()]
    place = [distinct.index(group + first[number]) for group in groups for number in shown]
    chosen = pooled_fractions(design, fractions)
    together = [np.zeros((len(distinct), len(distinct)), np.int64) for _ in chosen]
    for start in range(0, period, _CHUNK):
        words = array.lane_words(start, min(_CHUNK, period - start))[:, distinct]
        decide = decider(design, words)
        for count, f in zip(together, chosen, strict=True):
            ones = decide(f).astype(np.float32)
            count += (ones.T @ ones).astype(np.int64)
    # period * both - one * other, in integers: exact below 2^48.
    covariance = np.zeros((len(distinct), len(distinct)), np.int64)
    for count in together:
        covariance += period * count - np.outer(np.diag(count), np.diag(count))
    scale = np.sqrt(np.diag(covariance).astype(np.float64))
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.asarray(covariance / np.outer(scale, scale))
    return found[np.ix_(place, place)]
