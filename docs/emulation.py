"""Generate the part of docs/emulation.md that holds numbers, from its result file.

Run as ``python docs/emulation.py`` to rewrite it, ``--check`` to see whether it is fresh.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path
from typing import Any

Json = dict[str, Any]

PAGE = Path(__file__).parent / "emulation.md"
RESULT = Path(__file__).parent / "results" / "benchmark-emulation.json"

_PART = re.compile("<!-- begin: speed -->.*?<!-- end: speed -->", re.DOTALL)


def speed(figures: Json) -> str:
    """Return rates of every design, and the ratios to what others measure in the same run."""
    lines = [
        "| float32 to int8, or the format named; M elements per second | NumPy | PyTorch |",
        "|---|---|---|",
    ]
    for design, rates in figures["elements_per_second"].items():
        numpy, torch = (f"{rates[array] / 1e6:.0f}" for array in ("numpy", "torch"))
        lines.append(f"| `{design}` | {numpy} | {torch} |")
    lines += ["", f"| `{figures['compared']}`, compared with | |", "|---|---|"]
    for name, ratio in figures["ratios"].items():
        lines.append(
            f"| {name} ({figures['peers'][name] / 1e6:.0f} M elements per second) | {ratio:.1f} |"
        )
    versions = ", ".join(f"{name} {version}" for name, version in figures["versions"].items())
    lines += [
        "",
        f"One thread, CPU time, blocks of {figures['block']} elements, {figures['lanes']} lanes; "
        f"{figures['machine']}; {versions}. `python benchmarks/emulation.py` measures it again. "
        "gfloat is given random bits that were made before; esru makes its words.",
    ]
    return "\n".join(lines)


def generated() -> str:
    """Return the page with its generated part filled in."""
    figures = json.loads(RESULT.read_text(encoding="utf-8"))
    text = PAGE.read_text(encoding="utf-8")
    if len(_PART.findall(text)) != 1:
        raise SystemExit("emulation.md must have the part 'speed' once")
    new = f"<!-- begin: speed -->\n{speed(figures)}\n<!-- end: speed -->"
    return _PART.sub(lambda _: new, text)


def main() -> int:
    """Rewrite the generated part, or check it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; 1 if not fresh")
    args = parser.parse_args()
    fresh = generated()
    if fresh == PAGE.read_text(encoding="utf-8"):
        return 0
    if args.check:
        print("not fresh: docs/emulation.md", file=sys.stderr)
        return 1
    PAGE.write_text(fresh, encoding="utf-8")
    print("wrote: docs/emulation.md", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
