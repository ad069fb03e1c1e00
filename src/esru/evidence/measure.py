"""Studies measured: every run from the store or trained, rows paired by seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Any

from esru.design import Design
from esru.evidence.studies import Point, Study, Tensors
from esru.search.digest import EVALUATION, digest
from esru.search.evaluate import Evaluator, Run
from esru.search.store import Store, result_key
from esru.train.schedule import schedule_cycles
from esru.train.statistics import paired_difference, summarise
from esru.train.tasks import find_task

Json = dict[str, Any]
Progress = Callable[[int, int], None]

#: Level of the one-sided bound of each row alone.
ALPHA = 0.05

#: What a score belongs to: what was trained, its schedule, and the learning rate.
_Cell = tuple[Point, float]


class Measurer:
    """Trains the points of studies, each distinct run once, and remembers it.

    Parameters
    ----------
    store : Store
        Where runs are looked up and written as they end.
    pool : Executor
        Where the tasks' own trainings run.
    tools : dict of str
        Versions of the packages, part of every key.
    """

    def __init__(self, store: Store, pool: Executor, tools: dict[str, str]) -> None:
        self.store = store
        self.pool = pool
        self.tools = tools

    def rows(self, study: Study, progress: Progress) -> list[Json]:
        """Return a row for each point and learning rate.

        Parameters
        ----------
        study : Study
            What to train.
        progress : callable
            Called with the numbers of runs done and in all.
        """
        cells = [(point, lr) for point in study.points for lr in study.learning_rates]
        wanted = [_bare(point, lr) for point, lr in cells]
        wanted += [_bare(point.partner(), lr) for point, lr in cells]
        scores = self._scores(study, list(dict.fromkeys(wanted)), progress)
        return [self._row(study, point, lr, scores) for point, lr in cells]

    def _scores(
        self, study: Study, cells: Sequence[_Cell], progress: Progress
    ) -> dict[_Cell, list[float]]:
        """Return the scores of each cell, in the order of the seeds."""
        seeds = range(study.seeds)
        units = [cell for cell in cells if isinstance(cell[0].trained, Design)]
        others = [cell for cell in cells if isinstance(cell[0].trained, Tensors)]
        total = len(cells) * len(seeds)
        done = len(units) * len(seeds)
        evaluator = Evaluator(self.store, self.pool, 1, study.lanes, self.tools)
        runs = [
            Run(point.trained, study.task, seed, lr, point.schedule)
            for point, lr in units
            for seed in seeds
            if isinstance(point.trained, Design)
        ]
        found = evaluator.scores(runs, lambda now, all_: progress(done - all_ + now, total))
        scores = dict(zip(units, _parts(found, len(seeds)), strict=True))
        for point, lr in others:
            assert isinstance(point.trained, Tensors)
            one = partial(self._tensors, study.task, point.trained, lr)
            scores[point, lr] = [one(seed) for seed in seeds]
            done += len(seeds)
            progress(done, total)
        return scores

    def _tensors(self, task: str, tensors: Tensors, lr: float, seed: int) -> float:
        key = result_key(
            "tensors",
            task=task,
            tensors=str(tensors),
            lr=lr,
            seed=seed,
            tools=self.tools,
            digest=digest((*EVALUATION, "evidence/tensors.py")),
        )
        known = self.store.get([key])
        if key not in known:
            from esru.evidence.tensors import train

            known = {key: {"score": train(find_task(task), tensors, seed, lr)}}
            self.store.put("tensors", known)
        return float(known[key]["score"])

    def _row(self, study: Study, point: Point, lr: float, scores: dict[_Cell, list[float]]) -> Json:
        task = find_task(study.task)
        own = scores[_bare(point, lr)]
        partner = point.partner()
        spread = summarise(own)
        difference = paired_difference(own, scores[_bare(partner, lr)], task.one_example)
        row: Json = {"series": point.series, "at": point.at, "trained": str(point.trained)}
        row |= {"schedule": point.schedule}
        if isinstance(point.trained, Design):
            cycles, shared = schedule_cycles(task, point.trained, point.schedule, study.lanes)
            row |= {"C": cycles, "gcd": shared}
        row |= {"lr": lr, "mean": _short(spread.mean), "sd": _short(spread.sd)}
        row |= {"against": str(partner.trained), "diff": _short(difference.mean)}
        row |= {"diff_sd": _short(difference.sd), "bound": _short(difference.loss_bound(ALPHA))}
        return row


def _bare(point: Point, lr: float) -> _Cell:
    """Return what is trained, without what it is called or compared with."""
    return Point("", None, point.trained, point.schedule), lr


def _parts(values: Sequence[float], size: int) -> list[list[float]]:
    return [list(values[i : i + size]) for i in range(0, len(values), size)]


def _short(value: float | None) -> float | None:
    # No -0.0: the sign would be one of nothing.
    return None if value is None else round(value, 5) + 0.0
