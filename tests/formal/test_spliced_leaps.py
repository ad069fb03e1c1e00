"""Leaps of a de Bruijn register: forwards, backwards, and those that nothing small makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from esru.design import parse
from esru.errors import InputError
from esru.flow.cocotb_run import run_cocotb
from esru.flow.formal import prove_design
from esru.flow.simulate import simulate
from esru.sources import source_model
from esru.sources.register import RegisterModel
from esru.sources.settings import MAX_UNROLLED, spliced_steps

#: Leaps that go almost round, so that the circuit goes back: 3, 13, 7 and 5 steps.
BACK = [
    "8:5:half:debruijn12,leap=4093",
    "8:5:zero:debruijn12,form=galois,leap=4083",
    "7:7:zero:debruijn7,leap=121",
    "32:32:zero:debruijn32,leap=4294967291",
]


@pytest.mark.parametrize(
    "text", [BACK[0], *(pytest.param(text, marks=pytest.mark.slow) for text in BACK[1:])]
)
def test_steps_back_are_the_leap(text: str, tmp_path: Path) -> None:
    """Against the model, and the reference, which steps forwards to see what came before."""
    design = parse(text)
    assert spliced_steps(design.length, design.leap) < 0
    assert prove_design(design, tmp_path).passed
    check = simulate(design)
    assert check.passed, check.detail


@pytest.mark.slow
def test_the_testbenchs_model_goes_back_too(tmp_path: Path) -> None:
    for number, text in enumerate(BACK[1:3]):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert all(check.passed for check in run_cocotb(parse(text), folder))


@pytest.mark.parametrize("form", ["fibonacci", "galois"])
@pytest.mark.parametrize("leap", [1, 5, 63, 67, 99, 126, 127])
def test_every_word_is_where_single_steps_lead(form: str, leap: int) -> None:
    """Every leap of a short register can be built; its states, one step after the other."""
    model = source_model(parse(f"7:7:zero:debruijn7,form={form},leap={leap},seed=0"))
    assert isinstance(model, RegisterModel)
    state, expected = 0, []
    for _ in range(140):
        expected.append(state)
        for _ in range(leap):
            state = model.step(state)
    assert model.states(0, 140).tolist() == expected
    assert model.states(17, 100).tolist() == expected[17:117]


def test_what_nothing_small_makes_is_refused() -> None:
    for leap in (MAX_UNROLLED + 1, (1 << 12) - MAX_UNROLLED - 1):
        with pytest.raises(InputError, match="Leap of a debruijn source must be at most 64, or at"):
            parse(f"8:5:zero:debruijn12,leap={leap}")
    for leap in (MAX_UNROLLED, (1 << 12) - MAX_UNROLLED):
        parse(f"8:5:zero:debruijn12,leap={leap}")
