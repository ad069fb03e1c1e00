"""Measures the randomness of the bits that generator-free rounding takes from its operands.

All figures are of given tensors, so samples of one training, not laws. What counts is the
decision given the fraction: words that look random on their own may still depend on the very
bits that they are compared with, which no test of a bit stream can see.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from esru.design import Design
from esru.emulate.operand import operand_words
from esru.emulate.stream import DEFAULT_LANES, Array, tensor_cycles
from esru.errors import InputError
from esru.rounding import round_up
from esru.sources.settings import OPERANDS

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

#: Fractions seen less often than this say nothing about P(up | fraction).
LEAST_SEEN = 50


@dataclass(frozen=True, eq=False)
class Roundings:
    """What an array met, cycle by cycle; all arrays have the shape (cycles, lanes).

    Attributes
    ----------
    fractions : ndarray of int64
        The D dropped bits; 0 where a lane has no element.
    words : ndarray of int64
        The random words.
    used : ndarray of bool
        Whether the lane has an element.
    first : ndarray of bool, shape (cycles,)
        Whether a tensor begins in the cycle.
    """

    fractions: Ints
    words: Ints
    used: npt.NDArray[np.bool_]
    first: npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class OperandQuality:
    """What tensors do to a design.

    Attributes
    ----------
    roundings : int
        Operands with a fraction; the others are exact and no rounding at all.
    exact : float
        Share of operands without a fraction.
    empty : float
        Share of the roundings whose word is 0: certain to round down where the rule is `zero`.
    entropy : tuple of float
        Shannon entropy of each bit of the words, over the roundings, lowest bit first.
    word_entropy : float
        Of the whole word, in bits; at most k.
    information : float
        Mutual information of the fraction's top n bits and the word, in bits, less what
        independent ones would show on average in a sample of this size.
    seen : ndarray of int64, shape (2^n,)
        Roundings of each f.
    p_up : ndarray of float, shape (2^n,)
        P(up | f); NaN where f was seen less than `LEAST_SEEN` times.
    ideal : ndarray of float, shape (2^n,)
        P(up | f) for uniform words that do not depend on f.
    excess : float
        Mean of the decisions less the ideal's, in ulp, over all roundings.
    excess_error : float
        The standard error of the excess if the words were ideal.
    deviation : float
        Root mean square of P(up | f) less the ideal's over the roundings with a well-seen f.
    serial, lane : float
        Correlation of the words of two roundings: in successive cycles of a lane, and in
        neighbouring lanes of a cycle. NaN where nothing varies.
    error_serial, error_lane : float
        The same of the rounding errors.
    """

    roundings: int
    exact: float
    empty: float
    entropy: tuple[float, ...]
    word_entropy: float
    information: float
    seen: Ints
    p_up: Floats
    ideal: Floats
    excess: float
    excess_error: float
    deviation: float
    serial: float
    lane: float
    error_serial: float
    error_lane: float


def meet(design: Design, tensors: Sequence[Ints], lanes: int = DEFAULT_LANES) -> Roundings:
    """Lay tensors out on the lanes of an array and give every element its word.

    Parameters
    ----------
    design : Design
        Operand sources take their words from the tensors; others deliver their own.
    tensors : sequence of ndarray of int64
        The D dropped bits of each element, one tensor after the other.
    lanes : int
        Lanes of the array.

    Raises
    ------
    InputError
        If there is no tensor, or a fraction has more than D bits.
    """
    if not tensors:
        raise InputError.must("Tensors", "at least one", "none")
    lowest = min(int(part.min(initial=0)) for part in tensors)
    highest = max(int(part.max(initial=0)) for part in tensors)
    if lowest < 0 or highest >> design.dropped:
        rule = f"between 0 and {(1 << design.dropped) - 1}"
        raise InputError.must("Fraction", rule, highest if lowest >= 0 else lowest)
    blocks, used, first = [], [], []
    for part in tensors:
        cycles = tensor_cycles(part.size, lanes)
        laid = np.zeros(cycles * lanes, np.int64)
        laid[: part.size] = part.reshape(-1)
        blocks.append(laid.reshape(cycles, lanes))
        used.append((np.arange(cycles * lanes) < part.size).reshape(cycles, lanes))
        first.append(np.arange(cycles) == 0)
    fractions = np.concatenate(blocks)
    if design.source in OPERANDS:
        words = operand_words(design, fractions).astype(np.int64)
    else:
        words = Array(design, lanes).lane_words(0, len(fractions)).astype(np.int64)
    return Roundings(fractions, words, np.concatenate(used), np.concatenate(first))


def operand_quality(
    design: Design, tensors: Sequence[Ints], lanes: int = DEFAULT_LANES
) -> OperandQuality:
    """Return how a design's random words behave on given tensors: see `meet`."""
    met = meet(design, tensors, lanes)
    n, k, dropped = design.n, design.k, design.dropped
    table = np.array(
        [[round_up(design.rule, n, k, f, r) for r in range(1 << k)] for f in range(1 << n)]
    ).reshape(1 << n, 1 << k)
    chosen = met.used & (met.fractions > 0)
    tops = met.fractions >> (dropped - n)
    f, words = tops[chosen], met.words[chosen]
    up = table[tops, met.words]
    ideal = table.mean(1)
    seen = np.bincount(f, minlength=1 << n)
    ups = np.bincount(f, weights=up[chosen], minlength=1 << n)
    with np.errstate(invalid="ignore"):
        p_up = np.where(seen >= LEAST_SEEN, ups / np.maximum(seen, 1), np.nan)
    well = seen >= LEAST_SEEN
    weights = seen[well] / max(int(seen[well].sum()), 1)
    count = max(len(f), 1)
    variance = float(np.sum(seen * ideal * (1 - ideal)))
    errors = np.where(chosen, up - met.fractions / float(1 << dropped), 0.0)
    return OperandQuality(
        roundings=len(f),
        exact=1 - len(f) / max(int(met.used.sum()), 1),
        empty=float(np.mean(words == 0)) if len(f) else float("nan"),
        entropy=tuple(_entropy(np.bincount(words >> i & 1, minlength=2)) for i in range(k)),
        word_entropy=_entropy(np.bincount(words, minlength=1 << k)),
        information=_information(f, words, n, k),
        seen=seen,
        p_up=p_up,
        ideal=ideal,
        excess=float(np.sum(ups - seen * ideal)) / count,
        excess_error=variance**0.5 / count,
        deviation=float(np.sum(weights * (p_up[well] - ideal[well]) ** 2)) ** 0.5,
        serial=_serial(met.words.astype(np.float64), chosen, met.first),
        lane=_lane(met.words.astype(np.float64), chosen),
        error_serial=_serial(errors, chosen, met.first),
        error_lane=_lane(errors, chosen),
    )


def _entropy(counts: npt.NDArray[np.int64]) -> float:
    """Return the Shannon entropy of counted outcomes, in bits."""
    shares = counts[counts > 0] / max(int(counts.sum()), 1)
    return float(-np.sum(shares * np.log2(shares))) + 0.0


def _information(f: Ints, words: Ints, n: int, k: int) -> float:
    """Return the mutual information less its expectation for independent samples."""
    joint = np.bincount(f << k | words, minlength=1 << (n + k)).reshape(1 << n, 1 << k)
    rows, columns = joint.sum(1), joint.sum(0)
    plain = _entropy(rows) + _entropy(columns) - _entropy(joint.reshape(-1))
    free = max(int((rows > 0).sum()) - 1, 0) * max(int((columns > 0).sum()) - 1, 0)
    return plain - free / (2 * max(len(f), 1) * float(np.log(2)))


def _correlation(x: Floats, y: Floats) -> float:
    if x.size < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float("nan")
    return float(np.corrcoef(x, y)[0, 1])


def _serial(values: Floats, valid: npt.NDArray[np.bool_], first: npt.NDArray[np.bool_]) -> float:
    both = valid[1:] & valid[:-1] & ~first[1:, None]
    return _correlation(values[1:][both], values[:-1][both])


def _lane(values: Floats, valid: npt.NDArray[np.bool_]) -> float:
    both = valid[:, 1:] & valid[:, :-1]
    return _correlation(values[:, 1:][both], values[:, :-1][both])
