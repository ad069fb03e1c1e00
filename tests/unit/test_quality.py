"""Exact bias, dead zone, variance: closed forms and brute force."""

from __future__ import annotations

from fractions import Fraction
from math import isnan

import numpy as np
import pytest

from esru.design import Design, parse
from esru.quality import quality, resonance_classes, variance_inflation
from esru.rounding import round_up, up_counts
from esru.search.space import space
from esru.sources import source_model


def _uniform(n: int, k: int, rule: str, dropped: int) -> Design:
    """Return a design with uniform words and D dropped bits."""
    family = "debruijn" if k else "none"
    text = f"{n}:{k}:{rule}:{family}{max(k, 2) if k else ''},in=s{8 + dropped}.{dropped}"
    return parse(text)


@pytest.mark.parametrize("dropped", range(1, 9))
def test_mean_bias_has_its_closed_form(dropped: int) -> None:
    """The forms of the contract (Fitzgibbon and Felix 2025; see docs/rounding.md)."""
    tail = Fraction(1, 1 << (dropped + 1))
    for n in range(1, dropped + 1):
        for k in range(1, n + 1):
            zero = quality(_uniform(n, k, "zero", dropped)).bias.mean
            assert zero == -Fraction(1, 1 << (k + 1)) + tail
            nearest = quality(_uniform(n, k, "nearest", dropped)).bias.mean
            if n == k:
                assert nearest == zero
            else:
                assert nearest == (0 if n == dropped else -Fraction(1, 1 << (n + 1)) + tail)
            if n > k:
                assert quality(_uniform(n, k, "half", dropped)).bias.mean == tail
        if n > 1:
            assert quality(_uniform(n, n - 1, "select", dropped)).bias.mean == tail


def test_bias_by_brute_force() -> None:
    for text in (
        "papers",
        "papers-zero",
        "5:3:nearest:lfsr4",
        "6:5:select:lfsr7,in=s17.9",
        "4:2:half:plateau3,in=s15.7",
        "3:0:nearest:none",
    ):
        design = parse(text)
        model, dropped = source_model(design), design.dropped
        words = model.words(0, model.period).tolist()
        errors = []
        for fraction in range(1 << dropped):
            f = fraction >> (dropped - design.n)
            ups = sum(round_up(design.rule, design.n, design.k, f, r) for r in words)
            errors.append(Fraction(ups, len(words)) - Fraction(fraction, 1 << dropped))
        bias = quality(design).bias
        assert bias.mean == sum(errors) / len(errors)
        assert bias.max == max(map(abs, errors))
        assert bias.rms == pytest.approx(float(sum(e * e for e in errors) / len(errors)) ** 0.5)


def test_no_rule_beats_the_least_pointwise_bias() -> None:
    """P(up) is a multiple of 2^-k over uniform words, so some fraction is off by 2^-(k+1)."""
    for k in range(1, 6):
        for rule, n in (("zero", k), ("half", k + 1), ("nearest", k + 2), ("replicate", k + 2)):
            bias = quality(_uniform(n, k, rule, k + 3)).bias
            assert bias.max >= Fraction(1, 1 << (k + 1)), (rule, k)


def test_known_values() -> None:
    """Dead zones by hand; the plateau's bias at n = k = 3 is (2^k-2)/(2^(k+1)(2^k-1)) = 3/56."""
    assert quality(parse("8:3:zero:lfsr3")).dead_zone == Fraction(1, 8)
    assert quality(parse("8:3:replicate:lfsr3")).dead_zone == Fraction(1, 256)
    assert quality(parse("nearest")).dead_zone == Fraction(1, 2)
    assert quality(parse("8:0:zero:none")).dead_zone == 1
    plateau = quality(parse("3:3:zero:plateau3")).bias
    assert (plateau.mean, plateau.max) == (0, Fraction(3, 56))


def test_variance_by_brute_force() -> None:
    for text, roundings in (
        ("4:4:zero:lfsr5", 8),
        ("4:3:select:debruijn6,leap=3", 32),
        ("papers", 5),
    ):
        design = parse(text)
        model = source_model(design)
        stream = model.words(0, model.period).tolist()
        found = ideal = 0.0
        for i in range(1, 16):
            f = (i << design.n) // 16
            ups = [round_up(design.rule, design.n, design.k, f, r) for r in stream]
            sums = [
                sum(ups[(phase + j) % len(ups)] for j in range(roundings))
                for phase in range(len(ups))
            ]
            p = sum(ups) / len(ups)
            ideal += roundings * p * (1 - p)
            found += float(np.var(sums))
        assert variance_inflation(design, roundings) == pytest.approx(found / ideal)


def test_one_step_a_word_inflates_the_variance_and_fresh_bits_do_not() -> None:
    """Successive words of a one-step register overlap: 1.6 to 1.9 times the variance."""
    for text in ("8:8:zero:lfsr16", "8:8:zero:lfsr13", "8:8:zero:lfsr16,form=galois"):
        assert 1.6 < variance_inflation(parse(text), 32) < 1.9
    assert variance_inflation(parse("8:8:zero:lfsr16,leap=8"), 32) == pytest.approx(1, abs=0.05)


def test_variance_without_randomness_is_not_a_number() -> None:
    assert isnan(variance_inflation(parse("nearest"), 32))
    assert isnan(variance_inflation(parse("8:8:zero:lfsr31"), 32))


def test_every_design_of_the_space_has_a_quality() -> None:
    for design in space(4).behaviours:
        found = quality(design)
        assert 0 < found.dead_zone <= 1
        assert abs(found.bias.mean) <= found.bias.max < 1 or design.k == 0
        assert found.bias.rms <= float(found.bias.max) + 1e-12
        assert len(up_counts(design)) == 1 << design.n


def test_resonance_classes_are_the_divisors() -> None:
    assert resonance_classes(14) == [(1, 14), (2, 7), (7, 2), (14, 1)]
    assert resonance_classes(8191) == [(1, 8191), (8191, 1)]
    assert len(resonance_classes((1 << 24) - 1)) == 96
