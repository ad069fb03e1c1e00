"""The space of candidates: every unit within a number of bits, and its behaviours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from esru.boundaries import has_boundary
from esru.design import RULES, Design
from esru.errors import InputError
from esru.search.found import FOUND
from esru.sources import fresh_leap

#: A prime-period register (2^13 - 1) and the reference's own length, for sharing among lanes.
SHARED_LENGTHS = (13, 24)

MAX_BITS = 16


@dataclass(frozen=True)
class Space:
    """The candidates of one question.

    Attributes
    ----------
    points : int
        Designs enumerated.
    behaviours : tuple of Design
        One canonical design for each behaviour, in order of enumeration.
    """

    points: int
    behaviours: tuple[Design, ...]


def _cores(bits: int) -> Iterator[tuple[int, int, str]]:
    """Yield every (n, k, rule) that exists with 1 <= n <= bits, and the tables that were found."""
    for n in range(1, bits + 1):
        for k in range(n + 1):
            for rule in RULES:
                if rule == "half" and n <= k:
                    continue
                if rule == "select" and (k != n - 1 or k < 1):
                    continue
                if rule == "replicate" and k < 1:
                    continue
                yield n, k, rule
    # What the machine found for one and two LUTs a lane.
    yield from (core for core in FOUND.values() if core[0] <= bits)


def _designs(n: int, k: int, rule: str, array_lanes: int) -> Iterator[Design]:
    """Yield a rule's designs with every source of the space.

    A short source of each lane's own, as short as the word allows: one step per word, as the
    papers have it, and leap-forward to fresh bits. A long source, fresh, shared by 8 lanes
    (`SHARED_LENGTHS[0]`) and by the whole array.
    """
    if k == 0:
        yield Design(n, 0, rule, "none")
        return
    for family in ("lfsr", "debruijn", "plateau"):
        length = max(2, k + (rule == "select" and family != "debruijn"))
        for leap in sorted({1, fresh_leap(family, length, k)}):
            yield Design(n, k, rule, family, length, leap=leap)
    for length in SHARED_LENGTHS:
        if length < k + (rule == "select"):
            continue
        leap = fresh_leap("lfsr", length, k)
        for lanes in (8, array_lanes) if length == SHARED_LENGTHS[0] else (array_lanes,):
            if array_lanes % lanes == 0:
                yield Design(n, k, rule, "lfsr", length, leap=leap, lanes=lanes)


def space(bits: int, array_lanes: int = 64, boundary: str = "decision") -> Space:
    """Return the candidates with 1 <= n <= bits and 0 <= k <= n.

    Parameters
    ----------
    bits : int
        Greatest number of rounding bits, 1..16.
    array_lanes : int
        Lanes M of the array that the candidates are for.
    boundary : str
        Only candidates that can be built there.

    Raises
    ------
    InputError
        If `bits` or `array_lanes` is out of range.
    """
    if not 1 <= bits <= MAX_BITS:
        raise InputError.must("Bits", f"between 1 and {MAX_BITS}", bits)
    if not 1 <= array_lanes <= 1024:
        raise InputError.must("Lanes", "between 1 and 1024", array_lanes)
    points = 0
    behaviours: dict[Design, None] = {}
    for core in _cores(bits):
        for design in _designs(*core, array_lanes):
            points += 1
            # Of the canonical one: `nearest` with n = k is `zero`, whose word is added.
            if has_boundary(design.canonical(), boundary):
                behaviours[design.canonical()] = None
    return Space(points, tuple(behaviours))
