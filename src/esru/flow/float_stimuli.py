"""Input words of float units for simulation, made from wanted fractions."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from esru.design import Design
from esru.emulate.floats import pair_of
from esru.float_formats import SCALE_BIAS, FloatFormat
from esru.sources.settings import OPERANDS

Ints = npt.NDArray[np.int64]

#: Random bits below the fraction; with n and the significand less than float64 can count.
_BELOW = 8


def _magnitudes(source: FloatFormat, count: Ints, unit: Ints) -> Ints:
    """Return the patterns of count * 2^unit in a format: truncated, at most the highest."""
    bits = np.frexp(count.astype(np.float64))[1].astype(np.int64)
    field = np.maximum(bits - 1 + unit + source.bias, 1)
    last = field - source.bias - source.fraction
    shift = np.clip(last - unit, -62, 62)
    significand = count >> np.maximum(shift, 0) << np.maximum(-shift, 0)
    field = np.where(count > 0, field, 1)
    patterns: Ints = np.minimum((field - 1 << source.fraction) + significand, source.highest)
    return patterns


def float_inputs(
    design: Design,
    fractions: npt.NDArray[np.int64],
    unseen: npt.NDArray[np.uint64],
    rng: np.random.Generator,
) -> npt.NDArray[np.uint64]:
    """Return input patterns: in every binade of the output and around it, and special ones.

    Parameters
    ----------
    design : Design
        A float unit.
    fractions : ndarray of int64
        The n bits below the output's ulp that are wanted; where the input has fewer bits there,
        they are truncated.
    unseen : ndarray of uint64
        What the lowest k bits of finite inputs are if an operand source takes its words there.
    rng : Generator
        Chooses everything else.
    """
    source, out = pair_of(design)
    shape = fractions.shape
    lowest = max(out.least_exponent - 1, source.least_exponent - source.fraction)
    highest = min(
        (out.highest >> out.fraction) - out.bias + 1,
        (source.highest >> source.fraction) - source.bias,
    )
    scale = np.zeros(shape, np.int64)
    if source.scale:
        # Mostly around 1, with every scale possible.
        lowest, highest = out.least_exponent - 1, (out.highest >> out.fraction) - out.bias + 1
        scale = SCALE_BIAS + rng.integers(-8, 8, shape, endpoint=True)
        scale = np.where(rng.integers(0, 3, shape) == 0, rng.integers(0, 256, shape), scale)
        if design.block:
            lanes = np.arange(shape[-1])
            scale = scale[..., lanes - lanes % design.block]
    exponent = rng.integers(lowest, highest, shape, endpoint=True)
    unit = np.maximum(exponent, out.least_exponent) - out.fraction
    leading = np.where(exponent < out.least_exponent, 0, 1 << out.fraction)
    whole = rng.integers(0, 1 << out.fraction, shape)
    # Ones, for carries into the exponent, more often than chance would have them.
    whole = np.where(rng.integers(0, 3, shape) == 0, (1 << out.fraction) - 1, whole) + leading
    low = rng.integers(0, 1 << _BELOW, shape)
    count = (whole << design.n | fractions) << _BELOW | low
    unit = unit - design.n - _BELOW
    if source.scale:
        unit += scale - SCALE_BIAS
    magnitude = _magnitudes(source, count, unit)
    free = rng.integers(0, source.sign, shape)
    special = np.array([0, 1, source.highest, source.highest + 1, source.highest + 2])
    kind = rng.integers(0, 16, shape)
    subnormal = rng.integers(0, 1 << source.fraction, shape)
    magnitude = np.where(kind == 2, subnormal, magnitude)
    magnitude = np.where(kind == 0, free, magnitude)
    magnitude = np.where(kind == 1, special[rng.integers(0, len(special), shape)], magnitude)
    if design.source in OPERANDS:
        low_bits = (1 << design.k) - 1
        taken = magnitude & ~low_bits | unseen.astype(np.int64) & low_bits
        magnitude = np.where(magnitude <= source.highest, taken, magnitude)
    sign = rng.integers(0, 2, shape) * source.sign
    return (scale * (2 * source.sign) + sign + magnitude).astype(np.uint64)
