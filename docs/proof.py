"""Generate the table of docs/proof.md from docs/results/bitflips-papers.json.

Run as ``python docs/proof.py`` to rewrite it, ``--check`` to see whether it is fresh. The result
file is what ``benchmarks/bitflips.py --write`` wrote.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

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


def generated() -> str:
    """Return the page with the table filled in."""
    content = flips(json.loads(RESULT.read_text(encoding="utf-8")))
    text = PAGE.read_text(encoding="utf-8")
    begin, end = "<!-- begin: flips -->", "<!-- end: flips -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if len(pattern.findall(text)) != 1:
        raise SystemExit("proof.md must have the part 'flips' once")
    return pattern.sub(lambda _: f"{begin}\n{content}\n{end}", text)


def main() -> int:
    """Rewrite the table, or check it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; 1 if not fresh")
    args = parser.parse_args()
    fresh = generated()
    if fresh == PAGE.read_text(encoding="utf-8"):
        return 0
    if args.check:
        print("not fresh: docs/proof.md", file=sys.stderr)
        return 1
    PAGE.write_text(fresh, encoding="utf-8")
    print("wrote: docs/proof.md", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
