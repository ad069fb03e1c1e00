"""Seeded faults in the loading of seeds at run time: the ports `load` and `seed`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from amaranth.hdl import Const, Module, Mux
from fault import SEQUENCE, Fault, Plant, around

from esru.hdl import bank, sources


def _source(fault: Callable[[Any, Any], Any]) -> Plant:
    """Plant another load in a source: `fault(load, en)`."""

    def source(true: Any, m: Any, design: Any, en: Any, *rest: Any) -> Any:
        *others, load = rest
        return true(m, design, en, *others, fault(load, en))

    return around(bank, "add_source", source)


def _old_index(true: Any, m: Any, design: Any, en: Any, *rest: Any) -> Any:
    word = true(m, design, en, *rest)
    return word._replace(following=Mux(rest[-1].now, word.now, word.following))


def _toggle_goes_on(patch: pytest.MonkeyPatch) -> None:
    """Ignore the module's first condition on the port `load`: the toggle's."""
    true = Module.If
    seen: set[int] = set()

    def deaf(self: Module, condition: Any) -> Any:
        if getattr(condition, "name", "") == "load" and id(self) not in seen:
            seen.add(id(self))
            condition = Const(0, 1)
        return true(self, condition)

    patch.setattr(Module, "If", deaf)


def _zero_stays(true: Any, m: Any, design: Any, load: Any, following: Any, suffix: str) -> None:
    with m.If(load.now):
        m.d.comb += following.eq(load.seed)


def _other_slice(patch: pytest.MonkeyPatch) -> None:
    true = sources.Load.of

    def of(component: Any, design: Any, group: int = 0) -> Any:
        return true(component, design, component.groups - 1 - group)

    patch.setattr(sources.Load, "of", of)


def _load(name: str, what: str, design: str, plant: Plant, lanes: int | None = None) -> Fault:
    return Fault(name, "loading seeds", what, design, plant, SEQUENCE, lanes)


FAULTS = [
    _load(
        "load needs enable",
        "a seed is loaded only while en is 1",
        "5:4:zero:lfsr5,load=1",
        _source(lambda load, en: load._replace(now=load.now & en)),
    ),
    _load(
        "enable before load",
        "a seed is loaded only while en is 0",
        "5:4:half:counter4,load=1",
        _source(lambda load, en: load._replace(now=load.now & ~en)),
    ),
    _load(
        "index not loaded",
        "the index, made a step ahead, is not the loaded seed's",
        "5:4:select:lfsr5,lanes=2,load=1",
        around(bank, "add_source", _old_index),
    ),
    _load(
        "toggle not cleared",
        "the inversion goes on as if no seed had been loaded",
        "5:4:zero:plateau5,load=1,boundary=unit",
        _toggle_goes_on,
    ),
    _load(
        "seed of zero",
        "a loaded 0 is taken as it is, and stops the source",
        "5:4:zero:cellular5,load=1",
        around(sources, "load_state", _zero_stays),
    ),
    _load(
        "seeds exchanged",
        "each source takes another source's seed",
        "5:4:zero:debruijn5,load=1",
        _other_slice,
        lanes=2,
    ),
]
