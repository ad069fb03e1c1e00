"""What an empty cache costs: many designs on several targets, by this machine's worker processes.

    python benchmarks/costs.py --designs 100 1000 --targets ice40,ecp5,xc7 [--write FILE]

The designs are drawn evenly from the search's own space of 16 bits and an array of 64 lanes, so
that a quarter of them are groups of 64 lanes; beyond the space's size the same ones come again
with other seeds, which are other circuits. Each number of designs begins with an empty store. The
tools' first-use compilation is done before. On a machine that does other work besides, compare
the processor seconds: what the bar allows is wall-clock time on idle cores.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from search import machine

from esru.design import Design
from esru.flow import toolchain
from esru.flow.measure import required_tools
from esru.search.evaluate import Evaluator, Request
from esru.search.space import space
from esru.search.store import Store
from esru.search.workers import local_workers, worker_count

LANES = 64


def designs(number: int) -> list[Design]:
    """Return so many designs of the space, evenly spread."""
    all_of_them = space(16, LANES).behaviours
    rounds = -(-number // len(all_of_them))
    pool = [
        # A seed of 0 is the lockup state of a short register: count up from 1, within 3 bits.
        replace(design, seed=seed + 1)
        for seed in range(rounds)
        for design in all_of_them
        if not seed or design.length >= 4
    ]
    step = len(pool) / number
    return [pool[int(index * step)] for index in range(number)]


def timed(number: int, targets: list[str], boundary: str, jobs: int) -> dict[str, Any]:
    """Cost designs from nothing; return seconds, and those of the processor, in all."""
    chosen = designs(number)
    identities = {tool.name: tool.identity for tool in required_tools(targets)}
    rows: dict[str, dict[str, float]] = {}
    for target in targets:
        with tempfile.TemporaryDirectory() as folder, local_workers(jobs) as pool:
            with Store(Path(folder) / "results.sqlite") as store:
                wall, cpu = time.perf_counter(), _processor()
                evaluator = Evaluator(store, pool, jobs, LANES, identities)
                requests = [Request(design, target, boundary) for design in chosen]
                evaluator.costs(requests, lambda done, total: None)
                wall = time.perf_counter() - wall
            pool.shutdown()  # what the workers have used is known when they have ended
            rows[target] = {"seconds": round(wall, 1), "processor": round(_processor() - cpu, 1)}
        print(f"{number} designs on {target}: {rows[target]}", file=sys.stderr, flush=True)
    seconds, processor = (
        sum(row[key] for row in rows.values()) for key in ("seconds", "processor")
    )
    return {
        "designs": number,
        "groups_of_64_lanes": sum(design.lanes == LANES for design in chosen),
        "targets": rows,
        "seconds": round(seconds, 1),
        "processor": round(processor, 1),
        "processor_ms_per_count": round(1e3 * processor / (number * len(targets)), 1),
    }


def _processor() -> float:
    """Return the processor seconds of this process and of all that it has waited for."""
    return sum(
        used.ru_utime + used.ru_stime
        for used in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--designs", type=int, nargs="+", default=[100])
    parser.add_argument("--targets", default="ice40,ecp5,xc7", metavar="T[,T...]")
    parser.add_argument("--boundary", default="decision")
    parser.add_argument("--write", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    targets = arguments.targets.split(",")
    jobs = worker_count()
    for tool in required_tools(targets):
        toolchain.warm(tool)
    load = os.getloadavg()[0]
    content = {
        "schema": "esru.benchmark-costs/1",
        "versions": toolchain.versions(),
        "machine": machine(),
        "workers": jobs,
        "load_before": round(load, 2),
        "boundary": arguments.boundary,
        "runs": [timed(n, targets, arguments.boundary, jobs) for n in arguments.designs],
    }
    text = json.dumps(content, indent=2) + "\n"
    print(text, end="")
    if arguments.write is not None:
        arguments.write.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
