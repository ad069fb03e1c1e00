"""Exact properties of one design: period, bias, dead zone, P(up), correlations, resonance."""

from __future__ import annotations

import argparse
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esru.cli.binades import binade_rows, print_binades
from esru.cli.terminal import (
    add_design,
    add_json,
    emit_json,
    note,
    print_table,
    progress,
    read_design,
)
from esru.design import Design
from esru.design_text import copied_design, short_design
from esru.errors import InputError
from esru.sources.settings import GIVEN

if TYPE_CHECKING:
    from esru.quality import Quality
    from esru.resonance import Resonance

#: P(up) is listed for as many fractions; beyond, for evenly spaced ones.
LISTED = 256

#: Sums whose variance is shown, and distances whose correlation is.
ROUNDINGS = (32, 1024)
LAGS = 16

#: Lanes whose correlation is shown where each has a source of its own.
OWN_SOURCES = 8

#: Rows of the tables on a terminal; --json has all.
CLASSES_SHOWN = 16
LANES_SHOWN = 8


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_design(parser)
    parser.add_argument(
        "--plot", metavar="FILE", type=Path,
        help="draw P(up) against the ideal, bias and dead zone (FILE ends in .svg or .png)",
    )  # fmt: skip
    parser.add_argument(
        "--lanes", metavar="M", type=int,
        help="lanes whose correlation is shown, a multiple of the lanes that share a source "
        "(default: the lanes of one source; 8 if each has its own)",
    )  # fmt: skip
    parser.add_argument("--force", action="store_true", help="replace the picture that is there")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print a design's exact properties."""
    from esru.emulate.stream import Array

    design = read_design(args.design)
    if args.plot is not None:
        _check_plot(args.plot, args.force)
    lanes = args.lanes or (design.lanes if design.lanes > 1 else OWN_SOURCES)
    Array(design, lanes)  # refuses lanes that do not fit
    exact, content, classes = _content(design, lanes, None if args.json else CLASSES_SHOWN)
    if args.json:
        import numpy

        from esru import __version__

        emit_json("show", {"esru": __version__, "numpy": numpy.__version__}, content)
    else:
        _print(design, exact, content, classes)
    if args.plot is not None:
        _plot(design, args.plot)
    untrained = design.floats or design.source in GIVEN
    told = copied_design(design)
    trained = "" if untrained else f" or esru train {told}"
    note(f"next: esru gen {told}, esru cost {told}{trained}")
    return 0


def _check_plot(path: Path, force: bool) -> None:
    if path.suffix not in (".svg", ".png"):
        raise InputError.must("Picture", "a file that ends in .svg or .png", path)
    from esru.flow.output import refuse

    refuse(path.parent, [path.name], force)


def _plot(design: Design, path: Path) -> None:
    from esru.flow.output import beside
    from esru.report.curve import curve, draw_curve

    picture = draw_curve(curve(design), path.suffix[1:])
    with beside(path.parent) as place:
        (place / path.name).write_bytes(picture)
    note(f"wrote {path}")


def _content(
    design: Design, lanes: int, most: int | None
) -> tuple[Quality | None, dict[str, Any], list[Resonance]]:
    """Return a design's sums, what --json prints, and the classes of `most` gcds (None: all)."""
    from esru.lane_correlation import lane_correlation
    from esru.quality import (
        lag_correlations,
        listed_probabilities,
        quality,
        summable,
        variance_inflation,
    )
    from esru.resonance import resonances
    from esru.sources import source_model

    label = f"exact sums over the period of {short_design(design)}"
    with progress(label) as step:
        step(0, 5)
        exact = quality(design) if summable(design) else None
        up = listed_probabilities(design, LISTED)[1] if exact else []
        step(1, 5)
        variance = {}
        for roundings in ROUNDINGS:
            variance[str(roundings)] = _finite(variance_inflation(design, roundings))
        step(2, 5)
        lags = [_finite(value) for value in lag_correlations(design, LAGS)]
        step(3, 5)
        # Given words have no period: how they hang together is not the design's matter.
        period = source_model(design).period
        matrix = lane_correlation(design, lanes).tolist() if period else None
        step(4, 5)
    with progress(f"resonance classes of {short_design(design)}") as step:
        classes = resonances(design, step, most)
    content: dict[str, Any] = {
        "design": str(design),
        "id": design.id,
        "behaviour": design.behaviour,
        "period": period or None,
        "bias": {
            "mean": float(exact.bias.mean) if exact else None,
            "max": float(exact.bias.max) if exact else None,
            "rms": exact.bias.rms if exact else None,
        },
        "dead_zone": float(exact.dead_zone) if exact else None,
        "p_up": [float(probability) for probability in up],
        "variance": variance,
        "lags": lags,
        "lanes": {
            "lanes": lanes,
            "correlation": matrix and [[_finite(value) for value in row] for row in matrix],
        },
        "classes": [
            {
                "gcd": entry.gcd,
                "words": entry.words,
                "mean": None if entry.bias is None else float(entry.bias.mean),
                "max": None if entry.bias is None else float(entry.bias.max),
                "rms": None if entry.bias is None else entry.bias.rms,
                "dead_zone": None if entry.dead_zone is None else float(entry.dead_zone),
            }
            for entry in classes
        ],
    }
    content |= {"binades": binade_rows(design)} if design.floats and exact else {}
    return exact, content, classes


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None


def _print(
    design: Design, exact: Quality | None, content: dict[str, Any], classes: list[Resonance]
) -> None:
    from esru.sources.settings import structure

    rows = [
        ["id", design.id],
        ["behaviour", f"{design.behaviour} ({short_design(design.canonical())})"],
        ["formats", f"{design.input} in, {design.out_format} out, {design.dropped} dropped bits"],
        ["period", str(content["period"] or "none: taken for uniform words")],
    ]
    if exact:
        rows += [
            ["mean bias", f"{exact.bias.mean} ulp ({float(exact.bias.mean):+.3g})"],
            ["greatest bias", f"{float(exact.bias.max):.3g} ulp"],
            ["rms bias", f"{exact.bias.rms:.3g} ulp"],
            ["dead zone", f"{exact.dead_zone} ulp: smaller fractions are never rounded up"],
        ]
    if found := structure(design):
        rows.insert(3, found)
    for roundings, value in content["variance"].items():
        text = "-" if value is None else f"{value:.3g} times that of independent roundings"
        rows.append([f"variance, sum of {roundings}", text])
    for first in range(0, LAGS, LAGS // 2):
        some = content["lags"][first : first + LAGS // 2]
        text = "-" if None in some else " ".join(f"{value:+.3f}" for value in some)
        rows.append([f"correlation, lags {first + 1} to {first + len(some)}", text])
    print_table(["property", "value"], rows)
    _print_left_out(design, content)
    if design.floats and exact:
        print_binades(design, content["binades"])
    _print_lanes(design, content["lanes"]["correlation"] or [])
    if classes:
        _print_classes(classes, content["period"])


def _print_left_out(design: Design, content: dict[str, Any]) -> None:
    """Say why something was not summed up, if anything was not."""
    from esru.quality import MOST_RANDOM_BITS, summable
    from esru.sources.register import TABLE_PERIOD

    if not summable(design):
        print(
            f"\nNo bias and no P(up): sums are over all words, of at most {MOST_RANDOM_BITS} bits."
        )
    if (content["period"] or 0) > TABLE_PERIOD:
        print(f"\n-: a sum over a whole period, which is above {TABLE_PERIOD} words here.")


def _print_lanes(design: Design, matrix: list[list[float | None]]) -> None:
    lanes = len(matrix)
    found = [
        (value, i, j) for i, row in enumerate(matrix) for j, value in enumerate(row[:i])
        if value is not None
    ]  # fmt: skip
    if not found:
        return
    shared = f"{design.lanes} to a source" if design.lanes > 1 else "a source each"
    value, i, j = max(found, key=lambda entry: abs(entry[0]))
    mean = sum(entry[0] for entry in found) / len(found)
    print(
        f"\nCorrelation of {lanes} lanes, {shared}: mean {mean:+.4f}, greatest {value:+.4f} "
        f"(lanes {j} and {i})"
    )
    if lanes <= LANES_SHOWN:
        print()
        table = [
            [str(i), *("-" if value is None else f"{value:+.3f}" for value in row)]
            for i, row in enumerate(matrix)
        ]
        print_table(["lane", *map(str, range(lanes))], table)


def _print_classes(classes: list[Resonance], period: int) -> None:
    from esru.resonance import resonance_classes

    print("\nWords that a weight sees which meets the unit every C cycles; worst biases, ulp\n")
    table = []
    for entry in classes:
        row = [str(entry.gcd), str(entry.words)]
        if entry.bias is None or entry.dead_zone is None:
            row += ["-"] * 4
        else:
            row += [f"{float(entry.bias.mean):+.3g}", f"{float(entry.bias.max):.3g}"]
            row += [f"{entry.bias.rms:.3g}", f"{float(entry.dead_zone):.3g}"]
        table.append(row)
    header = ["gcd(C, period)", "words", "mean", "greatest", "rms", "dead zone"]
    print_table(header, table)
    if left := len(resonance_classes(period)) - len(classes):
        print(f"... and {left} more classes (--json has all)")
