"""Rules against their own statements, against fractions, and against gfloat."""

from __future__ import annotations

import itertools
from fractions import Fraction

import gfloat
import gfloat.formats
import numpy as np
import pytest

from esru.design import RULES, Design, parse
from esru.errors import InputError
from esru.rounding import probability_up, round_up, round_word, thresholds, up_counts
from esru.sources import source_model


def _designs(most: int) -> list[Design]:
    found = []
    for n in range(1, most + 1):
        for k, rule in itertools.product(range(n + 1), RULES):
            try:
                length = max(k + 1, 2)
                found.append(Design(n, k, rule, "lfsr" if k else "none", length if k else 0))
            except InputError:
                continue
    return found


DESIGNS = _designs(6)


def test_zero_fraction_never_rounds_up() -> None:
    for design in DESIGNS:
        for r in range(1 << design.k):
            assert not round_up(design.rule, design.n, design.k, 0, r), design


def test_p_up_counts_are_the_decisions_over_one_period() -> None:
    for design in DESIGNS:
        model = source_model(design)
        words = model.words(0, model.period).tolist()
        counts = up_counts(design)
        for f in range(1 << design.n):
            decided = sum(round_up(design.rule, design.n, design.k, f, r) for r in words)
            assert counts[f] == decided
            assert probability_up(design, f) == Fraction(decided, len(words))


def test_thresholds_say_when_a_word_rounds_up() -> None:
    for design in DESIGNS:
        if design.rule == "select":
            continue
        least = thresholds(design)
        for f, r in itertools.product(range(1 << design.n), range(1 << design.k)):
            assert (f >= least[r]) == round_up(design.rule, design.n, design.k, f, r)


@pytest.mark.parametrize("n", range(2, 7))
def test_select_has_the_probabilities_of_half(n: int) -> None:
    """Over uniform words the two rules round up equally often at every fraction."""
    words = range(1 << (n - 1))
    for f in range(1 << n):
        select = sum(round_up("select", n, n - 1, f, r) for r in words)
        half = sum(round_up("half", n, n - 1, f, r) for r in words)
        assert select == half


# gfloat's modes for the same three rules; IEEE P3109's StochasticA, B and C.
GFLOAT = {
    "zero": gfloat.RoundMode.StochasticFastest,
    "half": gfloat.RoundMode.StochasticFast,
    "nearest": gfloat.RoundMode.Stochastic,
}


@pytest.mark.parametrize(
    ("rule", "n", "k"),
    [
        (rule, n, k)
        for rule in GFLOAT
        for n, k in ((3, 3), (4, 2), (5, 3), (8, 3), (8, 5), (8, 7))
        if rule != "half" or n > k
    ],
)
def test_rules_are_those_of_gfloat(rule: str, n: int, k: int) -> None:
    """Each fraction and word, on an integer format, with our bits (an oracle not written here)."""
    f, r = np.meshgrid(np.arange(1 << n), np.arange(1 << k), indexing="ij")
    values = 4 + f / (1 << n)
    rounded = gfloat.round_ndarray(
        gfloat.formats.format_info_ocp_int8, values / 64, GFLOAT[rule], srbits=r, srnumbits=k
    )
    ours = [[round_up(rule, n, k, a, b) for b in range(1 << k)] for a in range(1 << n)]
    assert ((rounded * 64 - 4) == np.array(ours)).all()


def test_saturation_wrap_and_sign() -> None:
    unit, wrap = parse("2:2:zero:lfsr2,out=int4"), parse("2:2:zero:lfsr2,out=int4,overflow=wrap")
    assert round_word(unit, 0b0111_11, 3) == 7
    assert round_word(wrap, 0b0111_11, 3) == -8
    assert round_word(unit, -1, 1) == 0  # -0.25 up
    assert round_word(unit, -1, 0) == -1
    assert round_word(unit, -32, 3) == -8  # exact: never up
    wide = parse("2:2:zero:lfsr2,in=s10.2,out=int4")
    assert round_word(wide, 511, 0) == 7
    assert round_word(wide, -512, 3) == -8
    unsigned = parse("2:2:zero:lfsr2,out=uint4")
    assert round_word(unsigned, 63, 3) == 15
    assert round_word(unsigned, 1, 3) == 1


def test_dropped_bits_below_the_rounding_bits_are_cut_off() -> None:
    narrow, deep = parse("3:3:zero:lfsr3,out=int4"), parse("3:3:zero:lfsr3,in=s9.5,out=int4")
    for x, r in itertools.product(range(-64, 64), range(8)):
        for low in range(4):
            assert round_word(deep, (x << 2) + low, r) == round_word(narrow, x, r)


def test_a_fraction_outside_the_range_has_no_probability() -> None:
    with pytest.raises(IndexError):
        probability_up(parse("papers"), 256)
