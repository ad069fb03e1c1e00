"""The front's picture: cost against loss of accuracy. Data and drawing are apart."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

from esru.design_text import short_design
from esru.report.tables import row_cost, unit

Json = dict[str, Any]


@dataclass(frozen=True)
class Point:
    """One design in the picture.

    Attributes
    ----------
    design : str
    kind : str
        ``winner``, ``front``, ``papers``, ``papers-zero``, ``reference`` or ``dominated``.
    cost : float
        Objective per lane.
    loss, low, high : float
        Mean loss in the worst cell tested, in the unit of the tasks, and its 95 % interval.
    """

    design: str
    kind: str
    cost: float
    loss: float
    low: float
    high: float


def front_points(result: Json) -> list[Point]:
    """Return the points of the picture from a search's JSON."""
    on_front = set(result["front"])
    winner = None if result["winner"] is None else result["winner"]["id"]
    named = {result[key]["behaviour"]: key.replace("_", "-") for key in ("papers", "papers_zero")}
    where = (result["target"], result["boundary"], result["objective"])
    rows = {row["behaviour"]: row for row in result["rows"]}
    for key in ("papers", "papers_zero"):
        shown, behaviour = result[key], result[key]["behaviour"]
        # Raced beside: from the start, or on from where the race had left it.
        if behaviour not in rows or rows[behaviour]["loss"] != shown["loss"]:
            rows[behaviour] = shown
    points = []
    for row in rows.values():
        cost = row_cost(row, *where)
        if row["loss"] is None or cost is None:
            continue
        kind = "front" if row["id"] in on_front else "dominated"
        kind = named.get(row["behaviour"], kind)
        kind = "winner" if row["id"] == winner else kind
        loss = row["loss"]
        points.append(Point(row["design"], kind, cost, loss["mean"], loss["low"], loss["high"]))
    reference = row_cost(result["reference"], *where)
    if reference is not None:
        points.append(Point(result["reference"]["design"], "reference", reference, 0.0, 0.0, 0.0))
    return points


#: Ticks of losses in points, else in margins: a nat is no hundredth of all there is.
_LOSSES = (-1, 0, 1, 2, 5, 10, 20, 50, 100)
_COSTS = (0, 1, 2, 3, 4, 5, 6, 8, 10, 20, 50, 100)

_STYLE = {
    "dominated": ("#b0b0b0", "o", 3, 1),
    "front": ("#1f77b4", "o", 5, 2),
    "papers": ("#9467bd", "s", 7, 3),
    "papers-zero": ("#8c564b", "D", 6, 3),
    "reference": ("#000000", "^", 8, 3),
    "winner": ("#d62728", "*", 14, 4),
}


def draw_front(points: list[Point], result: Json) -> str:
    """Return the picture as SVG text, the same bytes for the same points."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib.figure import Figure

    with matplotlib.rc_context({"svg.hashsalt": "esru", "svg.fonttype": "none"}):
        figure = Figure(figsize=(8, 5), layout="constrained")
        axes = figure.add_subplot()
        for kind, (color, marker, size, order) in _STYLE.items():
            chosen = [point for point in points if point.kind == kind]
            if not chosen:
                continue
            axes.errorbar(
                [point.cost for point in chosen],
                [point.loss for point in chosen],
                yerr=[
                    [max(point.loss - point.low, 0) for point in chosen],
                    [max(point.high - point.loss, 0) for point in chosen],
                ],
                fmt=marker,
                color=color,
                markersize=size,
                elinewidth=0.8,
                capsize=2,
                linestyle="none",
                zorder=order,
                label=_label(kind, chosen),
            )
        front = sorted((p.cost, p.loss) for p in points if p.kind in ("front", "winner"))
        axes.step(
            [cost for cost, _ in front],
            [loss for _, loss in front],
            where="post",
            color="#1f77b4",
            linewidth=0.8,
        )
        axes.axhline(result["margin"], color="#2ca02c", linewidth=0.9, linestyle="--")
        axes.annotate(
            f"margin {result['margin']:g}",
            (1, result["margin"]),
            xycoords=("axes fraction", "data"),
            ha="right",
            va="bottom",
            color="#2ca02c",
        )
        found = unit(result)
        scale = 1.0 if found == "points" else float(result["margin"])
        axes.set_yscale("symlog", linthresh=2 * scale)
        axes.set_yticks([x * scale for x in _LOSSES], [f"{x * scale:g}" for x in _LOSSES])
        # Wide where the candidates are, narrow on the way to the reference.
        axes.set_xscale("symlog", linthresh=10, linscale=2)
        axes.set_xticks(_COSTS, [str(cost) for cost in _COSTS])
        axes.set_xlim(-0.5, 1.4 * max(point.cost for point in points))
        axes.set_ylim(min([-2.0 * scale, *(point.low for point in points)]), 110 * scale)
        axes.set_xlabel(
            f"{result['objective']} per lane on {result['target']}, boundary {result['boundary']}, "
            f"{result['lanes']} lanes"
        )
        lost = "loss of accuracy" if found == "points" else "loss"
        axes.set_ylabel(f"{lost} in the worst cell tested, {found} (95 % interval)")
        axes.set_title(f"Units of up to {result['bits']} bits against the 24-bit reference")
        axes.legend(loc="upper right", fontsize=8)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": "esru"})
    return text.getvalue()


def _label(kind: str, points: list[Point]) -> str:
    if kind in ("dominated", "front"):
        return f"{kind} ({len(points)})"
    return f"{kind}: {short_design(points[0].design)}"
