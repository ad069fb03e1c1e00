"""Measure `esru search --bits B`: cold, asked again, memory; and `esru --help`.

Run as ``python benchmarks/search.py [--bits 8] [--tasks T] [--write FILE]``. The search runs in a
temporary folder with an empty cache, unless it is told another: what a search knows from there is
among its counts as reused. Memory is the greatest sum of resident sets over the process tree,
sampled; the tools' first-use compilation is done before.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from figures import machine, parser, write

from esru.flow import toolchain


def _tree_memory(process: psutil.Process) -> int:
    total = 0
    for member in [process, *process.children(recursive=True)]:
        try:
            total += member.memory_info().rss
        except psutil.Error:
            continue
    return total


def _processor_seconds() -> float:
    """Return what the ended processes below this one, and those below them, have used."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _timed(command: list[str], environment: dict[str, str]) -> tuple[float, float, int, str]:
    """Return wall-clock and processor seconds, peak memory in bytes and standard output."""
    start, before = time.monotonic(), _processor_seconds()
    with tempfile.TemporaryFile("w+") as out:
        child = subprocess.Popen(command, env=environment, stdout=out)
        process, peak = psutil.Process(child.pid), 0
        while child.poll() is None:
            try:
                peak = max(peak, _tree_memory(process))
            except psutil.Error:
                break
            time.sleep(0.1)
        child.wait()
        seconds = time.monotonic() - start
        out.seek(0)
        return seconds, _processor_seconds() - before, peak, out.read()


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--bits", type=int, default=8)
    options.add_argument("--tasks", help="tasks of the race, if not the search's own")
    options.add_argument("--cache", type=Path, help="a cache to begin with, not an empty one")
    options.add_argument("--keep", type=Path, help="file for the search's JSON, less paths")
    options.add_argument("--runs", type=Path, help="keep the run folder below this one")
    args = options.parse_args()
    for tool in (toolchain.yosys(), toolchain.nextpnr("ice40"), toolchain.nextpnr("ecp5")):
        toolchain.warm(tool)
    with tempfile.TemporaryDirectory() as name:
        runs = Path(name, "runs") if args.runs is None else args.runs
        cache = Path(name, "c") if args.cache is None else args.cache
        environment = os.environ | {"ESRU_CACHE": str(cache), "ESRU_RUNS": str(runs)}
        asked = ["search", "--bits", str(args.bits)]
        asked += [] if args.tasks is None else ["--tasks", args.tasks]
        command = [sys.executable, "-m", "esru", *asked, "--json"]
        cold, processors, peak, out = _timed(command, environment)
        again, _, _, _ = _timed(command, environment)
    helps = []
    for _ in range(9):
        start = time.monotonic()
        subprocess.run(
            [sys.executable, "-m", "esru", "--help"], stdout=subprocess.DEVNULL, check=True
        )
        helps.append(time.monotonic() - start)
    result: dict[str, Any] = json.loads(out)
    figures = {
        "schema": "esru.benchmark-search/1",
        "versions": result["versions"] | {"python": platform.python_version()},
        "machine": machine(),
        "command": " ".join(["esru", *asked]),
        "cold_seconds": round(cold, 1),
        "processor_seconds": round(processors, 1),
        "again_seconds": round(again, 1),
        "peak_memory_gib": round(peak / 2**30, 2),
        "help_milliseconds": round(sorted(helps)[4] * 1000),
        "status": result["status"],
        "counts": result["counts"],
    }
    print(json.dumps(figures, indent=2))
    write(figures, args.write)
    if args.keep:
        # Where it ran is this machine's.
        kept = {key: value for key, value in json.loads(out).items() if key not in ("run", "files")}
        args.keep.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
