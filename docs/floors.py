"""Generate the tables of docs/floors.md from docs/results/floors.json.

Run as ``python docs/floors.py`` to rewrite them, ``--check`` to see whether they are fresh. The
result file is what ``benchmarks/floors.py --write`` wrote.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from esru.design import parse
from esru.flow.floors import least_select, least_sum
from esru.flow.targets import TARGETS
from esru.hdl.helped import select_chain
from esru.report.fresh import fill, refresh
from esru.report.tables import counted_link, counted_markdown, ratio_text

Json = dict[str, Any]

ROOT = Path(__file__).parent.parent
RESULT = ROOT / "docs" / "results" / "floors.json"
PAGE = ROOT / "docs" / "floors.md"

REFERENCE = "24:24:zero:lfsr24"
SHARED = "24:24:zero:lfsr24,lanes=64"

#: Below the other tables: where on the page the list of what is counted stands, below one of them.
COUNTED = counted_link("before-and-after")


def read() -> Json:
    """Return the result file's content."""
    return dict(json.loads(RESULT.read_text(encoding="utf-8")))


def _cells(result: Json) -> dict[tuple[str, str, str, str], float]:
    return {
        (row["design"], row["target"], row["boundary"], row["structure"]): row["cells"]
        for row in result["rows"]
    }


def chains() -> str:
    """Return the LUTs of a lane's decision beside the bounds, by LUT width."""
    lines = [
        "| decision | LUT4, bound | LUT4, reached | LUT6, bound | LUT6, reached | with MUXF7 |",
        "|---|---|---|---|---|---|",
    ]
    fabrics = [TARGETS[name].fabric for name in ("lut4", "lut6", "xc7")]
    for n in range(2, 9):
        four, six, joined = (len(select_chain(n, f).cells) for f in fabrics if f is not None)
        # The cell with a multiplexer is two LUTs and a MUXF7.
        seven = f"{joined + 1} + MUXF7" if n == 8 else str(joined)
        cells = [least_select(n, 4), four, least_select(n, 6), six, seven]
        lines.append(f"| `select`, n = {n} | " + " | ".join(map(str, cells)) + " |")
    for k in (3, 5, 24):
        # As `add_carry_out` fills LUTs: the first without a carry, each other with one.
        four, six = k - 1, 1 + -(-(k - 3) // 2)
        cells = [least_sum(k, 4), four, least_sum(k, 6), six, six]
        lines.append(f"| sum of {k} pairs | " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def costs(result: Json) -> str:
    """Return cells per lane before and after, by target, boundary and design."""
    cells = _cells(result)
    designs = list(dict.fromkeys(row["design"] for row in result["rows"]))
    lines = [
        "| target | boundary | " + " | ".join(f"`{design}`" for design in designs) + " |",
        "|---|---|" + "---|" * len(designs),
    ]
    for target, boundary in dict.fromkeys((r["target"], r["boundary"]) for r in result["rows"]):
        pairs = [
            [cells[design, target, boundary, how] for how in ("plain", "helped")]
            for design in designs
        ]
        shown = (f"{plain:.2f} -> {helped:.2f}" for plain, helped in pairs)
        lines.append(f"| {target} | {boundary} | " + " | ".join(shown) + " |")
    used = ", ".join(v for name, v in result["versions"].items() if name != "esru")
    counted = counted_markdown(row["target"] for row in result["rows"])
    return "\n".join([*lines, "", f"Counted with {used}. {counted}"])


def ratios(result: Json) -> str:
    """Return how many times a unit's cells the reference takes, in three ways."""
    cells = _cells(result)
    designs = [
        design
        for design in dict.fromkeys(row["design"] for row in result["rows"])
        if design not in (REFERENCE, SHARED)
    ]
    lines = [
        "| target | boundary | unit, helped | reference plain | reference helped | "
        "helped, one source for 64 lanes each |",
        "|---|---|---|---|---|---|",
    ]
    for target, boundary in dict.fromkeys((r["target"], r["boundary"]) for r in result["rows"]):
        against = [
            cells[REFERENCE, target, boundary, "plain"],
            cells[REFERENCE, target, boundary, "helped"],
            cells[SHARED, target, boundary, "helped"],
        ]
        for design in designs:
            own = cells[design, target, boundary, "helped"]
            # A source in every lane beside one for all: not of a kind.
            alike = len(against) - (parse(design).lanes == 1)
            shown = [other / own if i < alike else None for i, other in enumerate(against)]
            times = " | ".join(map(ratio_text, shown))
            lines.append(f"| {target} | {boundary} | `{design}` | {times} |")
    return "\n".join([*lines, "", COUNTED])


def sharing(result: Json) -> str:
    """Return a lane's cells and flip-flops by how many lanes share the source."""
    shared = result["shared"]
    lines = ["| lanes of a source | cells per lane | flip-flops per lane |", "|---|---|---|"]
    lines += [
        f"| {row['lanes']} | {row['cells']:.2f} | {row['ff']:.2f} |" for row in shared["rows"]
    ]
    return "\n".join(
        [*lines, "", f"`{shared['design']}`, decision, {shared['target']}, helped. {COUNTED}"]
    )


def sums(result: Json) -> str:
    """Return an accumulator's cells per lane, truncating and rounding, in both structures."""
    lines = [
        "| target | truncating | rounding | difference |",
        "|---|---|---|---|",
    ]
    rows = {(row["target"], row["structure"]): row for row in result["sums"]["rows"]}
    for target in dict.fromkeys(target for target, _ in rows):
        pair = [rows[target, structure] for structure in ("plain", "helped")]
        counts = [
            [row["truncating"], row["rounding"], row["rounding"] - row["truncating"]]
            for row in pair
        ]
        shown = (f"{plain:.2f} -> {helped:.2f}" for plain, helped in zip(*counts, strict=True))
        lines.append(f"| {target} | " + " | ".join(shown) + " |")
    return "\n".join(
        [*lines, "", f"`{result['sums']['design']}`, accumulator, plain -> helped. {COUNTED}"]
    )


def generated() -> dict[Path, str]:
    """Return the page with its tables filled in."""
    result = read()
    parts = {
        "chains": chains(),
        "costs": costs(result),
        "ratios": ratios(result),
        "sharing": sharing(result),
        "sums": sums(result),
    }
    return {PAGE: fill(PAGE, parts)}


if __name__ == "__main__":
    raise SystemExit(refresh(__doc__, generated))
