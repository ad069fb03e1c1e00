"""Costs and trainings on demand: from the store if known, else computed and stored at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from esru.design import Design
from esru.errors import ToolFailed
from esru.flow import targets
from esru.search.digest import COST, EVALUATION, TRAINING, digest
from esru.search.plugin import Plugin, check_results, evaluate_chunk
from esru.search.store import Store, result_key
from esru.search.workers import cost_chunk, float32_chunk, train_chunk
from esru.train.schedule import schedule_cycles
from esru.train.tasks import find_task

Progress = Callable[[int, int], None]
Json = dict[str, Any]

#: Trainings that make one unit of work, at most: a few seconds, so that a killed search loses
#: little. Of a task that trains few runs together, one batch.
TRAINING_CHUNK = 144
COST_CHUNK = 32

#: A unit of work: the keys of its results, and what a worker calls with what.
_Work = tuple[list[str], tuple[Any, ...]]


class Run(NamedTuple):
    """One training of the race."""

    design: Design
    task: str
    seed: int
    lr: float | None
    schedule: str


class Float32(NamedTuple):
    """One training that no design rounds: a task's control in float32."""

    task: str
    seed: int
    lr: float


class Request(NamedTuple):
    """One cost to be known; the design's own boundary does not matter."""

    design: Design
    target: str
    boundary: str
    structure: str = "plain"


def _judged(run: Run) -> tuple[str, int, str]:
    """Return what an evaluator of the user's is called with: the behaviour, seed and schedule."""
    return str(replace(run.design.canonical(), boundary="decision")), run.seed, run.schedule


@dataclass
class Counts:
    """What was computed and what was known already."""

    costed: int = 0
    trainings: int = 0
    reused: int = 0


class Evaluator:
    """Gives costs and scores, computing only what no earlier search has computed.

    Parameters
    ----------
    store : Store
        Where results are looked up and written.
    pool : Executor
        Where they are computed; any `concurrent.futures.Executor` will do.
    workers : int
        How many units of work to make at least, where there is enough to do.
    lanes : int
        Lanes of the array.
    tools : dict of str
        Identities of the tools, part of every key.
    plugin : Plugin, optional
        The user's own evaluator, which is the task of its name.
    """

    def __init__(
        self,
        store: Store,
        pool: Executor,
        workers: int,
        lanes: int,
        tools: dict[str, str],
        plugin: Plugin | None = None,
    ) -> None:
        self.store = store
        self.pool = pool
        self.workers = workers
        self.lanes = lanes
        self.tools = tools
        self.plugin = plugin
        self.counts = Counts()
        self._met: set[str] = set()

    def costs(self, requests: Sequence[Request], progress: Progress) -> list[Json]:
        """Return the cost per lane of each request, as `LaneCost.to_json` has it."""
        keys = {request: self._cost_key(request) for request in requests}
        known = self._known(keys.values())
        todo: dict[tuple[str, str, str], list[Request]] = {}
        for request, key in keys.items():
            if key not in known:
                todo.setdefault(request[1:], []).append(request)
        count = sum(map(len, todo.values()))
        size = max(1, min(COST_CHUNK, -(-count // self.workers)))
        work: list[_Work] = []
        for built, wanted in todo.items():
            for low in range(0, len(wanted), size):
                part = wanted[low : low + size]
                arguments = (cost_chunk, [str(r.design) for r in part], *built)
                work.append(([keys[request] for request in part], arguments))
        known |= self._compute("cost", work, count, progress)
        self.counts.costed += count
        return [known[keys[request]] for request in requests]

    def _known(self, keys: Iterable[str]) -> dict[str, Json]:
        """Look keys up, and count each that was known before this search as reused, once."""
        known = self.store.get(keys)
        self.counts.reused += len(known.keys() - self._met)
        self._met |= known.keys()
        return known

    def _cost_key(self, request: Request) -> str:
        packer = targets.target(request.target).packer
        names = [n for n in ("yosys", f"nextpnr-{packer}") if n in self.tools]
        return result_key(
            "cost",
            design=replace(request.design, boundary=request.boundary).id,
            target=request.target,
            structure=request.structure,
            origin=targets.origin(request.target),
            tools={name: self.tools[name] for name in names},
            digest=digest(COST),
        )

    def scores(self, runs: Sequence[Run], progress: Progress) -> list[float]:
        """Return the score of each run, higher is better (see `esru.train.tasks.Task`)."""
        return [float(result["score"]) for result in self.trainings(runs, progress)]

    def trainings(self, runs: Sequence[Run | Float32], progress: Progress) -> list[Json]:
        """Return what each run came to: score, accuracy and loss; an evaluator's score alone."""
        keys = {run: self._training_key(run) for run in runs}
        known = self._known(keys.values())
        todo: dict[str, Run | Float32] = {}
        for run, key in keys.items():
            if key not in known:
                todo.setdefault(key, run)
        work = self._training_work(todo)
        known |= self._compute("training", work, len(todo), progress)
        self.counts.trainings += len(todo)
        return [known[keys[run]] for run in runs]

    def _training_work(self, todo: dict[str, Run | Float32]) -> list[_Work]:
        work: list[_Work] = []
        by_task: dict[str, list[tuple[str, Run]]] = {}
        for key, run in todo.items():
            if isinstance(run, Float32):
                # They train one by one anyway.
                work.append(([key], (float32_chunk, run.task, [(run.seed, run.lr)])))
            elif self.plugin is not None and run.task == self.plugin.name:
                # One at a time: nobody knows how long an evaluation of the user's takes.
                work.append(([key], (evaluate_chunk, run.task, [_judged(run)])))
            else:
                by_task.setdefault(run.task, []).append((key, run))
        for task, wanted in by_task.items():
            most = min(TRAINING_CHUNK, find_task(task).together)
            size = max(1, min(most, -(-len(todo) // self.workers)))
            # Runs of one rule train in one batch.
            wanted.sort(key=lambda keyed: keyed[1].design.rule)
            for low in range(0, len(wanted), size):
                part = wanted[low : low + size]
                jobs = [(str(r.design), r.seed, r.lr, r.schedule) for _, r in part]
                work.append(([key for key, _ in part], (train_chunk, task, jobs, self.lanes)))
        return work

    def _training_key(self, run: Run | Float32) -> str:
        packages = {name: self.tools[name] for name in ("numpy", "torch") if name in self.tools}
        if isinstance(run, Float32):
            return result_key(
                "float32-training",
                task=run.task,
                seed=run.seed,
                lr=run.lr,
                tools=packages,
                digest=digest(TRAINING),
            )
        if self.plugin is not None and run.task == self.plugin.name:
            return result_key(
                "evaluation",
                behaviour=run.design.behaviour,
                evaluator=run.task,
                source=self.plugin.digest,
                seed=run.seed,
                schedule=run.schedule,
                tools=packages,
                digest=digest(EVALUATION),
            )
        # Two schedules with the same cycles are the same training.
        cycles, _ = schedule_cycles(find_task(run.task), run.design, run.schedule, self.lanes)
        return result_key(
            "training",
            behaviour=run.design.behaviour,
            task=run.task,
            seed=run.seed,
            lr=run.lr,
            cycles=cycles,
            lanes=self.lanes,
            tools=packages,
            digest=digest(TRAINING),
        )

    def _compute(
        self,
        kind: str,
        work: list[_Work],
        total: int,
        progress: Progress,
    ) -> dict[str, Json]:
        """Run the units of work and store each one's results as it ends."""
        if not work:
            return {}
        progress(0, total)
        futures = {self.pool.submit(*arguments): keys for keys, arguments in work}
        found: dict[str, Json] = {}
        try:
            for future in as_completed(futures):
                returned = future.result()
                if self.plugin is not None:
                    check_results(self.plugin.name, returned)
                results = dict(zip(futures[future], returned, strict=True))
                self.store.put(kind, results)
                self._met |= results.keys()
                found |= results
                progress(len(found), total)
        except BrokenProcessPool:
            raise ToolFailed(
                "a worker process", "it ended without a word (out of memory?)"
            ) from None
        return found
