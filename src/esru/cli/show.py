"""Exact properties of one design: period, bias, dead zone, P(up)."""

from __future__ import annotations

import argparse
from math import isnan

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

#: P(up) is listed for as many fractions; beyond, for evenly spaced ones.
LISTED = 256

#: Sums whose variance is shown.
ROUNDINGS = (32, 1024)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    add_design(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Print a design's exact properties."""
    design = read_design(args.design)
    content = _content(design)
    if args.json:
        import numpy

        from esru import __version__

        emit_json("show", {"esru": __version__, "numpy": numpy.__version__}, content)
        return 0
    _print(design, content)
    trained = "" if design.floats else f" or esru train {design}"
    note(f"next: esru gen {design}, esru cost {design}{trained}")
    return 0


def _content(design: Design) -> dict[str, object]:
    from esru.quality import quality, resonance_classes, variance_inflation
    from esru.rounding import up_counts
    from esru.sources import source_model

    with progress(f"exact sums over the period of {design}") as step:
        step(0, 4)
        found = quality(design)
        step(1, 4)
        counts = up_counts(design)
        words = int(source_model(design).word_counts().sum())
        stride = max(1, (1 << design.n) // LISTED)
        variance = {}
        for index, roundings in enumerate(ROUNDINGS):
            step(2 + index, 4)
            value = variance_inflation(design, roundings)
            variance[str(roundings)] = None if isnan(value) else value
        step(4, 4)
    content: dict[str, object] = {
        "design": str(design),
        "id": design.id,
        "behaviour": design.behaviour,
        "period": found.period,
        "bias": {
            "mean": float(found.bias.mean),
            "max": float(found.bias.max),
            "rms": found.bias.rms,
        },
        "dead_zone": float(found.dead_zone),
        "p_up": [float(count) / words for count in counts[::stride]],
        "variance": variance,
        "classes": [
            {"gcd": shared, "words": seen} for shared, seen in resonance_classes(found.period)
        ],
    }
    return content | ({"binades": binade_rows(design)} if design.floats else {})


def _print(design: Design, content: dict[str, object]) -> None:
    from esru.quality import quality
    from esru.sources.polynomial import format_polynomial

    exact = quality(design)
    rows = [
        ["id", design.id],
        ["behaviour", f"{design.behaviour} ({design.canonical()})"],
        ["formats", f"{design.input} in, {design.out_format} out, {design.dropped} dropped bits"],
        ["period", str(exact.period)],
        ["mean bias", f"{exact.bias.mean} ulp ({float(exact.bias.mean):+.3g})"],
        ["greatest bias", f"{float(exact.bias.max):.3g} ulp"],
        ["rms bias", f"{exact.bias.rms:.3g} ulp"],
        ["dead zone", f"{exact.dead_zone} ulp: smaller fractions are never rounded up"],
    ]
    if design.source != "none":
        rows.insert(3, ["polynomial", format_polynomial(design.taps)])
    variance = content["variance"]
    assert isinstance(variance, dict)
    for roundings, value in variance.items():
        text = "-" if value is None else f"{value:.3g} times that of independent roundings"
        rows.append([f"variance, sum of {roundings}", text])
    print_table(["property", "value"], rows)
    if design.floats:
        print_binades(design, binade_rows(design))
    classes = content["classes"]
    assert isinstance(classes, list)
    print("\nWords that a weight sees which meets the unit every C cycles\n")
    table = [[str(entry["gcd"]), str(entry["words"])] for entry in classes[:16]]
    print_table(["gcd(C, period)", "words"], table)
    if len(classes) > 16:
        print(f"... and {len(classes) - 16} more classes (--json has all)")
