"""May a task judge designs? Its controls: float32, round to nearest, and the reference.

A task is admitted if float32 reaches a stated accuracy or loss at the best learning rate, round
to nearest loses more than three margins at some learning rate, and the reference stays within one
margin of float32 at every learning rate (means over seeds, natural schedule).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from esru.design import Design, parse
from esru.emulate.stream import DEFAULT_LANES
from esru.formats import INT8
from esru.train.batch import train_batch
from esru.train.experiment import Cell, compared, comparison_jobs
from esru.train.needs import require_training
from esru.train.statistics import PairedDifference, Summary, paired_difference, summarise
from esru.train.tasks import Job, Result, Task, check_job
from esru.train.unit_formats import counterpart

if TYPE_CHECKING:
    from esru.train.control import Control

#: How many margins round to nearest must lose at some learning rate.
NEAREST_MARGINS = 3

#: Level of the one-sided bounds, each for its own cell.
ALPHA = 0.05

#: The controls, in the order of the table.
CONTROLS = ("float32", "reference", "nearest")

Progress = Callable[[int, int], None]

#: What opens a stage of the work by its label, and yields what is told how far it is.
Stage = Callable[[str], AbstractContextManager[Progress]]


@contextmanager
def _silent(label: str) -> Iterator[Progress]:
    """Open a stage that nobody watches."""
    yield lambda done, total: None


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

    def to_json(self) -> dict[str, Any]:
        """Return the controls as JSON: each row, each rule, and the verdict."""
        return {
            "controls": [
                {"control": row.control, "lr": row.lr} | row_json(row) for row in self.rows
            ],
            "admission": self.checks,
            "admitted": self.admitted,
        }


def row_json(row: Cell | ControlRow) -> dict[str, Any]:
    """Return what was measured of a design or a control in one cell, as JSON."""
    return {
        "diff": row.difference.mean,
        "sd": row.difference.sd,
        "bound": row.difference.loss_bound(ALPHA),
        "seeds": row.difference.count,
        "accuracy": _summary_json(row.accuracy),
        "loss": _summary_json(row.loss),
    }


def _summary_json(summary: Summary) -> dict[str, float | None]:
    return {"mean": summary.mean, "sd": summary.sd}


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


def control_jobs(
    task: Task, seeds: Sequence[int], formats: tuple[str, str | None] = (str(INT8), None)
) -> list[Job]:
    """Return the runs of the controls that are units, in the order that `judged` takes them in."""
    units = check_controls(task, formats)
    return [Job(unit, seed, lr) for unit in units for lr in task.learning_rates for seed in seeds]


def run_controls(
    task: Task,
    seeds: Sequence[int],
    lanes: int = DEFAULT_LANES,
    *,
    formats: tuple[str, str | None] = (str(INT8), None),
    device: str = "cpu",
    stage: Stage = _silent,
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
    formats : tuple of str and str or None
        Output and input format of the two units, as `esru.train.unit_formats.counterpart` takes
        them.
    device : str
        A torch device: what the units train on.
    stage : callable
        Called with a label for the units and for float32 each; returns a context that yields what
        is called with the numbers of runs done and in all, or of their steps, as `train` counts.
    train : callable
        What trains the jobs; takes what `train_batch` takes.
    float32 : callable, optional
        What trains in float32: takes the task, pairs of learning rate and seed, and a `progress`,
        and returns their results in order; None: `esru.train.control.train_float32`, one by one,
        on the CPU.

    Raises
    ------
    InputError
        If the task has no such units.
    ToolMissing
        If torch or scikit-learn is not installed.
    """
    jobs = control_jobs(task, seeds, formats)
    require_training()
    with stage(f"controls of {task.name}") as progress:
        results = train(task, jobs, lanes, device=device, progress=progress)
    return judged(task, seeds, _in_float32(task, seeds, stage, float32), results)


def compare_with_controls(
    task: Task,
    designs: Sequence[Design],
    against: Design,
    seeds: Sequence[int],
    schedules: Sequence[str],
    lanes: int = DEFAULT_LANES,
    *,
    formats: tuple[str, str | None] = (str(INT8), None),
    device: str = "cpu",
    stage: Stage = _silent,
    train: Callable[..., list[Result]] = train_batch,
    float32: Callable[..., list[Control]] | None = None,
) -> tuple[list[list[Cell]], Admission]:
    """Train designs, what they are compared with, and the controls in their formats.

    All runs of units go to `train` at once, which trains equal ones once: mostly the reference
    on the natural schedule, which is compared with and a control.

    Parameters
    ----------
    task, designs, against, seeds, schedules, lanes
        See `esru.train.experiment.compare_all`.
    formats, device, stage, train, float32
        See `run_controls`.

    Returns
    -------
    list of list of Cell
        As of `esru.train.experiment.compare_all`.
    Admission
        As of `run_controls`.

    Raises
    ------
    InputError
        If the task cannot train a unit.
    ToolMissing
        If torch or scikit-learn is not installed.
    """
    own = comparison_jobs(task, designs, against, seeds, schedules)
    jobs = [*own, *control_jobs(task, seeds, formats)]
    require_training()
    with stage(f"training {task.name} and its controls") as progress:
        results = train(task, jobs, lanes, device=device, progress=progress)
    cells = compared(task, designs, seeds, schedules, lanes, results[: len(own)])
    floats = _in_float32(task, seeds, stage, float32)
    return cells, judged(task, seeds, floats, results[len(own) :])


def _in_float32(
    task: Task,
    seeds: Sequence[int],
    stage: Stage,
    float32: Callable[..., list[Control]] | None,
) -> list[Control]:
    pairs = [(lr, seed) for lr in task.learning_rates for seed in seeds]
    with stage(f"{task.name} in float32") as progress:
        return (float32 or _one_by_one)(task, pairs, progress=progress)


def _one_by_one(
    task: Task, pairs: Sequence[tuple[float, int]], *, progress: Progress
) -> list[Control]:
    from esru.train.control import train_float32

    found = []
    for lr, seed in pairs:
        found.append(train_float32(task, seed, lr))
        progress(len(found), len(pairs))
    return found


def judged(
    task: Task, seeds: Sequence[int], float32: Sequence[Control], results: Sequence[Result]
) -> Admission:
    """Return what the runs of the controls say of a task.

    Parameters
    ----------
    task : Task
        The task.
    seeds : sequence of int
        Of the runs.
    float32 : sequence of Control
        One for each learning rate and seed, in the order of the task's learning rates.
    results : sequence of Result
        Those of `control_jobs`, in their order.
    """
    runs: list[Control | Result] = [*float32, *results]
    grid = [(control, lr) for control in CONTROLS for lr in task.learning_rates]
    blocks = {cell: runs[i * len(seeds) : (i + 1) * len(seeds)] for i, cell in enumerate(grid)}

    def scores(control: str, lr: float) -> list[float]:
        return [task.score(run.accuracy, run.loss) for run in blocks[control, lr]]

    rows = tuple(
        ControlRow(
            control,
            lr,
            summarise([run.accuracy for run in blocks[control, lr]]),
            summarise([run.loss for run in blocks[control, lr]]),
            paired_difference(scores(control, lr), scores("float32", lr), floor=task.one_example),
        )
        for control, lr in grid
    )
    return Admission(rows, judge(task, rows))


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
