"""What a search shows beside its answer: who came near, and costs with structural help."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from esru.boundaries import ROUNDINGS
from esru.design import Design
from esru.flow.targets import target
from esru.search.evaluate import Evaluator, Progress, Request
from esru.search.outcome import Costs
from esru.search.race import Contender, Level

#: Contenders beside the winner that are shown.
CLOSEST = 8


def helped_costs(
    evaluator: Evaluator,
    designs: Iterable[Design],
    grid: Sequence[tuple[str, str]],
    progress: Progress,
) -> dict[Design, Costs]:
    """Return what designs cost where their lanes are given cell by cell (docs/floors.md).

    Parameters
    ----------
    evaluator : Evaluator
        Knows costs.
    designs : iterable of Design
        The search's own, of integers.
    grid : sequence of (str, str)
        Targets and boundaries; those without this structure are left out.
    progress : callable
        Called with the costs done and in all.
    """
    fit = [(name, b) for name, b in grid if b in ROUNDINGS and target(name).fabric is not None]
    wanted = [Request(d, name, b, "helped") for d in dict.fromkeys(designs) for name, b in fit]
    costs: dict[Design, Costs] = {}
    for request, counts in zip(wanted, evaluator.costs(wanted, progress), strict=True):
        by_target = costs.setdefault(request.design, {})
        by_target.setdefault(request.target, {})[request.boundary] = counts
    return costs


def closest(contenders: Sequence[Contender], winner: Contender | None) -> list[Contender]:
    """Return the contenders that came nearest to being the answer, in order of cost.

    Those no dearer than the winner that lost the least accuracy: each is why the winner is not
    cheaper. Without a winner, the least losses of all.
    """
    rivals = [
        contender
        for contender in contenders
        if contender is not winner
        and contender.tests
        and (winner is None or contender.cost <= winner.cost)
    ]
    rivals.sort(key=lambda c: (max(test.mean for test in c.tests), c.cost, c.design.id))
    return sorted(rivals[:CLOSEST], key=lambda c: (c.cost, c.design.id))


class Beside:
    """The compared designs that the race did not decide: raced to be shown, and no more.

    They take no more looks than the design that they are compared with, the winner or, without
    one, the contender that came furthest: equal seeds are what the comparison needs, and a
    verdict of theirs would answer no question. So it may stay open.

    Parameters
    ----------
    compared : sequence of (Design, float)
        Designs under the names that they are shown by, each with its cost.
    contenders : sequence of Contender
        As the race has left them: none is open.
    winner : Contender or None
    """

    def __init__(
        self,
        compared: Sequence[tuple[Design, float]],
        contenders: Sequence[Contender],
        winner: Contender | None,
    ) -> None:
        raced = {contender.design.behaviour: contender for contender in contenders}
        found = [(raced.get(d.behaviour, Contender(d, cost)), d) for d, cost in compared]
        #: What the race has found of a design is kept, and continued.
        self.contenders = [
            replace(contender, design=design, verdict="open", reason="")
            for contender, design in found
            if not contender.decided
        ]
        self.looks = max((c.looks for c in contenders), default=0)
        self.whom = "the furthest contender"
        if winner is not None:
            self.looks, self.whom = winner.looks, "the winner"

    def wave(self) -> list[Contender]:
        """Return who takes the next look; before the first it is scouted, whoever it is."""
        return [
            contender
            for contender in self.contenders
            if contender.verdict == "open"
            and (not contender.scouted or contender.looks < self.looks)
        ]

    def leave(self, level: Level) -> list[Contender]:
        """Give a verdict to whoever is open after the last look, and return them."""
        left = [contender for contender in self.contenders if contender.verdict == "open"]
        for contender in left:
            so_far = f"raced for the comparison alone, as far as {self.whom}"
            contender.leave(f"{so_far}: {contender.found(level)}")
        return left
