"""The fewest LUTs that one lane's decision can take: lower bounds, by counting pins and cases.

`select` is to be one of n fraction bits, whichever the control bits say. Bounds for networks in
which each LUT but the last feeds one other. In a network with more links a link takes a pin, so
that up to three LUTs have fewer pins left than the bound by pins asks for.

What a LUT with d fraction bits, s control bits and c LUTs at its pins can do for one lane: each
case of its s + c bits that are not fraction bits of its own hands on at most one of the d, and
handing on what one of the c LUTs says takes two cases, one for each of its values. Hence
d + 2c <= 2^(s + c). `least_select` tries every such network of as many pins.
"""

from __future__ import annotations

from functools import cache


def least_select(n: int, width: int) -> int:
    """Return a lower bound on the LUTs of `width` inputs that choose one of n fraction bits."""
    controls = (n - 1).bit_length()
    cells = 1
    # By pins: n and the control bits come in from outside, and a LUT hands on one bit for width.
    while cells * (width - 1) + 1 < n + controls or _most_bits(cells, width) < n:
        cells += 1
    return cells


def least_sum(pairs: int, width: int) -> int:
    """Return the same for the carry out of a sum: its pairs of bits have to come in."""
    return max(1, -(-(2 * pairs - 1) // (width - 1)))


@cache
def _most_bits(cells: int, width: int) -> int:
    """Return the most fraction bits that a network of so many LUTs can choose from."""
    found = 0
    for links in range(min(width, cells - 1) + 1):
        own = max(
            (
                bits
                for controls in range(width - links + 1)
                for bits in range(width - links - controls + 1)
                if bits + 2 * links <= 2 ** (controls + links)
            ),
            default=None,
        )
        if own is not None:
            below = _most_below(cells - 1, links, width)
            if below is not None:
                found = max(found, own + below)
    return found


@cache
def _most_below(cells: int, links: int, width: int) -> int | None:
    """Return the most that so many networks can choose from together; None: too few LUTs."""
    if not links:
        return None if cells else 0
    found = None
    for first in range(1, cells - links + 2):
        rest = _most_below(cells - first, links - 1, width)
        if rest is not None:
            found = max(found or 0, _most_bits(first, width) + rest)
    return found
