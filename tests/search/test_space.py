"""The space: what is in it, how big it is, and that its bounds are bounds."""

from __future__ import annotations

import pytest

from esru.design import ALIASES, parse
from esru.errors import InputError
from esru.search.found import FOUND
from esru.search.space import space


def test_the_default_space_has_more_than_400_behaviours() -> None:
    found = space(8)
    assert len(found.behaviours) >= 400
    assert found.points > len(found.behaviours)
    assert len({design.behaviour for design in found.behaviours}) == len(found.behaviours)


def test_every_candidate_keeps_the_question() -> None:
    for bits in (1, 2, 5):
        for design in space(bits).behaviours:
            assert 1 <= design.n <= bits
            assert 0 <= design.k <= design.n
            assert design == design.canonical()


def test_the_papers_designs_are_candidates_and_the_reference_is_not() -> None:
    behaviours = {design.behaviour for design in space(8).behaviours}
    assert parse(ALIASES["papers"]).behaviour in behaviours
    assert parse(ALIASES["papers-zero"]).behaviour in behaviours
    assert parse("8:7:select:lfsr13,leap=7,lanes=64").behaviour in behaviours
    assert parse(ALIASES["reference"]).behaviour not in behaviours


def test_what_the_machine_found_is_in_the_space() -> None:
    rules = {(design.n, design.k, design.rule) for design in space(8).behaviours}
    assert rules >= set(FOUND.values())
    small = {core for core in FOUND.values() if core[0] <= 6}
    assert small and {(d.n, d.k, d.rule) for d in space(6).behaviours} >= small
    assert not {(d.n, d.k, d.rule) for d in space(6).behaviours} & (set(FOUND.values()) - small)


def test_candidates_suit_the_array() -> None:
    for lanes in (1, 6, 16, 64, 100):
        for design in space(3, lanes).behaviours:
            assert lanes % design.lanes == 0


@pytest.mark.parametrize(
    ("bits", "lanes", "message"),
    [
        (0, 64, "Bits must be between 1 and 16, not 0"),
        (17, 64, "Bits must be between 1 and 16, not 17"),
        (8, 0, "Lanes must be between 1 and 1024, not 0"),
    ],
)
def test_refusals(bits: int, lanes: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        space(bits, lanes)
