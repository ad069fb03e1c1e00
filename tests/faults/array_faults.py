"""Seeded faults in results and arrays: `esru.hdl.unit`, `esru.hdl.bank`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from amaranth.hdl import Cat, Const, Module, Mux, Signal
from fault import DECISION, SEQUENCE, Fault, Plant, around, enabled_always, everywhere_around

from esru.formats import FixedFormat
from esru.hdl import bank, unit


def _result(fault: Callable[..., Any]) -> Plant:
    """Plant a fault around increment and saturation: `fault(true, m, design, x, up, suffix)`."""
    return everywhere_around(unit, "add_result", fault)


def _wraps(true: Any, m: Any, design: Any, *rest: Any) -> Any:
    return true(m, replace(design, overflow="wrap"), *rest)


def _end(fault: Callable[[Any, Any, Any], Any]) -> Plant:
    """Plant a fault in the choice of an end: `fault(condition, end, other)`."""
    return around(unit, "Mux", lambda true, *args: fault(*args))


def _unsigned(true: Any, m: Any, design: Any, *rest: Any) -> Any:
    source = design.input
    return true(
        m, replace(design, in_format=FixedFormat(False, source.width, source.fraction)), *rest
    )


def _saturates_first(true: Any, m: Any, design: Any, x: Any, up: Any, suffix: str = "") -> Any:
    """Add the decision after saturation: the highest word wraps."""
    return (true(m, design, x, Const(0, 1), suffix) + up)[: design.out_format.width]


def _toward_zero(true: Any, m: Any, design: Any, x: Any, up: Any, *rest: Any) -> Any:
    return true(m, design, x, Mux(x[-1], -up, up), *rest)


def _window(first: Callable[[Any], int]) -> Plant:
    """Plant another window of n dropped bits, beginning at bit `first(design)`."""

    def fault(true: Any, design: Any, x: Any) -> Any:
        return x[first(design) : first(design) + design.n]

    return everywhere_around(unit, "fraction_of", fault)


def _lane(fault: Callable[[Any, int], int]) -> Plant:
    """Plant another lane's input in a lane: `fault(bank, lane)`."""

    def lane(true: Any, self: Any, m: Any, number: int, draw: Any) -> Any:
        return true(self, m, fault(self, number), draw)

    def plant(patch: pytest.MonkeyPatch) -> None:
        true = bank.Bank._lane
        patch.setattr(bank.Bank, "_lane", lambda *args: lane(true, *args))

    return plant


def _phase(fault: Callable[[Any, Any, int, int], int]) -> Plant:
    """Plant another phase of a source: `fault(true, design, group, groups)`."""
    return around(bank, "phase_of", fault)


def _late_index(true: Any, *args: Any) -> Any:
    word = true(*args)
    return word._replace(following=word.now)


def _index_starts_at_zero(true: Any, *args: Any, name: str = "", **named: Any) -> Any:
    if name == "index":
        named["init"] = 0
    return Signal(*args, name=name, **named)


def _unit(name: str, what: str, design: str, plant: Plant) -> Fault:
    return Fault(name, "unit", what, f"{design},boundary=unit", plant, DECISION)


def _result_registered(true: Any, self: Any, platform: Any) -> Any:
    """Put a register where there is to be none."""
    m = Module()
    results = Cat(self.add_lanes(m))
    with m.If(self.en):
        m.d.sync += self.y.eq(results)
    return m


def _enabled(true: Any, self: Any, platform: Any) -> Any:
    m = Module()
    m.d.comb += self.y.eq(Mux(self.en, Cat(self.add_lanes(m)), 0))
    return m


def _array(fault: Callable[..., Any]) -> Plant:
    """Plant another array around the lanes: `fault(true, bank, platform)`."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        true = bank.Bank.elaborate
        patch.setattr(bank.Bank, "elaborate", lambda *args: fault(true, *args))

    return plant


def _bank(name: str, what: str, design: str, plant: Plant, lanes: int | None = None) -> Fault:
    return Fault(name, "bank", what, design, plant, SEQUENCE, lanes)


FAULTS = [
    _unit("missing saturation", "the result wraps", "papers", _result(_wraps)),
    _unit(
        "missing saturation below",
        "only the upper end saturates",
        "8:3:zero:lfsr5,in=s20.12,out=u6.4",
        _end(lambda c, end, other: other if c.name.startswith("under") else Mux(c, end, other)),
    ),
    _unit(
        "missing saturation above",
        "only the lower end saturates",
        "8:3:zero:lfsr5,in=s20.12,out=s6.4",
        _end(lambda c, end, other: other if c.name.startswith("over") else Mux(c, end, other)),
    ),
    _unit(
        "wrong end",
        "an overflow gives the lowest word",
        "8:3:zero:lfsr5",
        _end(lambda c, end, other: Mux(c, ~end, other)),
    ),
    _unit(
        "end off by one",
        "an overflow gives the highest word but one",
        "8:3:zero:lfsr5",
        _end(lambda c, end, other: Mux(c, Const(end.value - 1, len(end)), other)),
    ),
    _unit(
        "saturation before rounding",
        "the highest word rounds up to the lowest",
        "8:3:zero:lfsr5",
        _result(_saturates_first),
    ),
    _unit(
        "sign lost",
        "a negative input counts as a large positive one",
        "8:3:zero:lfsr5",
        _result(_unsigned),
    ),
    _unit(
        "increment lost",
        "the decision is not added",
        "8:3:half:lfsr5",
        _result(lambda true, m, d, x, up, *rest: true(m, d, x, Const(0, 1), *rest)),
    ),
    _unit(
        "decrement for increment",
        "rounding up goes down",
        "8:3:half:lfsr5",
        _result(lambda true, m, d, x, up, *rest: true(m, d, x, -up, *rest)),
    ),
    _unit(
        "away from zero for up",
        "two's complement words rounded as if by sign and magnitude",
        "8:3:zero:lfsr5",
        _result(_toward_zero),
    ),
    _unit(
        "wrong dropped bits",
        "the lowest n dropped bits for the top n",
        "8:3:zero:lfsr5,in=s18.10",
        _window(lambda design: 0),
    ),
    _unit(
        "fraction one bit low",
        "the top dropped bit is not looked at",
        "6:3:half:lfsr5,in=s16.8",
        _window(lambda design: design.dropped - design.n - 1),
    ),
    _unit(
        "fraction one bit high",
        "the lowest kept bit is taken for a dropped one",
        "6:3:half:lfsr5",
        _window(lambda design: design.dropped - design.n + 1),
    ),
    Fault(
        "increment lost in a result",
        "unit",
        "without the output register: the decision is not added",
        "8:3:half:lfsr5,boundary=result",
        _result(lambda true, m, d, x, up, *rest: true(m, d, x, Const(0, 1), *rest)),
        DECISION,
    ),
    Fault(
        "saturation missing in a result",
        "unit",
        "without the output register: the result wraps",
        "8:3:zero:lfsr5,in=s20.12,out=u6.4,boundary=result",
        _result(_wraps),
        DECISION,
    ),
    _bank(
        "another seed",
        "the register starts two words late",
        "papers",
        _phase(lambda true, d, group, groups: true(d, group, groups) + 2),
    ),
    _bank(
        "all sources in phase",
        "every source of an array starts at the seed",
        "4:3:zero:lfsr5",
        _phase(lambda true, d, group, groups: 0),
        lanes=3,
    ),
    _bank(
        "sources one word apart",
        "the phases are not spread over the period",
        "4:3:zero:lfsr5",
        _phase(lambda true, d, group, groups: group),
        lanes=3,
    ),
    _bank(
        "sources in reverse",
        "the last lane gets the first source",
        "4:3:zero:plateau4",
        _phase(lambda true, d, group, groups: true(d, groups - 1 - group, groups)),
        lanes=3,
    ),
    _bank(
        "late index",
        "a shared index is a cycle late",
        "6:5:select:lfsr7,lanes=2",
        around(bank, "add_source", _late_index),
    ),
    _bank(
        "wrong first index",
        "a shared index has 0 as its reset value",
        "6:5:select:lfsr7,seed=64,lanes=2",
        around(bank, "Signal", _index_starts_at_zero),
    ),
    _bank(
        "index not held",
        "a shared index moves on while en is 0",
        "6:5:select:lfsr7,lanes=2",
        enabled_always(1),
    ),
    _bank(
        "register not held",
        "the source steps while en is 0, the result holds",
        "8:3:zero:lfsr5,boundary=unit",
        enabled_always(0),
    ),
    _bank(
        "result not held",
        "the result changes while en is 0",
        "8:3:zero:lfsr5,boundary=unit",
        enabled_always(1),
    ),
    _bank(
        "result registered",
        "a result whose latency is 0 comes a cycle late",
        "8:3:zero:lfsr5,boundary=result",
        _array(_result_registered),
    ),
    _bank(
        "result gated",
        "a result is 0 while en is 0",
        "8:3:zero:lfsr5,boundary=result",
        _array(_enabled),
    ),
    _bank(
        "source of results not held",
        "the source steps while en is 0; there is no register behind it",
        "8:3:zero:lfsr5,boundary=result",
        enabled_always(0),
    ),
    _bank(
        "crossed lanes",
        "neighbours look at each other's input",
        "8:3:zero:lfsr5,lanes=2",
        _lane(lambda bank, lane: lane ^ 1),
    ),
    _bank(
        "one input for all",
        "every lane looks at lane 0's input",
        "8:3:zero:lfsr5,lanes=2,boundary=unit",
        _lane(lambda bank, lane: 0),
    ),
    _bank(
        "lanes in reverse",
        "lane 0's result is the highest",
        "5:3:replicate:lfsr5,lanes=3",
        around(bank, "Cat", lambda true, results: true(results[::-1])),
    ),
]
