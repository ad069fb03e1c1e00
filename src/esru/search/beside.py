"""What a search shows beside its answer: who came near, and costs with structural help."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from esru.design import Design
from esru.flow.targets import target
from esru.search.evaluate import Evaluator, Progress, Request
from esru.search.outcome import Costs
from esru.search.race import Contender

#: Contenders beside the winner that are shown.
CLOSEST = 8

#: Boundaries whose lanes can be given cell by cell.
HELPED = ("decision", "unit")


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
    fit = [(name, b) for name, b in grid if b in HELPED and target(name).fabric is not None]
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
