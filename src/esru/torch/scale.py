"""Powers of two that fit a tensor, or its blocks, into a format."""

from __future__ import annotations

from dataclasses import replace
from math import frexp, inf

import torch

from esru.design import Design, parse
from esru.emulate.results import check_design
from esru.errors import InputError
from esru.float_formats import FLOAT_FORMATS, FloatFormat
from esru.formats import FixedFormat
from esru.torch.operator import finite

#: Elements that share a scale in OCP MX.
MX_BLOCK = 32

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


def fitting_scale(
    x: torch.Tensor, top: float, headroom: float = 1.0, *, blocks: bool = False
) -> torch.Tensor:
    """Return the least power of two s such that no |x| * headroom is above s * top.

    It lies within what float32 can multiply and divide by, 2^-126 to 2^126. NaN does not count:
    what becomes of it is for the unit to say.

    Parameters
    ----------
    x : torch.Tensor
        Any float tensor; without numbers other than 0, s is that of ones without headroom.
    top : float
        The greatest number of the format that is to hold x / s (`largest`).
    headroom : float
        Room for values that grow.
    blocks : bool
        Whether the last axis is a block with a scale of its own; it is not empty.

    Returns
    -------
    torch.Tensor
        float32, on the device of `x`; 0-d, or of the shape of `x` with a last axis of 1.

    Raises
    ------
    InputError
        If a value is infinite, or beyond float32.
    """
    most, top_exponent = frexp(top)
    ones = 1 - top_exponent
    if x.numel() == 0:
        shape = (*x.shape[:-1], 1) if blocks else ()
        return power_of_two(torch.full(shape, ones, device=x.device))
    sizes = x.detach().abs().nan_to_num_(nan=0.0, posinf=inf)
    greatest = finite(sizes.amax(-1, keepdim=True) if blocks else sizes.amax())
    # Fractions and exponents apart: the product with the headroom may be beyond float32.
    fraction, exponent = torch.frexp(greatest)
    room, more = frexp(headroom)
    fraction, moved = torch.frexp(fraction * room)
    exponent = exponent + moved + (more - top_exponent) + (fraction > most).to(exponent.dtype)
    return power_of_two(torch.where(greatest == 0, ones, exponent))


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


def checked_unit(design: Design | str) -> Design:
    """Return a design given as such or as text.

    Raises
    ------
    InputError
        If it is none.
    """
    return check_design(parse(design) if isinstance(design, str) else design)


def element_unit(design: Design) -> tuple[Design, int]:
    """Return what rounds elements that were divided by their scale, and how many share one.

    Of a unit with scales of blocks (``in=mx_...``) that is the same unit without them, for
    dividing by a power of two is exact; a block has the elements of ``block=``, else the 32 of
    OCP MX. Of any other unit it is the unit itself, and 0: one scale for all.
    """
    source = design.input
    if not isinstance(source, FloatFormat) or not source.scale:
        return design, 0
    plain = FLOAT_FORMATS[source.name.removeprefix("mx_")]
    return replace(design, in_format=plain, block=0), design.block or MX_BLOCK


def update_unit(design: Design | str) -> Design:
    """Return a unit that can round updates: with one scale for each stored weight.

    Raises
    ------
    InputError
        If it is no design, or its scales are those of blocks.
    """
    found = checked_unit(design)
    if element_unit(found)[1]:
        rule = "one without scales of blocks"
        raise InputError.must("Input format of a unit for updates", rule, found.input)
    return found
