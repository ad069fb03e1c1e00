"""Seeded faults in the random sources: `esru.hdl.sources`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from amaranth.hdl import Cat, Const, Mux, Signal
from fault import SEQUENCE, Fault, Plant, around, enabled_always

from esru.hdl import bank, sources
from esru.sources.lfsr import LfsrModel


def _model(**changes: Any) -> Plant:
    """Plant another model behind the circuit."""
    return around(sources, "source_model", lambda true, d: replace(true(d), **changes))


class _InvertedFirst(LfsrModel):
    """A plateau that begins with an inverted word."""

    def inverted_at(self, phase: int) -> bool:
        return self.family == "plateau" and phase % 2 == 0


def _inverted_first(true: Any, design: Any) -> Any:
    return _InvertedFirst(**vars(true(design)))


def _source(fault: Callable[..., Any]) -> Plant:
    """Plant a fault around a whole source: `fault(true, m, design, en, phase, suffix)`."""
    return around(bank, "add_source", fault)


def _word_of(choose: Callable[[Any, int], Any]) -> Plant:
    """Plant another choice of k bits of the register."""

    def fault(true: Any, m: Any, design: Any, *rest: Any) -> Any:
        whole = replace(
            design,
            n=design.length,
            k=design.length,
            rule="zero",
            in_format=None,
            boundary="decision",
        )
        word = true(m, whole, *rest)
        return word._replace(
            now=choose(word.now, design.k), following=choose(word.following, design.k)
        )

    return _source(fault)


def _splice_without_low_bit(true: Any, state: Any, taps: int, galois: bool) -> Any:
    return true(state, taps, galois) ^ (state[0] & ~state[1:-1].any())


def _galois_splice_lost(true: Any, state: Any, taps: int, galois: bool) -> Any:
    length = len(state)
    shifted = Cat(Const(0, 1), state[:-1])
    stepped = shifted ^ Mux(state[-1], Const(taps & ((1 << length) - 1), length), 0)
    # The zero state would hold for ever: only it is left.
    return Mux(state.any(), stepped, taps & ((1 << length) - 1))


def _never_reset(patch: pytest.MonkeyPatch) -> None:
    def signal(*args: Any, name: str = "", **named: Any) -> Any:
        return Signal(*args, name=name, reset_less=name.startswith("lfsr"), **named)

    patch.setattr(sources, "Signal", signal)


def _fault(name: str, what: str, design: str, plant: Plant, lanes: int | None = None) -> Fault:
    return Fault(name, "sources", what, design, plant, SEQUENCE, lanes)


FAULTS = [
    _fault(
        "wrong tap",
        "another polynomial of the degree",
        "8:5:zero:lfsr5,leap=3",
        _model(polynomial=0x39),
    ),
    _fault(
        "taps from the wrong end",
        "the reciprocal polynomial, in Galois form",
        "5:5:zero:lfsr5,form=galois",
        _model(polynomial=0x29),
    ),
    _fault(
        "Galois for Fibonacci",
        "the other form of the same polynomial",
        "5:5:zero:lfsr5",
        _model(galois=True),
    ),
    _fault(
        "tap lost",
        "the feedback misses its last tap",
        "6:6:zero:lfsr6",
        around(sources, "_parity", lambda true, bits: true(bits[: max(1, len(bits) - 1)])),
    ),
    _fault(
        "feedback inverted",
        "XNOR for XOR: the lockup state is 1...1",
        "6:6:zero:lfsr6",
        around(sources, "_parity", lambda true, b: ~true(b) if len(b) > 1 else true(b)),
    ),
    _fault(
        "one leap less",
        "a register step too few between words",
        "8:5:half:plateau5,form=galois,leap=3",
        around(sources, "power", lambda true, columns, leap: true(columns, leap - 1)),
    ),
    _fault(
        "dropped inversion",
        "no word of a plateau is inverted",
        "papers",
        _source(lambda true, m, d, *rest: true(m, replace(d, source="lfsr"), *rest)),
    ),
    _fault(
        "inversion one word early",
        "a plateau begins with an inverted word",
        "papers",
        around(sources, "source_model", _inverted_first),
    ),
    _fault(
        "inversion not held",
        "the inversion toggles while en is 0",
        "8:3:zero:plateau5,boundary=unit",
        enabled_always(0),
    ),
    _fault(
        "zero state lost",
        "a de Bruijn register without its splice",
        "5:4:half:debruijn4",
        around(
            sources,
            "_spliced_step",
            lambda true, state, taps, galois: true(state, taps, galois) ^ (~state[:-1].any()),
        ),
    ),
    _fault(
        "splice at a wrong state too",
        "the feedback is complemented at 0...01 as well",
        "5:4:half:debruijn4",
        around(sources, "_spliced_step", _splice_without_low_bit),
    ),
    _fault(
        "Galois splice lost",
        "a Galois register whose zero state is never entered",
        "5:4:half:debruijn4,form=galois",
        around(sources, "_spliced_step", _galois_splice_lost),
    ),
    _fault(
        "enable ignored",
        "the source steps in every cycle",
        "papers,boundary=unit",
        _source(lambda true, m, d, en, *rest: true(m, d, Const(1, 1), *rest)),
    ),
    _fault(
        "enable inverted",
        "the source steps while en is 0",
        "8:3:zero:lfsr5",
        _source(lambda true, m, d, en, *rest: true(m, d, ~en, *rest)),
    ),
    _fault(
        "reset ignored", "the register keeps its state at a reset", "8:3:zero:lfsr5", _never_reset
    ),
    _fault(
        "low bits for top bits",
        "the word is the register's low end",
        "4:3:zero:lfsr7",
        _word_of(lambda state, k: state[:k]),
    ),
    _fault(
        "word one bit low",
        "the word misses the register's top bit",
        "4:3:zero:lfsr7,form=galois",
        _word_of(lambda state, k: state[len(state) - k - 1 : -1]),
    ),
    _fault(
        "word's bits reversed",
        "the top random bit is the lowest",
        "5:4:half:lfsr6",
        _word_of(lambda state, k: state[len(state) - k :][::-1]),
    ),
]
