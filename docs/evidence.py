"""Generate the tables and pictures of docs/evidence.md and docs/evidence-rows.md.

Run as ``python docs/evidence.py`` to rewrite them, ``--check`` to see whether they are fresh. The
result file is what ``python benchmarks/evidence.py`` wrote.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from esru.design import ALIASES, parse
from esru.evidence.claims import claims
from esru.evidence.rows import Json, cell, control_line, grouped, rate_text
from esru.report.fresh import fill, refresh
from esru.report.panels import Line, Panel, Picture, draw_panels
from esru.report.tables import markdown
from esru.resonance import Resonance, resonances

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "docs" / "results"
RESULT = RESULTS / "evidence.json"
PAGE = ROOT / "docs" / "evidence.md"
ROWS = ROOT / "docs" / "evidence-rows.md"

RULES = ("zero", "half", "nearest", "replicate", "select")

PAPERS = ALIASES["papers"]
#: Studies of the page's tables that are named otherwise.
STUDIES = {
    "three bits": "bits",
    "registers, one step": "registers",
    "resonance of papers": "resonance",
}
ONE_STEP = ("zero, one step", "half, one step")

#: Ticks of differences that range from a fraction of a point to nearly all of them.
_POINTS = (-80, -40, -20, -10, -5, -2, -1, 0, 1, 2, 5)


def read() -> Json:
    """Return the result file's content."""
    return dict(json.loads(RESULT.read_text(encoding="utf-8")))


def table(
    study: Json, chosen: Callable[[Json], bool] = lambda row: True, against: bool = False
) -> str:
    """Return a study's rows, the learning rates beside each other."""
    lines = []
    rates: list[float] = []
    for rows in grouped(study, chosen):
        first = rows[0]
        rates = [row["lr"] for row in rows]
        name = f"`{first['trained']}`" if ":" in first["trained"] else first["series"]
        if "; " in first["trained"] or first["series"].startswith("with"):
            name = first["series"]
        cells = [name]
        if "C" in first:
            cells.append(f"{first['schedule'].partition(':')[0]}, {first['C']}, {first['gcd']}")
        if against:
            cells.append(partner(first))
        lines.append([*cells, *(cell(row, study["task"]) for row in rows)])
    head = ["what rounds"] + ["schedule, C, gcd"] * (len(lines[0]) - len(rates) - 1 - against)
    head += ["less"] * against + [rate_text(rate) for rate in rates]
    # A row without a design has no cycles of its own.
    width = max(map(len, lines))
    if any(len(line) < width for line in lines):
        head.insert(1, "schedule, C, gcd")
        lines = [line if len(line) == width else [line[0], "-", *line[1:]] for line in lines]
    return markdown((head, lines))


def partner(row: Json) -> str:
    """Return what a row's difference is to, in a word."""
    if row["against"] == "float32":
        return "float32"
    return "the same, nearest" if "; " in row["against"] else f"`{row['against']}`"


def beside(study: Json, lines: str) -> str:
    """Return a table with the controls of its study's task below it."""
    path = RESULTS / f"controls-{study['task']}.json"
    return f"{lines}\n\n{control_line(json.loads(path.read_text(encoding='utf-8')))}"


def three_bits(result: Json) -> str:
    """Return every rule and source at k = 3."""
    return table(result["studies"]["bits"], lambda row: row["at"] == 3)


def naive(result: Json) -> str:
    """Return the direct differences at k = 3."""
    wanted = ("plateau less lfsr", "debruijn less lfsr", "plateau less long")
    study = result["studies"]["naive"]
    lines = []
    for rows in grouped(study, lambda row: row["at"] == 3 and row["series"].endswith(wanted)):
        rule, _, what = rows[0]["series"].partition(", ")
        lines.append([f"`{rule}`", what, *(cell(row, study["task"], mean=False) for row in rows)])
    rates = [rate_text(row["lr"]) for row in rows]
    return markdown((["rule", "difference", *rates], lines))


@cache
def predicted() -> dict[tuple[str, int], Resonance]:
    """Return what the exact model says of each unit and gcd of the study."""
    units = {row["trained"] for row in read()["studies"]["resonance"]["rows"]}
    return {(text, r.gcd): r for text in sorted(units) for r in resonances(parse(text))}


def resonance(result: Json, chosen: Callable[[Json], bool] = lambda row: True) -> str:
    """Return accuracy by gcd, with the exact classes beside it."""
    study = result["studies"]["resonance"]
    known = predicted()
    lines = []
    for rows in grouped(study, chosen):
        first = rows[0]
        of = known[first["trained"], first["gcd"]]
        assert of.bias is not None and of.dead_zone is not None
        exact = [f"{float(of.bias.mean):+.3f}", f"{float(of.dead_zone):.3f}"]
        place = [f"`{first['series']}`", str(first["C"]), str(of.gcd), str(of.words)]
        lines.append([*place, *exact, *(cell(row, study["task"]) for row in rows)])
    head = ["unit", "C", "gcd", "words", "mean bias", "dead zone"]
    return markdown((head + [rate_text(row["lr"]) for row in rows], lines))


def rank_correlation(result: Json, rule: str = "") -> dict[float, float]:
    """Return Spearman's correlation of the worst mean bias and the loss, by learning rate."""
    from scipy import stats

    known = predicted()
    found: dict[float, list[tuple[float, float]]] = {}
    for row in result["studies"]["resonance"]["rows"]:
        if rule in row["series"]:
            bias = known[row["trained"], row["gcd"]].bias
            assert bias is not None
            found.setdefault(row["lr"], []).append((abs(float(bias.mean)), -row["diff"]))
    return {
        lr: float(stats.spearmanr(*zip(*pairs, strict=True)).statistic)
        for lr, pairs in found.items()
    }


def correlation(result: Json) -> str:
    """Return the rank correlations as a sentence."""
    found = rank_correlation(result)
    parts = ", ".join(f"{value:.2f} at {rate_text(lr)}" for lr, value in found.items())
    return f"Rank correlation of the worst class's |mean bias| and the loss: {parts}."


def statements(result: Json) -> str:
    """Return what the papers say, how it was read, and what came out."""
    lines = []
    said = ""
    for claim in claims():
        rows = claim.rows(result)
        task = result["studies"][claim.study]["task"]
        cells = [f"{cell(row, task, mean=False)}, {claim.judged(row)}" for row in rows]
        statement = "" if claim.statement == said else claim.statement
        said = claim.statement
        lines.append([statement, claim.reading, *cells, claim.verdict(rows)])
    head = ["statement", "read as", *(rate_text(row["lr"]) for row in rows), "comes out"]
    return markdown((head, lines))


def facts(result: Json) -> str:
    """Return what the figures were made with."""
    seeds = ", ".join(f"{study['seeds']} ({name})" for name, study in result["studies"].items())
    versions = ", ".join(f"{name} {value}" for name, value in result["versions"].items())
    return f"Seeds by study: {seeds}. Made with {versions}."


def _line(label: str, rows: Iterable[Json], xs: Sequence[float], **how: Any) -> Line:
    found = list(rows)
    group = label.removesuffix(", natural").removesuffix(", worst")
    return Line(label, group, xs, [r["diff"] for r in found], [r["diff_sd"] for r in found], **how)


def draw_bits(result: Json) -> str:
    """Return the picture of accuracy against k as SVG text; its deviations are in the table."""
    study = result["studies"]["bits"]
    rates = sorted({row["lr"] for row in study["rows"]}, reverse=True)
    grid = []
    for lr in rates:
        panels = []
        for rule in RULES:
            lines = []
            for rows in _series(study, lr):
                of, _, source = rows[0]["series"].partition(", ")
                if of == rule:
                    schedule, xs = rows[0]["schedule"], [row["at"] for row in rows]
                    label = f"{source}, {schedule}"
                    lines.append(
                        replace(_line(label, rows, xs, dashed=schedule == "worst"), errors=())
                    )
            panels.append(Panel(f"{rule}, {rate_text(lr)}", lines))
        grid.append(panels)
    ticks = {float(k): str(k) for k in range(9)}
    return draw_panels(
        Picture(
            grid, "random bits k", "accuracy less the reference's, points", ticks, _POINTS,
            size=(12, 8), limits=(-90, 6),
        )
    )  # fmt: skip


def draw_naive(result: Json) -> str:
    """Return the picture of plain register, plateau and uniform register, without resonance."""
    study = result["studies"]["naive"]
    rates = sorted({row["lr"] for row in study["rows"]}, reverse=True)
    grid = []
    for lr in rates:
        series = {rows[0]["series"]: rows for rows in _series(study, lr)}
        panels = []
        for rule in RULES[:4]:
            own = [(name, series[f"{rule}, {name}"]) for name in ("lfsr", "plateau", "debruijn")]
            lines = [_line(name, rows, [row["at"] for row in rows]) for name, rows in own]
            panels.append(Panel(f"{rule}, {rate_text(lr)}", lines))
        grid.append(panels)
    return draw_panels(
        Picture(
            grid, "random bits k", "accuracy less the reference's, points",
            {float(k): str(k) for k in (2, 3, 4)}, _POINTS, size=(10, 8), limits=(-90, 6),
        )
    )  # fmt: skip


def draw_tensors(result: Json) -> str:
    """Return the picture of accuracy by the tensor that is rounded and its bits, with a copy."""

    def lines(rows: list[Json]) -> list[Line]:
        (float32,) = [row for row in rows if row["series"] == "float32"]
        found = [Line("float32", "float32", [2, 8], [float32["mean"]] * 2, [])]
        for how in ("nearest", "stochastic"):
            for i, kind in enumerate(("weights", "activations", "gradients")):
                own = [
                    row
                    for row in rows
                    if row["series"].startswith(f"with a copy, {kind} ")
                    and row["series"].endswith(how)
                ]
                xs = [row["at"] + 0.12 * (i - 1) for row in own]
                ys, errors = [row["mean"] for row in own], [row["sd"] for row in own]
                found.append(Line(f"{kind}, {how}", kind, xs, ys, errors, dashed=how == "nearest"))
        return found

    return _by_rate(
        result["studies"]["tensors"], lines, linear=0.0, yticks=range(82, 98, 2), limits=(80, 97.5),
        xlabel="bits of the tensor that is rounded", ylabel="accuracy, %", size=(10, 4.4),
        ticks={2.0: "2", 4.0: "4", 8.0: "8"}, columns=4,
    )  # fmt: skip


def _by_rate(study: Json, lines: Callable[[list[Json]], list[Line]], **how: Any) -> str:
    rates = sorted({row["lr"] for row in study["rows"]}, reverse=True)
    panels = [
        Panel(f"learning rate {rate_text(lr)}", lines([r for r in study["rows"] if r["lr"] == lr]))
        for lr in rates
    ]
    return draw_panels(Picture([panels], **how))


def draw_resonance(result: Json) -> str:
    """Return the picture of accuracy against the words of a class."""
    known = predicted()

    def lines(rows: list[Json]) -> list[Line]:
        found = []
        for series in dict.fromkeys(row["series"] for row in rows):
            own = [row for row in rows if row["series"] == series]
            xs = [known[row["trained"], row["gcd"]].words for row in own]
            found.append(_line(series, own, xs, dashed=":select:" in series))
        return found

    return _by_rate(
        result["studies"]["resonance"], lines, log_x=True, yticks=_POINTS, limits=(-60, 3),
        xlabel="words that a weight sees: period / gcd(C, period)",
        ylabel="accuracy less the reference's, points", size=(11, 4.4),
        ticks={float(1 << i): str(1 << i) for i in range(0, 9)},
    )  # fmt: skip


def draw_sharing(result: Json) -> str:
    """Return the picture of accuracy against the lanes that share a source: units, lane maps."""
    study = result["studies"]["sharing"]
    rates = sorted({row["lr"] for row in study["rows"]}, reverse=True)
    grid = []
    for kind, mapped in (("units", False), ("lane maps of 4:4:zero:lfsr13", True)):
        panels = []
        for lr in rates:
            lines = []
            for rows in _series(study, lr):
                name, schedule = rows[0]["series"], rows[0]["schedule"]
                if ("4:4:zero" in name) != mapped:
                    continue
                label = name.rpartition(", ")[2] if mapped else name
                label += ", worst" if schedule == "worst" else ""
                xs = [row["at"] for row in rows]
                lines.append(_line(label, rows, xs, dashed=schedule == "worst"))
            panels.append(Panel(f"{kind}, {rate_text(lr)}", lines))
        grid.append(panels)
    return draw_panels(
        Picture(
            grid, "lanes that share one source, of 256", "accuracy less the reference's, points",
            {float(1 << i): str(1 << i) for i in range(9)}, _POINTS, log_x=True, size=(11, 7),
            limits=(-40, 3), columns=5,
        )
    )  # fmt: skip


def _series(study: Json, lr: float) -> list[list[Json]]:
    """Return the rows of each series and schedule at a learning rate."""
    found: dict[tuple[str, str], list[Json]] = {}
    for row in study["rows"]:
        if row["lr"] == lr:
            found.setdefault((row["series"], row["schedule"]), []).append(row)
    return list(found.values())


def draw_formats(result: Json) -> str:
    """Return the picture of accuracy by the format that weights are stored in."""
    study = result["studies"]["formats"]
    study = study | {"rows": [row for row in study["rows"] if row["schedule"] == "natural"]}
    names = list(dict.fromkeys(r["series"].partition(", ")[0] for r in study["rows"]))[1:]

    def lines(rows: list[Json]) -> list[Line]:
        found = []
        for i, label in enumerate(("nearest", "reference", "winner", "papers")):
            own = [row for row in rows if row["series"].endswith(f", {label}")]
            xs = [place + 0.15 * (i - 1.5) for place in range(len(own))]
            found.append(_line(label, own, xs, joined=False))
        return found

    short = [f"int{n[1]}" if n.startswith("s") else n.removeprefix("ocp_") for n in names]
    return _by_rate(
        study, lines, yticks=_POINTS, limits=(-95, 6), size=(12, 4.2),
        xlabel="format that weights are stored in", ylabel="accuracy less float32's, points",
        ticks=dict(enumerate(short)),
    )  # fmt: skip


#: What draws each picture.
PICTURES = {
    "bits": draw_bits,
    "naive": draw_naive,
    "tensors": draw_tensors,
    "resonance": draw_resonance,
    "sharing": draw_sharing,
    "formats": draw_formats,
}


def picture(name: str) -> Path:
    """Return a picture's file."""
    return ROOT / "docs" / f"evidence-{name}.svg"


def pages(result: Json) -> dict[Path, str]:
    """Return the pages with every generated part filled in."""
    studies = result["studies"]
    tables = {
        "three bits": three_bits(result),
        "registers, one step": table(studies["registers"], lambda row: row["series"] in ONE_STEP),
        "families": table(studies["families"], lambda row: row["schedule"] == "natural"),
        "naive": naive(result),
        "resonance of papers": resonance(result, lambda row: row["series"] == PAPERS),
        "digits-cnn": table(studies["digits-cnn"]),
        "chars-transformer": table(studies["chars-transformer"]),
        "fp4-transformer": table(studies["fp4-transformer"]),
    }
    short = {name: beside(studies[STUDIES.get(name, name)], part) for name, part in tables.items()}
    short |= {
        "facts": facts(result),
        "statements": statements(result),
        "correlation": correlation(result),
        # It has controls among its rows, as `formats` has.
        "tensors": table(studies["tensors"], against=True),
    }
    long = {name: table(studies[name]) for name in ("bits", "registers", "families", "sharing")}
    long["resonance"] = resonance(result)
    long = {name: beside(studies[name], part) for name, part in long.items()}
    long["formats"] = table(studies["formats"])
    return {PAGE: fill(PAGE, short), ROWS: fill(ROWS, long)}


def generated() -> dict[Path, str]:
    """Return the pages and the pictures."""
    result = read()
    return pages(result) | {picture(name): draw(result) for name, draw in PICTURES.items()}


if __name__ == "__main__":
    raise SystemExit(refresh(__doc__, generated))
