"""Sources leave their lockup state: proved, simulated, and red where they do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from amaranth.sim import Simulator

from esru.design import Design, parse
from esru.errors import InputError
from esru.flow.formal import prove_design
from esru.flow.recovery import prove_recovery
from esru.flow.verify import verify
from esru.hdl.emit import locked_rtlil
from esru.hdl.sources import Source
from esru.sources import source_model

TEXTS = [
    "5:3:zero:lfsr5,leap=3,recover=1",
    "5:3:zero:lfsr5,form=galois,recover=1",
    "5:3:zero:plateau5,leap=4,recover=1",
    "5:3:zero:plateau5,form=galois,recover=1",
    "5:3:zero:cellular7,leap=2,recover=1",
    "24:24:zero:plateau24,leap=29,recover=1",
]


@pytest.mark.parametrize("text", TEXTS)
def test_recovery_is_proved(text: str, tmp_path: Path) -> None:
    design = parse(text)
    check = prove_recovery(design, tmp_path)
    assert check.passed, check.detail
    assert check.cases == (2 if "plateau" in text else 1)
    assert prove_design(design, tmp_path).passed


@pytest.mark.parametrize("text", TEXTS)
def test_without_recovery_the_proof_fails(text: str, tmp_path: Path) -> None:
    design = parse(text)
    stuck = parse(text.replace(",recover=1", ""))
    texts = [locked_rtlil(stuck, phase).replace(stuck.id, design.id) for phase in (0, 1)]
    check = prove_recovery(design, tmp_path, texts)
    assert not check.passed
    assert "from the lockup state on, in cycle" in check.detail


@pytest.mark.parametrize("phase", [0, 1])
def test_the_folded_inversion_locks_in_two_ways(phase: int, tmp_path: Path) -> None:
    """A zero detector that forgets the toggle is caught in the phase that it misses."""
    design = parse(TEXTS[2])
    good = [locked_rtlil(design, at) for at in (0, 1)]
    stuck = parse(TEXTS[2].replace(",recover=1", ""))
    texts = list(good)
    texts[phase] = locked_rtlil(stuck, phase).replace(stuck.id, design.id)
    assert not prove_recovery(design, tmp_path, texts).passed
    assert prove_recovery(design, tmp_path, good).passed


def _words(design: Design, phase: int, count: int) -> list[int]:
    component = Source(design, phase, start=0)
    words: list[int] = []

    async def bench(ctx: Any) -> None:
        ctx.set(component.en, 1)
        for _ in range(count):
            words.append(ctx.get(component.word))
            await ctx.tick()

    simulator = Simulator(component)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return words


@pytest.mark.parametrize("text", TEXTS[:5])
def test_after_one_step_the_words_are_those_of_state_one(text: str) -> None:
    design = parse(text)
    model = source_model(design)
    mask = (1 << design.k) - 1
    for phase in (0, 1):
        inverted = mask if design.source == "plateau" and phase else 0
        words = _words(design, phase, 40)
        assert words[0] == inverted
        first = 0 if design.source != "plateau" else 1 - phase
        expected = [model.word_at(i) for i in range(39)]
        assert words[1:] == [word ^ (mask if first else 0) for word in expected]
        stuck = _words(parse(text.replace(",recover=1", "")), phase, 9)
        alternating = mask if design.source == "plateau" else 0
        assert stuck == [inverted ^ (alternating if i % 2 else 0) for i in range(9)]


def test_recovery_changes_no_word() -> None:
    for text in TEXTS:
        design, plain = parse(text), parse(text.replace(",recover=1", ""))
        assert str(design) == text
        assert Design.from_json(design.to_json()) == design
        assert design.id != plain.id
        assert design.behaviour == plain.behaviour
        assert "recover" not in plain.to_json()


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Source debruijn must be without recover"):
        parse("5:3:zero:debruijn5,recover=1")
    with pytest.raises(InputError, match="Recover must be between 0 and 1, not 2"):
        parse("5:3:zero:lfsr5,recover=2")
    with pytest.raises(InputError, match="Recover must be 1 for a proof of recovery, not 0"):
        prove_recovery(parse("5:3:zero:lfsr5"), tmp_path)


def test_verify_proves_it() -> None:
    names = [check.name for check in verify(parse(TEXTS[0]), levels=["formal"])]
    assert "recovery == reference (PDR)" in names
