"""Generate the tables of docs/training.md and docs/data.md from the result files in docs/results.

Run as ``python docs/training.py`` to rewrite them, ``--check`` to see whether they are fresh.
The result files are what ``esru train --json`` and ``benchmarks/training.py --write`` wrote; the
search's, what ``docs/build.py --take`` made of ``esru search --json``, and what
``benchmarks/search.py --write`` wrote.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from esru.evidence.rows import control_line, rate_text
from esru.report.controls import task_controls
from esru.report.fresh import fill, refresh
from esru.report.tables import (
    compared,
    comparison,
    comparison_caption,
    contenders,
    counted_markdown,
    grid,
    markdown,
    short_design,
    summary,
)
from esru.report.training import training_text
from esru.train.tasks import find_task, unit_digits

Json = dict[str, Any]

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "docs" / "results"
PAGE = ROOT / "docs" / "training.md"
DATA = ROOT / "docs" / "data.md"

_HEAD = "| {} | learning rate | accuracy, % | loss, nats | difference, {} | loses less than |"


def read(name: str) -> Json:
    """Return a result file's content."""
    return dict(json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8")))


def _spread(found: Json, digits: int) -> str:
    return f"{found['mean']:.{digits}f} ± {found['sd']:.{digits}f}"


def _row(name: str, test: Json, digits: int = 2) -> str:
    exponent = int(float(test["lr"]).hex().partition("p")[2])
    return (
        f"| {name} | 2^{exponent} | {_spread(test['accuracy'], 2)} | {_spread(test['loss'], 3)} "
        f"| {test['diff']:+.{digits}f} ± {test['sd']:.{digits}f} | {test['bound']:+.{digits}f} |"
    )


def controls(result: Json) -> str:
    """Return the table of a task's controls and the rules of admission."""
    unit = find_task(result["task"]).unit
    rows = [_row(row["control"], row, unit_digits(unit)) for row in result["controls"]]
    rules = [f"- {rule}: {'yes' if holds else 'no'}" for rule, holds in result["admission"].items()]
    head = [_HEAD.format("control", unit), "|---|---|---|---|---|---|"]
    note = f"{result['seeds']} seeds, natural schedule; differences to float32."
    return "\n".join([*head, *rows, "", note, "", *rules])


def designs(results: list[Json]) -> str:
    """Return the table of designs against the reference."""
    unit = find_task(results[0]["task"]).unit
    lines = [_HEAD.format("design, schedule", unit), "|---|---|---|---|---|---|"]
    for result in results:
        for test in result["tests"]:
            at = result["schedule"][test["schedule"]]
            schedule = f"{test['schedule']} (C = {at['C']}, gcd {at['gcd']})"
            lines.append(_row(f"`{result['design']}`, {schedule}", test, unit_digits(unit)))
    periods = ", ".join(f"{result['period']}" for result in results)
    seeds = results[0]["seeds"]
    order = "periods in this order" if len(results) > 1 else "period"
    lines += ["", f"{seeds} seeds, {results[0]['lanes']} lanes; {order}: {periods}."]
    lines += ["", control_line(read(f"controls-{results[0]['task']}"))]
    return "\n".join(lines)


def printed(result: Json, command: str) -> str:
    """Return a command with what it prints."""
    text = training_text(result, find_task(result["task"]))
    return f"```text\n$ {command}\n{text}\n```"


def search(result: Json, figures: Json) -> str:
    """Return a search's answer: what won, its losses beside those of others, its cost, its time.

    Parameters
    ----------
    result : dict
        As `docs/build.py` takes it in, of one task.
    figures : dict
        Of ``benchmarks/search.py``, of the same run.
    """
    header, rows = comparison(result)
    # What a decision feeds is of integers there: of gradients, it alone is the same hardware.
    decisions = header, [row for row in rows if row[1] == result["boundary"]]
    headline, *more = summary(result)
    (task,) = result["tasks"]
    lines = [
        f"```text\n$ {figures['command']}",
        headline if result["winner"] is None else f"Winner: {headline}",
        *(f"  {line}" for line in more),
        "```",
        "",
        markdown(losses(result)),
        "",
        f"Mean loss against the reference, {find_task(task).unit}, in brackets its upper bound at "
        "the race's level; of the controls on the natural schedule.",
        "",
        markdown(decisions),
        "",
        f"{comparison_caption(result)}.",
        "",
        counted_markdown(dict.fromkeys(name for name, _ in grid(result))),
        "",
        "Closest contenders:",
        "",
        markdown(contenders(result)),
    ]
    for found in task_controls(result):
        lines += ["", f"{found.heading}, {found.text}.", "", markdown(found.table)]
        lines += ["", f"{found.verdict}."]
    return "\n".join([*lines, "", taken(result, figures)])


def losses(result: Json) -> tuple[list[str], list[list[str]]]:
    """Return losses against the reference by cell: of the compared units, and the controls."""
    (control,) = (entry for entry in result["controls"] if entry["task"] in result["tasks"])
    task = find_task(control["task"])
    digits = unit_digits(task.unit)
    cells = [(lr, schedule) for lr in task.learning_rates for schedule in task.schedules]
    header = ["unit", *(f"{rate_text(lr)}, {how}" for lr, how in cells), "seeds", "verdict"]
    rows = []
    for name, row in compared(result):
        found = {(test["lr"], test["schedule"]): test for test in row["tests"]}
        if not found:
            continue
        texts = [
            f"{found[cell]['diff']:+.{digits}f} ({found[cell]['bound']:+.{digits}f})"
            if cell in found
            else "-"
            for cell in cells
        ]
        seeds = str(row["loss"]["seeds"])
        design = f"{name}: `{short_design(row['design'])}`"
        rows.append([design, *texts, seeds, row["verdict"]])
    behind = {
        (row["trained_with"], row["lr"], control["schedule"]): row["behind_reference"]
        for row in control["rows"]
    }
    for name, label in (("float32", "float32"), ("nearest", "round to nearest")):
        texts = [
            f"{behind[name, *cell]['mean']:+.{digits}f}" if (name, *cell) in behind else "-"
            for cell in cells
        ]
        rows.append([label, *texts, str(control["seeds"]), "control"])
    return header, rows


def taken(result: Json, figures: Json) -> str:
    """Return how long a search took, on what, what it knew before, and what it was made with."""
    made = ", ".join(f"{name} {figures['versions'][name]}" for name in ("python", "torch", "numpy"))
    tools = ", ".join(figures["versions"][name] for name in ("yosys", "nextpnr-ice40"))
    trainings, reused = result["counts"]["trainings"], result["counts"]["reused"]
    known = (
        f"; {reused} costs and trainings were known from earlier runs"
        if reused
        else " from an empty cache"
    )
    return (
        f"It took {figures['processor_seconds'] / 60:.0f} minutes of processor time for "
        f"{trainings} trainings and all else{known}. On {figures['machine']}, that was "
        f"{figures['cold_seconds'] / 60:.0f} minutes and "
        f"{figures['peak_memory_gib']:.1f} GiB of memory; {made}, {tools}."
    )


def images(result: Json) -> str:
    """Return the table of single runs on the user's own images, and what they were trained on."""
    (test,) = result["tests"]
    rows = [(row["control"], row) for row in result["controls"]]
    rows.append((f"`{result['design']}`", test))
    lines = ["| weights rounded by | accuracy, % | loss, nats |", "|---|---|---|"]
    for name, row in rows:
        lines.append(f"| {name} | {row['accuracy']['mean']:.2f} | {row['loss']['mean']:.3f} |")
    data, at = result["data"], result["schedule"][test["schedule"]]
    files = ", ".join(f"`{name}` {digest[:12]}" for name, digest in data["sha256"].items())
    lines += [
        "",
        f"{result['epochs']} epochs, one seed; {result['lanes']} lanes, {test['schedule']} schedule"
        f" (C = {at['C']}, gcd {at['gcd']}); torch {result['versions']['torch']}. The first digits"
        f" of the SHA-256 of its {data['train']:,} and {data['test']:,} images: {files}.",
    ]
    return "\n".join(lines)


def speed(figures: Json) -> str:
    """Return trainings per core-second, and ratios of rounding."""
    lines = [
        "| task | one run alone, seconds | one design's runs, trainings per core-second | "
        "eight designs' runs, trainings per core-second |",
        "|---|---|---|---|",
    ]
    for task, rates in figures["trainings_per_core_second"].items():
        one = rates["one_run"]
        batches = (rates["one_design"], rates["eight_designs"])
        cells = " | ".join(f"{rate:.1f} ({rate / one:.1f} times)" for rate in batches)
        lines.append(f"| `{task}` | {1 / one:.2f} | {cells} |")
    throughput = dict(figures["elements_per_second"])
    plain, rate = next(iter(throughput.items()))
    lines += ["", f"| elements per second, compared with {plain} | |", "|---|---|"]
    for way, elements in throughput.items():
        if way != plain:
            design, _, array = way.rpartition(", ")
            lines.append(f"| `{design}`, {array} | {elements / rate:.2f} |")
    versions = ", ".join(f"{name} {version}" for name, version in figures["versions"].items())
    lines += ["", f"One thread, CPU time; {figures['machine']}; {versions}."]
    return "\n".join(lines)


def generated() -> dict[Path, str]:
    """Return both pages with every generated part filled in."""
    papers = read("train-papers")
    parts = {
        "train papers": printed(papers, f"esru train papers --seeds {papers['seeds']}"),
        "controls digits-mlp": controls(read("controls-digits-mlp")),
        "controls digits-cnn": controls(read("controls-digits-cnn")),
        "controls chars-transformer": controls(read("controls-chars-transformer")),
        "controls fp4-transformer": controls(read("controls-fp4-transformer")),
        "controls nvfp4-transformer": controls(read("controls-nvfp4-transformer")),
        "designs fp4": designs([read("train-fp4-winner")]),
        "search fp4": search(read("search-fp4-transformer"), read("benchmark-search-fp4")),
        "designs": designs([papers, read("train-select")]),
        "speed": speed(read("benchmark-training")),
    }
    data = {"cifar10": images(read("train-cifar10"))}
    return {PAGE: fill(PAGE, parts), DATA: fill(DATA, data)}


if __name__ == "__main__":
    raise SystemExit(refresh(__doc__, generated))
