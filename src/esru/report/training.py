"""What `esru train` found, as plain text: a design beside its controls, or these alone.

`esru compare` shows the controls alone too, below its designs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from esru.design import ALIASES, Design, parse
from esru.design_text import short_design
from esru.formats import INT8
from esru.report.tables import spread_text
from esru.report.text import plain_table
from esru.train.admission import CONTROLS, check_controls
from esru.train.schedule import schedule_cycles
from esru.train.tasks import Task, unit_digits
from esru.train.unit_formats import counterpart, formats_of, trained_unit

Json = dict[str, Any]

#: The controls from best to worst, as they stand above the design.
_ABOVE = ("float32", "nearest", "reference")


def training_text(result: Json, task: Task) -> str:
    """Return what was trained as the command prints it.

    Parameters
    ----------
    result : dict
        What ``esru train --json`` writes.
    task : Task
        The task that was trained.
    """
    lines = _controls(result, task) if result["design"] is None else _design(result, task)
    if "data" in result:
        source = result["data"]
        images = f"{source['train']} + {source['test']} images"
        lines += ["", f"data {source['layout']}, {images}; SHA-256:"]
        lines += [f"{digest[:12]}  {name}" for name, digest in source["sha256"].items()]
    return "\n".join(lines)


def _design(result: Json, task: Task) -> list[str]:
    design, against = parse(result["design"]), _name(result)
    lines = [f"{short_design(design)} on {task.name}: {_summary(task, str(design.out_format))}"]
    unit = trained_unit(task, design)
    if unit != replace(design, boundary=unit.boundary):
        own = short_design(unit)
        lines.append(f"trained with the same rule and words between the task's formats: {own}")
    lanes, seed0, period = result["lanes"], result["seed0"], result["period"]
    source = f"the source's period is {period}" if period else "the words are the operands' own"
    lines += [
        f"{lanes} lanes, a step takes {task.cycles(lanes)} cycles, {source}; "
        f"seeds {seed0} to {seed0 + result['seeds'] - 1}",
        "",
    ]
    if "controls" in result:
        lines.append(_beside(result, task, design, against))
        what = "differences"
    else:
        lines.append(_alone(result, task, against))
        what = "the difference"
    lines += [
        "",
        f"mean ± standard deviation over seeds; {what} in {task.unit}, paired by seed; "
        f"with {1 - result['alpha']:.0%} confidence",
        f"in each row alone it loses less than the last column (the task's margin is "
        f"{task.margin:g})",
    ]
    if "controls" in result:
        lines += ["", *_rules(result), _verdict(result, task, str(design.out_format), "this one")]
    return lines


def _verdict(result: Json, task: Task, fmt: str, judged: str) -> str:
    """Return whether a task may judge the designs whose rows stand above."""
    verdict = (
        "may judge designs"
        if result["admitted"]
        else f"cannot judge designs at these seeds: the rows above are no verdict on {judged}"
    )
    return f"{_subject(task, fmt)} {verdict}"


def _alone(result: Json, task: Task, against: str) -> str:
    """Return the table of a design without controls."""
    header = ["schedule", "C", "gcd", "lr", "accuracy %", "loss", f"less {against}", "loses <"]
    rows = [
        [*_cycles(result, test), _rate(test), *_reached(test), *_lost(test, task)]
        for test in result["tests"]
    ]
    return plain_table(header, rows)


def _beside(result: Json, task: Task, design: Design, against: str) -> str:
    """Return one table of the controls and the design, by learning rate."""
    meets = {"float32": ["-", "-", "-"]}
    units = check_controls(task, formats_of(design))
    for name, unit in zip(CONTROLS[1:], units, strict=True):
        cycles, shared = schedule_cycles(task, unit, "natural", result["lanes"])
        meets[name] = ["natural", str(cycles), str(shared)]
    rows = []
    for lr in task.learning_rates:
        at = {row["control"]: row for row in result["controls"] if row["lr"] == lr}
        for name in _ABOVE:
            difference, bound = _lost(at[name], task)
            last = ["-", "-", "-"] if name == "float32" else [difference, "float32", bound]
            rows.append([_rate(at[name]), name, *meets[name], *_reached(at[name]), *last])
        for test in result["tests"]:
            if test["lr"] == lr:
                difference, bound = _lost(test, task)
                last = [difference, against, bound]
                own = [*_cycles(result, test), *_reached(test)]
                rows.append([_rate(test), "the design", *own, *last])
    header = ["lr", "trained with", "schedule", "C", "gcd", "accuracy %", "loss"]
    return plain_table([*header, "difference", "to", "loses <"], rows)


def _controls(result: Json, task: Task) -> list[str]:
    fmt = result["format"] or ""
    verdict = f"{_subject(task, fmt)} may {'' if result['admitted'] else 'not '}judge designs"
    return [*_controls_table(result, task), *_rules(result), verdict]


def controls_below(result: Json, task: Task) -> str:
    """Return the controls of designs whose losses stand above, and whether these count.

    Parameters
    ----------
    result : dict
        What ``esru compare --json`` writes.
    task : Task
        The task that was trained.
    """
    lines = [*_controls_table(result, task), *_rules(result)]
    return "\n".join([*lines, _verdict(result, task, result["format"] or "", "these")])


def _controls_table(result: Json, task: Task) -> list[str]:
    """Return the table of the controls alone, with what it is of and an empty line below."""
    header = ["control", "lr", "accuracy %", "loss", "less float32", "loses <"]
    rows = [
        [row["control"], _rate(row), *_reached(row), *_lost(row, task)]
        for row in result["controls"]
    ]
    stored = _stored(task, result["format"] or "")
    return [
        f"controls of {task.name}{stored}, natural schedule, {result['seeds']} seeds",
        "",
        plain_table(header, rows),
        "",
    ]


def _rules(result: Json) -> list[str]:
    return [f"{'yes' if holds else 'NO '}  {rule}" for rule, holds in result["admission"].items()]


def _name(result: Json) -> str:
    """Return what the design is compared with, by its alias where it has one."""
    against, formats = parse(result["against"]), formats_of(parse(result["design"]))
    for alias in ALIASES:
        if against in (parse(alias), counterpart(parse(alias), *formats)):
            return alias
    return short_design(against)


def _stored(task: Task, fmt: str) -> str:
    """Return what a line on a task says of a format that is not the task's own."""
    return "" if task.gradients or fmt == str(INT8) else f", with weights in {fmt}"


def _subject(task: Task, fmt: str) -> str:
    """Return the task, with the format of its weights, as the subject of a sentence."""
    stored = _stored(task, fmt)
    return f"{task.name}{stored}{',' * bool(stored)}"


def _summary(task: Task, fmt: str) -> str:
    """Return a task's summary with the format of its weights, where it names one, as trained."""
    own, stored = f"{INT8} weights", _stored(task, fmt)
    if stored and own in task.summary:
        return task.summary.replace(own, f"{fmt} weights")
    return task.summary + stored


def _cycles(result: Json, test: Json) -> list[str]:
    at = result["schedule"][test["schedule"]]
    return [test["schedule"], str(at["C"]), str(at["gcd"])]


def _rate(row: Json) -> str:
    """Return a learning rate, a power of two, as the field writes it."""
    exponent = float(row["lr"]).hex().partition("p")[2]
    return f"2^{int(exponent)}"


def _reached(row: Json) -> list[str]:
    """Return accuracy and loss."""
    return [
        spread_text(row[name]["mean"], row[name]["sd"], digits)
        for name, digits in (("accuracy", 2), ("loss", 3))
    ]


def _lost(row: Json, task: Task) -> list[str]:
    """Return the difference, and what is lost at most."""
    digits, bound = unit_digits(task.unit), row["bound"]
    difference = spread_text(row["diff"], row["sd"], digits, "+")
    return [difference, "-" if bound is None else f"{bound:+.{digits}f}"]
