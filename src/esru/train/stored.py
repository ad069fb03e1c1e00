"""Weights as a task stores them: words of an integer format, or numbers of a float format.

Networks count weights in ulps of int8, whatever they are stored in. One unit of what is stored is
a power of two of these: an integer of W bits spans what int8 spans, and the numbers of a float
format are scaled so that its greatest binade begins where int8 ends. So the greatest weight is
128 ulps of int8, or almost twice that in a float format.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from esru.emulate.floats import value_table
from esru.formats import INT8, FixedFormat, Format


class Stored:
    """How the weights of a batch of runs are stored.

    Parameters
    ----------
    fmt : FixedFormat or FloatFormat
        The output format of the units.

    Attributes
    ----------
    unit : float
        What 1 is in ulps of int8: a power of two.
    dtype : torch.dtype
        In which a network's sums of products are exact: a float format's numbers have too many
        places for float32.
    """

    def __init__(self, fmt: Format) -> None:
        self.format = fmt
        if isinstance(fmt, FixedFormat):
            self.unit = 2.0 ** (INT8.width - fmt.width)
            self.dtype = torch.float32
        else:
            greatest = math.frexp(float(fmt.magnitude(fmt.highest)))[1] - 1
            self.unit = 2.0 ** (INT8.width - 1 - greatest)
            self.dtype = torch.float64

    def start(self, weights: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return what is stored of initial weights in ulps of int8: the nearest, ties to even."""
        wanted = (weights / np.float32(self.unit)).astype(np.float32)
        if isinstance(self.format, FixedFormat):
            whole: npt.NDArray[np.float32] = np.rint(wanted)
            return whole.clip(self.format.low, self.format.high)
        numbers = value_table(self.format)[: self.format.highest + 1]
        size = np.abs(wanted)
        above = np.searchsorted(numbers, size).clip(1, len(numbers) - 1)
        low, high = numbers[above - 1], numbers[above]
        # A number's code is even exactly if the one above it is odd.
        up = (size - low > high - size) | ((size - low == high - size) & (above % 2 == 0))
        found: npt.NDArray[np.float32] = np.copysign(np.where(up, high, low), wanted)
        return found

    def digest(self, weights: Sequence[torch.Tensor]) -> str:
        """Return the SHA-256 of weights: as int8, or float32 in little-endian order."""
        return _sha256(weights, "<i1" if isinstance(self.format, FixedFormat) else "<f4")


class Master:
    """Weights in float32, a copy of high precision: updates are added to them.

    It stands for both `Stored` and what rounds updates.
    """

    unit = 1.0
    dtype = torch.float32

    def start(self, weights: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return what is stored of initial weights: themselves."""
        return weights

    def apply(self, weights: torch.Tensor, delta: torch.Tensor, step: int) -> None:
        """Add the updates to the weights."""
        weights.add_(delta)

    def digest(self, weights: Sequence[torch.Tensor]) -> str:
        """Return the SHA-256 of weights as float32 in little-endian order."""
        return _sha256(weights, "<f4")


def _sha256(weights: Sequence[torch.Tensor], kind: str) -> str:
    blob = b"".join(weight.cpu().contiguous().numpy().astype(kind).tobytes() for weight in weights)
    return hashlib.sha256(blob).hexdigest()
