"""Seeded faults in lane maps and in the sources that are no shift registers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from amaranth.hdl import Cat, Const
from fault import SEQUENCE, Fault, Plant, around, everywhere_around

from esru.hdl import bank, sources


def _inverse(true: Any, name: str, width: int, number: int) -> tuple[int, ...]:
    order = true(name, width, number)
    return tuple(order.index(bit) for bit in range(width))


def _variant(fault: Callable[[Any, str, int, int], int]) -> Plant:
    """Plant another word in a lane: `fault(true, map, width, lane)`."""
    return around(bank, "variant", fault)


def _delays_start_at_the_seed(patch: pytest.MonkeyPatch) -> None:
    true = bank.Bank._delayed

    def fault(self: Any, m: Any, draw: Any, delay: int, phase: int, suffix: str) -> Any:
        return true(self, m, draw, delay, phase + delay, suffix)

    patch.setattr(bank.Bank, "_delayed", fault)


def _word(fault: Callable[[Any], Any]) -> Plant:
    """Plant a fault in a source's word, in this cycle and after the next step."""

    def source(true: Any, *args: Any) -> Any:
        word = true(*args)
        return word._replace(now=fault(word.now), following=fault(word.following))

    return around(bank, "add_source", source)


def _ring(true: Any, columns: Any, leap: int) -> Any:
    """Make the automaton's ends neighbours."""
    ends = columns[0] | 1 << (len(columns) - 1)
    return true((ends, *columns[1:-1], columns[-1] | 1), leap)


def _top_cells(true: Any, m: Any, design: Any, *rest: Any) -> Any:
    word = true(m, replace(design, n=design.length, k=design.length, in_format=None), *rest)
    return word._replace(now=word.now[design.length - design.k :])


def _operands(fault: Callable[..., Any]) -> Plant:
    """Plant a fault around words of operands: `fault(true, m, design, en, operands, suffixes)`."""
    return around(bank, "add_operand_words", fault)


def _own(true: Any, m: Any, design: Any, *rest: Any) -> Any:
    return true(m, replace(design, source="operand-own"), *rest)


def _map(name: str, what: str, design: str, plant: Plant) -> Fault:
    return Fault(name, "lane maps", what, design, plant, SEQUENCE)


def _source(name: str, what: str, design: str, plant: Plant) -> Fault:
    return Fault(name, "sources", what, design, plant, SEQUENCE)


FAULTS = [
    _map(
        "rotated right",
        "lanes rotate the word the other way",
        "5:5:zero:lfsr5,lanes=2,map=rotate",
        around(sources, "places", _inverse),
    ),
    _map(
        "inverse permutation",
        "lanes get the inverse permutation",
        "4:3:select:lfsr5,lanes=5,map=permute",
        around(sources, "places", _inverse),
    ),
    _map(
        "permutation off by one",
        "lanes get the next permutation",
        "3:3:zero:lfsr5,lanes=4,map=permute",
        _variant(lambda true, name, width, lane: lane and true(name, width, lane + 1)),
    ),
    _map(
        "even lanes inverted",
        "lane 0 inverts, lane 1 does not",
        "5:5:zero:lfsr5,lanes=2,map=invert",
        _variant(lambda true, name, width, lane: 1 - true(name, width, lane)),
    ),
    _map(
        "complement of odd lanes only",
        "lane 0 adds where it should compare",
        "5:5:zero:lfsr5,map=complement",
        _variant(lambda true, name, width, lane: lane % 2),
    ),
    _map(
        "map forgotten",
        "every lane sees the source's word",
        "5:3:replicate:plateau5,lanes=2,map=rotate",
        _variant(lambda true, name, width, lane: 0),
    ),
    _map(
        "one delay missing",
        "lane 1 sees lane 0's word",
        "5:5:zero:lfsr5,lanes=3,map=delay",
        _variant(lambda true, name, width, lane: true(name, width, max(lane - 1, 0))),
    ),
    _map(
        "delays start at the seed",
        "delay registers start one another's word too late",
        "5:4:select:lfsr5,lanes=3,map=delay",
        _delays_start_at_the_seed,
    ),
    Fault(
        "lockup kept",
        "sources",
        "recover=1 has no circuit; only from the lockup state on it is missed",
        "5:4:zero:plateau5,recover=1",
        everywhere_around(
            sources,
            "add_source",
            lambda true, m, d, *rest, **named: true(m, replace(d, recover=0), *rest, **named),
        ),
        ("module",),
    ),
    _source(
        "one cell's rule wrong",
        "a cell follows rule 150 for 90",
        "8:5:zero:cellular5,leap=3",
        around(sources, "source_model", lambda true, d: replace(true(d), rules=0x3)),
    ),
    _source(
        "ring of cells",
        "the automaton's ends are neighbours",
        "8:5:half:cellular5",
        around(sources, "power", _ring),
    ),
    _source(
        "top cells for lowest",
        "the word is the automaton's other end",
        "8:4:zero:cellular5",
        around(bank, "add_source", _top_cells),
    ),
    _source(
        "count not reversed",
        "the counter's word is the count itself",
        "8:4:zero:counter4",
        _word(lambda word: word[::-1]),
    ),
    _source(
        "top of count stuck",
        "the counter's word has a bit that is always 0",
        "8:4:replicate:counter4,boundary=unit",
        _word(lambda word: Cat(Const(0, 1), word[1:])),
    ),
    _source(
        "port reversed",
        "the word at the port is taken in reverse",
        "8:3:zero:port",
        around(bank, "mapped_word", lambda true, m, d, word, *rest: true(m, d, word[::-1], *rest)),
    ),
    _source(
        "next to lowest bits",
        "the word is one bit of the operand too high",
        "8:3:zero:operand-own,in=s20.12",
        _operands(
            lambda true, m, d, en, operands, *rest: true(
                m, d, en, [operand[1:] for operand in operands], *rest
            )
        ),
    ),
    _source(
        "other neighbour",
        "the word comes from the lane before, not the next",
        "5:4:select:operand-neighbour,lanes=3",
        _operands(
            lambda true, m, d, en, operands, suffixes: true(
                m, d, en, operands[::-1], suffixes[::-1]
            )[::-1]
        ),
    ),
    _source(
        "XOR lost",
        "the word is the own operand's alone",
        "8:3:half:operand-xor,lanes=2,boundary=unit",
        _operands(_own),
    ),
    _source(
        "this cycle's operand",
        "the word is not the previous operand's",
        "8:3:half:operand-prev,boundary=unit",
        _operands(_own),
    ),
    _source(
        "operands while idle",
        "an operand counts as the previous one while en is 0",
        "8:3:zero:operand-prev",
        _operands(lambda true, m, d, en, *rest: true(m, d, Const(1, 1), *rest)),
    ),
]
