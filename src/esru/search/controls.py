"""What a search trains beside its winner, to see whether its tasks may judge: their controls.

Float32 and round to nearest are trained beside the reference and the winner, at every learning
rate of a task, on the natural schedule. That is after the answer and decides nothing about it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from esru.design import Design
from esru.formats import INT8
from esru.search.evaluate import Evaluator, Float32, Run
from esru.search.question import Question
from esru.search.race import FUTILITY_LOOKS, LOOKS, Contender
from esru.train.admission import CONTROLS, ControlRow, Stage, check_controls, judge
from esru.train.statistics import PairedDifference, Summary, paired_difference, summarise
from esru.train.tasks import Task, confirming, find_task

Json = dict[str, Any]

#: Seeds of the controls: those of the first look that can accept, which every winner has had.
SEEDS = LOOKS[FUTILITY_LOOKS]

SCHEDULE = "natural"

#: What is trained, from best to worst; without a winner, the first three.
TRAINED_WITH = ("float32", "nearest", "reference", "winner")

#: A task at a learning rate, trained with one of `TRAINED_WITH`.
_Cell = tuple[Task, float, str]


def _units(task: Task) -> dict[str, Design]:
    """Return the units of a task's controls by name: of int8, as the candidates are.

    Raises
    ------
    InputError
        If the task has no such units.
    """
    return dict(zip(CONTROLS[1:], check_controls(task, (str(INT8), None)), strict=True))


def check_question(question: Question) -> None:
    """Refuse a question that asks for controls of a task that has none.

    Raises
    ------
    InputError
        As `esru.train.admission.check_controls`.
    """
    if question.controls:
        for name in question.tasks:
            _units(find_task(name))
        if question.evaluator is None:
            for task in confirming(question.tasks):
                _units(task)


def _controlled(question: Question, confirmation: Sequence[Json]) -> list[Task]:
    """Return the tasks whose controls are trained: of the race, and those that confirmed.

    An evaluator of the user's own has no controls.
    """
    if not question.controls:
        return []
    names = list(question.tasks)
    if question.evaluator is None:
        names += [entry["task"] for entry in confirmation]
    return [find_task(name) for name in dict.fromkeys(names)]


def train_controls(
    evaluator: Evaluator,
    question: Question,
    confirmation: Sequence[Json],
    winner: Contender | None,
    stage: Stage,
) -> list[Json]:
    """Train what is not known of the controls, and say whether each task may judge.

    Parameters
    ----------
    evaluator : Evaluator
        Knows trainings.
    question : Question
        Has the tasks of the race, and the first of `SEEDS` seeds.
    confirmation : sequence of dict
        As `esru.search.outcome.Outcome.confirmation`: names the other tasks.
    winner : Contender or None
        What is shown beside the controls, trained on the same seeds and schedule.
    stage : callable
        Called with a label; returns a context that yields what is called with the trainings done
        and in all, those that were known left out.

    Returns
    -------
    list of dict
        Empty if the question asks for none, or has no task but an evaluator of the user's.
        For each task: task, schedule, seed, seeds, rows, admission, admitted. A row has lr,
        trained_with, accuracy (percent) and loss (nats) with mean and sd, and behind_float32 and
        behind_reference: mean, low and high of the paired loss of score with its 95 % interval,
        in the task's unit, positive is worse; null against itself. The admission is that of
        `esru.train.admission.judge`, at the task's own margin.
    """
    tasks = _controlled(question, confirmation)
    if not tasks:
        return []
    seeds = range(question.seed, question.seed + SEEDS)
    runs: dict[_Cell, list[Run | Float32]] = {}
    for task in tasks:
        units = _units(task) | ({} if winner is None else {"winner": winner.design})
        for lr in task.learning_rates:
            runs[task, lr, "float32"] = [Float32(task.name, seed, lr) for seed in seeds]
            for name, unit in units.items():
                runs[task, lr, name] = [Run(unit, task.name, seed, lr, SCHEDULE) for seed in seeds]
    wanted = [run for cell in runs.values() for run in cell]
    with stage(f"controls of {' and '.join(task.name for task in tasks)}; trainings") as progress:
        results = dict(zip(wanted, evaluator.trainings(wanted, progress), strict=True))
    found = {cell: [results[run] for run in own] for cell, own in runs.items()}
    return [
        _judged(task, {cell[1:]: own for cell, own in found.items() if cell[0] == task}, seeds[0])
        for task in tasks
    ]


def _judged(task: Task, found: dict[tuple[float, str], list[Json]], first_seed: int) -> Json:
    def values(lr: float, name: str, key: str) -> list[float]:
        return [run[key] for run in found[lr, name]]

    def behind(lr: float, name: str, other: str) -> PairedDifference:
        scores = values(lr, name, "score"), values(lr, other, "score")
        return paired_difference(*scores, floor=task.one_example)

    rows = [
        ControlRow(
            name,
            lr,
            summarise(values(lr, name, "accuracy")),
            summarise(values(lr, name, "loss")),
            behind(lr, name, "float32"),
        )
        for lr in task.learning_rates
        for name in TRAINED_WITH
        if (lr, name) in found
    ]
    checks = judge(task, [row for row in rows if row.control in CONTROLS])
    return {
        "task": task.name,
        "schedule": SCHEDULE,
        "seed": first_seed,
        "seeds": SEEDS,
        "rows": [
            {
                "lr": row.lr,
                "trained_with": row.control,
                "accuracy": _summary(row.accuracy),
                "loss": _summary(row.loss),
                "behind_float32": None if row.control == "float32" else _behind(row.difference),
                "behind_reference": (
                    None
                    if row.control == "reference"
                    else _behind(behind(row.lr, row.control, "reference"))
                ),
            }
            for row in rows
        ],
        "admission": checks,
        "admitted": all(checks.values()),
    }


def _summary(summary: Summary) -> Json:
    sd = summary.sd
    return {"mean": round(summary.mean, 6), "sd": None if sd is None else round(sd, 6)}


def _behind(difference: PairedDifference) -> Json:
    """Return how much of a score is lost: the mean and its 95 % interval."""
    high = difference.loss_bound(0.025)
    assert high is not None  # of several seeds
    low = -2 * difference.mean - high
    values = {"mean": -difference.mean, "low": low, "high": high}
    return {name: round(value, 6) + 0.0 for name, value in values.items()}
