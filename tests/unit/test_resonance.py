"""The classes of a period that a weight sees: brute force over every class."""

from __future__ import annotations

from fractions import Fraction
from functools import partial

import numpy as np
import pytest

from esru.design import parse
from esru.quality import lag_correlations, quality, variance_inflation
from esru.resonance import resonance_classes, resonances
from esru.rounding import round_up
from esru.sources import source_model
from esru.sources.register import RegisterModel, Words

DESIGNS = (
    "papers",
    "5:4:zero:lfsr6",
    "6:3:nearest:debruijn5,leap=3,in=s17.9",
    "6:5:select:lfsr6,in=s16.8",
    "4:2:half:plateau3,in=s15.7",
    "3:0:half:none",
)


@pytest.mark.parametrize("text", DESIGNS)
def test_every_class_by_brute_force(text: str) -> None:
    design = parse(text)
    model, n = source_model(design), design.n
    words = model.words(0, model.period).tolist()
    extra = design.dropped - n
    for found in resonances(design):
        worst = {"mean": Fraction(0), "max": Fraction(0), "rms": 0.0, "dead": Fraction(0)}
        for first in range(found.gcd):
            seen = words[first :: found.gcd]
            assert len(seen) == found.words
            up = [
                Fraction(sum(round_up(design.rule, n, design.k, f, r) for r in seen), len(seen))
                for f in range(1 << n)
            ]
            errors = [
                up[fraction >> extra] - Fraction(fraction, 1 << design.dropped)
                for fraction in range(1 << design.dropped)
            ]
            mean = sum(errors) / len(errors)
            worst["mean"] = max(worst["mean"], mean, key=abs)
            worst["max"] = max(worst["max"], *map(abs, errors))
            square = float(sum(e * e for e in errors) / len(errors))
            worst["rms"] = max(float(worst["rms"]), square**0.5)
            dead = next((Fraction(f, 1 << n) for f in range(1 << n) if up[f]), Fraction(1))
            worst["dead"] = max(worst["dead"], dead)
        assert found.bias is not None
        assert abs(found.bias.mean) == abs(worst["mean"]), found.gcd
        assert found.bias.max == worst["max"], found.gcd
        assert found.bias.rms == pytest.approx(worst["rms"]), found.gcd
        assert found.dead_zone == worst["dead"], found.gcd


def test_the_whole_period_is_the_first_class_and_one_word_the_last() -> None:
    for text in DESIGNS:
        design = parse(text)
        first, *_, last = resonances(design) * 2
        whole = quality(design)
        assert first.gcd == 1 and first.words == whole.period
        assert first.bias is not None and first.bias.mean == whole.bias.mean
        assert first.bias.max == whole.bias.max
        assert first.bias.rms == pytest.approx(whole.bias.rms)
        assert first.dead_zone == whole.dead_zone
        assert last.words == 1


def test_many_classes_are_worked_on_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same numbers whatever fits into one part."""
    for text in ("5:4:zero:lfsr6", "6:5:select:lfsr6,in=s16.8"):
        whole = resonances(parse(text))
        with monkeypatch.context() as patch:
            patch.setattr("esru.quality.BLOCK", 7)
            patch.setattr("esru.bias.BLOCK", 7)
            patch.setattr("esru.resonance.BLOCK", 7)
            parts = resonances(parse(text))
        for one, other in zip(whole, parts, strict=True):
            assert one.bias is not None and other.bias is not None
            assert one.bias.rms == pytest.approx(other.bias.rms)
            assert (one.gcd, one.bias.mean, one.bias.max) == (
                other.gcd,
                other.bias.mean,
                other.bias.max,
            )


def test_a_long_period_has_sizes_alone() -> None:
    found = resonances(parse("8:8:zero:lfsr31"))
    assert [(entry.gcd, entry.words) for entry in found] == [(1, 2**31 - 1), (2**31 - 1, 1)]
    assert found[0].bias == quality(parse("8:8:zero:lfsr31")).bias
    assert found[1].bias is None and found[1].dead_zone is None


def test_resonance_classes_are_the_divisors() -> None:
    assert resonance_classes(14) == [(1, 14), (2, 7), (7, 2), (14, 1)]
    assert resonance_classes(8191) == [(1, 8191), (8191, 1)]
    assert len(resonance_classes((1 << 24) - 1)) == 96


def test_a_period_of_two_to_the_sixteenth_by_another_way() -> None:
    """The classes of a de Bruijn source once more, from histograms of its words."""
    design = parse("8:8:zero:debruijn16")
    model = source_model(design)
    words = model.words(0, model.period)
    f = np.arange(256)
    for found in resonances(design):
        table = words.reshape(-1, found.gcd)
        if found.gcd > 256:
            continue
        counts = np.stack([np.bincount(column, minlength=256) for column in table.T])
        # zero, n = k: f rounds up iff r >= 256 - f.
        up = np.cumsum(counts[:, ::-1], axis=1)[:, :-1] / found.words
        errors = np.concatenate((np.zeros((found.gcd, 1)), up), axis=1) - f / 256
        assert found.bias is not None
        assert float(found.bias.max) == pytest.approx(np.abs(errors).max(), abs=1e-12)
        assert float(abs(found.bias.mean)) == pytest.approx(
            np.abs(errors.mean(axis=1)).max(), abs=1e-12
        )
        assert found.bias.rms == pytest.approx(np.sqrt((errors**2).mean(axis=1)).max(), abs=1e-12)


@pytest.mark.parametrize("most", [1, 3, 16, None])
def test_the_least_gcds_alone(most: int | None) -> None:
    """They are the same, and no others are worked on; a period of 2^31 - 1 has sizes alone."""
    done: list[tuple[int, ...]] = []
    for text in (*DESIGNS, "12:12:zero:lfsr12", "8:8:nearest:debruijn8", "8:8:zero:lfsr31"):
        design = parse(text)
        done.clear()
        wanted = resonances(design)[:most]
        assert resonances(design, lambda *now: done.append(now), most) == wanted
        worked = 0 if "lfsr31" in text else len(wanted)
        assert done == [(now, worked) for now in range(1, worked + 1)]


def test_the_words_of_a_period_are_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many blocks the sums are over: making the table takes longer than they do."""
    made = []
    generate = RegisterModel._generate

    def counted(self: RegisterModel, start: int, count: int) -> Words:
        made.append(count)
        return generate(self, start, count)

    monkeypatch.setattr(RegisterModel, "_generate", counted)
    monkeypatch.setattr("esru.quality.BLOCK", 7)
    monkeypatch.setattr("esru.resonance.BLOCK", 7)
    for text in ("5:4:zero:lfsr6", "5:4:zero:lfsr6,map=complement,lanes=2"):
        design = parse(text)
        for sums in (partial(variance_inflation, roundings=32), lag_correlations, resonances):
            made.clear()
            sums(design)
            assert made == [63], sums
