"""The picture of a design's rounding: P(up) and bias over the fraction. Data and drawing apart."""

from __future__ import annotations

import io
from dataclasses import dataclass

from esru.design import Design
from esru.design_text import short_design
from esru.quality import listed_probabilities, quality

#: Fractions drawn, at most.
DRAWN = 1024


@dataclass(frozen=True)
class Curve:
    """What is drawn of a design.

    Attributes
    ----------
    design : str
    fractions : tuple of float
        The top n dropped bits, in ulp, ascending.
    up : tuple of float
        P(up) at each, over the whole period.
    exact : bool
        Whether all 2^n fractions are there.
    period : int
        Words of the source; 0 if it makes none itself.
    mean, max, rms : float
        Biases over all fractions, ulp.
    dead_zone : float
        The least fraction that is ever rounded up, in ulp; 1: none is.
    """

    design: str
    fractions: tuple[float, ...]
    up: tuple[float, ...]
    exact: bool
    period: int
    mean: float
    max: float
    rms: float
    dead_zone: float


def curve(design: Design) -> Curve:
    """Return the picture's data."""
    fractions, up = listed_probabilities(design, DRAWN)
    found = quality(design)
    return Curve(
        str(design),
        tuple(f / (1 << design.n) for f in fractions),
        tuple(map(float, up)),
        len(fractions) == 1 << design.n,
        found.period,
        float(found.bias.mean),
        float(found.bias.max),
        found.bias.rms,
        float(found.dead_zone),
    )


_UP = "#1f77b4"
_IDEAL = "#2ca02c"
_BIAS = "#d62728"
_DEAD = "#b0b0b0"


def draw_curve(data: Curve, form: str = "svg") -> bytes:
    """Return the picture as SVG or PNG, the same bytes for the same data.

    Parameters
    ----------
    data : Curve
        What `curve` returned.
    form : str
        ``svg`` or ``png``.
    """
    import matplotlib

    matplotlib.use("agg")
    from matplotlib.figure import Figure

    with matplotlib.rc_context({"svg.hashsalt": "esru", "svg.fonttype": "none"}):
        figure = Figure(figsize=(7, 6), layout="constrained")
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
        edges = [*data.fractions, 1.0]
        top.plot((0, 1), (0, 1), color=_IDEAL, linewidth=1, linestyle="--", label="ideal")
        top.stairs(data.up, edges, baseline=None, color=_UP, linewidth=1.4, label="P(up)")
        zone = f"dead zone, below {data.dead_zone:.4g} ulp"
        for axes in (top, bottom):
            axes.axvspan(0, data.dead_zone, color=_DEAD, alpha=0.35, linewidth=0, label=zone)
            axes.grid(color="#e0e0e0", linewidth=0.5)
            axes.set_axisbelow(True)
        top.set_ylabel("P(up)")
        top.set_ylim(-0.02, 1.02)
        top.set_title(f"{short_design(data.design)}: exact {_span(data.period)}", fontsize=11)
        top.legend(loc="upper left", fontsize=8)
        bias = [up - f for f, up in zip(data.fractions, data.up, strict=True)]
        bottom.axhline(0, color=_IDEAL, linewidth=1, linestyle="--")
        bottom.stairs(bias, edges, baseline=None, color=_BIAS, linewidth=1.2)
        bottom.axhline(data.mean, color="#000000", linewidth=0.8, linestyle=":")
        bottom.set_ylabel("bias, ulp")
        bottom.set_xlim(0, 1)
        shown = "" if data.exact else f" ({len(data.fractions)} of them drawn)"
        bottom.set_xlabel(
            f"fraction, ulp{shown}; bias: mean {data.mean:+.3g} (dotted), "
            f"greatest {data.max:.3g}, rms {data.rms:.3g} ulp"
        )
        sink = io.BytesIO()
        metadata = {"Date": None, "Creator": "esru"} if form == "svg" else {"Software": "esru"}
        figure.savefig(sink, format=form, metadata=metadata, dpi=120)
    return sink.getvalue()


def _span(period: int) -> str:
    if not period:
        return "for uniform words"
    return "over its period of " + ("1 word" if period == 1 else f"{period} words")
