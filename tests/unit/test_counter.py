"""The bit-reversed counter: van der Corput's sequence, and what it does to sums."""

from __future__ import annotations

from fractions import Fraction

import pytest

from esru.design import parse
from esru.quality import quality, variance_inflation
from esru.sources import source_model


def _van_der_corput(index: int) -> Fraction:
    value, weight = Fraction(0), Fraction(1, 2)
    while index:
        value += weight * (index % 2)
        index, weight = index // 2, weight / 2
    return value


@pytest.mark.parametrize("k", range(1, 9))
def test_words_are_van_der_corputs(k: int) -> None:
    model = source_model(parse(f"{k}:{k}:zero:counter{k},seed=0"))
    assert model.period == 1 << k
    found = [Fraction(int(word), 1 << k) for word in model.words(0, 1 << k)]
    assert found == [_van_der_corput(i) for i in range(1 << k)]
    assert model.word_counts().tolist() == [1] * (1 << k)


@pytest.mark.parametrize("leap", [1, 3, 5, 127])
def test_any_stretch_of_a_power_of_two_is_spread_evenly(leap: int) -> None:
    """2^m successive words, from anywhere: one in each of 2^m equal parts (odd leap)."""
    words = source_model(parse(f"7:7:zero:counter7,leap={leap}")).words(0, 256).tolist()
    for m in range(8):
        for start in range(0, 128, 5):
            parts = [word >> (7 - m) for word in words[start : start + (1 << m)]]
            assert sorted(parts) == list(range(1 << m))


def test_sums_hardly_vary() -> None:
    """A sum of 32 roundings of one fraction is off by less than 1: a variance of at most 1/4."""
    inflation = variance_inflation(parse("8:8:zero:counter8"), 32)
    assert inflation < 0.1
    assert quality(parse("8:8:zero:counter8")).bias.max == Fraction(0)
