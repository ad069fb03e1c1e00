"""Batch synthesis against one process per design, on the same designs in the same run.

    python benchmarks/synthesis.py --target ice40 --designs 16 --lanes 1 64

Prints milliseconds per design (wall clock, and processor time of this process and its
children) and the ratio. Timings mean nothing across machines; the ratio in one run does.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "flow"))

import textbook  # type: ignore[import-not-found]  # of the tests, found by the path above

from esru.flow import targets, toolchain
from esru.flow.measure import Cells, Netlist, measure


def designs(number: int, lanes: int) -> list[Netlist]:
    """Return textbook decisions that differ in k and L, each with one LFSR for all lanes."""
    points = [(8, k, length) for length in textbook.TAPS for k in range(1, min(8, length) + 1)]
    if number > len(points):
        raise SystemExit(f"--designs must be at most {len(points)}, not {number}")
    step = len(points) / number
    chosen = [points[int(index * step)] for index in range(number)]
    return [textbook.decision(*point, lanes=lanes) for point in chosen]


def timed(
    batches: Sequence[Sequence[Netlist]], target: str
) -> tuple[dict[str, Cells], float, float]:
    """Measure batch after batch; return the counts, wall-clock and processor ms per design."""
    wall, cpu = time.perf_counter(), sum(os.times()[:4])
    result: dict[str, Cells] = {}
    for batch in batches:
        result.update(measure(batch, target))
    wall, cpu = time.perf_counter() - wall, sum(os.times()[:4]) - cpu
    return result, 1e3 * wall / len(result), 1e3 * cpu / len(result)


def main() -> None:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--target", default="ice40", choices=targets.TARGETS)
    parser.add_argument("--designs", type=int, default=16)
    parser.add_argument("--lanes", type=int, nargs="+", default=[1, 64])
    parser.add_argument("--alone", type=int, default=4, help="how many also run one by one")
    arguments = parser.parse_args()
    print(", ".join(f"{name}: {version}" for name, version in toolchain.versions().items()))
    for lanes in arguments.lanes:
        netlists = designs(arguments.designs, lanes)
        together, wall, cpu = timed([netlists], arguments.target)
        print(f"{arguments.target}, {lanes} lane(s), {len(netlists)} designs")
        print(f"  batch:      {wall:6.0f} ms a design ({cpu:.0f} ms of processor time)")
        some = netlists[:: max(1, len(netlists) // arguments.alone)][: arguments.alone]
        single, wall_alone, cpu = timed([[netlist] for netlist in some], arguments.target)
        print(f"  one by one: {wall_alone:6.0f} ms a design ({cpu:.0f} ms of processor time)")
        differ = sum(together[name] != cells for name, cells in single.items())
        print(f"  ratio {wall_alone / wall:.1f}; counts differ in {differ} of {len(some)}")


if __name__ == "__main__":
    main()
