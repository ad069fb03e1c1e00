"""Generate the tables of docs/decisions-found.md from docs/results/decisions.json.

Run as ``python docs/decisions_found.py`` to rewrite them, ``--check`` to see whether they are
fresh, ``--search`` to search, measure and train anew (some minutes) and write the result file,
``--count`` to write it with the cells counted anew and all else as it is there.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import metadata
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from esru.decision_table import shortened
from esru.evidence.rows import control_line
from esru.report.fresh import fill, parser, refresh
from esru.report.tables import counted_markdown

if TYPE_CHECKING:
    from esru.search.decisions import Decision

Json = dict[str, Any]

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "decisions-found.md"
RESULT = ROOT / "docs" / "results" / "decisions.json"
CONTROLS = RESULT.with_name("controls-digits-mlp.json")

TARGETS = ("ice40", "ecp5", "xc7", "lut4", "lut6")
SEEDS = 3

#: Rules made by hand that a lane's LUTs are compared with: n, k, rule.
BY_HAND = {
    "1 LUT4": [(2, 2, "zero")],
    "1 LUT6": [(3, 3, "zero"), (4, 3, "select")],
    "2 LUT4": [(3, 3, "zero"), (4, 3, "select")],
    "2 LUT6": [(5, 5, "zero"), (7, 6, "select")],
    "2 LUT6 + MUXF7": [(8, 7, "select")],
}


def versions() -> dict[str, str]:
    """Return the versions of what searches, counts and trains."""
    from esru import __version__
    from esru.flow import toolchain

    tools = {
        "yosys": toolchain.yosys().identity,
        "nextpnr-ice40": toolchain.nextpnr("ice40").identity,
        "nextpnr-ecp5": toolchain.nextpnr("ecp5").identity,
    }
    libraries = {name: metadata.version(name) for name in ("amaranth", "numpy", "scipy", "torch")}
    return {"esru": __version__} | tools | libraries


def search() -> Json:
    """Search, measure and train."""
    from esru.search.decision_joined import two_luts_and_mux
    from esru.search.decision_pairs import STEPS
    from esru.search.decision_two import two_luts
    from esru.search.decisions import one_lut

    found = [one_lut(4), one_lut(6), two_luts(4), two_luts(6), two_luts_and_mux()]
    head = {"schema": "esru.decisions/1", "versions": versions()}
    return head | {"steps": STEPS, "seeds": SEEDS, "lanes": 64, "rows": measure(found)}


def measure(found: Sequence[Decision]) -> list[Json]:
    """Return a row for each decision and for each rule that it is compared with."""
    from esru.design import parse
    from esru.search.decisions import check, measured, with_source
    from esru.train import find_task
    from esru.train.experiment import compare_all

    rows: list[Json] = []
    designs = []
    for one in found:
        check(one)
        design = with_source(one.table.n, one.table.k, one.table.rule, "shared")
        rows.append({"luts": one.name, "found": True, "seen": one.seen, "code_bits": one.table.s})
        rows[-1] |= {"bound_256": one.bound, "method": one.method}
        designs.append(design)
        for hand in BY_HAND[one.name]:
            designs.append(with_source(*hand, "shared"))
            rows.append({"luts": one.name, "found": False})
    task = find_task("digits-mlp")
    seeds, schedules = range(SEEDS), ("natural", "worst")
    trained = compare_all(task, designs, parse("reference"), seeds, schedules)
    for row, design, cells in zip(rows, designs, trained, strict=True):
        bias = measured(design)
        row |= {
            "design": str(design),
            "n": design.n,
            "k": design.k,
            "bias": {
                "max_256": float(bias.bias.max * 256),
                "mean_256": float(bias.bias.mean * 256),
                "rms_256": bias.bias.rms * 256,
            },
            "dead_zone_256": float(bias.dead_zone * 256),
            "cells": {"plain": {}, "helped": {}},
            "tests": [
                {
                    "lr": cell.lr,
                    "schedule": cell.schedule,
                    "diff": cell.difference.mean,
                    "sd": cell.difference.sd,
                }
                for cell in cells
            ],
        }
    count(rows)
    return rows


def count(rows: list[Json]) -> None:
    """Count the cells of each row's design and put them in the row."""
    from esru.design import parse
    from esru.flow.cost import lane_costs

    designs = [parse(row["design"]) for row in rows]
    for structure, target in product(("plain", "helped"), TARGETS):
        counted = lane_costs(designs, target, "decision", structure=structure)
        for row, cost in zip(rows, counted, strict=True):
            row["cells"][structure][target] = cost.cells


def recounted() -> Json:
    """Return what is in the result file with every cell counted again."""
    result: Json = json.loads(RESULT.read_text(encoding="utf-8"))
    found = versions()
    tools = [name for name in found if name.startswith(("yosys", "nextpnr"))]
    count(result["rows"])
    return result | {"versions": result["versions"] | {name: found[name] for name in tools}}


def biases(result: Json) -> str:
    """Return the table of exact properties."""
    lines = [
        "| LUTs a lane | decision | k | greatest bias | no less than | mean | rms | dead zone |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in result["rows"]:
        bias = row["bias"]
        bound = f"{row['bound_256']}" if row["found"] else ""
        lines.append(
            f"| {row['luts'] if row['found'] else ''} | {_name(row)} | {row['k']} "
            f"| {bias['max_256']:g} | {bound} | {bias['mean_256']:+.1f} | {bias['rms_256']:.1f} "
            f"| {row['dead_zone_256']:g} |"
        )
    return "\n".join(lines)


def costs(result: Json) -> str:
    """Return the table of cells and training."""
    lines = [
        "| LUTs a lane | decision | " + " | ".join(TARGETS) + " | least accuracy difference |",
        "|---|---|" + "---|" * (len(TARGETS) + 1),
    ]
    for row in result["rows"]:
        plain, helped = row["cells"]["plain"], row["cells"]["helped"]
        cells = " | ".join(f"{plain[t]:.2f}, {helped[t]:.2f}" for t in TARGETS)
        worst = min(row["tests"], key=lambda test: float(test["diff"]))
        lines.append(
            f"| {row['luts'] if row['found'] else ''} | {_name(row)} | {cells} "
            f"| {worst['diff']:+.2f} ± {worst['sd']:.2f} points |"
        )
    seeds = f"{result['seeds']} seeds, {result['lanes']} lanes"
    lines += [
        "",
        f"Cells per lane at the boundary `decision`, plain and helped; `digits-mlp`, {seeds}. "
        + counted_markdown(TARGETS),
        "",
        control_line(json.loads(CONTROLS.read_text(encoding="utf-8"))),
    ]
    return "\n".join(lines)


def names(result: Json) -> str:
    """Return the found designs in full."""
    found = [f"{row['luts']}: {row['design']}" for row in result["rows"] if row["found"]]
    return "\n".join(["```text", *found, "```"])


def _name(row: Json) -> str:
    head, rule = f"{row['n']}:{row['k']}", row["design"].split(":")[2]
    kind = "**found**: " if row["found"] else ""
    return f"{kind}`{head}:{shortened(rule)}`"


def generated() -> dict[Path, str]:
    """Return the page with every generated part filled in."""
    result = json.loads(RESULT.read_text(encoding="utf-8"))
    parts = {"biases": biases(result), "costs": costs(result), "names": names(result)}
    return {PAGE: fill(PAGE, parts)}


if __name__ == "__main__":
    options = parser(__doc__)
    options.add_argument("--search", action="store_true", help="write the result file anew")
    options.add_argument("--count", action="store_true", help="write it with cells counted anew")
    args = options.parse_args()
    if args.search or args.count:
        text = json.dumps(search() if args.search else recounted(), indent=1)
        RESULT.write_text(text + "\n", encoding="utf-8")
    raise SystemExit(refresh(__doc__, generated, args))
