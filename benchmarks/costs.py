"""What an empty cache costs: many designs on several targets, by this machine's worker processes.

    python benchmarks/costs.py --designs 100 1000 --targets ice40,ecp5,xc7 [--write FILE]

The designs are drawn evenly from the search's own space of 16 bits and an array of 64 lanes, so
that a quarter of them are groups of 64 lanes; beyond the space's size the same ones come again
with other seeds, which are other circuits. Each number of designs begins with an empty store. The
tools' first-use compilation is done before. On a machine that does other work besides, compare
the processor seconds: what the bar allows is wall-clock time on idle cores.

FILE is written after each number on each target. What it holds already is not measured again,
if it comes from the same code and tools on such a machine: a run that was cut goes on.
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

from figures import machine

from esru.design import Design
from esru.flow import toolchain
from esru.flow.measure import required_tools
from esru.search.digest import COST, digest
from esru.search.evaluate import Evaluator, Request
from esru.search.space import space
from esru.search.store import Store
from esru.search.workers import local_workers, worker_count

Json = dict[str, Any]

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


def timed(number: int, target: str, boundary: str, jobs: int) -> Json:
    """Cost designs from nothing; return seconds, and those of the processor, in all."""
    chosen = designs(number)
    identities = {tool.name: tool.identity for tool in required_tools([target])}
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder, local_workers(jobs) as pool:
        with Store(Path(folder) / "results.sqlite") as store:
            wall, cpu = time.perf_counter(), _processor()
            evaluator = Evaluator(store, pool, jobs, LANES, identities)
            requests = [Request(design, target, boundary) for design in chosen]
            evaluator.costs(requests, lambda done, total: None)
            wall = time.perf_counter() - wall
        pool.shutdown()  # what the workers have used is known when they have ended
        processor = _processor() - cpu
    return {
        "seconds": round(wall, 1),
        "processor": round(processor, 1),
        "processor_ms_per_count": round(1e3 * processor / number, 1),
        "load": [round(load, 1), round(os.getloadavg()[0], 1)],
    }


def summary(number: int, rows: dict[str, Json]) -> Json:
    """Return what a number of designs took on each target, and in all."""
    processor = sum(row["processor"] for row in rows.values())
    return {
        "designs": number,
        "groups_of_64_lanes": sum(design.lanes == LANES for design in designs(number)),
        "targets": rows,
        "seconds": round(sum(row["seconds"] for row in rows.values()), 1),
        "processor": round(processor, 1),
        "processor_ms_per_count": round(1e3 * processor / (number * len(rows)), 1),
    }


def begun(path: Path | None, conditions: Json) -> dict[int, dict[str, Json]]:
    """Return what a file holds already, by number and target, if it is of these conditions."""
    if path is None or not path.exists():
        return {}
    content = json.loads(path.read_text(encoding="utf-8"))
    if {name: content.get(name) for name in conditions} != conditions:
        return {}
    return {run["designs"]: run["targets"] for run in content["runs"]}


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
    conditions = {
        "schema": "esru.benchmark-costs/2",
        "versions": toolchain.versions(),
        "code": digest(COST),
        "machine": machine(),
        "workers": jobs,
        "boundary": arguments.boundary,
    }
    found = begun(arguments.write, conditions)
    text = ""
    for number in arguments.designs:
        rows = found.setdefault(number, {})
        for target in targets:
            if target not in rows:
                rows[target] = timed(number, target, arguments.boundary, jobs)
                print(f"{number} designs on {target}: {rows[target]}", file=sys.stderr, flush=True)
            runs = [summary(n, rows) for n, rows in sorted(found.items()) if rows]
            text = json.dumps({**conditions, "runs": runs}, indent=2) + "\n"
            if arguments.write is not None:
                half = arguments.write.with_suffix(".part")
                half.write_text(text, encoding="utf-8")
                half.replace(arguments.write)
    print(text, end="")


if __name__ == "__main__":
    main()
