"""Cellular automata: the catalogue proved, maximality against walking, the words' worth."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from esru.design import parse
from esru.quality import variance_inflation
from esru.sources import source_model
from esru.sources.cellular import (
    CATALOGUE,
    CellularModel,
    characteristic,
    default_rules,
    find_rules,
    format_rules,
    is_maximal,
)
from esru.sources.polynomial import CATALOGUE as POLYNOMIALS


def test_the_catalogue_is_what_a_search_finds() -> None:
    """Every entry is maximal (find_rules proves it), the cheapest, and the least of those."""
    assert list(CATALOGUE) == list(POLYNOMIALS) == list(range(2, 33))
    for length, rules in CATALOGUE.items():
        assert find_rules(length) == rules == default_rules(length)
        assert 0 < rules < 1 << length


def _orbit(length: int, rules: int) -> int:
    model = CellularModel(length, rules, seed=1, leap=1, width=length)
    state, steps = model.step(1), 1
    while state not in (0, 1) and steps <= 1 << length:
        state, steps = model.step(state), steps + 1
    return steps if state == 1 else 0


@pytest.mark.parametrize("length", range(2, 9))
def test_maximal_means_one_orbit(length: int) -> None:
    """Of all rule vectors: the proof by the polynomial and the walk from state 1 agree."""
    found = 0
    for rules in range(1 << length):
        maximal = is_maximal(rules, length)
        assert maximal == (_orbit(length, rules) == (1 << length) - 1), hex(rules)
        found += maximal
    assert found >= 2


@pytest.mark.parametrize("length", range(2, 15))
def test_default_automata_walk_the_whole_orbit(length: int) -> None:
    assert _orbit(length, CATALOGUE[length]) == (1 << length) - 1


def test_the_characteristic_polynomial_by_its_definition() -> None:
    """det(xI + A) over GF(2), expanded over all permutations."""
    for length, rules in itertools.product(range(1, 6), range(32)):
        rules %= 1 << length
        total = 0
        for order in itertools.permutations(range(length)):
            product = 1
            for row, column in enumerate(order):
                entry = {0: 0b10 | rules >> row & 1, 1: 1, -1: 1}.get(row - column, 0)
                product = _times(product, entry)
            total ^= product
        assert characteristic(rules, length) == total


def _times(a: int, b: int) -> int:
    return (a if b & 1 else 0) ^ (a << 1 if b & 2 else 0)


def test_words_are_the_lowest_cells() -> None:
    """Cell 0 follows its neighbour; a cell inside follows both."""
    model = source_model(parse("8:4:zero:cellular9,seed=11"))
    words = model.words(0, 100).astype(int)
    assert words[0] == 0b1011
    bit = [words >> i & 1 for i in range(4)]
    assert (bit[0][1:] == (bit[0] ^ bit[1])[:-1]).all(), "rule 150 at the end"
    for i in (1, 2):
        assert (bit[i][1:] == (bit[i - 1] ^ bit[i + 1])[:-1]).all(), "rule 90"


@pytest.mark.parametrize("length", [13, 16, 17])
def test_successive_words_are_worth_more_than_an_lfsrs(length: int) -> None:
    lfsr, cells = (
        variance_inflation(parse(f"8:8:zero:{family}{length}"), 32)
        for family in ("lfsr", "cellular")
    )
    assert lfsr > 1.5
    assert 0.95 < cells < 1.05


def test_text_of_rules() -> None:
    assert format_rules(0x1) == "rule 150 in cell 0, else 90"
    assert format_rules(0x25) == "rule 150 in cells 0, 2 and 5, else 90"


def test_uniform_but_for_zero() -> None:
    counts = source_model(parse("5:5:zero:cellular7,leap=6")).word_counts()
    assert counts.tolist() == [3] + [4] * 31
    assert (
        np.bincount(source_model(parse("5:5:zero:cellular7,leap=6")).words(0, 127)).tolist()
        == [3] + [4] * 31
    )
