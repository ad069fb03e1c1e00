"""Seeded faults in the rules: `esru.hdl.rounder`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from amaranth.hdl import Cat, Const, Mux
from fault import DECISION, Fault, Plant, around, everywhere_around

from esru.hdl import rounder


def _addends(fault: Callable[[Any, Any], tuple[Any, Any]]) -> Plant:
    """Plant a fault in the two addends whose carry out is the decision."""
    return around(rounder, "addends", lambda true, *args: fault(*true(*args)))


def _lost_carry(a: Any, b: Any) -> tuple[Any, Any]:
    """Add in two halves whose lower carry is lost."""
    half = len(a) // 2
    return a & ~((1 << half) - 1), b


def _to_even(bit: Callable[[Any, Any, Any], Any]) -> Plant:
    """Plant another bit for the ties of `nearest`, of the odd, the half and the sticky bit."""

    def fault(true: Any, m: Any, design: Any, fraction: Any, *rest: Any) -> tuple[Any, Any]:
        a, b = true(m, design, fraction, *rest)
        low = design.n - design.k
        odd, half, sticky = fraction[low], fraction[low - 1], fraction[: low - 1].any()
        return a, Cat(bit(odd, half, sticky), b[1:])

    return around(rounder, "addends", fault)


def _round_up(fault: Callable[[Any, Any], Any]) -> Plant:
    """Plant a fault between the decision and what uses it: `fault(up, fraction)`."""

    def plant(true: Any, m: Any, design: Any, fraction: Any, *rest: Any) -> Any:
        return fault(true(m, design, fraction, *rest), fraction)

    return everywhere_around(rounder, "add_round_up", plant)


def _reversed_fraction(true: Any, m: Any, design: Any, fraction: Any, *rest: Any) -> Any:
    return true(m, design, fraction[::-1], *rest)


def _shifted_fraction(true: Any, m: Any, design: Any, fraction: Any, *rest: Any) -> Any:
    return true(m, design, Cat(fraction[1:], fraction[0]), *rest)


def _index(fault: Callable[..., Any]) -> Plant:
    return everywhere_around(rounder, "add_index", fault)


def _one_less(true: Any, *args: Any) -> Any:
    index = true(*args)
    return (index - 1)[: len(index)]


def _from_the_other_end(true: Any, m: Any, design: Any, word: Any, *rest: Any) -> Any:
    return true(m, design, word[::-1], *rest)


def _zero_word(true: Any, m: Any, design: Any, word: Any, *rest: Any) -> Any:
    return Mux(word.any(), true(m, design, word, *rest), design.k)


def _fault(name: str, what: str, design: str, plant: Plant) -> Fault:
    return Fault(name, "rounder", what, design, plant, DECISION)


FAULTS = [
    _fault(
        ">= for >",
        "one less than the threshold rounds up: exact values are bumped",
        "8:8:zero:lfsr8",
        _addends(lambda a, b: (a, b + 1)),
    ),
    _fault(
        ">= for >, half",
        "the same with the half step",
        "8:3:half:lfsr5,boundary=unit",
        _addends(lambda a, b: (a, b + 1)),
    ),
    _fault(
        "> for >=",
        "the threshold itself does not round up",
        "6:6:replicate:lfsr6",
        _addends(lambda a, b: (a - a.any(), b)),
    ),
    _fault(
        "lost carry", "the adder's halves are not joined", "8:8:zero:lfsr9", _addends(_lost_carry)
    ),
    _fault(
        "lost carry, 24 bits",
        "the same in the unit of the prior art",
        "reference,boundary=unit",
        _addends(_lost_carry),
    ),
    _fault(
        "lowest random bit lost",
        "bit 0 of the word is not connected",
        "6:6:zero:lfsr7",
        _addends(lambda a, b: (a, b & ~1)),
    ),
    _fault(
        "wrong alignment of the word",
        "the word is added one place too low",
        "6:4:zero:lfsr5",
        _addends(lambda a, b: (a, b >> 1)),
    ),
    _fault(
        "wrong alignment of the fraction",
        "the fraction is added one place too low",
        "6:4:half:lfsr5",
        _addends(lambda a, b: (a >> 1, b)),
    ),
    _fault(
        "half step missing",
        "half rounds as zero",
        "6:3:half:lfsr5",
        _addends(lambda a, b: (a, b & ~1)),
    ),
    _fault(
        "half up without its half",
        "round half up truncates",
        "8:0:half:none,boundary=unit",
        _addends(lambda a, b: (a, b & ~1)),
    ),
    _fault("ties up", "ties go up, not to even", "6:3:nearest:lfsr5", _to_even(lambda o, h, s: h)),
    _fault(
        "ties to odd",
        "the wrong neighbour is even",
        "6:3:nearest:lfsr5,boundary=unit",
        _to_even(lambda odd, half, sticky: half & (sticky | ~odd)),
    ),
    _fault(
        "sticky bit lost",
        "every fraction above half counts as a tie",
        "6:3:nearest:lfsr5",
        _to_even(lambda odd, half, sticky: half & odd),
    ),
    _fault(
        "mirrored replication",
        "the repeated bits run from the low end",
        "8:3:replicate:lfsr5",
        _addends(lambda a, b: (a, b[::-1])),
    ),
    _fault(
        "replication one place late",
        "the repeated bits are rotated by one",
        "8:3:replicate:plateau3",
        _addends(lambda a, b: (a, Cat(b[1:], b[0]))),
    ),
    _fault(
        "wrong multiplexer order",
        "the multiplexer's inputs are in reverse",
        "6:5:select:lfsr7",
        everywhere_around(rounder, "add_round_up", _reversed_fraction),
    ),
    _fault(
        "multiplexer off by one",
        "the multiplexer takes the next fraction bit",
        "6:5:select:lfsr7,boundary=unit",
        everywhere_around(rounder, "add_round_up", _shifted_fraction),
    ),
    _fault(
        "index off by one", "one leading zero too many", "5:4:select:debruijn4", _index(_one_less)
    ),
    _fault(
        "trailing for leading zeros",
        "zeros are counted from the wrong end",
        "6:5:select:lfsr7",
        _index(_from_the_other_end),
    ),
    _fault(
        "zero word forgotten",
        "the word 0 chooses the top fraction bit",
        "5:4:select:lfsr5",
        _index(_zero_word),
    ),
    _fault(
        "exact values rounded up",
        "a fraction of 0 rounds up",
        "6:4:zero:lfsr5",
        _round_up(lambda up, fraction: up | ~fraction.any()),
    ),
    _fault(
        "decision inverted",
        "up for down",
        "6:4:replicate:lfsr5",
        _round_up(lambda up, fraction: ~up),
    ),
    _fault(
        "decision lost",
        "every rounding truncates",
        "8:3:half:lfsr5,boundary=unit",
        _round_up(lambda up, fraction: Const(0, 1)),
    ),
]
