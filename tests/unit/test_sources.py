"""Word streams: the vectorised ones against the register stepped bit by bit."""

from __future__ import annotations

from math import gcd

import numpy as np
import pytest

from esru.design import Design, parse
from esru.sources import fresh_leap, source_model
from esru.sources.cellular import CellularModel
from esru.sources.counter import CounterModel
from esru.sources.lfsr import LfsrModel
from esru.sources.register import RegisterModel

FAMILIES = ("lfsr", "debruijn", "plateau", "cellular", "counter")
SHIFT = ("lfsr", "debruijn", "plateau")


def _model(design: Design) -> RegisterModel:
    model = source_model(design)
    assert isinstance(model, RegisterModel)
    return model


def _word(model: RegisterModel, state: int) -> int:
    bits = format(state, f"0{model.length}b")
    if isinstance(model, CellularModel):
        bits = bits[-model.width :]
    if isinstance(model, CounterModel):
        bits = bits[::-1]
    return int(bits[: model.width], 2)


def _walk(model: RegisterModel, count: int) -> list[int]:
    """Return words by the definition: one register step after the other."""
    mask = (1 << model.width) - 1
    state, words = model.seed, []
    for index in range(count):
        word = _word(model, state)
        inverted = isinstance(model, LfsrModel) and model.family == "plateau" and index % 2
        words.append(word ^ mask if inverted else word)
        for _ in range(model.leap):
            state = model.step(state)
    return words


@pytest.mark.parametrize(
    ("family", "form"),
    [
        *((family, form) for family in SHIFT for form in ("fibonacci", "galois")),
        ("cellular", "fibonacci"),
        ("counter", "fibonacci"),
    ],
)
@pytest.mark.parametrize("length", range(2, 8))
def test_streams_are_the_stepped_register(family: str, form: str, length: int) -> None:
    top = (1 << length) - 1
    for leap in sorted({1, 2, 3, length, top - 1} & set(range(1, top))):
        for seed in {1, 2, top} | ({0} if family in ("debruijn", "counter") else set()):
            width = length if family == "counter" else max(1, length - 1)
            model = _model(
                Design(width, width, "zero", family, length, form=form, seed=seed, leap=leap)
            )
            walked = _walk(model, 2 * model.period + 9)
            assert model.words(0, len(walked)).tolist() == walked
            assert model.words(5, 40).tolist() == (walked * 9)[5:45] or model.period * 2 + 9 < 45
            assert walked[model.period :] == walked[: len(walked) - model.period]
            assert [model.word_at(phase) for phase in range(20)] == [
                walked[phase % model.period] for phase in range(20)
            ]
            counts = np.bincount(walked[: model.period], minlength=1 << width)
            assert model.word_counts().tolist() == counts.tolist()


@pytest.mark.parametrize("family", FAMILIES)
def test_the_period_is_the_least_one(family: str) -> None:
    for length in range(2, 8):
        for leap in range(1, (1 << length) - 1):
            model = _model(Design(length, length, "zero", family, length, leap=leap))
            stream = model.words(0, 2 * model.period)
            divisors = [d for d in range(1, model.period) if model.period % d == 0]
            for d in divisors:
                assert (stream[: model.period] != stream[d : d + model.period]).any(), (family, d)


@pytest.mark.parametrize("length", [16, 20, 23, 24])
@pytest.mark.parametrize("family", FAMILIES)
def test_jumps_land_where_the_stream_is(family: str, length: int) -> None:
    k = length if family == "counter" else 8
    leap = 11 if family in ("debruijn", "counter") else 4
    model = _model(Design(k, k, "zero", family, length, leap=leap))
    for phase in (0, 1, 12345, model.period - 3):
        window = model._generate(phase, 8)
        assert window.tolist() == [model.word_at(phase + i) for i in range(8)]


@pytest.mark.parametrize("family", FAMILIES)
def test_long_registers_have_windows_without_a_table(family: str) -> None:
    k = 31 if family == "counter" else 8
    model = _model(Design(k, k, "zero", family, 31))
    assert model.words(0, 200).tolist() == _walk(model, 200)
    far = model.period - 2
    assert model.words(far, 6).tolist() == [model.word_at(far + i) for i in range(6)]
    assert model.words(far, 6)[2:].tolist() == _walk(model, 4)


def test_seed_anywhere_in_a_long_de_bruijn_register() -> None:
    model = _model(parse("8:8:zero:debruijn30,seed=123456789"))
    assert model.register_at(0) == 123456789
    assert model.period == 1 << 30
    assert model.words(0, 50).tolist() == _walk(model, 50)


def test_the_reference_visits_every_state_but_zero() -> None:
    model = _model(parse("reference"))
    counts = np.bincount(model.table, minlength=1 << 24)
    assert counts[0] == 0 and (counts[1:] == 1).all()


def test_distributions() -> None:
    """debruijn is exactly uniform; plateau is flat with half-weight ends; lfsr misses zero."""
    assert _model(parse("3:3:zero:debruijn3")).word_counts().tolist() == [1] * 8
    assert _model(parse("3:3:zero:plateau3")).word_counts().tolist() == [1] + [2] * 6 + [1]
    assert _model(parse("3:3:zero:lfsr3")).word_counts().tolist() == [0] + [1] * 7


def test_fresh_leap_is_the_least_that_qualifies() -> None:
    for family in SHIFT:
        for length in range(2, 14):
            period = (1 << length) - (family != "debruijn")
            for width in range(1, length + 1):
                leap = fresh_leap(family, length, width)
                good = [s for s in range(width, period) if gcd(s, period) == 1]
                assert leap == (good[0] if good else 1)


def test_the_source_of_nothing() -> None:
    model = source_model(parse("nearest"))
    assert (model.period, model.width) == (1, 0)
    assert model.words(3, 4).tolist() == [0] * 4
    assert model.word_at(7) == model.state_at(7) == 0
