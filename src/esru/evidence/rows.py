"""Rows of the result file: grouped, judged and as text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from esru.train.tasks import find_task, unit_digits

Json = dict[str, Any]


def grouped(study: Json, chosen: Callable[[Json], bool] = lambda row: True) -> list[list[Json]]:
    """Return a study's rows point by point, each with its learning rates."""
    found: dict[tuple[Any, ...], list[Json]] = {}
    for row in filter(chosen, study["rows"]):
        key = tuple(row[name] for name in ("series", "at", "schedule", "trained"))
        found.setdefault(key, []).append(row)
    return list(found.values())


def judged(row: Json, margin: float = 1.0) -> str:
    """Return what a row alone says: better, no worse, worse, or open.

    ``better`` and ``worse``: the difference is above or below 0 at the one-sided level of 5 %;
    ``no worse``: the loss is below the margin at that level, which goes before ``worse``: such a
    row may show a loss, smaller than the margin; ``open``: none of them. With the margin 0 the
    sign alone is judged, and nothing is ``no worse``.
    """
    bound, diff = row["bound"], row["diff"]
    if bound < 0:
        return "better"
    if bound < margin:
        return "no worse"
    # The bound is as far from the mean loss on the other side.
    return "worse" if -2 * diff - bound > 0 else "open"


def rate_text(lr: float) -> str:
    """Return a learning rate, a power of two."""
    return f"2^{int(float(lr).hex().partition('p')[2])}"


def cell(row: Json, task: str, mean: bool = True) -> str:
    """Return a row's mean and difference, each with its standard deviation.

    Bold: not worse by the task's margin. A mean is an accuracy in percent, or a loss in nats.
    """
    chosen = find_task(task)
    digits = unit_digits(chosen.unit)
    difference = f"{row['diff']:+.{digits}f} ± {row['diff_sd']:.{digits}f}"
    if row["bound"] < chosen.margin:
        difference = f"**{difference}**"
    if not mean:
        return difference
    value = row["mean"] if chosen.metric == "accuracy" else -row["mean"]
    return f"{value:.{digits}f} ± {row['sd']:.{digits}f} ({difference})"


def control_line(result: Json) -> str:
    """Return what float32 and rounding to nearest reach on a task, as a line below a table.

    Parameters
    ----------
    result : dict
        What ``esru train --controls --json`` wrote.
    """
    task = find_task(result["task"])
    digits = unit_digits(task.unit)
    parts = []
    for name, label in (("float32", "float32"), ("nearest", "round to nearest")):
        rows = [row for row in result["controls"] if row["control"] == name]
        means = [(rate_text(row["lr"]), row[task.metric]) for row in rows]
        texts = [f"{of['mean']:.{digits}f} ± {of['sd']:.{digits}f} ({lr})" for lr, of in means]
        parts.append(f"{label} {', '.join(texts)}")
    return f"Controls, {result['seeds']} seeds: {'; '.join(parts)}."
