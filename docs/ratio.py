"""Generate the tables of docs/ratio.md from docs/results/ratio.json.

Run as ``python docs/ratio.py`` to rewrite them, ``--check`` to see whether they are fresh. The
result file is what ``benchmarks/ratio.py --write`` wrote; those of the tables with gated clocks and
by the format of the result are ``benchmarks/gated.py``'s and ``benchmarks/formats.py``'s.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import format_rows
import gated_rows

from esru.boundaries import ROUNDINGS
from esru.design import parse
from esru.report.fresh import fill, refresh
from esru.report.tables import counted_link, counted_markdown, markdown, number, ratio_text

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

#: Below every table: where on the page the list of what is counted stands.
COUNTED = counted_link("what-a-cell-is")

#: Each reading of the papers' point with what it is measured against.
READINGS = {
    "papers": "reference",
    "papers, shared": "reference, shared",
    "papers, fresh bits": "reference, fresh bits",
    "papers-zero": "reference",
    "papers-zero, LFSR": "reference",
    "papers-zero, LFSR, fresh bits": "reference, fresh bits",
    "papers-zero, 8-bit LFSR": "reference",
}

#: Rows of the main table: what esru found beside the papers' point.
COMPARED = (
    "papers",
    "papers, shared",
    "papers-zero, LFSR",
    "winner",
    "half n = 4",
    "select n = 5",
    "select n = 8",
)

#: Rows of the table without an output register, with saturation and without.
UNREGISTERED = ("papers", "papers, shared", "winner", "select n = 8")

#: What a unit's name ends in that is counted without saturation, and so its boundary.
WRAPS = ", wrap"

#: Units with a source in every lane that stand beside the reference with its own.
ALONE = ("papers", "winner, alone", "select n = 8, alone")


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


def metric_of(row: Json) -> str:
    """Return what stands for a row's target: area where there is one, else cells."""
    return "cells" if row["area"] is None else "area"


def shares(row: Json) -> bool:
    """Return whether a row's lanes have one source, as `reference, shared` has."""
    return parse(row["design"]).lanes > 1


def against(rows: dict[Key, Json], reference: str, name: str, place: tuple[str, str]) -> list[str]:
    """Return a unit's counts, plain and helped, and three ratios: what is helped of the two."""
    plain, helped = (rows.get((name, *place, how)) for how in ("plain", "helped"))
    of, of_helped = (rows.get((reference, *place, how)) for how in ("plain", "helped"))
    assert plain is not None
    metric = metric_of(plain)
    counts = [number(row[metric] if row else None) for row in (plain, helped)]
    pairs = ((of, plain), (of, helped), (of_helped, helped))
    return [*counts, *(ratio_text(over(one, row, metric)) for one, row in pairs)]


#: What `against` returns.
AGAINST = ["plain", "helped", "plain : plain", "plain : helped", "helped : helped"]


def ends(result: Json, boundaries: Sequence[str] = ("decision", "unit")) -> list[tuple[str, str]]:
    """Return the (target, boundary) pairs at which a unit stands beside a reference of its kind."""
    return [place for place in places(result) if place[1] in boundaries]


def columns(result: Json) -> str:
    """Return the ratio of every compared unit in the three columns."""
    rows = by_key(result)
    table = []
    for place in ends(result):
        reference, shared = (
            rows[key, *place, "plain"] for key in ("reference", "reference, shared")
        )
        for name in COMPARED:
            plain = rows[name, *place, "plain"]
            best = rows.get((name, *place, "helped"), plain)
            # A source in every lane beside one for all: not of a kind.
            alike = over(shared, plain, metric_of(plain)) if shares(plain) else None
            line = [*place, name, *against(rows, "reference", name, place)]
            table.append([*line, ratio_text(alike), ratio_text(over(reference, best, "ff"))])
    header = ["target", "boundary", "unit", *AGAINST, "shared : shared", "flip-flops"]
    return f"{markdown((header, table))}\n\n{COUNTED}"


def unregistered(result: Json) -> str:
    """Return the units without an output register, with saturation and without."""
    rows = by_key(result)
    table = []
    for place in ends(result, ("result",)):
        for overflow, wraps in (("saturate", ""), ("wrap", WRAPS)):
            shared = rows[f"reference, shared{wraps}", *place, "plain"]
            for name in UNREGISTERED:
                row = rows[f"{name}{wraps}", *place, "plain"]
                alike = over(shared, row, metric_of(row)) if shares(row) else None
                found = against(rows, f"reference{wraps}", f"{name}{wraps}", place)
                table.append([place[0], overflow, name, *found, ratio_text(alike)])
    header = ["target", "overflow", "unit", *AGAINST, "shared : shared"]
    return f"{markdown((header, table))}\n\n{COUNTED}"


def alone(result: Json) -> str:
    """Return the ratio of a lane with its own source to the reference with its own."""
    rows = by_key(result)
    table = []
    for place in ends(result, ROUNDINGS):
        reference = rows["reference", *place, "plain"]
        for name in ALONE:
            ff = over(reference, rows[name, *place, "plain"], "ff")
            line = [*place, name, *against(rows, "reference", name, place)]
            table.append([*line, ratio_text(ff)])
    header = ["target", "boundary", "unit", *AGAINST, "flip-flops"]
    return f"{markdown((header, table))}\n\n{COUNTED}"


def fresh(result: Json) -> str:
    """Return the winner against the reference whose words share no bits either."""
    rows = by_key(result)
    table = []
    for place in ends(result, ROUNDINGS):
        name, other = "reference, fresh bits", "reference, shared, fresh bits"
        winner, shared = rows["winner", *place, "plain"], rows[other, *place, "plain"]
        of = [rows.get((name, *place, how)) for how in ("plain", "helped")]
        metric = metric_of(winner)
        table.append(
            [
                *place,
                *(number(row[metric] if row else None) for row in of),
                *against(rows, name, "winner", place),
                ratio_text(over(shared, winner, metric)),
            ]
        )
    header = ["target", "boundary", "reference plain", "reference helped", "winner plain"]
    header += ["winner helped", *AGAINST[2:], "shared : shared"]
    return f"{markdown((header, table))}\n\n{COUNTED}"


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
    if "shared" in own:  # then the other is the one with a PRNG in every lane
        other = own.replace("reference, shared", "reference", 1)
    else:
        other = own.replace("reference", "reference, shared", 1)
    if boundary in ("accumulator", "dither"):
        # It takes the place of the whole unit.
        found = [(f"{own}: unit", own, "unit", "plain")]
    else:
        found = [(other, other, boundary, "plain")]
    if structure == "helped" and boundary in ROUNDINGS:
        found.append((f"{own}: plain", own, boundary, "plain"))
    return [(own, own, boundary, structure), *found]


def readings(result: Json) -> list[Reading]:
    """Return every reading of the papers' point that the counts allow."""
    rows = by_key(result)
    found = []
    for name, (target, boundary) in product(READINGS, places(result)):
        for wraps in ("", WRAPS) if boundary == "result" else ("",):
            for structure in ("plain", "helped"):
                row = rows.get((f"{name}{wraps}", target, boundary, structure))
                for against, other, at, made in _others(name, boundary, structure):
                    of = rows.get((f"{other}{wraps}", target, at, made))
                    for metric in METRICS:
                        if metric == "cells" and row is not None and row["area"] == row["cells"]:
                            continue  # nand2: its cells are its area
                        if against != READINGS[name] and metric == "ff":
                            continue  # the same flip-flops, or one PRNG's for all lanes
                        ratio = over(of, row, metric)
                        if ratio is not None and ratio > 0:
                            place = (against, target, f"{boundary}{wraps}", structure, metric)
                            found.append(Reading(name, *place, ratio))
    return found


def spread(result: Json) -> str:
    """Return, for each reading of the papers' point, the ratios that it takes."""
    rows, table = by_key(result), []
    for name, reference in READINGS.items():
        for boundary in ("decision", f"result{WRAPS}", "result", "unit"):
            cells = [
                r
                for r in readings(result)
                if (r.name, r.against, r.boundary, r.structure)
                == (name, reference, boundary, "plain")
                and r.metric == metric_of(rows[name, r.target, "decision", "plain"])
            ]
            low, high = (pick(cells, key=lambda r: r.ratio) for pick in (min, max))
            shown = [f"{end.ratio:.2f}x ({end.target})" for end in (low, high)]
            table.append([name, reference, boundary, *shown])
    header = ["papers' point as", "against", "boundary", "least", "greatest"]
    return f"{markdown((header, table))}\n\n{COUNTED}"


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
    return text + (f"{markdown((header, table))}\n\n{COUNTED}" if table else "None.")


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
        unit_shared = rows["reference, shared", target, "unit", "plain"]
        metric = metric_of(unit)
        for boundary in ("accumulator", "dither"):
            for name in ("reference", *COMPARED):
                if (name, target, boundary, "plain") not in rows:
                    continue
                line = [target, boundary, name]
                alike = unit_shared if shares(rows[name, target, boundary, "plain"]) else None
                taken = {"plain": [unit, alike], "helped": [unit, unit_helped]}
                for structure, units in taken.items():
                    row = rows.get((name, target, boundary, structure))
                    free = row is not None and row[metric] is not None and row[metric] <= 0
                    line.append(number(row[metric] if row else None))
                    for of in units:
                        nothing = free and of is not None
                        times = ratio_text(over(of, row, metric))
                        line.append("costs nothing" if nothing else times)
                table.append(line)
    header = ["target", "boundary", "unit", "rounding, plain", "reference unit over it"]
    header += ["shared reference unit over it", "rounding, helped", "reference unit over it"]
    header += ["helped reference unit over it"]
    return f"{markdown((header, table))}\n\n{COUNTED}"


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
    return f"{markdown((header, table))}\n\n{COUNTED}"


def gated(result: Json) -> str:
    """Return the units of standard cells with gated clocks."""
    return f"{gated_rows.table(gated_rows.read(), result)}\n\n{COUNTED}"


def formats(result: Json) -> str:
    """Return the units that the search has accepted, by the format of their result."""
    found = format_rows.table(format_rows.read(), result, gated_rows.read())
    return f"{found}\n\n{COUNTED}"


def cells(result: Json) -> str:
    """Return what the counts come from and what a cell is on each target."""
    used = ", ".join(
        f"{version}" if name not in ("esru", "python") else f"{name} {version}"
        for name, version in result["versions"].items()
    )
    counted = counted_markdown(t for t, _ in [*places(result), *places(gated_rows.read())])
    return f"Counted with {used}. {counted}"


def generated() -> dict[Path, str]:
    """Return the page with every generated part filled in."""
    result = read()
    parts = {
        "columns": columns(result),
        "gated": gated(result),
        "formats": formats(result),
        "unregistered": unregistered(result),
        "alone": alone(result),
        "fresh": fresh(result),
        "spread": spread(result),
        "hits": hits(result),
        "accumulators": accumulators(result),
        "sharing": sharing(result),
        "cells": cells(result),
    }
    return {PAGE: fill(PAGE, parts)}


if __name__ == "__main__":
    raise SystemExit(refresh(__doc__, generated))
