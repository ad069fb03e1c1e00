"""Generate the tables and pictures of docs/generator-free.md from docs/results/operands.json.

Run as ``python docs/generator_free.py`` to rewrite them, ``--check`` to see whether they are
fresh. The result file is what ``python benchmarks/operands.py --write`` wrote.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from esru.evidence.rows import control_line
from esru.report.fresh import fill, refresh

Json = dict[str, Any]

ROOT = Path(__file__).parent.parent
RESULT = ROOT / "docs" / "results" / "operands.json"
PAGE = ROOT / "docs" / "generator-free.md"
P_UP = ROOT / "docs" / "generator-free-p-up.svg"
ACCURACY = ROOT / "docs" / "generator-free-accuracy.svg"

SOURCES = ("operand-own", "operand-prev", "operand-neighbour", "operand-xor")
GENERATOR = "lfsr13"
_COLORS = dict(
    zip((*SOURCES, GENERATOR), ("#1f77b4", "#d62728", "#ff7f0e", "#2ca02c", "#000000"), strict=True)
)
_MARKERS = dict(zip((*SOURCES, GENERATOR), "osD^x", strict=True))

#: The panels of the first picture: run, tensor, and a title.
_PANELS = (
    ("digits-mlp, int8", "update 0", "updates, int8 training"),
    ("digits-mlp, int8", "activation 1", "activations, before ReLU"),
    ("digits-mlp, int8", "activation 1, ReLU", "activations, behind ReLU"),
    ("digits-mlp, float32", "update 0", "updates, float32"),
    ("digits-mlp, bfloat16", "update 0", "updates, born in bfloat16"),
    ("digits-mlp, bfloat16", "weight 0", "weights, born in bfloat16"),
)


#: The tensors whose words and errors are looked at more closely.
_DEPENDENT = (
    ("digits-mlp, int8", "update 0"),
    ("digits-mlp, int8", "gradient 1"),
    ("digits-mlp, int8", "activation 1"),
    ("digits-mlp, int8", "activation 1, ReLU"),
    ("digits-cnn, int8", "activation 1"),
    ("digits-mlp, float32", "update 0"),
    ("digits-mlp, bfloat16", "update 0"),
)


def read() -> Json:
    """Return the result file's content."""
    return dict(json.loads(RESULT.read_text(encoding="utf-8")))


def _controls(task: str) -> Json:
    """Return what ``esru train --controls`` found on a task."""
    path = RESULT.with_name(f"controls-{task}.json")
    return dict(json.loads(path.read_text(encoding="utf-8")))


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    names = list(head)
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def _by_tensor(result: Json, cell: Callable[[Json], str], sources: Iterable[str]) -> str:
    """Return a table with a row for each tensor and a column for each source."""
    wanted = tuple(sources)
    found: dict[tuple[str, str], dict[str, Json]] = {}
    for row in result["tensors"]:
        found.setdefault((row["run"], row["tensor"]), {})[row["source"]] = row
    head = ["run", "tensor", "D", "exact", *(f"`{source}`" for source in wanted)]
    rows = []
    for (run, tensor), by_source in found.items():
        first = by_source[wanted[0]]
        cells = [cell(by_source[source]) for source in wanted]
        rows.append([run, tensor, str(first["dropped"]), f"{100 * first['exact']:.0f} %", *cells])
    return _table(head, rows)


def excess(result: Json) -> str:
    """Return how much more often than with ideal words each source rounds up."""
    return _by_tensor(
        result,
        lambda row: f"{row['excess']:+.4f} ± {row['excess_error']:.4f}",
        (*SOURCES, GENERATOR),
    )


def words(result: Json) -> str:
    """Return word entropies and the share of zero words."""
    return _by_tensor(
        result, lambda row: f"{row['word_entropy']:.2f}, {100 * row['empty']:.0f} %", SOURCES
    )


def dependence(result: Json) -> str:
    """Return entropy per bit, mutual information, and correlations of words and errors."""
    rows = []
    for row in result["tensors"]:
        if (row["run"], row["tensor"]) not in _DEPENDENT or row["source"] == GENERATOR:
            continue
        bits = " ".join(f"{value:.3f}" for value in reversed(row["entropy"]))
        numbers = [row[key] for key in ("serial", "lane", "error_serial", "error_lane")]
        cells = ["-" if value is None else f"{value:+.3f}" for value in numbers]
        name = f"`{row['source']}`"
        rows.append([row["run"], row["tensor"], name, bits, f"{row['information']:.4f}", *cells])
    head = ["run", "tensor", "source", "entropy per bit, top first", "information, bits"]
    head += ["words, serial", "words, lanes", "errors, serial", "errors, lanes"]
    return _table(head, rows)


def streams(result: Json) -> str:
    """Return what SP 800-22 says of each stream."""
    rows = []
    for row in result["streams"]:
        failed = [f"{name}" for name, value in row["p"].items() if value < 0.01]
        rows.append([row["stream"], f"{len(failed)} of {len(row['p'])}", ", ".join(failed) or "-"])
    return _table(["stream", "failed", "which (p < 0.01)"], rows)


def _exponent(lr: float) -> int:
    return int(float(lr).hex().partition("p")[2])


def _difference(found: Json) -> str:
    return f"{found['mean']:+.2f} ± {found['sd']:.2f}"


def training(result: Json) -> str:
    """Return every design and learning rate, paired by seed."""
    rows = []
    for row in result["training"]:
        if row["name"] == "reference":
            against = "-", "-"
        else:
            against = (
                _difference(row["less_reference"]),
                f"{row['less_reference']['loss_bound']:+.2f}",
            )
        mean = f"{row['accuracy']['mean']:.2f} ± {row['accuracy']['sd']:.2f}"
        nearest = "-" if row["name"] == "nearest" else _difference(row["less_nearest"])
        rows.append(
            [
                row["task"],
                f"`{row['design']}`",
                f"2^{_exponent(row['lr'])}",
                mean,
                *against,
                nearest,
            ]
        )
    head = ["task", "design", "learning rate", "accuracy, %", "less the reference, points"]
    table = _table([*head, "loses less than", "less `nearest`, points"], rows)
    tasks = dict.fromkeys(row["task"] for row in result["training"])
    lines = [f"`{task}`: {control_line(_controls(task))}" for task in tasks]
    return "\n\n".join([table, *lines])


def facts(result: Json) -> str:
    """Return what the figures were made with."""
    seeds = {row["task"]: row["seeds"] for row in result["training"]}
    runs = ", ".join(f"{count} seeds of `{task}`" for task, count in seeds.items())
    versions = ", ".join(f"{name} {value}" for name, value in result["versions"].items())
    return (
        f"{result['lanes']} lanes; tensors rounded by `{result['rule']}`, captured at learning "
        f"rate 2^{_exponent(result['capture_lr'])}, seed 0; generator `{result['generator']}`; "
        f"{result['stream_bits']} bits a stream; trainings: {runs}. Made with {versions}."
    )


def _drawn(figure: Any) -> str:
    text = io.StringIO()
    figure.savefig(text, format="svg", metadata={"Date": None, "Creator": "esru"})
    return text.getvalue()


def draw_p_up(result: Json) -> str:
    """Return the picture of P(up | fraction) as SVG text."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib.figure import Figure

    with matplotlib.rc_context({"svg.hashsalt": "esru", "svg.fonttype": "none"}):
        figure = Figure(figsize=(9, 6), layout="constrained")
        grid = figure.subplots(2, 3, sharex=True, sharey=True)
        for axes, (run, tensor, title) in zip(grid.flat, _PANELS, strict=True):
            chosen = [r for r in result["tensors"] if (r["run"], r["tensor"]) == (run, tensor)]
            ideal = chosen[0]["ideal"]
            at = [i / len(ideal) for i in range(len(ideal))]
            axes.plot(at, ideal, color="#b0b0b0", linewidth=4, label="ideal words")
            for row in chosen:
                values = [float("nan") if p is None else p for p in row["p_up"]]
                axes.plot(
                    at, values, color=_COLORS[row["source"]], marker=_MARKERS[row["source"]],
                    markersize=4, linewidth=0.9, label=row["source"],
                )  # fmt: skip
            axes.set_title(title, fontsize=10)
        for axes in grid[1]:
            axes.set_xlabel("fraction's top 3 bits, in ulp")
        for axes in grid[:, 0]:
            axes.set_ylabel("P(up | fraction)")
        grid[0, 0].legend(fontsize=8, loc="upper left")
        return _drawn(figure)


def draw_accuracy(result: Json) -> str:
    """Return the picture of accuracies against the dropped bits as SVG text."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib.figure import Figure

    rows = [row for row in result["training"] if row["task"] == "digits-mlp"]
    rates = list(dict.fromkeys(row["lr"] for row in rows))
    with matplotlib.rc_context({"svg.hashsalt": "esru", "svg.fonttype": "none"}):
        figure = Figure(figsize=(9, 4), layout="constrained")
        for axes, lr in zip(figure.subplots(1, len(rates)), rates, strict=True):
            here = [row for row in rows if row["lr"] == lr]
            for source in SOURCES:
                own = [row for row in here if row["source"] == source]
                axes.errorbar(
                    [row["dropped"] for row in own],
                    [row["less_reference"]["mean"] for row in own],
                    yerr=[row["less_reference"]["sd"] for row in own],
                    color=_COLORS[source], marker=_MARKERS[source], markersize=4, linewidth=0.9,
                    capsize=2, label=source,
                )  # fmt: skip
            for name, style in (("nearest", ":"), (GENERATOR, "--")):
                (line,) = [row["less_reference"]["mean"] for row in here if row["name"] == name]
                axes.axhline(line, color="#000000", linestyle=style, linewidth=0.9, label=name)
            axes.set_title(f"learning rate 2^{_exponent(lr)}", fontsize=10)
            axes.set_xticks(sorted({row["dropped"] for row in here if row["source"] in SOURCES}))
            axes.set_xlabel("dropped bits D of the unit's input")
            axes.set_yscale("symlog", linthresh=2)
            axes.set_ylim(-60, 2)
            axes.set_yticks([-50, -20, -10, -5, -2, -1, 0, 1])
            axes.set_yticklabels(["-50", "-20", "-10", "-5", "-2", "-1", "0", "+1"])
        figure.axes[0].set_ylabel("accuracy less the reference's, points")
        handles, labels = figure.axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, fontsize=8, loc="outside lower center", ncols=len(labels))
        return _drawn(figure)


def generated() -> dict[Path, str]:
    """Return the page with every generated part filled in, and the pictures."""
    result = read()
    parts = {
        "facts": facts(result),
        "excess": excess(result),
        "words": words(result),
        "dependence": dependence(result),
        "streams": streams(result),
        "training": training(result),
    }
    return {PAGE: fill(PAGE, parts), P_UP: draw_p_up(result), ACCURACY: draw_accuracy(result)}


if __name__ == "__main__":
    raise SystemExit(refresh(__doc__, generated))
