"""Measure `esru show` on designs with long periods, in processor time.

Run as ``python benchmarks/show.py [--write FILE]``.
"""

from __future__ import annotations

import importlib.metadata
import json
import resource
import subprocess
import sys
from typing import Any

from figures import machine, parser, write

DESIGNS = (
    "8:7:select:lfsr13,leap=7,lanes=64",
    "8:8:zero:debruijn24,leap=9",
    "8:7:select:lfsr24,leap=8,lanes=64",
    "24:24:zero:lfsr24",
)


def run(*arguments: str) -> tuple[str, float]:
    """Return what `esru show` prints, and the seconds it takes."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "esru", "show", *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return done.stdout, round(seconds, 1)


def measure(text: str) -> dict[str, Any]:
    """Return the times of one design, and how many words and gcds it has.

    A terminal has the classes of the least gcds, --json those of all.
    """
    _, printed = run(text)
    output, whole = run(text, "--json")
    found = json.loads(output)
    return {
        "design": text,
        "period": found["period"],
        "gcds": len(found["classes"]),
        "cpu_seconds": printed,
        "cpu_seconds_json": whole,
    }


def main() -> None:
    args = parser(__doc__).parse_args()
    rows = []
    for text in DESIGNS:
        rows.append(measure(text))
        times = (rows[-1][key] for key in ("cpu_seconds", "cpu_seconds_json"))
        print(*(f"{seconds:7.1f} s" for seconds in times), f" {text}", flush=True)
    content = {
        "schema": "esru.benchmark-show/2",
        "versions": {
            **{name: importlib.metadata.version(name) for name in ("esru", "numpy")},
            "python": sys.version.split()[0],
        },
        "machine": machine(),
        "rows": rows,
    }
    write(content, args.write)


if __name__ == "__main__":
    main()
