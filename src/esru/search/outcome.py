"""What a search found, as the rows and counts of the interface."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from esru.design import ALIASES, Design, parse
from esru.flow.ratio import Costs as Costs
from esru.flow.ratio import ratios as ratios
from esru.search.pareto import front
from esru.search.question import Question
from esru.search.race import CellTest, Contender

Json = dict[str, Any]

#: Designs that every comparison shows.
COMPARED = ("reference", "papers", "papers-zero")


def bare(design: Design) -> Design:
    """Return the key of a design's costs: its behaviour, whatever its boundary."""
    return replace(design.canonical(), boundary="decision")


def compared_design(alias: str, boundary: str) -> Design:
    """Return a design that every comparison shows, at a boundary."""
    return replace(parse(ALIASES[alias]), boundary=boundary)


def _loss(test: CellTest | None) -> Json | None:
    if test is None:
        return None
    values = {"mean": test.mean, "low": test.low, "high": test.high}
    return {name: round(value, 6) for name, value in values.items()} | {"seeds": test.seeds}


@dataclass
class Outcome:
    """A search's answer.

    Attributes
    ----------
    question : Question
    status : str
        ``done``, ``infeasible`` or ``interrupted``.
    contenders : list of Contender
        Every design that entered the race, in its order.
    costs : mapping of Design to Costs
        What was measured, by `bare` design.
    helped : mapping of Design to Costs
        The same of the compared designs, given cell by cell for each target.
    winner : Contender or None
    counts : dict
        points, behaviours, costed, raced, accepted, rejected, undecided, trainings, reused.
    confirmation : list of dict
        Tests on tasks that were not raced on.
    beside : list of Contender
        Compared designs that were raced only to be shown, no further than the winner: never the
        answer, and undecided where so many seeds show neither.
    closest : list of Contender
        Those that came nearest to being the answer.
    controls : list of dict
        Of each task, as `esru.search.controls.train_controls`; none of an evaluator's.
    seconds : float
        Wall-clock time of this call.
    """

    question: Question
    status: str
    contenders: list[Contender]
    costs: Mapping[Design, Costs]
    winner: Contender | None
    counts: dict[str, int]
    confirmation: list[Json] = field(default_factory=list)
    closest: list[Contender] = field(default_factory=list)
    beside: list[Contender] = field(default_factory=list)
    controls: list[Json] = field(default_factory=list)
    seconds: float = 0.0
    helped: Mapping[Design, Costs] = field(default_factory=dict)

    @property
    def reference(self) -> Design:
        """The prior art that everything is compared with."""
        return compared_design("reference", self.question.boundary)

    @property
    def shared_reference(self) -> Design:
        """The reference with one PRNG for the whole array."""
        return replace(self.reference, lanes=self.question.lanes)

    def row(self, contender: Contender) -> Json:
        """Return the interface's row of one design."""
        return self._row(
            contender.design, contender.verdict, contender.reason, contender.tests, contender.worst
        )

    def reference_row(self, shared: bool = False) -> Json:
        """Return the row of the reference, or of the one that shares its PRNG."""
        if shared:
            reason = "the reference with one PRNG for the whole array, for its cost alone"
            return self._row(self.shared_reference, "not_raced", reason, [], None)
        return self._row(self.reference, "not_raced", "the reference", [], None)

    def _row(
        self,
        design: Design,
        verdict: str,
        reason: str,
        tests: list[CellTest],
        worst: CellTest | None,
    ) -> Json:
        costs = self.costs.get(bare(design), {})
        return {
            "design": str(design),
            "id": design.id,
            "behaviour": design.behaviour,
            "cost": costs,
            "ratio": ratios(costs, self.costs.get(bare(self.reference), {})),
            "loss": _loss(worst),
            "verdict": verdict,
            "reason": reason,
            "tests": [test.to_json() for test in tests],
        }

    def _helped(self) -> dict[str, Costs]:
        """Return the costs of the compared designs given cell by cell, by id."""
        designs = [compared_design(name, self.question.boundary) for name in COMPARED]
        designs.append(self.shared_reference)
        if self.winner is not None:
            designs.append(self.winner.design)
        found = {design.id: self.helped.get(bare(design)) for design in designs}
        return {name: costs for name, costs in found.items() if costs is not None}

    def front(self) -> list[Contender]:
        """Return the Pareto front among the raced designs: cost against worst mean loss."""
        raced = [contender for contender in self.contenders if contender.tests]
        losses = [max(test.mean for test in contender.tests) for contender in raced]
        points = [(contender.cost, loss) for contender, loss in zip(raced, losses, strict=True)]
        return [raced[index] for index in front(points)]

    def named(self, alias: str) -> Contender:
        """Return the contender that is the alias's behaviour, under the alias's own design."""
        design = compared_design(alias, self.question.boundary)
        # First those beside: what the race had left open of them was continued there.
        for contender in (*self.beside, *self.contenders):
            if contender.design.behaviour == design.behaviour:
                return replace(contender, design=design)
        raise AssertionError(alias)

    def to_json(self) -> Json:
        """Return the content of ``esru search --json`` between versions and files."""
        asked = self.question.to_json()
        return {
            "status": self.status,
            **{
                key: asked[key]
                for key in ("bits", "target", "boundary", "lanes", "objective", "margin", "alpha")
            },
            "tasks": asked["tasks"],
            "evaluator": self.question.evaluator,
            "seed": asked["seed"],
            "winner": None if self.winner is None else self.row(self.winner),
            "confirmation": self.confirmation,
            "controls": self.controls,
            "reference": self.reference_row(),
            "reference_shared": self.reference_row(shared=True),
            "helped": self._helped(),
            "papers": self.row(self.named("papers")),
            "papers_zero": self.row(self.named("papers-zero")),
            "rows": [self.row(contender) for contender in self.contenders],
            "closest": [contender.design.id for contender in self.closest],
            "front": [contender.design.id for contender in self.front()],
            "counts": self.counts,
            "seconds": round(self.seconds, 1),
        }
