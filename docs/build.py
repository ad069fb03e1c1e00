"""Generate the parts of the README that hold numbers, from the result files in docs/results.

Run as ``python docs/build.py`` to rewrite them, ``--check`` to see whether they are fresh, and
``--take FILE`` to make the result file of a search from what ``esru search --json`` printed;
which one is said by the search's tasks.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from esru.report.fresh import fill, parser, refresh
from esru.report.plot import draw_front, front_points
from esru.report.tables import compared
from esru.report.text import search_text

Json = dict[str, Any]

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "docs" / "results"
SEARCH = RESULTS / "search-bits8.json"
#: Result files of searches, by the tasks of their race.
TAKEN = {"digits-mlp": SEARCH, "fp4-transformer": RESULTS / "search-fp4-transformer.json"}
BENCHMARK = RESULTS / "benchmark-search.json"
BOARDS = RESULTS / "benchmark-boards.json"
PICTURE = ROOT / "docs" / "front-bits8.svg"


def read(path: Path) -> Json:
    """Return a result file's content."""
    return dict(json.loads(path.read_text(encoding="utf-8")))


def reduced(result: Json) -> Json:
    """Return a search's result with what tables and picture need of the rows, and no more."""
    shown = {row["id"] for _, row in compared(result)} | set(result["closest"])
    where = result["target"], result["boundary"]
    rows = []
    for row in result["rows"]:
        if row["id"] not in shown:
            counts = row["cost"].get(where[0], {}).get(where[1], {})
            cost = {where[0]: {where[1]: {result["objective"]: counts.get(result["objective"])}}}
            row = row | {"cost": cost, "ratio": {}, "tests": []}
        rows.append(row)
    kept = {key: value for key, value in result.items() if key not in ("run", "files")}
    return kept | {"rows": rows}


def take(result: Json) -> Path:
    """Write the result file of a search, and return where."""
    raced = ",".join(result["tasks"])
    path = TAKEN.get(raced)
    if path is None:
        raise SystemExit(f"Tasks of a result must be one of {', '.join(TAKEN)}, not {raced!r}")
    path.write_text(json.dumps(reduced(result), indent=1) + "\n", encoding="utf-8")
    return path


def _search(result: Json) -> str:
    return f"```text\n$ esru search --bits {result['bits']}\n{search_text(result)}\n```"


def _benchmark(figures: Json) -> str:
    versions = figures["versions"]
    tools = ", ".join(versions[name] for name in ("yosys", "nextpnr-ice40"))
    return "\n".join(
        [
            f"| `{figures['command']}` on {figures['machine']} | |",
            "|---|---|",
            f"| from an empty cache | {figures['cold_seconds']:.0f} s |",
            f"| asked again | {figures['again_seconds']:.1f} s |",
            f"| peak memory, all processes | {figures['peak_memory_gib']:.2f} GiB |",
            f"| `esru --help` | {figures['help_milliseconds']} ms |",
            "",
            f"Python {versions['python']}, torch {versions['torch']}, {tools}; "
            "`python benchmarks/search.py` measures it again.",
        ]
    )


def _board(figures: Json) -> str:
    mean, build = figures["mean"], figures["builds"]["icebreaker"]
    papers, reference = (figures["proofs"][name]["seconds"] for name in ("papers", "reference"))
    rates = [check["line_roundings_per_second"] for check in figures["checks"].values()]
    tools = ", ".join(
        figures["versions"][name] for name in ("yosys", "nextpnr-ice40", "icebox_vlog")
    )
    return "\n".join(
        [
            f"```text\n$ {mean['command']}",
            *mean["printed"],
            "```",
            "",
            f"| on {figures['machine']} | |",
            "|---|---|",
            f"| `esru build papers --board icebreaker` | {build['seconds']:.1f} s |",
            f"| proof of the papers' unit, finished iCE40 bitstream | {papers} s |",
            f"| proof of the 24-bit reference | {reference} s |",
            "| simulated board, roundings a second, each compared over its line "
            f"| {min(rates):,} to {max(rates):,} |",
            "",
            f"{tools}; `python benchmarks/boards.py` measures it again.",
        ]
    )


def generated() -> dict[Path, str]:
    """Return every generated file with its content."""
    result, figures = read(SEARCH), read(BENCHMARK)
    readme = ROOT / "README.md"
    parts = {
        "search": _search(result),
        "benchmark": _benchmark(figures),
        "board": _board(read(BOARDS)),
    }
    return {
        readme: fill(readme, parts),
        PICTURE: draw_front(front_points(result), result),
    }


def main() -> int:
    """Take a search's result if told, then rewrite the generated parts, or check them."""
    options = parser(__doc__)
    options.add_argument("--take", type=Path, help="a file with the output of esru search --json")
    args = options.parse_args()
    if args.take:
        print(f"wrote {take(read(args.take))}")
    return refresh(__doc__, generated, args)


if __name__ == "__main__":
    raise SystemExit(main())
