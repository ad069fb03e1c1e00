"""Lane maps: their definitions, and what they do to lanes' decisions."""

from __future__ import annotations

import itertools
from fractions import Fraction
from math import factorial, sqrt

import numpy as np
import pytest

from esru.design import parse
from esru.emulate.stream import Array
from esru.lane_correlation import lane_correlation
from esru.rounding import probability_up, round_up
from esru.sources import source_model
from esru.sources.lane_maps import MAPS, canonical_map, map_word, map_words, permutation, variant


@pytest.mark.parametrize("size", range(1, 7))
def test_permutations_are_in_lexicographic_order(size: int) -> None:
    listed = list(itertools.permutations(range(size)))
    assert [permutation(number, size) for number in range(factorial(size))] == listed


@pytest.mark.parametrize("width", range(1, 7))
def test_words_by_their_sentences(width: int) -> None:
    for word in range(1 << width):
        text = format(word, f"0{width}b")
        for lane in range(min(800, 2 * factorial(width))):
            turn = lane % width
            rotated = text[turn:] + text[:turn]
            number = variant("rotate", width, lane)
            assert map_word("rotate", width, number, word) == int(rotated, 2)
            order = permutation(lane % factorial(width), width)
            moved = sum((word >> order[b] & 1) << b for b in range(width))
            number = variant("permute", width, lane)
            assert map_word("permute", width, number, word) == moved
            inverted = (1 << width) - 1 - word if lane % 2 else word
            assert map_word("invert", width, variant("invert", width, lane), word) == inverted
            number = variant("complement", width, lane)
            assert map_word("complement", width, number, word) == (1 << width) - 1 - word
            assert map_word("same", width, variant("same", width, lane), word) == word


@pytest.mark.parametrize("name", MAPS)
def test_arrays_of_words_are_mapped_alike_and_one_to_one(name: str) -> None:
    for width in range(1, 7):
        words = np.arange(1 << width, dtype=np.uint32)
        for number in {variant(name, width, lane) for lane in range(720)}:
            mapped = map_words(name, width, number, words)
            assert mapped.dtype == np.uint32
            assert mapped.tolist() == [map_word(name, width, number, int(r)) for r in words]
            assert sorted(mapped.tolist()) == words.tolist()
    assert (words == np.arange(64)).all(), "the words themselves stay"


def test_the_canonical_map_shows_the_same() -> None:
    for name, k, lanes in itertools.product(MAPS, range(1, 4), (1, 2, 7)):
        short = canonical_map(name, k, lanes)
        texts = [f"4:{k}:zero:lfsr5,leap=2,lanes={lanes},map={m}" for m in (name, short)]
        one, other = (Array(parse(text), 2 * lanes).lane_words(0, 40) for text in texts)
        assert (one == other).all()
        assert parse(texts[0]).canonical().map == short
    assert canonical_map("permute", 3, 2) == "permute"
    assert canonical_map("rotate", 2, 2) == "rotate"
    assert canonical_map("delay", 1, 2) == "delay"


def test_the_complement_is_the_comparator() -> None:
    """With n = k, up iff r < f: never certain, and 2^-k below the adder's P(up) at most."""
    for source, never in (("lfsr4", 1), ("debruijn4", 0)):
        adder = parse(f"4:4:zero:{source}")
        comparator = parse(f"4:4:zero:{source},map=complement")
        assert comparator.canonical() != adder.canonical()
        words = Array(adder, 1).lane_words(0, 16).reshape(-1).tolist()
        seen = Array(comparator, 1).lane_words(0, 16).reshape(-1).tolist()
        period = source_model(adder).period
        for f in range(16):
            for r, s in zip(words, seen, strict=True):
                assert round_up("zero", 4, 4, f, s) == (r < f)
            assert probability_up(comparator, f) == Fraction(max(f - never, 0), period)
            assert probability_up(adder, f) == Fraction(f, period)


def _slowly(text: str, lanes: int) -> list[list[float]]:
    """Return the correlation matrix from its definition, in fractions."""
    design = parse(text)
    array = Array(design, lanes)
    words = array.lane_words(0, array.period).tolist()
    chosen = [(i << design.n) // 16 for i in range(1, 16)]
    ups = [
        [[round_up(design.rule, design.n, design.k, f, r) for r in row] for row in words]
        for f in chosen
    ]

    def covariance(i: int, j: int) -> Fraction:
        total, period = Fraction(0), array.period
        for rows in ups:
            both = Fraction(sum(row[i] and row[j] for row in rows), period)
            one = Fraction(sum(row[i] for row in rows), period)
            total += both - one * Fraction(sum(row[j] for row in rows), period)
        return total

    return [
        [float(covariance(i, j)) / sqrt(covariance(i, i) * covariance(j, j)) for j in range(lanes)]
        for i in range(lanes)
    ]


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize("core", ["4:3:zero:lfsr5", "4:3:select:plateau4", "3:3:half:debruijn3"])
def test_lane_correlation_by_its_definition(core: str, name: str) -> None:
    text = f"{core.replace('3:3:half', '4:3:half')},leap=2,lanes=3,map={name}"
    found = lane_correlation(parse(text), 6)
    assert found == pytest.approx(np.array(_slowly(text, 6)), abs=1e-12)
    assert np.diag(found) == pytest.approx(1)


def test_what_the_maps_are_for() -> None:
    """Lanes that share a word decide alike; each map pulls them apart, inversion the other way."""
    found = {
        name: lane_correlation(parse(f"8:8:zero:debruijn8,leap=9,lanes=4,map={name}"))
        for name in MAPS
    }
    assert found["same"] == pytest.approx(1)
    assert -1 <= found["invert"][0, 1] < -0.5
    assert found["invert"][0, 2] == pytest.approx(1)
    assert (found["permute"][0, 1:] < 0.9).all()
    assert (np.abs(found["rotate"][0, 1:]) < 0.3).all()
    assert (np.abs(found["delay"][0, 1:]) < 0.05).all()


def test_a_period_without_a_table_has_no_correlation() -> None:
    assert np.isnan(lane_correlation(parse("8:8:zero:lfsr25,lanes=2"))).all()
