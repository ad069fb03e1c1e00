"""Generate the table of docs/proof.md from docs/results/bitflips-papers.json.

Run as ``python docs/proof.py`` to rewrite it, ``--check`` to see whether it is fresh. The result
file is what ``benchmarks/bitflips.py --write`` wrote.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from esru.report.fresh import fill, refresh

ROOT = Path(__file__).parent.parent
RESULT = ROOT / "docs" / "results" / "bitflips-papers.json"
PAGE = ROOT / "docs" / "proof.md"

#: The outcomes, as the table's columns name them.
_OUTCOMES = {
    "caught": "counterexample",
    "unfit": "no such netlist",
    "unchanged": "same netlist",
    "equal": "proved equal",
}


def flips(result: dict[str, Any]) -> str:
    """Return the study as a table: what the bits do, and what became of them."""
    lines = [
        f"| what the bit does | was | flips | {' | '.join(_OUTCOMES.values())} |",
        "|---|---|---|" + "---|" * len(_OUTCOMES),
    ]
    kinds = sorted({(flip["function"], flip["was"]) for flip in result["flips"]})
    for function, was in kinds:
        among = [
            flip for flip in result["flips"] if (flip["function"], flip["was"]) == (function, was)
        ]
        counts = [sum(flip["outcome"] == outcome for flip in among) for outcome in _OUTCOMES]
        cells = " | ".join(str(count) if count else "" for count in counts)
        lines.append(f"| {function} | {was} | {len(among)} | {cells} |")
    total = " | ".join(str(result["counts"][outcome]) for outcome in _OUTCOMES)
    lines.append(f"| all | | {len(result['flips'])} | {total} |")
    used = ", ".join(result["versions"][name] for name in ("nextpnr-ice40", "yosys", "yosys-abc"))
    lines += [
        "",
        f"`{result['design']}` on {result['chip']}: {result['bits']} bits of known function in the "
        f"tiles that the bitstream uses, {result['set_bits']} of them set; seed {result['seed']}. "
        f"{used}, {result['versions']['icebox_vlog']}.",
    ]
    return "\n".join(lines)


def generated() -> dict[Path, str]:
    """Return the page with the table filled in."""
    return {PAGE: fill(PAGE, {"flips": flips(json.loads(RESULT.read_text(encoding="utf-8")))})}


if __name__ == "__main__":
    raise SystemExit(refresh(__doc__, generated))
