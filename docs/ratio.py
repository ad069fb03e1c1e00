"""Generate the tables of docs/ratio.md from docs/results/ratio.json.

Run as ``python docs/ratio.py`` to rewrite them, ``--check`` to see whether they are fresh. The
result file is what ``benchmarks/ratio.py --write`` wrote.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from esru.report.fresh import fill, refresh
from esru.report.tables import counted_markdown, markdown, number, ratio_text

Json = dict[str, Any]
Key = tuple[str, str, str, str]

ROOT = Path(__file__).parent.parent
RESULT = ROOT / "docs" / "results" / "ratio.json"
PAGE = ROOT / "docs" / "ratio.md"

#: The papers' figure, and how near a reading must come to count as it.
CLAIMED = 9.75
NEAR = 0.05

#: What the papers may have counted, by target: everything that is measured there.
METRICS = {"cells": "cells", "ff": "flip-flops", "area": "area"}

#: Each reading of the papers' point with what it is measured against.
READINGS = {
    "papers": "reference",
    "papers, fresh bits": "reference, fresh bits",
    "papers-zero": "reference",
    "papers-zero, LFSR": "reference",
    "papers-zero, LFSR, fresh bits": "reference, fresh bits",
    "papers-zero, 8-bit LFSR": "reference",
}

#: Rows of the main table: what esru found beside the papers' point.
COMPARED = ("papers", "papers-zero, LFSR", "winner", "half n = 4", "select n = 5", "select n = 8")


def read() -> Json:
    """Return the result file's content."""
    return dict(json.loads(RESULT.read_text(encoding="utf-8")))


def by_key(result: Json) -> dict[Key, Json]:
    """Return the rows by (name, target, boundary, structure)."""
    return {
        (row["name"], row["target"], row["boundary"], row["structure"]): row
        for row in result["rows"]
    }


def over(reference: Json | None, row: Json | None, metric: str) -> float | None:
    """Return how many times a row's count the reference's is; None if either has none."""
    if reference is None or row is None or not reference[metric] or not row[metric]:
        return None
    return float(reference[metric] / row[metric])


def places(result: Json) -> list[tuple[str, str]]:
    """Return the (target, boundary) pairs measured, in order."""
    return list(dict.fromkeys((row["target"], row["boundary"]) for row in result["rows"]))


def columns(result: Json) -> str:
    """Return the ratio of every compared unit in the three columns."""
    rows = by_key(result)
    table = []
    for target, boundary in places(result):
        if boundary not in ("decision", "unit"):
            continue
        for name in COMPARED:
            plain = rows[name, target, boundary, "plain"]
            helped = rows.get((name, target, boundary, "helped"))
            best = helped or plain
            of = {
                key: rows.get((key, target, boundary, structure))
                for key, structure in (("reference", "plain"), ("reference, shared", "plain"))
            }
            of_helped = rows.get(("reference", target, boundary, "helped"))
            metric = "area" if plain["area"] is not None else "cells"
            table.append(
                [
                    target,
                    boundary,
                    name,
                    number(plain[metric]),
                    number(helped[metric] if helped else None),
                    ratio_text(over(of["reference"], plain, metric)),
                    ratio_text(over(of["reference"], best, metric)),
                    ratio_text(over(of_helped or of["reference"], best, metric)),
                    ratio_text(over(of["reference, shared"], plain, metric)),
                    ratio_text(over(of["reference"], best, "ff")),
                ]
            )
    header = ["target", "boundary", "unit", "plain", "helped", "plain : plain", "plain : helped"]
    header += ["helped : helped", "one PRNG : plain", "flip-flops"]
    counted = counted_markdown(target for target, _ in places(result))
    return f"{markdown((header, table))}\n\n{counted}"


@dataclass(frozen=True)
class Reading:
    """One ratio: the papers' point in a reading, what it is set against, and what was counted."""

    name: str
    against: str
    target: str
    boundary: str
    structure: str
    metric: str
    ratio: float


def _others(name: str, boundary: str, structure: str) -> list[tuple[str, str, str, str]]:
    """Return what a reading is set against: what it is called, and a row's name and place."""
    own = READINGS[name]
    shared = own.replace("reference", "reference, shared", 1)
    if boundary in ("accumulator", "dither"):
        # It takes the place of the whole unit.
        found = [(f"{own}: unit", own, "unit", "plain")]
    else:
        found = [(f"{shared}", shared, boundary, "plain")]
    if structure == "helped" and boundary in ("decision", "unit"):
        found.append((f"{own}: plain", own, boundary, "plain"))
    return [(own, own, boundary, structure), *found]


def readings(result: Json) -> list[Reading]:
    """Return every reading of the papers' point that the counts allow."""
    rows = by_key(result)
    found = []
    for name in READINGS:
        for target, boundary in places(result):
            for structure in ("plain", "helped"):
                row = rows.get((name, target, boundary, structure))
                for against, other, at, made in _others(name, boundary, structure):
                    of = rows.get((other, target, at, made))
                    for metric in METRICS:
                        if metric == "cells" and row is not None and row["area"] == row["cells"]:
                            continue  # nand2: its cells are its area
                        if against != READINGS[name] and metric == "ff":
                            continue  # the same flip-flops, or one PRNG's for all lanes
                        ratio = over(of, row, metric)
                        if ratio is not None and ratio > 0:
                            place = (against, target, boundary, structure, metric)
                            found.append(Reading(name, *place, ratio))
    return found


def spread(result: Json) -> str:
    """Return, for each reading of the papers' point, the ratios that it takes."""
    table = []
    for name, reference in READINGS.items():
        for boundary in ("decision", "unit"):
            cells = [
                r
                for r in readings(result)
                if (r.name, r.against, r.boundary, r.structure)
                == (name, reference, boundary, "plain")
                and r.metric != "ff"
            ]
            low, high = (pick(cells, key=lambda r: r.ratio) for pick in (min, max))
            ends = [f"{end.ratio:.2f}x ({end.target})" for end in (low, high)]
            table.append([name, reference, boundary, *ends])
    return markdown((["papers' point as", "against", "boundary", "least", "greatest"], table))


def hits(result: Json) -> str:
    """Return the readings that come near the papers' figure."""
    found = readings(result)
    near = [r for r in found if abs(r.ratio - CLAIMED) <= NEAR * CLAIMED]
    table = [
        [r.name, r.against, r.target, r.boundary, r.structure, METRICS[r.metric], f"{r.ratio:.2f}x"]
        for r in near
    ]
    header = ["papers' point as", "against", "target", "boundary", "structure", "counted", "ratio"]
    text = f"{len(near)} of {len(found)} readings lie within {NEAR:.0%} of {CLAIMED}x.\n\n"
    return text + (markdown((header, table)) if table else "None.")


def accumulators(result: Json) -> str:
    """Return what rounding costs in an accumulator, against the reference unit.

    Given cell by cell, so is the truncating accumulator that is taken off; the reference unit that
    it is then set against is plain RTL first, and then given cell by cell as well.
    """
    rows = by_key(result)
    table = []
    for target in dict.fromkeys(target for target, _ in places(result)):
        unit = rows["reference", target, "unit", "plain"]
        unit_helped = rows.get(("reference", target, "unit", "helped"))
        metric = "area" if unit["area"] is not None else "cells"
        for boundary in ("accumulator", "dither"):
            for name in ("reference", *COMPARED):
                if (name, target, boundary, "plain") not in rows:
                    continue
                line = [target, boundary, name]
                for structure, units in (("plain", [unit]), ("helped", [unit, unit_helped])):
                    row = rows.get((name, target, boundary, structure))
                    free = row is not None and row[metric] is not None and row[metric] <= 0
                    line.append(number(row[metric] if row else None))
                    for of in units:
                        line.append("costs nothing" if free else ratio_text(over(of, row, metric)))
                table.append(line)
    header = ["target", "boundary", "unit", "rounding, plain", "reference unit over it"]
    header += ["rounding, helped", "reference unit over it", "helped reference unit over it"]
    return markdown((header, table))


def sharing(result: Json) -> str:
    """Return cells per lane and the ratio by the lanes that share a source."""
    rows = by_key(result)
    lanes = sorted(
        int(name.split(", ")[1].removesuffix(" lanes"))
        for name, target, boundary, structure in rows
        if name.startswith("winner, ") and name.endswith(" lanes")
        and (target, boundary, structure) == ("ice40", "decision", "plain")
    )  # fmt: skip
    table = []
    for count in lanes:
        line = [str(count)]
        for target in ("ice40", "ecp5", "xc7"):
            mine = rows[f"winner, {count} lanes", target, "decision", "helped"]
            same = rows[f"reference, {count} lanes", target, "decision", "helped"]
            alone = rows["reference", target, "decision", "plain"]
            line += [
                number(mine["cells"]),
                ratio_text(over(alone, mine, "cells")),
                ratio_text(over(same, mine, "cells")),
            ]
        table.append(line)
    header = ["lanes to a source"]
    for target in ("ice40", "ecp5", "xc7"):
        header += [f"{target} cells", "reference alone, plain", "reference shared, helped"]
    return markdown((header, table))


def tools(result: Json) -> str:
    """Return what the counts come from."""
    return "Counted with " + ", ".join(
        f"{version}" if name not in ("esru", "python") else f"{name} {version}"
        for name, version in result["versions"].items()
    )


def generated() -> dict[Path, str]:
    """Return the page with every generated part filled in."""
    result = read()
    parts = {
        "columns": columns(result),
        "spread": spread(result),
        "hits": hits(result),
        "accumulators": accumulators(result),
        "sharing": sharing(result),
        "tools": tools(result) + ".",
    }
    return {PAGE: fill(PAGE, parts)}


if __name__ == "__main__":
    raise SystemExit(refresh(__doc__, generated))
