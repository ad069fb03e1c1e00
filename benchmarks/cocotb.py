"""Measure how many checked roundings a second the cocotb testbench makes on emitted Verilog.

Run as ``python benchmarks/cocotb.py [--write FILE]``. Checked roundings are comparisons of one lane
in one clock cycle with the testbench's own model. The rate is that of the test ``stream``, which
follows the words; ``whole`` is that of all tests with Icarus' build and start-up.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

from search import machine

from esru.design import parse
from esru.flow import toolchain
from esru.flow.bench import bench_folder
from esru.flow.generate import generate

DESIGNS = (
    "8:3:replicate:plateau3",
    "8:3:replicate:plateau3,boundary=unit",
    "24:24:zero:lfsr24",
    "8:7:select:lfsr13,leap=7",
    "8:7:select:lfsr13,leap=7,lanes=64",
    "8:7:select:lfsr13,leap=7,lanes=64,boundary=unit",
)


def measure(text: str, runs: int) -> dict[str, Any]:
    """Return the best of some runs on one design."""
    best: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        generate(parse(text), folder / "made")
        for _ in range(runs):
            begun = time.monotonic()
            subprocess.run(
                [sys.executable, "-P", str(bench_folder() / "run.py"), str(folder / "made"),
                 "--results", "results.xml", "--counts", "counts.json"],
                cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True,
            )  # fmt: skip
            seconds = time.monotonic() - begun
            counts = json.loads((folder / "counts.json").read_text())
            cases = ElementTree.parse(folder / "results.xml").getroot().iter("testcase")
            times = {case.get("name"): float(case.get("time", "0")) for case in cases}
            found = {
                "design": text,
                "lanes": parse(text).lanes,
                "checked": counts["stream"],
                "per_second": round(counts["stream"] / times["stream"]),
                "whole_checked": sum(counts.values()),
                "whole_per_second": round(sum(counts.values()) / seconds),
            }
            if not best or found["per_second"] > best["per_second"]:
                best = found
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="the best of so many counts")
    parser.add_argument("--write", type=Path, help="write the figures to this JSON file")
    args = parser.parse_args()
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
    if args.write:
        args.write.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
