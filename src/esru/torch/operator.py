"""The operators ``esru::round`` and ``esru::finite``: calls that ``torch.compile`` leaves alone.

Rounding takes the phase as a tensor, so that a new phase is no new compilation.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import torch

from esru.design import Design, parse
from esru.emulate.straight import round_plain
from esru.errors import InputError


@lru_cache(maxsize=64)
def parsed(text: str) -> Design:
    """Return the design that a text describes; an operator's arguments are plain."""
    return parse(text)


@torch.library.custom_op("esru::round", mutates_args=())
def round_values(
    x: torch.Tensor, phase: torch.Tensor, design: str, lanes: int, offset: int
) -> torch.Tensor:
    """Round float values, in ulps of a fixed-point output.

    Parameters
    ----------
    x : torch.Tensor
        Values as `esru.emulate.round_tensor` takes them.
    phase : torch.Tensor
        int64, 0-d: cycles since reset.
    design : str
        The unit.
    lanes : int
        Lanes of the array.
    offset : int
        Cycles that this array is ahead of the phase.
    """
    return round_plain(parsed(design), x, int(phase) + offset, lanes)


@round_values.register_fake
def _(x: torch.Tensor, phase: torch.Tensor, design: str, lanes: int, offset: int) -> torch.Tensor:
    return torch.empty_like(x, memory_format=torch.contiguous_format)


def _backward(ctx: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None, None, None, None]:
    return gradient, None, None, None, None


round_values.register_autograd(_backward)


@torch.library.custom_op("esru::finite", mutates_args=())
def finite(most: torch.Tensor) -> torch.Tensor:
    """Return greatest magnitudes in float32, from which scales are to be found; refuse infinity."""
    found = most.to(torch.float32, copy=True)
    beyond = found.isinf()
    if beyond.any():
        rule = "finite in float32 where no scale is given"
        raise InputError.must("Values", rule, most[beyond].max().item())
    return found


@finite.register_fake
def _(most: torch.Tensor) -> torch.Tensor:
    return torch.empty_like(most, dtype=torch.float32)
