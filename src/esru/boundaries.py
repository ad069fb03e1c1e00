"""What a design's hardware includes: names of the boundaries and their checks."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from esru.errors import InputError
from esru.sources.settings import OPERANDS, one_of

if TYPE_CHECKING:
    from esru.design import Design

#: Names, each with a one-line summary.
BOUNDARIES = {
    "decision": "random source and round-up bit, for a design whose next adder has a free carry-in",
    "result": "random source, rounding, increment and saturation, combinational: for a datapath "
    "that registers the word elsewhere",
    "unit": "random source, rounding, increment, saturation and output register",
    "accumulator": "stored word plus update, the round-up bit as the adder's carry-in; cost: less "
    "the same accumulator truncating",
    "dither": "sum of words in an accumulator that starts from the random word; cost: less the "
    "same accumulator truncating",
}

#: Boundaries without an output register: latency 0.
COMBINATIONAL = ("decision", "result")

#: Boundaries of one rounding: the others add words up as well.
ROUNDINGS = ("decision", "result", "unit")

#: Boundaries whose cost is that of rounding alone: less the same hardware truncating.
ACCUMULATORS = ("accumulator", "dither")

#: The key of what is taken off, in such a cost.
TRUNCATING = "truncating"

#: Rules whose decision is the carry of an addition of the random word.
ADDED = ("zero", "half", "replicate")


def more_inputs(design: Design, lanes: int) -> dict[str, int]:
    """Return the inputs that only accumulators have, with their bits in an array of some lanes.

    ``w``: the stored words, lane 0 lowest. ``first``: the sums start again.
    """
    if design.boundary == "accumulator":
        return {"w": lanes * design.out_format.width}
    return {"first": 1} if design.boundary == "dither" else {}


def check_boundary(design: Design) -> None:
    """Raise if a design's boundary is unknown, or impossible with its formats, rule or source.

    Raises
    ------
    InputError
        Saying what it must be.
    """
    boundary = design.boundary
    one_of("Boundary", tuple(BOUNDARIES), boundary)
    if boundary not in ACCUMULATORS:
        return
    if design.floats:
        rule = f"fixed-point at the boundary {boundary}"
        raise InputError.must("Formats", rule, f"{design.input} to {design.out_format}")
    if design.load:
        raise InputError.must("Load", f"0 at the boundary {boundary}", design.load)
    if boundary == "accumulator":
        return
    if design.rule not in ADDED:
        rule = f"one that adds its random word ({', '.join(ADDED)}) at the boundary dither"
        raise InputError.must("Rule", rule, design.rule)
    if design.source in OPERANDS:
        rule = "one whose word is there before the sum at the boundary dither"
        raise InputError.must("Source", rule, design.source)
    if design.input.width == design.dropped:
        rule = f"wider than the {design.dropped} dropped bits at the boundary dither"
        raise InputError.must("Input format", rule, design.input)


def has_boundary(design: Design, boundary: str) -> bool:
    """Return whether a design can be built at a boundary."""
    try:
        replace(design, boundary=boundary)
    except InputError:
        return False
    return True


def truncating_text(design: Design) -> str:
    """Return the text of the accumulator that truncates, of the same boundary and formats."""
    return (
        f"1:0:zero:none,in={design.input},out={design.out_format},overflow={design.overflow},"
        f"boundary={design.boundary}"
    )
