"""May a task judge designs? Its controls: float32, round to nearest, and the reference.

A task is admitted if float32 reaches a stated accuracy or loss at the best learning rate, round
to nearest loses more than three margins at some learning rate, and the reference stays within one
margin of float32 at every learning rate (means over seeds, natural schedule).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from esru.design import Design, parse
from esru.emulate.stream import DEFAULT_LANES
from esru.formats import INT8
from esru.train.batch import train_batch
from esru.train.needs import require_training
from esru.train.statistics import PairedDifference, Summary, paired_difference, summarise
from esru.train.tasks import Job, Result, Task, check_job
from esru.train.unit_formats import counterpart

if TYPE_CHECKING:
    from esru.train.control import Control

#: How many margins round to nearest must lose at some learning rate.
NEAREST_MARGINS = 3

#: The controls, in the order of the table.
CONTROLS = ("float32", "reference", "nearest")


@dataclass(frozen=True)
class ControlRow:
    """One control at one learning rate; the difference is to float32, paired by seed."""

    control: str
    lr: float
    accuracy: Summary
    loss: Summary
    difference: PairedDifference


@dataclass(frozen=True)
class Admission:
    """The controls of a task and what they say.

    Attributes
    ----------
    rows : tuple of ControlRow
        Every control at every learning rate.
    checks : dict of str to bool
        Each rule in words, and whether it holds.
    """

    rows: tuple[ControlRow, ...]
    checks: dict[str, bool]

    @property
    def admitted(self) -> bool:
        """Whether every rule holds."""
        return all(self.checks.values())


def check_controls(task: Task, formats: tuple[str, str | None]) -> list[Design]:
    """Return the units of a task's controls, in formats as `counterpart` takes them.

    Raises
    ------
    InputError
        If the task has no such units.
    """
    units = [counterpart(parse(name), *formats) for name in CONTROLS[1:]]
    for unit in units:
        check_job(task, Job(unit, 0, task.learning_rates[0]))
    return units


def run_controls(
    task: Task,
    seeds: Sequence[int],
    lanes: int = DEFAULT_LANES,
    progress: Callable[[int, int], None] | None = None,
    *,
    formats: tuple[str, str | None] = (str(INT8), None),
    train: Callable[..., list[Result]] = train_batch,
    float32: Callable[..., list[Control]] | None = None,
) -> Admission:
    """Train the controls of a task and judge them.

    Parameters
    ----------
    task : Task
        The task.
    seeds : sequence of int
        One run of each control, for each seed and learning rate.
    lanes : int
        Lanes of the reference's array.
    progress : callable, optional
        Called with the numbers of runs done and in all, or of their steps, as `train` counts.
    formats : tuple of str and str or None
        Output and input format of the two units, as `esru.train.unit_formats.counterpart` takes
        them.
    train : callable
        What trains the jobs; takes what `train_batch` takes.
    float32 : callable, optional
        What trains in float32: takes the task, pairs of learning rate and seed, and a `progress`,
        and returns their results in order; None: `esru.train.control.train_float32`, one by one.

    Raises
    ------
    InputError
        If the task has no such units.
    ToolMissing
        If torch or scikit-learn is not installed.
    """
    units = check_controls(task, formats)
    require_training()
    cells = [(lr, seed) for lr in task.learning_rates for seed in seeds]
    accuracy: dict[tuple[str, float], list[float]] = {}
    loss: dict[tuple[str, float], list[float]] = {}

    def keep(control: str, run: Control | Result) -> None:
        accuracy.setdefault((control, run.lr), []).append(run.accuracy)
        loss.setdefault((control, run.lr), []).append(run.loss)

    def stage(before: int, runs: int) -> Callable[[int, int], None]:
        """Return what reports the progress of `runs` runs, which come after as many `before`."""

        def report(done: int, total: int) -> None:
            each = max(1, total // runs)
            if progress is not None:
                progress(before * each + done, len(CONTROLS) * len(cells) * each)

        return report

    for run in (float32 or _float32)(task, cells, progress=stage(0, len(cells))):
        keep("float32", run)
    jobs = [Job(unit, seed, lr) for unit in units for lr, seed in cells]
    names = [name for name in CONTROLS[1:] for _ in cells]
    report = stage(len(cells), len(jobs))
    for name, result in zip(names, train(task, jobs, lanes, progress=report), strict=True):
        keep(name, result)

    def scores(control: str, lr: float) -> list[float]:
        runs = zip(accuracy[control, lr], loss[control, lr], strict=True)
        return [task.score(*run) for run in runs]

    rows = tuple(
        ControlRow(
            control,
            lr,
            summarise(accuracy[control, lr]),
            summarise(loss[control, lr]),
            paired_difference(scores(control, lr), scores("float32", lr), floor=task.one_example),
        )
        for control in CONTROLS
        for lr in task.learning_rates
    )
    return Admission(rows, judge(task, rows))


def _float32(
    task: Task, cells: Sequence[tuple[float, int]], *, progress: Callable[[int, int], None]
) -> list[Control]:
    from esru.train.control import train_float32

    found = []
    for lr, seed in cells:
        found.append(train_float32(task, seed, lr))
        progress(len(found), len(cells))
    return found


def judge(task: Task, rows: Sequence[ControlRow]) -> dict[str, bool]:
    """Return each rule of admission in words, and whether the rows satisfy it."""
    float32 = [row for row in rows if row.control == "float32"]
    best = max(task.score(row.accuracy.mean, row.loss.mean) for row in float32)
    nearest = max(-row.difference.mean for row in rows if row.control == "nearest")
    reference = max(-row.difference.mean for row in rows if row.control == "reference")
    margin, unit = task.margin, task.unit
    needed = task.score(task.needed, task.needed)
    wanted = f"{task.needed:g} %" if unit == "points" else f"a loss of {task.needed:g} nats"
    return {
        f"float32 reaches {wanted} at its best learning rate": best >= needed,
        f"nearest loses more than {NEAREST_MARGINS * margin:g} {unit} at some learning rate": (
            nearest > NEAREST_MARGINS * margin
        ),
        f"the reference stays within {margin:g} {unit} of float32 at every learning rate": (
            reference <= margin
        ),
    }
