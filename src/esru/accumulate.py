"""Accumulators in which rounding has no adder of its own: the scalar reference.

Written from the contract's sentences (`docs/accumulators.md`), not from the hardware.
"""

from __future__ import annotations

from collections.abc import Iterable

from esru.design import Design
from esru.rounding import replicate_word, round_up


def updated_word(design: Design, w: int, x: int, r: int) -> int:
    """Return the stored word after an update: boundary ``accumulator``.

    It is what a unit with the same rule makes of w * 2^D + x, in an input format wide enough.

    Parameters
    ----------
    design : Design
        The accumulator.
    w : int
        Stored word, an integer in units of the output format's last place.
    x : int
        Update, an integer in units of the input format's last place.
    r : int
        Random word, 0 <= r < 2^k.
    """
    dropped, (_, out) = design.dropped, design.fixed
    f = (x & ((1 << dropped) - 1)) >> (dropped - design.n)
    y = w + (x >> dropped) + round_up(design.rule, design.n, design.k, f, r)
    if design.overflow == "wrap":
        return out.decode(y)
    return min(max(y, out.low), out.high)


def start_word(design: Design, r: int) -> int:
    """Return what the accumulator starts from, in units of the input format's last place.

    It is the rule's addend, its top bit in the place of half an ulp of the output: what a sum
    must lack to the next ulp, at most, to reach it.

    Parameters
    ----------
    design : Design
        Of the boundary ``dither``.
    r : int
        Random word, 0 <= r < 2^k.
    """
    n, k = design.n, design.k
    if design.rule == "replicate":
        addend = replicate_word(r, k, n)
    else:
        addend = (r << (n - k)) + ((1 << (n - k - 1)) if design.rule == "half" else 0)
    return addend << (design.dropped - n)


def dithered_sum(design: Design, xs: Iterable[int], r: int) -> int:
    """Return the output word after some additions: boundary ``dither``.

    Parameters
    ----------
    design : Design
        The accumulator.
    xs : iterable of int
        What is added, integers in units of the input format's last place, the first with
        ``first`` = 1.
    r : int
        Random word in the cycle of the first, 0 <= r < 2^k.

    Returns
    -------
    int
        Output, an integer in units of the output format's last place: what a unit with the same
        rule makes of the sum, as long as the sum, rounded up, fits the accumulator; that has the
        input format and wraps.
    """
    source, out = design.fixed
    y = source.decode(start_word(design, r) + sum(xs)) >> design.dropped
    if design.overflow == "wrap":
        return out.decode(y)
    return min(max(y, out.low), out.high)
