"""Where a unit's answer changes: what is shown to simulated hardware and to boards more often.

Chance hardly ever meets the least fraction that a word rounds up, or the last whole number before
the output saturates.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from esru.decision_table import is_table
from esru.design import Design
from esru.emulate.arrays import decision_values

Ints = npt.NDArray[np.int64]


def edge_fractions(design: Design, words: npt.NDArray[Any], chance: Ints) -> tuple[Ints, Ints]:
    """Return a fraction on either side of the rule's edge, for each random word.

    Parameters
    ----------
    design : Design
        The unit.
    words : ndarray of integers
        Random words, 0 <= r < 2^k.
    chance : ndarray of int64
        Fractions of the shape of `words`: a table has no edges, and takes these in another order.

    Returns
    -------
    up, down : ndarray of int64
        To be cut to n bits. The least fraction that rounds up and the one below it (a word that
        rounds no fraction up: 2^n and the greatest fraction); for `select` the decisive bit
        alone and all bits but that.
    """
    if is_table(design.rule):
        return chance[::-1], chance[::-1]
    values = decision_values(design, words)
    if design.rule == "select":
        up = np.int64(1) << values
        return up, up ^ ((1 << design.n) - 1)
    return values, values - 1


def end_wholes(design: Design) -> npt.NDArray[np.uint64]:
    """Return integer parts at and around the ends of the output, around 0, and at the input's ends.

    They are bit patterns of what a fixed-point unit's input has above its dropped bits; where it
    has fewer bits than an end, its lowest ones.
    """
    (source, out), dropped = design.fixed, design.dropped
    ends = [out.high, out.high - 1, out.high + 1, out.low, out.low - 1, 0, -1]
    ends += [source.low >> dropped, source.high >> dropped]
    mask = (1 << (source.width - dropped)) - 1
    return np.array([end & mask for end in ends], np.uint64)
