"""Blocks of ocp_e2m1 with a scale: MXFP4 and NVFP4.

The last axis is cut into blocks. A scale is the least one that leaves no element beyond 6, the
greatest number of ocp_e2m1: nothing saturates, so that stochastic rounding has no bias from it.
Everything is done element by element with operations that IEEE 754 rounds correctly, or that
are exact; sums of products of two such tensors are exact in float64 (`SPAN`).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from esru.emulate.block_rounder import e2m1_ulp
from esru.train.quantised import power_of_two
from esru.train.tasks import BLOCK_SIZES

#: The greatest number of ocp_e2m1.
GREATEST = 6.0

#: MX: the least scale of a tensor is at least 2^-SPAN of its greatest, in each run. A smaller
#: block's elements are then rounded in coarser steps, and sums of up to 2^12 products need at
#: most 8 + 2 * SPAN + 12 bits, which float64 has.
SPAN = 16

#: NVFP4: the fraction of the greatest number of a tensor with a scale in ocp_e4m3, 6 * 448 =
#: 0.65625 * 2^12, and the exponents of the least normal and the least number of ocp_e4m3.
_NV_FRACTION, _NV_EXPONENT = 0.65625, 12
_LEAST_NORMAL, _LEAST = -6, -9

#: Exponents of scales that float32 can multiply and divide by.
_FAR = 100


@dataclass(frozen=True)
class Blocks:
    """A tensor in blocks with scales.

    Attributes
    ----------
    inputs : torch.Tensor
        What a unit reads, float32, shape (R, rows, blocks, size).
    exponents : torch.Tensor
        The exponents e of the scales that the unit divides by, shape (R, rows, blocks, 1).
    scales : torch.Tensor
        What the number 1 of an element stands for, float32, likewise.
    """

    inputs: torch.Tensor
    exponents: torch.Tensor
    scales: torch.Tensor

    def elements(self) -> torch.Tensor:
        """Return inputs / 2^e, which ocp_e2m1 is to hold: at most 6."""
        return self.inputs * power_of_two(-self.exponents)


def padded(size: int, block: int) -> int:
    """Return the size of whole blocks."""
    return -(-size // block) * block


def in_blocks(values: torch.Tensor, block: int) -> torch.Tensor:
    """Return values (R, rows, size) as (R, rows, blocks, block), zeros at the end."""
    runs, rows, size = values.shape
    missing = padded(size, block) - size
    if missing:
        values = torch.nn.functional.pad(values, (0, missing))
    return values.reshape(runs, rows, -1, block)


def mx_blocks(values: torch.Tensor, block: int) -> Blocks:
    """Return values in blocks whose scales are powers of two."""
    inputs = in_blocks(values, block)
    fraction, exponent = torch.frexp(inputs.abs().amax(-1, keepdim=True))
    exponent = exponent - 3 + (fraction > GREATEST / 8).to(exponent.dtype)
    exponent = torch.where(fraction == 0, -_FAR, exponent)
    least = exponent.amax((1, 2, 3), keepdim=True) - SPAN
    exponent = torch.maximum(exponent, least).clamp_(-_FAR, _FAR)
    return Blocks(inputs, exponent, power_of_two(exponent))


def nv_blocks(values: torch.Tensor, block: int) -> Blocks:
    """Return values in blocks whose scales are numbers m * 2^e of ocp_e4m3.

    A power of two for each tensor and run brings the greatest of them to ocp_e4m3's top. Scales
    are rounded up. Elements are divided by m in float32 before they reach the unit.
    """
    inputs = in_blocks(values, block)
    largest = inputs.abs().amax(-1, keepdim=True)
    fraction, whole = torch.frexp(largest.amax((1, 2, 3), keepdim=True))
    whole = whole - _NV_EXPONENT + (fraction > _NV_FRACTION).to(whole.dtype)
    whole = whole.clamp_(-_FAR, _FAR)
    wanted = (largest * power_of_two(-whole)).div_(GREATEST)
    place = (torch.frexp(wanted)[1] - 1).clamp_(min=_LEAST_NORMAL) - 3
    scale = (wanted * power_of_two(-place)).ceil_().mul_(power_of_two(place))
    scale = scale.clamp_(min=2.0**_LEAST)
    exponent = torch.frexp(scale)[1] - 1
    significand = scale * power_of_two(-exponent)
    inputs = (inputs * power_of_two(-whole)).div_(significand)
    return Blocks(inputs, exponent, scale * power_of_two(whole))


def nearest_e2m1(elements: torch.Tensor) -> torch.Tensor:
    """Return elements rounded to ocp_e2m1, to nearest, ties to even, saturated."""
    sizes = elements.abs().clamp_(max=GREATEST)
    ulp = e2m1_ulp(sizes)
    return torch.copysign(sizes.div_(ulp).round_().mul_(ulp), elements)


#: By name: elements of a block, and what scales them.
SCALINGS = {
    "MXFP4": (BLOCK_SIZES["MXFP4"], mx_blocks),
    "NVFP4": (BLOCK_SIZES["NVFP4"], nv_blocks),
}
