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


def measure(text: str) -> dict[str, Any]:
    """Return the time of one design, and how many words and gcds it has."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "esru", "show", text, "--json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    found = json.loads(done.stdout)
    return {
        "design": text,
        "period": found["period"],
        "gcds": len(found["classes"]),
        "cpu_seconds": round(seconds, 1),
    }


def main() -> None:
    args = parser(__doc__).parse_args()
    rows = []
    for text in DESIGNS:
        rows.append(measure(text))
        print(f"{rows[-1]['cpu_seconds']:7.1f} s  {text}", flush=True)
    content = {
        "schema": "esru.benchmark-show/1",
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
