"""Measure how many checked roundings a second the cocotb testbench makes on emitted Verilog.

Run as ``python benchmarks/cocotb.py [--write FILE]``. Checked roundings are comparisons of one lane
in one clock cycle with the testbench's own model. Time is processor time of the simulation, which
uses one core. The rate is that of more words: what a longer run checks more over the time that it
takes more. ``whole`` is the longer run's, with Icarus' build and start-up.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from figures import machine, parser, write

from esru.design import parse
from esru.flow import toolchain
from esru.flow.bench import bench_folder
from esru.flow.generate import generate

#: Words that the short run follows, and how many more the long one does.
FEW, MORE = 1000, 20000

DESIGNS = (
    "8:3:replicate:plateau3",
    "8:3:replicate:plateau3,boundary=unit",
    "24:24:zero:lfsr24",
    "8:7:select:lfsr13,leap=7",
    "8:7:select:lfsr13,leap=7,lanes=64",
    "8:7:select:lfsr13,leap=7,lanes=64,boundary=unit",
    "8:3:half:plateau5,leap=5,out=ocp_e4m3,boundary=unit",
    "8:7:select:lfsr13,leap=7,lanes=64,in=bfloat16,out=ocp_e2m1,boundary=unit",
    "8:7:select:lfsr13,leap=7,lanes=32,in=mx_float32,out=ocp_e2m1,block=32,boundary=unit",
)


def _run(folder: Path, words: int) -> tuple[int, float]:
    """Return the checked roundings of all tests and the processor seconds of the whole run."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-P", str(bench_folder() / "run.py"), str(folder / "made"),
         "--results", "results.xml", "--counts", "counts.json"],
        cwd=folder, env=os.environ | {"ESRU_WORDS": str(words)},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return sum(json.loads((folder / "counts.json").read_text()).values()), seconds


def measure(text: str, runs: int) -> dict[str, Any]:
    """Return the rate on one design: the median over some pairs of a short and a long run."""
    rates, whole = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        generate(parse(text), folder / "made")
        for _ in range(runs):
            fewer, shorter = _run(folder, FEW)
            more, longer = _run(folder, FEW + MORE)
            rates.append((more - fewer) / (longer - shorter))
            whole.append(more / longer)
    return {
        "design": text,
        "lanes": parse(text).lanes,
        "checked": more,
        "per_second": round(statistics.median(rates)),
        "whole_per_second": round(statistics.median(whole)),
    }


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--runs", type=int, default=3, help="the median of so many counts")
    args = options.parse_args()
    rows = []
    for text in DESIGNS:
        row = measure(text, args.runs)
        rows.append(row)
        print(f"{row['per_second']:>9} checked roundings a second  {text}", flush=True)
    content = {
        "schema": "esru.benchmark-cocotb/1",
        "versions": {
            **{name: importlib.metadata.version(name) for name in ("esru", "cocotb")},
            "iverilog": toolchain.iverilog().identity,
            "python": sys.version.split()[0],
        },
        "machine": machine(),
        "runs": args.runs,
        "rows": rows,
    }
    write(content, args.write)


if __name__ == "__main__":
    main()
