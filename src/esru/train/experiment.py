"""One design against another: every learning rate and schedule, paired by seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from esru.design import Design
from esru.emulate.stream import DEFAULT_LANES
from esru.train.batch import train_batch
from esru.train.schedule import schedule_cycles
from esru.train.statistics import PairedDifference, Summary, paired_difference, summarise
from esru.train.tasks import Job, Result, Task


@dataclass(frozen=True)
class Cell:
    """One learning rate and schedule of an experiment.

    Attributes
    ----------
    lr, schedule
        The cell.
    cycles, gcd : int
        The design's C and gcd(C, period).
    accuracy, loss : Summary
        Of the design, in percent and nats.
    difference : PairedDifference
        Score of the design (`Task.score`) less that of the other design, which runs the schedule
        of the same name.
    """

    lr: float
    schedule: str
    cycles: int
    gcd: int
    accuracy: Summary
    loss: Summary
    difference: PairedDifference


def compare(
    task: Task,
    design: Design,
    against: Design,
    seeds: Sequence[int],
    schedules: Sequence[str],
    lanes: int = DEFAULT_LANES,
    *,
    device: str = "cpu",
    progress: Callable[[int, int], None] | None = None,
    train: Callable[..., list[Result]] = train_batch,
) -> list[Cell]:
    """Train both designs on every cell and pair their runs by seed: `compare_all` for one."""
    (cells,) = compare_all(
        task, [design], against, seeds, schedules, lanes,
        device=device, progress=progress, train=train,
    )  # fmt: skip
    return cells


def compare_all(
    task: Task,
    designs: Sequence[Design],
    against: Design,
    seeds: Sequence[int],
    schedules: Sequence[str],
    lanes: int = DEFAULT_LANES,
    *,
    device: str = "cpu",
    progress: Callable[[int, int], None] | None = None,
    train: Callable[..., list[Result]] = train_batch,
) -> list[list[Cell]]:
    """Train designs on every cell, and pair their runs by seed with those of another design.

    Parameters
    ----------
    task : Task
        What to train.
    designs : sequence of Design
        The candidates.
    against : Design
        What each is compared with; it is trained once.
    seeds : sequence of int
        Runs of each cell, at least one.
    schedules : sequence of str
        See `esru.train.schedule_cycles`.
    lanes : int
        Lanes of the array.
    device : str
        A torch device.
    progress : callable, optional
        Called with the numbers of runs done and in all.
    train : callable
        What trains the jobs; takes what `train_batch` takes.

    Returns
    -------
    list of list of Cell
        For each design its cells, in the order of the schedules, then of the task's learning
        rates.
    """
    jobs = comparison_jobs(task, designs, against, seeds, schedules)
    results = train(task, jobs, lanes, device=device, progress=progress)
    return compared(task, designs, seeds, schedules, lanes, results)


def comparison_jobs(
    task: Task,
    designs: Sequence[Design],
    against: Design,
    seeds: Sequence[int],
    schedules: Sequence[str],
) -> list[Job]:
    """Return the runs of every cell: of each design, then of what they are compared with."""
    return [
        Job(unit, seed, lr, schedule)
        for unit in (*designs, against)
        for schedule, lr in _grid(task, schedules)
        for seed in seeds
    ]


def compared(
    task: Task,
    designs: Sequence[Design],
    seeds: Sequence[int],
    schedules: Sequence[str],
    lanes: int,
    results: Sequence[Result],
) -> list[list[Cell]]:
    """Return the cells of each design from the results of `comparison_jobs`, in their order."""
    grid = _grid(task, schedules)
    count = len(seeds)
    blocks = [results[i : i + count] for i in range(0, len(results), count)]
    by_design = [blocks[i : i + len(grid)] for i in range(0, len(blocks), len(grid))]
    *candidates, reference = by_design
    return [
        _cells(task, design, lanes, grid, own, reference)
        for design, own in zip(designs, candidates, strict=True)
    ]


def _grid(task: Task, schedules: Sequence[str]) -> list[tuple[str, float]]:
    return [(schedule, lr) for schedule in schedules for lr in task.learning_rates]


def _cells(
    task: Task,
    design: Design,
    lanes: int,
    grid: Sequence[tuple[str, float]],
    candidate: Sequence[Sequence[Result]],
    against: Sequence[Sequence[Result]],
) -> list[Cell]:
    cells = []
    for (schedule, lr), own, other in zip(grid, candidate, against, strict=True):
        cycles, shared = schedule_cycles(task, design, schedule, lanes)
        scores = [task.score(run.accuracy, run.loss) for run in own]
        reference = [task.score(run.accuracy, run.loss) for run in other]
        cells.append(
            Cell(
                lr,
                schedule,
                cycles,
                shared,
                summarise([run.accuracy for run in own]),
                summarise([run.loss for run in own]),
                paired_difference(scores, reference, task.one_example),
            )
        )
    return cells
