"""Layers of a transformer in int8 with gradients in int8, for autograd.

A quantised tensor holds multiples of a power of two in float32. Forwards that power is fixed;
backwards it is chosen for each run so that the largest error of the tensor needs all of int8.
Products of quantised matrices are then exact in float32 in any order, as in
`esru.train.network`, and everything between them is sums, products, quotients and square roots
of single elements, which IEEE 754 rounds correctly: a result is the same wherever it is computed.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.autograd import Function

#: Fraction bits of a share of attention, which is unsigned: 1 saturates to 255 of 256 parts.
SHARE_BITS = 8

#: Added to a mean square, so that its root is never 0.
NORM_EPSILON = 2.0**-12


def int8_errors(errors: torch.Tensor) -> torch.Tensor:
    """Round each run's errors to multiples of a power of two, the largest within -128..127.

    The first axis counts the runs.
    """
    largest = errors.abs().amax(tuple(range(1, errors.dim())), keepdim=True)
    # largest < 2^exponent, so that the scaled values lie within 2^7.
    exponent = torch.frexp(largest)[1].clamp_(-100, 100)
    up, down = power_of_two(7 - exponent), power_of_two(exponent - 7)
    return (errors * up).round_().clamp_(-128, 127).mul_(down)


def power_of_two(exponent: torch.Tensor) -> torch.Tensor:
    """Return 2^exponent from its bits: torch.ldexp goes through a power function."""
    return ((exponent + 127).to(torch.int32) << 23).view(torch.float32)


def correct_root(values: torch.Tensor) -> torch.Tensor:
    """Return square roots of float32, rounded as IEEE 754 does.

    torch's own may come from a vector library that errs in the last bit, on some processors. In
    float64 such an error is below 2^-52 of the root, while a root of a float32 that is none
    itself lies 2^-51 or more of it from where two float32 meet: it cannot change what comes back.
    """
    return values.double().sqrt_().float()


def round_to(values: torch.Tensor, bits: int, low: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Return values as int8 with `bits` fraction bits, not below `low`, and which did not saturate.

    They are rounded to nearest, ties to even.
    """
    scaled = (values * 2.0**bits).round_()
    within = (scaled >= low) & (scaled <= 127)
    return scaled.clamp_(low, 127).mul_(2.0**-bits), within


class _Rounded(Function):
    @staticmethod
    def forward(
        ctx: Any, values: torch.Tensor, bits: int, low: float, round_errors: bool
    ) -> torch.Tensor:
        found, within = round_to(values, bits, low)
        ctx.save_for_backward(within)
        ctx.round_errors = round_errors
        return found

    @staticmethod
    def backward(ctx: Any, *errors: torch.Tensor) -> Any:
        (within,) = ctx.saved_tensors
        error = errors[0] * within
        return int8_errors(error) if ctx.round_errors else error, None, None, None


class _Normalised(Function):
    @staticmethod
    def forward(ctx: Any, values: torch.Tensor, bits: int) -> torch.Tensor:
        width = values.shape[-1]
        mean = values.square().sum(-1, keepdim=True) * (1 / width)
        inverse = torch.ones_like(mean).div_(correct_root(mean + NORM_EPSILON))
        found = (values * (inverse * 2.0**bits)).round_().clamp_(-128, 127).mul_(2.0**-bits)
        ctx.save_for_backward(found, inverse)
        return found

    @staticmethod
    def backward(ctx: Any, *errors: torch.Tensor) -> Any:
        found, inverse = ctx.saved_tensors
        error = int8_errors(errors[0])
        share = (error * found).sum(-1, keepdim=True) * (1 / found.shape[-1])
        return (error - found * share).mul_(inverse), None


class _Shares(Function):
    @staticmethod
    def forward(
        ctx: Any, scores: torch.Tensor, bits: int, mask: torch.Tensor, table: torch.Tensor
    ) -> torch.Tensor:
        below = (scores * 2.0**bits).masked_fill_(mask, -128.0)
        below = (below.amax(-1, keepdim=True) - below).to(torch.int64)
        powers = table[below].masked_fill_(mask, 0.0)
        total = powers.sum(-1, keepdim=True)
        shares = powers.mul_(2.0**SHARE_BITS).div_(total)
        found = shares.round_().clamp_(0, 255).to(torch.float32).mul_(2.0**-SHARE_BITS)
        ctx.save_for_backward(found)
        return found

    @staticmethod
    def backward(ctx: Any, *errors: torch.Tensor) -> Any:
        (found,) = ctx.saved_tensors
        error = int8_errors(errors[0])
        return (error - (error * found).sum(-1, keepdim=True)).mul_(found), None, None, None


#: What a linear layer adds, shape (R, outputs).
Bias = torch.Tensor | None


def _linear(values: torch.Tensor, weight: torch.Tensor, bias: Bias) -> torch.Tensor:
    found = values @ weight
    return found if bias is None else found + bias.unsqueeze(1)


class Int8:
    """The layers in int8.

    Parameters
    ----------
    table : torch.Tensor
        exp(-j * 2^-b) of j = 0..255, float64, where b are the scores' fraction bits.
    """

    #: Whether the errors of what linear layers return become int8, or stay in float32.
    round_returned_errors = True

    def __init__(self, table: torch.Tensor) -> None:
        self._table = table

    # torch types neither `apply` of a Function nor what it returns.

    def rounded(self, values: torch.Tensor, bits: int) -> torch.Tensor:
        """Return values as int8 with `bits` fraction bits; their errors become int8 too."""
        return _Rounded.apply(values, bits, -128.0, True)  # type: ignore[no-any-return, no-untyped-call]

    def returned(self, values: torch.Tensor, bits: int) -> torch.Tensor:
        """Return what a linear layer has returned as int8 with `bits` fraction bits."""
        return _Rounded.apply(values, bits, -128.0, self.round_returned_errors)  # type: ignore[no-any-return, no-untyped-call]

    def rectified(self, values: torch.Tensor, bits: int) -> torch.Tensor:
        """Return values as `returned` does, negative ones as 0."""
        return _Rounded.apply(values, bits, 0.0, self.round_returned_errors)  # type: ignore[no-any-return, no-untyped-call]

    def normalised(self, values: torch.Tensor, bits: int) -> torch.Tensor:
        """Return values over the root of their mean square along the last axis, rounded."""
        return _Normalised.apply(values, bits)  # type: ignore[no-any-return, no-untyped-call]

    def linear(
        self, values: torch.Tensor, weight: torch.Tensor, layer: int, bias: Bias = None
    ) -> torch.Tensor:
        """Return values @ weight + bias, not rounded."""
        return _linear(values, weight, bias)

    def shares(self, scores: torch.Tensor, bits: int, mask: torch.Tensor) -> torch.Tensor:
        """Return the softmax of scores along the last axis; what is masked has no share."""
        return _Shares.apply(scores, bits, mask, self._table)  # type: ignore[no-any-return, no-untyped-call]


class Float32:
    """The same layers in float32, nothing rounded: those of the control."""

    # torch types neither `apply` of a Function nor what it returns.

    def rounded(self, values: torch.Tensor, bits: int) -> torch.Tensor:
        """Return values as they are."""
        return values

    def returned(self, values: torch.Tensor, bits: int) -> torch.Tensor:
        """Return values as they are."""
        return values

    def rectified(self, values: torch.Tensor, bits: int) -> torch.Tensor:
        """Return values, negative ones as 0."""
        return torch.relu(values)

    def normalised(self, values: torch.Tensor, bits: int) -> torch.Tensor:
        """Return values over the root of their mean square along the last axis."""
        mean = values.square().mean(-1, keepdim=True)
        return values / torch.sqrt(mean + NORM_EPSILON)

    def linear(
        self, values: torch.Tensor, weight: torch.Tensor, layer: int, bias: Bias = None
    ) -> torch.Tensor:
        """Return values @ weight + bias."""
        return _linear(values, weight, bias)

    def shares(self, scores: torch.Tensor, bits: int, mask: torch.Tensor) -> torch.Tensor:
        """Return the softmax of scores along the last axis; what is masked has no share."""
        return torch.softmax(scores.masked_fill(mask, -torch.inf), -1)


#: What a network is built of.
Layers = Int8 | Float32
