"""A unit's one-page datasheet in Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from esru.boundaries import ACCUMULATORS
from esru.decision_table import SUMMARY
from esru.design import RULES, SOURCES, Design
from esru.flow.targets import caption
from esru.quality import MOST_RANDOM_BITS, quality, summable, variance_inflation
from esru.report.tables import markdown
from esru.sources import source_model
from esru.sources.settings import structure

Json = dict[str, Any]


def datasheet(
    design: Design,
    interface: Json,
    files: Mapping[str, str],
    costs: Mapping[str, Json] | None = None,
) -> str:
    """Return the datasheet.

    Parameters
    ----------
    design : Design
        The unit.
    interface : dict
        What ``interface.json`` holds.
    files : mapping of str to str
        Names of the files beside it, each with what it is.
    costs : mapping of str to dict or None
        Counts per lane by target, as `esru.flow.cost.LaneCost.to_json` returns them.
    """
    lines = [
        f"# {interface['module']}: stochastic rounding unit",
        "",
        f"`{design}`. {_overview(design, interface)}",
        "",
        "![Block diagram](block.svg)",
        "",
        "## Parameters",
        "",
        _table(("parameter", "value"), _parameters(design)),
        "",
        "## Ports",
        "",
        _ports(interface),
        "",
        *_stream(interface),
        "## Timing",
        "",
        _table(("property", "value"), _timing(interface)),
        "",
        "## Rounding",
        "",
        "Exact, over every fraction and the whole period of the source; in units in the last "
        "place (ulp) of the output.",
        "",
        _table(("property", "value"), _rounding(design)),
        "",
        *(["![P(up) against the ideal, and the bias](p_up.svg)"] if summable(design) else []),
        "",
        *_cost(costs, design.boundary),
        "## Files",
        "",
        _table(("file", "what it is"), [(f"`{k}`", v) for k, v in files.items()]),
    ]
    return "\n".join(lines) + "\n"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return markdown((list(header), [list(row) for row in rows]))


#: What a unit does for a word in each clock cycle.
_WORK = {
    "decision": "decides whether to round up for",
    "result": "rounds",
    "unit": "rounds",
    "accumulator": "adds a rounded update to",
    "dither": "adds to the sums of",
}


def _ports(interface: Json) -> str:
    rows = [
        (f"`{port['name']}`", port["direction"], str(port["width"]), port["meaning"])
        for port in interface["ports"]
    ]
    return _table(("port", "direction", "width", "meaning"), rows)


def _stream(interface: Json) -> list[str]:
    if "stream" not in interface:
        return []
    found = interface["stream"]
    return [f"## Ports of the stream `{found['module']}`", "", _ports(found), ""]


def _overview(design: Design, interface: Json) -> str:
    lanes = interface["lanes"]
    what = _WORK[design.boundary]
    each = "one word" if lanes == 1 else f"{lanes} words"
    dropped = f"{design.dropped} dropped bits, of which it looks at the top {design.n}"
    if design.floats:
        dropped = (
            f"{design.dropped} dropped bits in a normal result and one more for each binade below; "
            f"it looks at the {design.n} below the output's last place"
        )
    return (
        f"It {what} {each} in each clock cycle: {design.input} to {design.out_format}, "
        f"{dropped}, with {design.k} random bits."
    )


def _parameters(design: Design) -> list[tuple[str, str]]:
    rows = [
        ("rounding bits n", str(design.n)),
        ("random bits k", str(design.k)),
        ("rule", f"`{design.rule}`: {RULES.get(design.rule, SUMMARY)}"),
        ("source", f"`{design.source_name}`: {SOURCES[design.source]}"),
    ]
    if design.taps:
        name, text = structure(design) or ["", ""]
        form = f", {design.form} form" if name == "polynomial" else ""
        rows.append((name, text + form))
    if design.length:
        rows.append(("seed, leap", f"{design.seed}, {design.leap}"))
    if design.recover:
        rows.append(("lockup state", "left at the first step"))
    if design.load:
        rows.append(("seed at run time", "ports `load` and `seed`; the next word is the seed's"))
    if design.k:
        rows.append(("lanes to a source", f"{design.lanes}, map `{design.map}`"))
    return [
        *rows,
        ("formats", f"`{design.input}` in, `{design.out_format}` out"),
        ("overflow", design.overflow),
        ("boundary", design.boundary),
        ("id, behaviour", f"`{design.id}`, `{design.behaviour}`"),
    ]


_RATE = {"accumulator": "updates", "dither": "additions"}


def _timing(interface: Json) -> list[tuple[str, str]]:
    latency = interface["latency"]
    rate, count = _RATE.get(interface["boundary"], "roundings"), interface["throughput"]
    return [
        ("latency", "0 (combinational)" if not latency else f"{latency} clock cycle"),
        ("throughput", f"{count} {rate[:-1] if count == 1 else rate} a clock cycle"),
        ("reset", "synchronous, active high; not needed where initial values are honoured"),
        ("lanes, sources", f"{interface['lanes']}, {interface['sources']}"),
    ]


_GIVEN = "none: its words are given, and taken for uniform here"


def _rounding(design: Design) -> list[tuple[str, str]]:
    period = source_model(design).period
    rows = [("period of the source", f"{period} words" if period else _GIVEN)]
    if not summable(design):
        return [*rows, ("bias", f"not summed up: words of more than {MOST_RANDOM_BITS} bits")]
    found = quality(design)
    rows += [
        ("mean bias", f"{found.bias.mean} ({float(found.bias.mean):+.3g})"),
        ("greatest bias", f"{float(found.bias.max):.3g}"),
        ("rms bias", f"{found.bias.rms:.3g}"),
        ("dead zone", f"fractions below {found.dead_zone} are never rounded up"),
    ]
    inflation = variance_inflation(design, 32)
    if inflation == inflation:
        rows.append(("variance of sums of 32", f"{inflation:.3g} times independent roundings'"))
    return rows


def _cost(costs: Mapping[str, Json] | None, boundary: str) -> list[str]:
    if not costs:
        return []
    shown = dict(_COUNTS)
    if any(counts["area"] is not None for counts in costs.values()):
        shown["area"] = "area"
    rows: list[Sequence[str]] = [
        (name, *("-" if counts[key] is None else f"{counts[key]:.2f}" for key in shown))
        for name, counts in costs.items()
    ]
    header = ("target", *shown.values())
    note = "Per lane, at this boundary. What the cells are:"
    if boundary in ACCUMULATORS:
        note = f"What rounding adds: less the same accumulator truncating. {note}"
    cells = [f"- {line}" for line in caption(costs)]
    return ["## Cost", "", _table(header, rows), "", note, "", *cells, ""]


_COUNTS = {"cells": "cells", "lut": "LUT", "ff": "FF", "carry": "carry"}
