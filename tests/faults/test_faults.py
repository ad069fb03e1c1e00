"""Seeded faults: every level turns red at each of them.

A fault is planted in the hardware's own description, so that simulation, Verilog and proofs all
see it; the models and the reference stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from amaranth.hdl import Const

from esru.design import parse
from esru.flow.verify import LEVELS, verify
from esru.hdl import bank, rounder, sources, unit

Plant = Callable[[pytest.MonkeyPatch], None]


def _everywhere(patch: pytest.MonkeyPatch, name: str, fault: Any) -> None:
    for module in (bank, rounder, unit, sources):
        if hasattr(module, name):
            patch.setattr(module, name, fault)


def _wrong_tap(patch: pytest.MonkeyPatch) -> None:
    true = sources.source_model
    patch.setattr(sources, "source_model", lambda d: replace(true(d), polynomial=0x39))


def _one_leap_less(patch: pytest.MonkeyPatch) -> None:
    true = sources.power
    patch.setattr(sources, "power", lambda columns, leap: true(columns, leap - 1))


def _no_inversion(patch: pytest.MonkeyPatch) -> None:
    true = bank.add_source
    patch.setattr(bank, "add_source", lambda m, d, *rest: true(m, replace(d, source="lfsr"), *rest))


def _no_splice(patch: pytest.MonkeyPatch) -> None:
    true = sources._spliced_step

    def fault(state: Any, taps: int, galois: bool) -> Any:
        return true(state, taps, galois) ^ (~state[:-1].any())

    patch.setattr(sources, "_spliced_step", fault)


def _another_seed(patch: pytest.MonkeyPatch) -> None:
    true = bank.phase_of
    patch.setattr(bank, "phase_of", lambda d, group, groups: true(d, group, groups) + 2)


def _enable_ignored(patch: pytest.MonkeyPatch) -> None:
    true = bank.add_source
    patch.setattr(bank, "add_source", lambda m, d, en, *rest: true(m, d, Const(1, 1), *rest))


def _at_least_for_above(patch: pytest.MonkeyPatch) -> None:
    """Plant f >= 2^n - 1 - R where f > 2^n - 1 - R belongs: exact values are bumped."""
    true = rounder._addends

    def fault(*args: Any) -> Any:
        a, b = true(*args)
        return a, b + 1

    patch.setattr(rounder, "_addends", fault)


def _above_for_at_least(patch: pytest.MonkeyPatch) -> None:
    true = rounder._addends

    def fault(*args: Any) -> Any:
        a, b = true(*args)
        return a - a.any(), b

    patch.setattr(rounder, "_addends", fault)


def _lost_carry(patch: pytest.MonkeyPatch) -> None:
    """Plant an adder in two halves whose lower carry is lost."""
    true = rounder._addends

    def fault(*args: Any) -> Any:
        a, b = true(*args)
        half = len(a) // 2
        return a & ~((1 << half) - 1), b

    patch.setattr(rounder, "_addends", fault)


def _ties_always_up(patch: pytest.MonkeyPatch) -> None:
    true = rounder._addends

    def fault(m: Any, design: Any, fraction: Any, word: Any, suffix: str) -> Any:
        a, b = true(m, design, fraction, word, suffix)
        return a, (b & ~1) | fraction[design.n - design.k - 1]

    patch.setattr(rounder, "_addends", fault)


def _mirrored_replication(patch: pytest.MonkeyPatch) -> None:
    true = rounder._addends
    patch.setattr(rounder, "_addends", lambda *args: (true(*args)[0], true(*args)[1][::-1]))


def _wrong_mux_order(patch: pytest.MonkeyPatch) -> None:
    true = rounder.add_round_up

    def fault(m: Any, design: Any, fraction: Any, *rest: Any) -> Any:
        return true(m, design, fraction[::-1], *rest)

    _everywhere(patch, "add_round_up", fault)


def _late_index(patch: pytest.MonkeyPatch) -> None:
    true = bank.add_source

    def fault(*args: Any) -> Any:
        word = true(*args)
        return word._replace(following=word.now)

    patch.setattr(bank, "add_source", fault)


def _crossed_lanes(patch: pytest.MonkeyPatch) -> None:
    true = bank.Bank._lane
    patch.setattr(bank.Bank, "_lane", lambda self, m, lane, draw: true(self, m, lane ^ 1, draw))


def _no_saturation(patch: pytest.MonkeyPatch) -> None:
    true = unit.add_result

    def fault(m: Any, design: Any, *rest: Any) -> Any:
        return true(m, replace(design, overflow="wrap"), *rest)

    _everywhere(patch, "add_result", fault)


def _no_saturation_below(patch: pytest.MonkeyPatch) -> None:
    true = unit.Mux

    def fault(condition: Any, value: Any, other: Any) -> Any:
        return other if condition.name.startswith("under") else true(condition, value, other)

    patch.setattr(unit, "Mux", fault)


def _wrong_end(patch: pytest.MonkeyPatch) -> None:
    true = unit.Mux

    def fault(condition: Any, value: Any, other: Any) -> Any:
        return true(condition, ~value, other)

    patch.setattr(unit, "Mux", fault)


def _floor_as_trunc(patch: pytest.MonkeyPatch) -> None:
    """Plant a decision on the wrong dropped bits: the lowest n instead of the top n."""
    _everywhere(patch, "fraction_of", lambda design, x: x[: design.n])


def _wrong_way_round(patch: pytest.MonkeyPatch) -> None:
    true = sources.places

    def fault(name: str, width: int, number: int) -> tuple[int, ...]:
        order = true(name, width, number)
        return tuple(order.index(bit) for bit in range(width))

    patch.setattr(sources, "places", fault)


def _even_lanes_inverted(patch: pytest.MonkeyPatch) -> None:
    true = bank.variant
    patch.setattr(bank, "variant", lambda name, width, lane: 1 - true(name, width, lane))


def _one_delay_less(patch: pytest.MonkeyPatch) -> None:
    true = bank.variant
    patch.setattr(bank, "variant", lambda name, width, lane: true(name, width, max(lane - 1, 0)))


def _delays_start_at_the_seed(patch: pytest.MonkeyPatch) -> None:
    true = bank.Bank._delayed

    def fault(self: Any, m: Any, draw: Any, delay: int, phase: int, suffix: str) -> Any:
        return true(self, m, draw, delay, phase + delay, suffix)

    patch.setattr(bank.Bank, "_delayed", fault)


def _one_rule_wrong(patch: pytest.MonkeyPatch) -> None:
    true = sources.source_model
    patch.setattr(sources, "source_model", lambda d: replace(true(d), rules=0x3))


def _ring_of_cells(patch: pytest.MonkeyPatch) -> None:
    """Plant an automaton whose ends are neighbours."""
    true = sources.power

    def fault(columns: Any, leap: int) -> Any:
        ends = columns[0] | 1 << (len(columns) - 1)
        return true((ends, *columns[1:-1], columns[-1] | 1), leap)

    patch.setattr(sources, "power", fault)


def _top_cells(patch: pytest.MonkeyPatch) -> None:
    true = bank.add_source

    def fault(m: Any, design: Any, *rest: Any) -> Any:
        word = true(m, replace(design, n=5, k=5), *rest)
        return word._replace(now=word.now[1:])

    patch.setattr(bank, "add_source", fault)


def _not_reversed(patch: pytest.MonkeyPatch) -> None:
    true = bank.add_source

    def fault(*args: Any) -> Any:
        word = true(*args)
        return word._replace(now=word.now[::-1], following=word.following[::-1])

    patch.setattr(bank, "add_source", fault)


def _stuck_top_of_count(patch: pytest.MonkeyPatch) -> None:
    true = sources.Cat

    def fault(m: Any, design: Any, en: Any, phase: int, suffix: str) -> Any:
        word = real(m, design, en, phase, suffix)
        return word._replace(now=true(Const(0, 1), word.now[1:]))

    real = sources._add_counter
    patch.setattr(sources, "_add_counter", fault)


def _reversed_port(patch: pytest.MonkeyPatch) -> None:
    true = bank.mapped_word
    patch.setattr(bank, "mapped_word", lambda m, d, word, *rest: true(m, d, word[::-1], *rest))


def _next_to_lowest_bits(patch: pytest.MonkeyPatch) -> None:
    true = bank.add_operand_words

    def fault(m: Any, design: Any, en: Any, operands: Any, suffixes: Any) -> Any:
        return true(m, design, en, [operand[1:] for operand in operands], suffixes)

    patch.setattr(bank, "add_operand_words", fault)


def _other_neighbour(patch: pytest.MonkeyPatch) -> None:
    true = bank.add_operand_words

    def fault(m: Any, design: Any, en: Any, operands: Any, suffixes: Any) -> Any:
        words = true(m, design, en, operands[::-1], suffixes[::-1])
        return words[::-1]

    patch.setattr(bank, "add_operand_words", fault)


def _operands_while_idle(patch: pytest.MonkeyPatch) -> None:
    true = bank.add_operand_words
    patch.setattr(bank, "add_operand_words", lambda m, d, en, *rest: true(m, d, Const(1, 1), *rest))


def _own_operand(patch: pytest.MonkeyPatch) -> None:
    true = bank.add_operand_words

    def fault(m: Any, design: Any, *rest: Any) -> Any:
        return true(m, replace(design, source="operand-own"), *rest)

    patch.setattr(bank, "add_operand_words", fault)


FAULTS: dict[str, tuple[Plant, str]] = {
    "wrong tap": (_wrong_tap, "8:5:zero:lfsr5,leap=3"),
    "one leap less": (_one_leap_less, "8:5:half:plateau5,form=galois,leap=3"),
    "dropped inversion": (_no_inversion, "papers"),
    "zero state lost": (_no_splice, "5:4:half:debruijn4"),
    "another seed": (_another_seed, "papers"),
    "enable ignored": (_enable_ignored, "papers,boundary=unit"),
    ">= for >": (_at_least_for_above, "8:8:zero:lfsr8"),
    ">= for > in half": (_at_least_for_above, "8:3:half:lfsr5,boundary=unit"),
    "> for >=": (_above_for_at_least, "6:6:replicate:lfsr6"),
    "lost carry": (_lost_carry, "8:8:zero:lfsr9"),
    "lost carry, unit": (_lost_carry, "reference,boundary=unit"),
    "ties up": (_ties_always_up, "6:3:nearest:lfsr5"),
    "mirrored replication": (_mirrored_replication, "8:3:replicate:lfsr5"),
    "wrong mux order": (_wrong_mux_order, "6:5:select:lfsr7"),
    "late index": (_late_index, "6:5:select:lfsr7,lanes=2"),
    "crossed lanes": (_crossed_lanes, "8:3:zero:lfsr5,lanes=2"),
    "rotated right": (_wrong_way_round, "5:5:zero:lfsr5,lanes=2,map=rotate"),
    "inverse permutation": (_wrong_way_round, "4:3:select:lfsr5,lanes=5,map=permute"),
    "even lanes inverted": (_even_lanes_inverted, "5:5:zero:lfsr5,lanes=2,map=invert"),
    "one delay missing": (_one_delay_less, "5:5:zero:lfsr5,lanes=3,map=delay"),
    "delays start at the seed": (_delays_start_at_the_seed, "5:4:select:lfsr5,lanes=3,map=delay"),
    "reversed port": (_reversed_port, "8:3:zero:port"),
    "next to lowest bits": (_next_to_lowest_bits, "8:3:zero:operand-own,in=s20.12"),
    "other neighbour": (_other_neighbour, "5:4:select:operand-neighbour,lanes=3"),
    "no xor": (_own_operand, "8:3:half:operand-xor,lanes=2,boundary=unit"),
    "this cycle's operand": (_own_operand, "8:3:half:operand-prev,boundary=unit"),
    "operands while idle": (_operands_while_idle, "8:3:zero:operand-prev"),
    "one rule wrong": (_one_rule_wrong, "8:5:zero:cellular5,leap=3"),
    "ring of cells": (_ring_of_cells, "8:5:half:cellular5"),
    "top cells": (_top_cells, "8:4:zero:cellular5"),
    "count not reversed": (_not_reversed, "8:4:zero:counter4"),
    "top of count stuck": (_stuck_top_of_count, "8:4:replicate:counter4,boundary=unit"),
    "missing saturation": (_no_saturation, "papers,boundary=unit"),
    "missing saturation below": (
        _no_saturation_below,
        "8:3:zero:lfsr5,in=s20.12,out=u6.4,boundary=unit",
    ),
    "wrong end": (_wrong_end, "8:3:zero:lfsr5,boundary=unit"),
    "wrong dropped bits": (_floor_as_trunc, "8:3:zero:lfsr5,in=s18.10,boundary=unit"),
}


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", FAULTS)
def test_every_level_sees_the_fault(
    name: str, level: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant, text = FAULTS[name]
    design = parse(text)
    plant(monkeypatch)
    checks = verify(design, levels=[level], workdir=tmp_path)
    failed = [check for check in checks if not check.passed]
    assert failed, f"{level} did not see: {name}"
    assert all(check.detail for check in failed)


@pytest.mark.parametrize("text", sorted({text for _, text in FAULTS.values()})[:4])
def test_nothing_is_red_without_a_fault(text: str, tmp_path: Path) -> None:
    assert all(check.passed for check in verify(parse(text), workdir=tmp_path))


def test_a_mismatch_is_named() -> None:
    with pytest.MonkeyPatch.context() as patch:
        _at_least_for_above(patch)
        (check,) = verify(parse("8:8:zero:lfsr8,lanes=2"), levels=["simulation"])
    assert not check.passed
    for word in ("cycle ", "lane ", "frac 0x", "word ", "expected 0x0", "got 0x1"):
        assert word in check.detail
