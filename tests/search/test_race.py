"""The race's statistics: what is accepted, what is dropped, and how often wrongly."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from esru.design import parse
from esru.search.race import (
    LOOKS,
    SCOUT_SEEDS,
    WAVE,
    Cell,
    Contender,
    Level,
    next_wave,
    paired_test,
    scout_cells,
    wave_runs,
)

CELLS = [
    Cell("t", lr, schedule) for lr in (0.25, 0.0625, 0.015625) for schedule in ("natural", "worst")
]
LEVEL = Level(margin=1.0, alpha=0.05, behaviours=400)
FLOOR = {"t": 0.1}


def _race(losses: dict[Cell, np.ndarray]) -> Contender:
    contender = Contender(parse("papers"), 1.0)
    while contender.verdict == "open":
        wanted = {cell: losses[cell] for cell in contender.cells_wanted(CELLS)}
        contender.look(wanted, FLOOR, LEVEL)
    return contender


def _draw(generator: np.random.Generator, mean: float, deviation: float) -> dict[Cell, np.ndarray]:
    return {cell: generator.normal(mean, deviation, LOOKS[-1]) for cell in CELLS}


def test_the_paired_test_is_scipys() -> None:
    losses = np.random.default_rng(1).normal(0.3, 0.7, 12)
    found = paired_test(CELLS[0], losses, 0.01, 0.001)
    expected = stats.ttest_1samp(losses, 0).confidence_interval(1 - 2 * 0.001)
    assert found.bound == pytest.approx(expected.high)
    both = stats.ttest_1samp(losses, 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((both.low, both.high))
    assert (found.mean, found.seeds) == (pytest.approx(losses.mean()), 12)


def test_ties_do_not_prove_more_than_an_example_can() -> None:
    found = paired_test(CELLS[0], np.zeros(8), 0.11, 1e-5)
    assert found.deviation == 0.11
    assert found.bound == pytest.approx(stats.t.isf(1e-5, 7) * 0.11 / 8**0.5)


def test_an_equal_candidate_is_accepted_and_a_bad_one_dropped() -> None:
    generator = np.random.default_rng(2)
    good = _race(_draw(generator, 0.0, 0.5))
    assert good.verdict == "accepted"
    assert good.looks >= 3
    assert all(test.bound < LEVEL.margin for test in good.tests)
    assert len(good.tests) == len(CELLS)
    bad = _race(_draw(generator, 30.0, 2.0))
    assert (bad.verdict, bad.looks) == ("rejected", 0)
    assert bad.tests[0].seeds == SCOUT_SEEDS


def test_one_bad_cell_is_enough() -> None:
    generator = np.random.default_rng(3)
    for bad in CELLS:
        losses = _draw(generator, 0.0, 0.3)
        losses[bad] += 5.0
        assert _race(losses).verdict == "rejected"


def test_the_first_two_looks_accept_nobody() -> None:
    contender = Contender(parse("papers"), 1.0)
    losses = {cell: np.zeros(48) for cell in CELLS}
    for _ in range(3):  # scouting and two looks
        contender.look({c: losses[c] for c in contender.cells_wanted(CELLS)}, FLOOR, LEVEL)
        assert contender.verdict == "open"
    contender.look(losses, FLOOR, LEVEL)
    assert contender.verdict == "accepted"


def test_undecided_at_the_last_look_is_not_accepted() -> None:
    """A loss near the margin, with the spread that no look can settle."""
    shape = np.tile([1.0, -1.0], 24)
    losses = {cell: 0.4 + 1.17 * shape for cell in CELLS}
    contender = _race(losses)
    assert contender.verdict == "undecided"
    assert contender.looks == len(LOOKS)


def test_false_accepts_are_rarer_than_alpha() -> None:
    """At exactly the margin in one cell, the worst case of the claim.

    With alpha / (5 looks x 1 behaviour) a step, at most alpha = 0.2 of the races may accept. In
    400 seeded races the number accepted is below binomial(400, 0.2)'s 99.9 % quantile, 105.
    """
    level = Level(margin=1.0, alpha=0.2, behaviours=1)
    generator = np.random.default_rng(4)
    accepted = 0
    for _ in range(400):
        contender = Contender(parse("papers"), 1.0)
        losses = {cell: generator.normal(-5.0, 0.5, 48) for cell in CELLS[1:]}
        losses[CELLS[0]] = generator.normal(1.0, 0.8, 48)
        while contender.verdict == "open":
            wanted = {cell: losses[cell] for cell in contender.cells_wanted(CELLS)}
            contender.look(wanted, FLOOR, level)
        accepted += contender.verdict == "accepted"
    assert 0 < accepted <= stats.binom.isf(0.001, 400, 0.2)


def test_level_of_one_test() -> None:
    assert LEVEL.step == pytest.approx(0.05 / (5 * 400))


def test_scouts_go_where_most_fail() -> None:
    assert scout_cells(CELLS) == [Cell("t", 0.015625, "worst")]
    both = [*CELLS, Cell("u", 0.5, "worst")]
    assert scout_cells(both)[1] == Cell("u", 0.5, "worst")


def test_waves_stop_at_the_first_accepted() -> None:
    def contender(verdict: str) -> Contender:
        return Contender(parse("papers"), 1.0, verdict=verdict)

    a, b, c, d = (contender(v) for v in ("open", "rejected", "open", "open"))
    assert next_wave([a, b, c, d], CELLS) == ([a, c, d], False)
    assert next_wave([a, contender("accepted"), c], CELLS) == ([a], False)
    assert next_wave([contender("accepted"), c], CELLS) == ([], False)
    many = [contender("open") for _ in range(WAVE + 1)]
    assert next_wave(many[:-2], CELLS) == (many[:-2], False)
    assert next_wave(many, CELLS) == (many[:-1], True)


def test_a_wave_of_slow_trainings_is_short() -> None:
    """A contender far in the race takes many runs, one that is scouted three."""
    ahead, *others = (Contender(parse("papers"), 1.0) for _ in range(5))
    good = dict.fromkeys(CELLS, np.zeros(LOOKS[-1]))
    assert ahead.runs_wanted(CELLS) == SCOUT_SEEDS == 3
    taken = []
    for _ in range(3):
        wanted = {cell: good[cell] for cell in ahead.cells_wanted(CELLS)}
        ahead.look(wanted, FLOOR, LEVEL)
        taken.append(ahead.runs_wanted(CELLS))
    assert taken == [6 * 3 - 3, 6 * (5 - 3), 6 * (8 - 5)]
    assert next_wave([ahead, *others], CELLS, 18) == ([ahead], True)
    assert next_wave([ahead, *others], CELLS, 24) == ([ahead, *others[:2]], True)
    assert next_wave([ahead, *others], CELLS, 99) == ([ahead, *others], False)
    assert wave_runs([144]) == wave_runs([]) == float("inf")
    assert wave_runs([144, 12]) == 24
