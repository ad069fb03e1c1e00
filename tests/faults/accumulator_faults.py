"""Seeded faults in the accumulators: `esru.hdl.accumulator`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from amaranth.hdl import Const
from fault import DECISION, SEQUENCE, Fault, Plant, around

from esru.hdl import accumulator
from esru.hdl.accumulator import DitheredAccumulator


def _carry_lost(true: Any, *args: Any) -> tuple[Any, Any]:
    a, b = true(*args)
    return Const(0, len(a)), b


def _wraps(true: Any, m: Any, design: Any, *rest: Any) -> Any:
    return true(m, replace(design, overflow="wrap"), *rest)


def _no_sign(true: Any, design: Any, x: Any) -> Any:
    return true(design, x).as_unsigned()


def _one_place_low(true: Any, m: Any, design: Any, *rest: Any) -> Any:
    return true(m, design, *rest) >> 1


def _at_the_bottom(true: Any, m: Any, design: Any, *rest: Any) -> Any:
    """Leave out the dropped bits that the rule does not see."""
    return true(m, design, *rest) >> (design.dropped - design.n)


def _base(fault: Callable[[Any, Any, Any], Any]) -> Plant:
    """Plant another base of the next sum: `fault(first, start, total)`."""
    return around(accumulator, "Mux", lambda true, *args: fault(*args))


def _taken(fault: Callable[[Any], Any]) -> Plant:
    """Plant another condition of the source's steps: `fault(bank)`."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        patch.setattr(DitheredAccumulator, "taken", property(fault))

    return plant


def _fault(
    name: str, what: str, design: str, plant: Plant, levels: tuple[str, ...] = DECISION
) -> Fault:
    return Fault(name, "accumulator", what, design, plant, levels)


FAULTS = [
    _fault(
        "dropped carry-in",
        "the decision does not reach the adder",
        "4:3:select:lfsr5,boundary=accumulator",
        around(accumulator, "_below", _carry_lost),
    ),
    _fault(
        "dropped carry-in, half",
        "the word is added to nothing, and hands no carry on",
        "4:2:half:lfsr5,boundary=accumulator",
        around(accumulator, "_below", _carry_lost),
    ),
    _fault(
        "updated word wraps",
        "no saturation of the stored word",
        "4:2:zero:lfsr5,boundary=accumulator",
        around(accumulator, "add_overflow", _wraps),
    ),
    _fault(
        "update without its sign",
        "a wide accumulator takes a negative update for a great one",
        "4:2:zero:lfsr5,in=s7.4,boundary=accumulator",
        around(accumulator, "_whole", _no_sign),
    ),
    _fault(
        "start one place too low",
        "the accumulator starts from half the random word",
        "4:2:half:lfsr5,boundary=dither",
        around(accumulator, "add_start", _one_place_low),
    ),
    _fault(
        "start at the bottom",
        "the word stands below all dropped bits, not below the ulp",
        "4:2:replicate:lfsr5,in=s16.6,boundary=dither",
        around(accumulator, "add_start", _at_the_bottom),
    ),
    _fault(
        "sum wraps",
        "no saturation of the sum",
        "4:2:zero:lfsr5,boundary=dither,in=s14.4",
        around(accumulator, "add_overflow", _wraps),
    ),
    _fault(
        "no start",
        "the sum goes on where it should start again",
        "4:2:zero:lfsr5,boundary=dither",
        _base(lambda first, start, total: total),
        SEQUENCE,
    ),
    _fault(
        "always starts",
        "every addition starts from the word",
        "4:2:zero:lfsr5,boundary=dither",
        _base(lambda first, start, total: start),
        SEQUENCE,
    ),
    _fault(
        "old sum kept",
        "the sum starts from the random word and what was left of the last one",
        "4:2:zero:lfsr5,boundary=dither",
        _base(lambda first, start, total: (first.replicate(len(total)) & start) | total),
        SEQUENCE,
    ),
    _fault(
        "source steps in every addition",
        "a sum takes as many words as it has additions",
        "4:2:zero:lfsr5,boundary=dither",
        _taken(lambda bank: bank.en),
        SEQUENCE,
    ),
    _fault(
        "source steps without en",
        "a start that does not happen takes a word",
        "4:2:zero:lfsr5,boundary=dither",
        _taken(lambda bank: bank.first),
        SEQUENCE,
    ),
]
