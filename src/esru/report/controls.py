"""The controls of a search's tasks beside its winner, as tables, and what they say."""

from __future__ import annotations

from typing import Any, NamedTuple

from esru.report.tables import Table, interval_text, spread_text
from esru.train.tasks import find_task, unit_digits

Json = dict[str, Any]


class Controls(NamedTuple):
    """One task's controls: heading, what the table's numbers are, the table, and the verdict."""

    heading: str
    text: str
    table: Table
    verdict: str


def task_controls(result: Json) -> list[Controls]:
    """Return the controls of each task that a search's result has them of.

    A result has none without built-in tasks, with ``--no-controls``, and from an older version.
    """
    return [_controls(entry) for entry in result.get("controls", [])]


def _controls(entry: Json) -> Controls:
    task = find_task(entry["task"])
    digits = unit_digits(task.unit)
    header = ["lr", "trained with", "accuracy %", "loss, nats"]
    header += [f"behind {name} [95 %]" for name in ("float32", "reference")]
    rows = [
        [
            f"{row['lr']:g}",
            row["trained_with"],
            spread_text(row["accuracy"]["mean"], row["accuracy"]["sd"], 2),
            spread_text(row["loss"]["mean"], row["loss"]["sd"], 3),
            *(
                "-" if row[name] is None else interval_text(row[name], digits)
                for name in ("behind_float32", "behind_reference")
            ),
        ]
        for row in entry["rows"]
    ]
    last = entry["seed"] + entry["seeds"] - 1
    return Controls(
        f"Controls of {task.name}",
        f"{entry['schedule']} schedule, seeds {entry['seed']} to {last}: mean ± standard "
        f"deviation, and what is lost, paired by seed, in {task.unit}; they decide nothing about "
        "the answer",
        (header, rows),
        _verdict(entry),
    )


def _verdict(entry: Json) -> str:
    """Return in one sentence whether a task can judge designs, and why."""
    if entry["admitted"]:
        return f"{entry['task']} may judge designs: " + ", ".join(entry["admission"])
    failed = [rule for rule, holds in entry["admission"].items() if not holds]
    return (
        f"{entry['task']} cannot judge designs at these seeds: it is not so that "
        f"{', or that '.join(failed)}"
    )
