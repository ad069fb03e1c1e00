"""What a design's hardware includes: names of the boundaries, their checks and their ports."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from esru.errors import InputError
from esru.sources.settings import OPERANDS, loaded_seed, one_of

if TYPE_CHECKING:
    from esru.design import Design

#: Names, each with a one-line summary.
BOUNDARIES = {
    "decision": "random source and round-up bit, for a design whose next adder has a free carry-in",
    "unit": "random source, rounding, increment, saturation and output register",
    "accumulator": "stored word plus update, the round-up bit as the adder's carry-in; cost: less "
    "the same accumulator truncating",
    "dither": "sum of words in an accumulator that starts from the random word; cost: less the "
    "same accumulator truncating",
}

#: Boundaries whose cost is that of rounding alone: less the same hardware truncating.
ACCUMULATORS = ("accumulator", "dither")

#: The key of what is taken off, in such a cost.
TRUNCATING = "truncating"

#: Rules whose decision is the carry of an addition of the random word.
ADDED = ("zero", "half", "replicate")


@dataclass(frozen=True)
class Port:
    """A port of a module, beside clk, rst and en.

    Attributes
    ----------
    name, meaning : str
        As in ``interface.json``.
    width : int
        Bits of one lane, of one source, or in all, as `per` says.
    per : {"lane", "source", "array"}
        How often it is there, side by side, the first lowest.
    """

    name: str
    width: int
    meaning: str
    per: Literal["lane", "source", "array"] = "lane"

    def bits(self, lanes: int, sources: int) -> int:
        """Return its bits in an array."""
        return self.width * {"lane": lanes, "source": sources, "array": 1}[self.per]


def input_ports(design: Design) -> tuple[Port, ...]:
    """Return a module's inputs in the order of the Verilog."""
    bits, fixed = design.fraction_bits, f"{design.input} word of each lane, lane 0 lowest"
    ports = []
    if design.boundary == "dither":
        meaning = "1: the accumulators start again in this cycle, from the random word"
        ports.append(Port("first", 1, meaning, "array"))
    if design.load:
        meaning = "1: every source takes its seed instead of a step; before en"
        ports.append(Port("load", 1, meaning, "array"))
        zero = "" if loaded_seed(design, 0) == 0 else "; 0 is taken as 1"
        meaning = f"state of {design.length} bits for each source, source 0 lowest{zero}"
        ports.append(Port("seed", design.length, meaning, "source"))
    if design.source == "port":
        meaning = f"random word of {design.k} bits for each source, source 0 lowest"
        ports.append(Port("r", design.k, meaning, "source"))
    if design.boundary == "decision":
        meaning = f"top {bits} dropped bits of each lane, lane 0 lowest"
        return (*ports, Port("frac", bits, meaning))
    if design.boundary == "accumulator":
        meaning = f"stored {design.out_format} word of each lane, lane 0 lowest"
        ports.append(Port("w", design.out_format.width, meaning))
        fixed = f"update: {fixed}"
    elif design.boundary == "dither":
        fixed = f"added: {fixed}"
    return (*ports, Port("x", design.input.width, fixed))


def output_port(design: Design) -> Port:
    """Return a module's output."""
    if design.boundary == "decision":
        return Port("up", 1, "decision of each lane: 1 rounds up, lane 0 lowest")
    meaning = f"{design.out_format} word of each lane, lane 0 lowest"
    held = "of the accumulator's register" if design.boundary == "dither" else "registered"
    return Port("y", design.out_format.width, f"{meaning}; {held}")


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
