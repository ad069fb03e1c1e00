"""Powers of two that fit a tensor into a format."""

from __future__ import annotations

from math import frexp

import torch

from esru.design import Design, parse
from esru.emulate.results import check_design
from esru.errors import InputError
from esru.float_formats import FloatFormat
from esru.formats import FixedFormat
from esru.torch.operator import finite

#: float32 has no power of two beyond these that it could multiply and divide by.
_LEAST, _GREATEST = -126, 126


def largest(design: Design) -> float:
    """Return the greatest number of a design's output format."""
    out = design.out_format
    if isinstance(out, FixedFormat):
        return out.high * 2.0**-out.fraction
    return float(out.magnitude(out.highest))


def ulp(design: Design) -> float:
    """Return what 1 is in the numbers that a unit rounds: a fixed format's last place, else 1."""
    out = design.out_format
    return 2.0**-out.fraction if isinstance(out, FixedFormat) else 1.0


def fitting_scale(x: torch.Tensor, top: float, headroom: float = 1.0) -> torch.Tensor:
    """Return the least power of two s such that no |x| * headroom is above s * top.

    Parameters
    ----------
    x : torch.Tensor
        Any float tensor; without elements, or all 0, s is that of a tensor of ones.
    top : float
        The greatest number of the format that is to hold x / s (`largest`).
    headroom : float
        Room for values that grow.

    Returns
    -------
    torch.Tensor
        float32, 0-d, on the device of `x`; NaN if a value is.

    Raises
    ------
    InputError
        If a value is infinite, or beyond float32 with its headroom.
    """
    if x.numel() == 0:
        most = torch.ones((), dtype=torch.float32, device=x.device)
    else:
        most = finite(x.detach().abs().amax().to(torch.float32) * headroom)
        most = torch.where(most == 0, torch.ones_like(most), most)
    exponent = torch.frexp(most).exponent - frexp(top)[1]
    exponent = exponent + (power_of_two(exponent) * top < most).to(exponent.dtype)
    # A scale of NaN makes every value NaN, which a fixed-point unit refuses.
    return torch.where(most.isnan(), most, power_of_two(exponent))


def power_of_two(exponent: torch.Tensor) -> torch.Tensor:
    """Return 2^exponent as float32, exactly, on any device: the exponent field itself."""
    field = exponent.to(torch.int32).clamp(_LEAST, _GREATEST) + 127
    return (field << 23).view(torch.float32)


def nearest(design: Design) -> Design:
    """Return the unit of the same formats that rounds half up, without random bits."""
    return Design(
        n=design.n,
        k=0,
        rule="half",
        source="none",
        in_format=design.in_format,
        out_format=design.out_format,
        overflow=design.overflow,
    )


def check_scale(scale: float) -> float:
    """Return a scale that can be divided by.

    Raises
    ------
    InputError
        If it is not above 0 and finite.
    """
    if not 0 < scale < float("inf"):
        raise InputError.must("Scale", "above 0 and finite", scale)
    return float(scale)


def tensor_unit(design: Design | str) -> Design:
    """Return a unit that rounds tensors with one scale each, as all do here.

    Raises
    ------
    InputError
        If it is no design, or its scales are those of blocks.
    """
    found = check_design(parse(design) if isinstance(design, str) else design)
    source = found.input
    if isinstance(source, FloatFormat) and source.scale:
        rule = (
            "one without scales of blocks (for these: esru.emulate.round_tensor with scale=, "
            "or the task fp4-transformer)"
        )
        raise InputError.must("Input format of a unit in esru.torch", rule, source)
    return found
