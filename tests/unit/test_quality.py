"""Exact bias, dead zone, variance: closed forms and brute force."""

from __future__ import annotations

from fractions import Fraction
from math import isnan

import numpy as np
import pytest

from esru.design import Design, parse
from esru.errors import InputError
from esru.quality import lag_correlations, listed_probabilities, quality, variance_inflation
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


def test_lag_correlations_by_brute_force() -> None:
    for text in ("4:4:zero:lfsr5", "4:3:select:debruijn6,leap=3", "papers", "8:8:zero:lfsr9"):
        design = parse(text)
        model = source_model(design)
        stream = model.words(0, model.period).tolist()
        size = len(stream)
        for lag, found in enumerate(lag_correlations(design, 20), 1):
            covariance = variance = 0.0
            for i in range(1, 16):
                f = (i << design.n) // 16
                up = [round_up(design.rule, design.n, design.k, f, r) for r in stream]
                p = sum(up) / size
                covariance += sum(up[t] & up[(t + lag) % size] for t in range(size)) / size - p * p
                variance += p * (1 - p)
            assert found == pytest.approx(covariance / variance, abs=1e-12)


def test_variance_is_what_the_lags_add_up_to() -> None:
    """Var(sum of N) / (N p(1-p)) = 1 + 2 sum over j < N of (1 - j/N) rho_j."""
    for text in ("8:8:zero:lfsr16", "5:4:select:lfsr17,leap=4", "papers"):
        design = parse(text)
        lags = lag_correlations(design, 31)
        total = 1 + 2 * sum((1 - j / 32) * rho for j, rho in enumerate(lags, 1))
        assert variance_inflation(design, 32) == pytest.approx(total)


def test_words_that_overlap_by_all_but_one_bit_are_correlated() -> None:
    """The lag-1 correlation of the decisions, over all fractions, is a quarter; fresh bits' 0."""
    assert lag_correlations(parse("8:8:zero:lfsr16"), 1)[0] == pytest.approx(0.25, abs=0.01)
    assert lag_correlations(parse("8:8:zero:lfsr16,leap=8"), 1)[0] == pytest.approx(0, abs=0.05)
    assert isnan(lag_correlations(parse("nearest"), 1)[0])
    assert isnan(lag_correlations(parse("8:8:zero:lfsr31"), 1)[0])


def test_sums_do_not_depend_on_how_they_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    for text in ("papers", "5:4:zero:lfsr6", "6:5:select:lfsr7,in=s17.9"):
        design = parse(text)
        whole = (
            quality(design).bias.mean,
            quality(design).bias.max,
            variance_inflation(design, 32),
            lag_correlations(design, 40),
        )
        with monkeypatch.context() as patch:
            patch.setattr("esru.quality.BLOCK", 5)
            patch.setattr("esru.bias.BLOCK", 5)
            assert whole == (
                quality(design).bias.mean,
                quality(design).bias.max,
                variance_inflation(design, 32),
                lag_correlations(design, 40),
            )


def test_listed_probabilities_are_the_models() -> None:
    for text in ("papers", "6:5:select:lfsr7", "8:3:half:plateau5", "nearest"):
        design = parse(text)
        words = int(source_model(design).word_counts().sum())
        every = [Fraction(int(count), words) for count in up_counts(design)]
        assert listed_probabilities(design, 256) == (list(range(1 << design.n)), every)
        fractions, some = listed_probabilities(design, 8)
        assert some == [every[f] for f in fractions] and len(some) == 8


def test_the_widest_designs_are_exact_too() -> None:
    """n = 32: a table of 2^32 fractions would not fit; sums beyond 64 bits are exact."""
    tail = Fraction(1, 1 << 33)
    zero = quality(parse("32:3:zero:debruijn3")).bias
    assert zero.mean == -Fraction(1, 16) + tail
    assert zero.max == Fraction((1 << 29) - 1, 1 << 32)
    words = quality(parse("32:4:zero:lfsr32")).bias  # 2^32 - 1 words
    assert abs(words.mean - (-Fraction(1, 32) + tail)) < Fraction(1, 1 << 32)
    assert words.mean != -Fraction(1, 32) + tail
    with pytest.raises(InputError, match=r"Random bits \(k\) must be at most 26"):
        quality(parse("32:32:zero:lfsr32"))
