"""May a task judge designs? Its controls: float32, round to nearest, and the reference.

A task is admitted if float32 reaches a stated accuracy at the best learning rate, round to
nearest loses more than three margins at some learning rate, and the reference stays within one
margin of float32 at every learning rate (means over seeds, natural schedule).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from esru.design import parse
from esru.emulate.stream import DEFAULT_LANES
from esru.train.batch import train_batch
from esru.train.needs import require_training
from esru.train.statistics import PairedDifference, Summary, paired_difference, summarise
from esru.train.tasks import Job, Result, Task

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


def run_controls(
    task: Task,
    seeds: Sequence[int],
    lanes: int = DEFAULT_LANES,
    progress: Callable[[int, int], None] | None = None,
    *,
    train: Callable[..., list[Result]] = train_batch,
    float32: Callable[[Task, int, float], Control] | None = None,
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
        Called with the numbers of runs done and in all.
    train : callable
        What trains the jobs; takes what `train_batch` takes.
    float32 : callable, optional
        What trains one control; None: `esru.train.control.train_float32`.

    Raises
    ------
    ToolMissing
        If torch or scikit-learn is not installed.
    """
    require_training()
    if float32 is None:
        from esru.train.control import train_float32

        float32 = train_float32
    cells = [(lr, seed) for lr in task.learning_rates for seed in seeds]
    total = len(CONTROLS) * len(cells)
    accuracy: dict[tuple[str, float], list[float]] = {}
    loss: dict[tuple[str, float], list[float]] = {}

    def keep(control: str, lr: float, points: float, nats: float) -> None:
        accuracy.setdefault((control, lr), []).append(points)
        loss.setdefault((control, lr), []).append(nats)

    for done, (lr, seed) in enumerate(cells, 1):
        run = float32(task, seed, lr)
        keep("float32", lr, run.accuracy, run.loss)
        if progress is not None:
            progress(done, total)
    jobs = [Job(parse(name), seed, lr) for name in CONTROLS[1:] for lr, seed in cells]
    names = [name for name in CONTROLS[1:] for _ in cells]

    def further(done: int, _: int) -> None:
        if progress is not None:
            progress(len(cells) + done, total)

    for name, result in zip(names, train(task, jobs, lanes, progress=further), strict=True):
        keep(name, result.lr, result.accuracy, result.loss)
    rows = tuple(
        ControlRow(
            control,
            lr,
            summarise(accuracy[control, lr]),
            summarise(loss[control, lr]),
            paired_difference(
                accuracy[control, lr], accuracy["float32", lr], floor=task.one_example
            ),
        )
        for control in CONTROLS
        for lr in task.learning_rates
    )
    return Admission(rows, judge(task, rows))


def judge(task: Task, rows: Sequence[ControlRow]) -> dict[str, bool]:
    """Return each rule of admission in words, and whether the rows satisfy it."""
    best = max(row.accuracy.mean for row in rows if row.control == "float32")
    nearest = max(-row.difference.mean for row in rows if row.control == "nearest")
    reference = max(-row.difference.mean for row in rows if row.control == "reference")
    margin = task.margin
    return {
        f"float32 reaches {task.needed:g} % at its best learning rate": best >= task.needed,
        f"nearest loses more than {NEAREST_MARGINS * margin:g} points at some learning rate": (
            nearest > NEAREST_MARGINS * margin
        ),
        f"the reference stays within {margin:g} points of float32 at every learning rate": (
            reference <= margin
        ),
    }
