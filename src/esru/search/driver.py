"""The search from question to outcome: enumerate, cost, race, confirm, prove, write."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from fractions import Fraction
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from esru.boundaries import BOUNDARIES, has_boundary
from esru.design import Design
from esru.design_text import short_design
from esru.flow import toolchain
from esru.flow.measure import required_tools
from esru.quality import quality
from esru.search.beside import Beside, closest, helped_costs
from esru.search.controls import train_controls
from esru.search.evaluate import Evaluator, Progress, Request, Run
from esru.search.order import NO_BOUND, in_order, lower_bound
from esru.search.outcome import COMPARED, Costs, Outcome, bare, compared_design
from esru.search.plugin import find_plugin
from esru.search.question import Question
from esru.search.race import LOOKS, Cell, Contender, Level, next_wave, paired_test, wave_runs
from esru.search.space import Space, space
from esru.search.store import Store
from esru.search.workers import local_workers, worker_count
from esru.train.tasks import Task, common_unit, confirming, find_task

Json = dict[str, Any]
Grid = Sequence[tuple[str, str]]

#: Targets of the comparison table, with the one that was asked for.
SHOWN_TARGETS = ("ice40", "ecp5", "xc7")

#: Seeds of the confirmation, fixed.
CONFIRM_SEEDS = 12


class Observer(Protocol):
    """Whoever watches a search."""

    def stage(self, label: str) -> AbstractContextManager[Progress]:
        """Open a stage; what it yields is called with (done, total)."""

    def note(self, text: str) -> None:
        """Say one line."""


class Search:
    """One search.

    Parameters
    ----------
    question : Question
    store : Store
    versions : dict of str
        What `check` returned.
    observer : Observer
    """

    def __init__(
        self, question: Question, store: Store, versions: dict[str, str], observer: Observer
    ) -> None:
        self.question = question
        self.store = store
        self.versions = versions
        self.observer = observer
        self.space: Space = space(question.bits, question.lanes, question.boundary)
        self.designs = [
            replace(design, boundary=question.boundary) for design in self.space.behaviours
        ]
        self.level = Level(
            question.margin,
            question.alpha,
            len(self.space.behaviours),
            common_unit(question.tasks),
        )
        self.floors = {name: find_task(name).one_example for name in question.tasks}
        self.plugin = None if question.evaluator is None else find_plugin(question.evaluator)
        if self.plugin is not None:
            self.floors[self.plugin.name] = self.plugin.resolution or question.margin / 10
        self.wave_runs = wave_runs(find_task(name).together for name in question.tasks)
        self.costs: dict[Design, Costs] = {}
        self.helped: dict[Design, Costs] = {}
        self.contenders: list[Contender] = []
        self.evidence: list[Json] = []
        self.confirmation: list[Json] = []
        self.closest: list[Contender] = []
        self.beside: list[Contender] = []
        self.reference = compared_design("reference", question.boundary)
        self.evaluator: Evaluator

    def run(self) -> Outcome:
        """Search, and return the outcome (not yet proved or written).

        Raises
        ------
        ToolFailed
            If a tool failed; what was finished is stored.
        KeyboardInterrupt
            Likewise.
        """
        start = time.monotonic()
        workers = worker_count()
        self._warm()
        with local_workers(workers) as pool:
            self.evaluator = Evaluator(
                self.store, pool, workers, self.question.lanes, self.versions, self.plugin
            )
            ranked = in_order(self.designs, self._bound, self._batch_costs, self._quality)
            winner = self._race(ranked)
            self.closest = closest(self.contenders, winner)
            self._compare(winner)
            self._race_beside(winner)
            controls = train_controls(
                self.evaluator, self.question, self.confirmation, winner, self.observer.stage
            )
        counts = self.evaluator.counts
        verdicts = [contender.verdict for contender in self.contenders]
        return Outcome(
            question=self.question,
            status="infeasible" if winner is None else "done",
            contenders=self.contenders,
            costs=self.costs,
            helped=self.helped,
            winner=winner,
            counts={
                "points": self.space.points,
                "behaviours": len(self.space.behaviours),
                "costed": sum(self._objective(d) is not None for d in self.designs),
                "raced": sum(bool(contender.tests) for contender in self.contenders),
                **{name: verdicts.count(name) for name in ("accepted", "rejected", "undecided")},
                "trainings": counts.trainings,
                "reused": counts.reused,
            },
            confirmation=self.confirmation,
            closest=self.closest,
            beside=self.beside,
            controls=controls,
            seconds=time.monotonic() - start,
        )

    def _warm(self) -> None:
        """Let the tools compile themselves once, before several processes start them at once."""
        tools = required_tools(self._targets())
        with self.observer.stage("start of the tools (a first use compiles them)") as progress:
            for index, tool in enumerate(tools):
                progress(index, len(tools))
                toolchain.warm(tool)
            progress(len(tools), len(tools))

    def _targets(self) -> list[str]:
        return list(dict.fromkeys((self.question.target, *SHOWN_TARGETS)))

    # Order

    def _bound(self, design: Design) -> Fraction:
        return lower_bound(design, self.question.target, self.question.objective)

    @staticmethod
    def _quality(design: Design) -> float:
        return quality(design).bias.rms

    def _objective(self, design: Design) -> float | None:
        counts = self.costs.get(bare(design), {}).get(self.question.target, {})
        value = counts.get(self.question.boundary, {}).get(self.question.objective)
        return None if value is None else float(value)

    def _cost(self, designs: Sequence[Design], grid: Grid, progress: Progress) -> None:
        """Get to know the cost of each design on each target at each boundary."""
        wanted = [
            Request(design, target, boundary)
            for target, boundary in grid
            for design in dict.fromkeys(bare(design) for design in designs)
            if boundary not in self.costs.get(design, {}).get(target, {})
            and has_boundary(design, boundary)
        ]
        found = self.evaluator.costs(wanted, progress)
        for (design, target, boundary, _), counts in zip(wanted, found, strict=True):
            self.costs.setdefault(design, {}).setdefault(target, {})[boundary] = counts

    def _batch_costs(self, designs: Sequence[Design]) -> list[float]:
        question = self.question
        least = self._bound(designs[0])
        known = len(self.costs)
        label = (
            f"cost on {question.target}: designs {known + 1} to {known + len(designs)} of "
            f"{len(self.space.behaviours)}"
        )
        if least != NO_BOUND:
            label += f", each of {float(least):.3g} {question.objective} or more"
        with self.observer.stage(label) as progress:
            self._cost(designs, [(question.target, question.boundary)], progress)
        values = [self._objective(design) for design in designs]
        return [float("inf") if value is None else value for value in values]

    # Race

    def _cells(self) -> list[Cell]:
        found = [find_task(name) for name in self.question.tasks]
        return [
            Cell(task.name, lr, schedule)
            for task in found
            for lr in task.learning_rates
            for schedule in task.schedules
        ] + self._own_cells()

    def _own_cells(self) -> list[Cell]:
        """Return the cells of the user's evaluator."""
        plugin = self.plugin
        return [Cell(plugin.name, None, name) for name in plugin.schedules] if plugin else []

    def _losses(
        self,
        wanted: Sequence[tuple[Design, int, Sequence[Cell]]],
        progress: Progress,
        skipped: int = 0,
    ) -> list[dict[Cell, npt.NDArray[np.float64]]]:
        """Return the paired losses of each (design, seeds, cells): reference less design.

        The first `skipped` seeds of the question are left out.
        """

        def runs(design: Design, cell: Cell, seeds: int) -> list[Run]:
            first = self.question.seed + skipped
            return [Run(design, cell.task, first + i, cell.lr, cell.schedule) for i in range(seeds)]

        every = [
            run
            for design, seeds, cells in wanted
            for cell in cells
            for trained in (design, self.reference)
            for run in runs(trained, cell, seeds)
        ]
        every = list(dict.fromkeys(every))
        score = dict(zip(every, self.evaluator.scores(every, progress), strict=True))
        return [
            {
                cell: np.subtract(
                    [score[run] for run in runs(self.reference, cell, seeds)],
                    [score[run] for run in runs(design, cell, seeds)],
                )
                for cell in cells
            }
            for design, seeds, cells in wanted
        ]

    def _race(self, ranked: Iterator[tuple[Design, float]]) -> Contender | None:
        """Race the designs in order until the cheapest accepted one is confirmed."""
        while True:
            self._fill(ranked)
            wave, _ = self._wave()
            if not wave:
                accepted = next((c for c in self.contenders if c.verdict == "accepted"), None)
                if accepted is None or self._confirm(accepted):
                    self._leave_open()
                    return accepted
                continue
            self._look(
                wave,
                f"race: {self._decided()} dropped, {len(wave)} in the race at "
                f"{wave[0].cost:.2f} to {wave[-1].cost:.2f} {self.question.objective} "
                f"({len(self.contenders)} of {len(self.space.behaviours)} entered); trainings",
            )

    def _look(self, wave: Sequence[Contender], label: str) -> None:
        """Let each contender of a wave take its next look."""
        cells = self._cells()
        wanted = [(c.design, c.seeds_wanted, c.cells_wanted(cells)) for c in wave]
        with self.observer.stage(label) as progress:
            losses = self._losses(wanted, progress)
        for contender, loss in zip(wave, losses, strict=True):
            contender.look(loss, self.floors, self.level)
            self._record(contender)

    def _race_beside(self, winner: Contender | None) -> None:
        """Race the compared designs that the race did not decide, on as many seeds as it took."""
        designs = [compared_design(name, self.question.boundary) for name in COMPARED[1:]]
        costs = [self._objective(design) for design in designs]
        compared = [
            (design, float("inf") if cost is None else cost)
            for design, cost in zip(designs, costs, strict=True)
        ]
        race = Beside(compared, self.contenders, winner)
        self.beside = race.contenders
        while wave := race.wave():
            names = " and ".join(str(contender.design) for contender in wave)
            self._look(wave, f"race beside, for the comparison: {names}; trainings")
        for contender in race.leave(self.level):
            self._record(contender)

    def _wave(self) -> tuple[list[Contender], bool]:
        return next_wave(self.contenders, self._cells(), self.wave_runs)

    def _fill(self, ranked: Iterator[tuple[Design, float]]) -> None:
        """Let designs enter until a wave is full or one that leads them all is accepted."""
        while (
            not self._wave()[1]
            and not any(contender.verdict == "accepted" for contender in self.contenders)
            and (entry := next(ranked, None)) is not None
        ):
            self.contenders.append(Contender(*entry))

    def _decided(self) -> int:
        return sum(contender.verdict in ("rejected", "undecided") for contender in self.contenders)

    def _leave_open(self) -> None:
        """Give a verdict to whoever a cheaper accepted design has made superfluous."""
        for contender in self.contenders:
            if contender.verdict == "open":
                contender.leave("a cheaper design was accepted first")

    def _record(self, contender: Contender) -> None:
        self.evidence.append(
            {
                "design": str(contender.design),
                "behaviour": contender.design.behaviour,
                "look": contender.looks,
                "seeds": contender.tests[0].seeds,
                "verdict": contender.verdict,
                "reason": contender.reason,
                "tests": [test.to_json() for test in contender.tests],
            }
        )

    # Confirmation and comparison

    def _confirm(self, contender: Contender) -> bool:
        """Test the accepted design where it was not raced; False: try the next.

        That is on the other tasks; with an evaluator of the user's own on that one, with seeds
        that the race cannot have seen.
        """
        for name, cells, floor, margin, skipped in self._confirmations():
            if not self._confirm_on(name, cells, floor, margin, skipped, contender):
                contender.verdict = "rejected"
                contender.reason = f"accepted in the race, but not confirmed on {name}"
                self._record(contender)
                return False
        return True

    def _confirmations(self) -> list[tuple[str, list[Cell], float, float, int]]:
        """Return name, cells, least deviation, margin and skipped seeds of each confirmation."""
        if self.plugin is not None:
            name = self.plugin.name
            return [(name, self._own_cells(), self.floors[name], self.question.margin, LOOKS[-1])]
        return [
            (task.name, _middle_cells(task), task.one_example, task.margin, 0)
            for task in confirming(self.question.tasks)
        ]

    def _confirm_on(
        self,
        name: str,
        cells: list[Cell],
        floor: float,
        margin: float,
        skipped: int,
        contender: Contender,
    ) -> bool:
        wanted = [(contender.design, CONFIRM_SEEDS, cells)]
        with self.observer.stage(f"confirm {short_design(contender.design)} on {name}") as progress:
            (losses,) = self._losses(wanted, progress, skipped)
        found = [paired_test(cell, losses[cell], floor, self.question.alpha) for cell in cells]
        confirmed = all(test.bound < margin for test in found)
        self.confirmation.append(
            {
                "design": str(contender.design),
                "task": name,
                "margin": margin,
                "confirmed": confirmed,
                "tests": [test.to_json() for test in found],
            }
        )
        return confirmed

    def _compare(self, winner: Contender | None) -> None:
        """Measure what the comparison table shows, on every shown target and boundary."""
        chosen = [compared_design(name, self.question.boundary) for name in COMPARED]
        chosen.append(replace(self.reference, lanes=self.question.lanes))
        if winner is not None:
            chosen.append(winner.design)
        grid = [(name, boundary) for name in self._targets() for boundary in BOUNDARIES]
        with self.observer.stage("cost of the compared designs on every target") as progress:
            self._cost(chosen, grid, progress)
        with self.observer.stage("the same, given cell by cell for each target") as progress:
            self.helped = helped_costs(self.evaluator, map(bare, chosen), grid, progress)


def _middle_cells(task: Task) -> list[Cell]:
    """Return a task's cells of its middle learning rate."""
    lr = task.learning_rates[len(task.learning_rates) // 2]
    return [Cell(task.name, lr, schedule) for schedule in task.schedules]
