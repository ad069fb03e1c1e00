"""Panels of lines beside each other, over one scale of differences. Data and drawing are apart."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

#: Colours that differ on a screen, in print and for the colour-blind (Okabe and Ito).
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#000000", "#e69f00", "#56b4e9", "#7f7f7f")
MARKERS = "osD^vPX*"


@dataclass(frozen=True)
class Line:
    """One line: places, values, and how far each may be off.

    Attributes
    ----------
    label : str
        What the legend calls it.
    group : str
        Lines of one group have one colour and marker, in every panel.
    xs, ys, errors : sequence of float
        Of each point; the errors go both ways, and there may be none.
    dashed : bool
        Drawn broken, with open markers.
    joined : bool
        Whether the points are one line at all.
    """

    label: str
    group: str
    xs: Sequence[float]
    ys: Sequence[float]
    errors: Sequence[float]
    dashed: bool = False
    joined: bool = True


@dataclass(frozen=True)
class Panel:
    """One set of axes."""

    title: str
    lines: Sequence[Line]


@dataclass(frozen=True)
class Picture:
    """What is drawn.

    Attributes
    ----------
    panels : sequence of sequence of Panel
        Rows of panels.
    xlabel, ylabel : str
        Of the whole picture.
    ticks : dict of float to str
        Places of the x axis, with their names.
    yticks : sequence of float
        Of a scale that is linear up to `linear` on both sides of 0 and logarithmic beyond.
    linear : float
        See there; 0: linear throughout.
    log_x : bool
        Whether the x axis is logarithmic, with base 2.
    size : tuple of float
        In inches.
    limits : tuple of float
        Ends of the y axis.
    columns : int
        Of the legend, at most.
    """

    panels: Sequence[Sequence[Panel]]
    xlabel: str
    ylabel: str
    ticks: dict[float, str]
    yticks: Sequence[float]
    linear: float = 1.0
    log_x: bool = False
    size: tuple[float, float] = (10.0, 4.0)
    limits: tuple[float, float] = (-100.0, 10.0)
    columns: int = 6


def draw_panels(picture: Picture) -> str:
    """Return the picture as SVG text, the same bytes for the same data."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib.figure import Figure

    groups = dict.fromkeys(
        line.group for row in picture.panels for panel in row for line in panel.lines
    )
    styles = {
        group: (COLORS[i % len(COLORS)], MARKERS[i % len(MARKERS)])
        for i, group in enumerate(groups)
    }
    with matplotlib.rc_context({"svg.hashsalt": "esru", "svg.fonttype": "none"}):
        figure = Figure(figsize=picture.size, layout="constrained")
        shape = len(picture.panels), len(picture.panels[0])
        grid = figure.subplots(*shape, sharex=True, sharey=True, squeeze=False)
        for cells, panels in zip(grid, picture.panels, strict=True):
            for axes, panel in zip(cells, panels, strict=True):
                for line in panel.lines:
                    color, marker = styles[line.group]
                    axes.errorbar(
                        line.xs, line.ys, yerr=line.errors or None, color=color, marker=marker,
                        markersize=4, linewidth=1, elinewidth=0.6, label=line.label,
                        linestyle=("--" if line.dashed else "-") if line.joined else "none",
                        markerfacecolor="#ffffff" if line.dashed else color,
                    )  # fmt: skip
                axes.axhline(0, color="#808080", linewidth=0.8, linestyle=":")
                axes.set_title(panel.title, fontsize=10)
                axes.grid(color="#e0e0e0", linewidth=0.5)
                axes.set_axisbelow(True)
                if picture.log_x:
                    axes.set_xscale("log", base=2)
                if picture.linear:
                    axes.set_yscale("symlog", linthresh=picture.linear)
                axes.set_xticks(list(picture.ticks), list(picture.ticks.values()), fontsize=8)
                axes.minorticks_off()
                axes.set_yticks(picture.yticks, [f"{tick:g}" for tick in picture.yticks])
                axes.set_ylim(*picture.limits)
        figure.supxlabel(picture.xlabel, fontsize=10)
        figure.supylabel(picture.ylabel, fontsize=10)
        found: dict[str, Any] = {}
        for axes in grid.flat:
            for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
                found.setdefault(str(label), handle)
        figure.legend(
            list(found.values()), list(found), fontsize=8, loc="outside upper center",
            ncols=min(len(found), picture.columns),
        )  # fmt: skip
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": "esru"})
    return text.getvalue()
