"""The compared designs are raced on the winner's seeds, and no further; every view copes."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor, Future
from contextlib import nullcontext
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from esru.boundaries import BOUNDARIES, ROUNDINGS
from esru.design import parse
from esru.report.pages import report_html, report_markdown
from esru.report.plot import front_points
from esru.report.tables import verdicts
from esru.report.text import search_text
from esru.search.beside import helped_costs
from esru.search.driver import Search
from esru.search.evaluate import Evaluator, Request, Run
from esru.search.outcome import Outcome
from esru.search.plugin import find_plugin
from esru.search.question import Question
from esru.search.race import LOOKS, SCOUT_SEEDS, Contender
from esru.search.store import Store

HERE = Path(__file__).parent
TOY = "toy_evaluator:evaluate"
PAPERS, ZERO = parse("papers"), parse("papers-zero")
WINNER = parse("2:1:select:lfsr13,lanes=8")

#: Looks after which the winner of these tests was accepted, and its seeds.
ACCEPTED_AT = 4
SEEDS = LOOKS[ACCEPTED_AT - 1]

#: A loss that no number of seeds settles before the last look: its bound stays at the margin.
OPEN = 0.35


class Scores:
    """Scores by behaviour, less a loss, with a deviation of about 1 point; notes what is asked."""

    def __init__(self, losses: dict[str, float]) -> None:
        self.losses = losses
        self.asked: list[Run] = []

    def scores(self, runs: list[Run], progress: object) -> list[float]:
        self.asked += runs
        return [50.0 - self._loss(run) for run in runs]

    def _loss(self, run: Run) -> float:
        if run.design.behaviour == parse("reference").behaviour:
            return 0.0
        return self.losses[run.design.behaviour] + (1.1 if run.seed % 2 else -1.1)

    def seeds(self, design: Any) -> set[int]:
        return {run.seed for run in self.asked if run.design.behaviour == design.behaviour}


class Silent:
    def stage(self, label: str) -> Any:
        return nullcontext(lambda done, total: None)

    def note(self, text: str) -> None:
        pass


@pytest.fixture
def search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Search]:
    monkeypatch.syspath_prepend(str(HERE))
    question = Question(8, lanes=8, tasks=(), evaluator=TOY)
    with Store(tmp_path / "store.sqlite") as store:
        yield Search(question, store, {}, Silent())


class Costed:
    """Counts of the request's number; notes what is asked."""

    def __init__(self) -> None:
        self.asked: list[Request] = []

    def costs(self, wanted: list[Request], progress: object) -> list[dict[str, float]]:
        self.asked += wanted
        return [{"cells": float(number)} for number in range(len(wanted))]


def test_cells_given_one_by_one_are_costed_wherever_one_word_is_rounded() -> None:
    costed, grid = Costed(), list(product(("ice40", "nand2"), BOUNDARIES))
    found = helped_costs(costed, [WINNER], grid, lambda done, total: None)  # type: ignore[arg-type]
    assert found == {WINNER: {"ice40": {name: {"cells": n} for n, name in enumerate(ROUNDINGS)}}}
    assert {(r.structure, r.boundary) for r in costed.asked} == {("helped", b) for b in ROUNDINGS}


def scored(search: Search, papers: float, zero: float) -> Scores:
    scores = Scores({PAPERS.behaviour: papers, ZERO.behaviour: zero, WINNER.behaviour: 0.0})
    search.evaluator = scores  # type: ignore[assignment]
    return scores


def raced(search: Search, design: Any, looks: int, verdict: str) -> Contender:
    """Return a contender as the race leaves it, after its scouting and some looks."""
    contender = Contender(design, 3.0)
    for _ in range(looks + 1):
        cells = contender.cells_wanted(search._cells())
        losses = {cell: np.tile([-0.1, 0.1], LOOKS[-1] // 2) for cell in cells}
        contender.look(losses, search.floors, search.level)
    contender.verdict, contender.reason = verdict, "as it was raced"
    return contender


def outcome(search: Search, winner: Contender | None) -> Outcome:
    counts = ("points", "behaviours", "costed", "raced", "accepted", "rejected", "undecided")
    return Outcome(
        question=search.question,
        status="infeasible" if winner is None else "done",
        contenders=search.contenders,
        costs={
            # As if measured, so that the picture has them.
            replace(design.canonical(), boundary="decision"): {"ice40": {"decision": {"cells": 4}}}
            for design in (PAPERS, ZERO, WINNER, parse("reference"))
        },
        winner=winner,
        counts=dict.fromkeys(counts, 1),
        beside=search.beside,
    )


def test_the_comparison_is_on_the_winners_seeds(search: Search) -> None:
    winner = raced(search, WINNER, ACCEPTED_AT, "accepted")
    search.contenders = [winner]
    scores = scored(search, OPEN, 40.0)
    search._race_beside(winner)
    papers, zero = search.beside
    assert (papers.verdict, papers.looks) == ("undecided", ACCEPTED_AT)
    assert scores.seeds(PAPERS) == scores.seeds(parse("reference")) == set(range(SEEDS))
    assert {test.seeds for test in papers.tests} == {test.seeds for test in winner.tests} == {SEEDS}
    assert papers.reason == (
        f"raced for the comparison alone, as far as the winner: +0.35 points in {TOY} worst, "
        f"{SEEDS} seeds"
    )
    # What is hopeless is not trained for equal seeds.
    assert (zero.verdict, scores.seeds(ZERO)) == ("rejected", set(range(SCOUT_SEEDS)))


def test_a_verdict_within_those_seeds_stands(search: Search) -> None:
    winner = raced(search, WINNER, len(LOOKS), "accepted")
    search.contenders = [winner]
    scored(search, -5.0, OPEN)
    search._race_beside(winner)
    papers, zero = search.beside
    assert papers.verdict == "accepted" and papers.reason.startswith("loss below")
    # After all looks there is a verdict of the tests, not of the comparison.
    assert zero.verdict == "undecided" and zero.reason.startswith("bound not below 1 after all")


@pytest.mark.parametrize(("looks", "seeds"), [([0, 3, 1], LOOKS[2]), ([0, 0], SCOUT_SEEDS)])
def test_without_a_winner_it_is_as_far_as_anybody(
    search: Search, looks: list[int], seeds: int
) -> None:
    search.contenders = [raced(search, WINNER, count, "rejected") for count in looks]
    scores = scored(search, OPEN, OPEN)
    search._race_beside(None)
    assert scores.seeds(PAPERS) == scores.seeds(ZERO) == set(range(seeds))
    for contender in search.beside:
        assert contender.verdict == "undecided" and contender.looks == max(looks)
        assert "as far as the furthest contender: " in contender.reason


def test_what_the_race_decided_is_not_raced_again(search: Search) -> None:
    winner = raced(search, PAPERS, ACCEPTED_AT, "accepted")
    search.contenders = [raced(search, ZERO, 0, "rejected"), winner]
    scored(search, OPEN, OPEN)
    search._race_beside(winner)
    assert search.beside == [] and search.evidence == []
    for name, found in (("papers", winner), ("papers-zero", search.contenders[0])):
        assert outcome(search, winner).named(name).verdict == found.verdict


@pytest.mark.parametrize("looks", [None, 0, 2])
def test_what_the_race_left_is_continued(search: Search, looks: int | None) -> None:
    """Behind the winner, untrained, scouted or after two looks: the comparison is as far."""
    winner = raced(search, WINNER, ACCEPTED_AT, "accepted")
    left = Contender(PAPERS, 14.0) if looks is None else raced(search, PAPERS, looks, "open")
    search.contenders = [winner, left]
    search._leave_open()
    before = (left.verdict, left.looks, left.tests)
    assert left.verdict == ("not_raced" if looks is None else "undecided")
    scored(search, OPEN, 40.0)
    search._race_beside(winner)
    assert (left.verdict, left.looks, left.tests) == before
    result = outcome(search, winner).to_json()
    assert result["papers"]["loss"]["seeds"] == SEEDS == result["winner"]["loss"]["seeds"]
    points = {point.kind: point for point in front_points(result)}
    assert points["papers"].loss == pytest.approx(OPEN) == result["papers"]["loss"]["mean"]
    assert points["winner"].design == str(WINNER)
    assert len(points) == 4  # one of each kind, the papers' point once


def test_every_view_shows_what_was_left(search: Search) -> None:
    winner = raced(search, WINNER, ACCEPTED_AT, "accepted")
    search.contenders = [winner]
    scored(search, OPEN, 40.0)
    search._race_beside(winner)
    # The last line of a design's evidence is its verdict.
    told = [line for line in search.evidence if line["behaviour"] == PAPERS.behaviour]
    assert [line["verdict"] for line in told] == ["open"] * (ACCEPTED_AT + 1) + ["undecided"]
    assert told[-1]["seeds"] == SEEDS and told[-1]["tests"] == told[-2]["tests"]
    result = outcome(search, winner).to_json() | {"proof": []}
    _, rows = verdicts(result)
    papers = next(row for row in rows if row[0] == "papers")
    assert papers[3:5] == [str(SEEDS), "undecided"]
    result["counts"] |= {"trainings": 0, "reused": 0}
    for view in (
        search_text(result),
        report_markdown(result, {}),
        report_html(result, {}, "<svg></svg>"),
    ):
        assert "raced for the comparison alone, as far as the winner: +0.35 points" in view


def test_resumed_it_trains_nothing_twice(search: Search) -> None:
    class Now(Executor):
        def submit(self, function: Any, /, *arguments: Any, **named: Any) -> Future[Any]:
            future: Future[Any] = Future()
            future.set_result(function(*arguments, **named))
            return future

    winner = raced(search, WINNER, 1, "accepted")
    evidence, trained = [], []
    for _ in range(2):
        again = Search(search.question, search.store, {}, Silent())
        again.contenders = [winner]
        again.evaluator = Evaluator(search.store, Now(), 1, 8, {}, find_plugin(TOY))
        again._race_beside(winner)
        evidence.append(again.evidence)
        trained.append(again.evaluator.counts.trainings)
    assert evidence[0] == evidence[1] != []
    assert trained[0] > 0 == trained[1]
