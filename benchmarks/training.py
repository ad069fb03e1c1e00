"""Measure trainings per core-second, and the throughput of rounding against plain NumPy.

Run as ``python benchmarks/training.py [--write FILE]``. Everything runs on one thread and is
measured in CPU time of this process; the ratios compare figures of the same run. Plain NumPy is
floor(x + uniform random numbers): stochastic rounding by an ideal generator, without hardware.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version

import numpy as np
from figures import machine, parser, write

from esru.design import parse
from esru.emulate import round_tensor
from esru.train import Job, Task, train_batch
from esru.train.tasks import find_task

#: The mixture of designs that a search sends: short and long sources, adders and indices.
DESIGNS = (
    "reference",
    "papers",
    "8:8:zero:lfsr13,leap=8,lanes=64",
    "5:3:half:debruijn6,leap=3",
    "6:4:zero:lfsr7,leap=4,lanes=8",
    "4:2:nearest:plateau4",
    "8:7:select:lfsr13,leap=7,lanes=64",
    "5:4:select:lfsr7,leap=4",
)
#: The tasks with a bar of speed.
TASKS = ("digits-mlp", "digits-cnn", "chars-transformer")
#: Work that takes longer (CPU seconds) is measured once.
LONG = 10.0
ELEMENTS = 1 << 20
PLAIN = "numpy floor(x + rand)"


def best(work: Callable[[], object], repeats: int = 3) -> float:
    """Return the least CPU seconds of several runs; the first one counts only if it is long."""
    found: list[float] = []
    for _ in range(repeats + 1):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
        if found[0] > LONG:
            return found[0]
    return min(found[1:])


def trainings(task: Task) -> dict[str, float]:
    """Return trainings per core-second of a single run, of one design and of eight designs."""
    jobs = [
        Job(parse(text), seed, lr, schedule)
        for text in DESIGNS
        for seed in range(3)
        for lr in task.learning_rates
        for schedule in task.schedules
    ]
    one = [job for job in jobs if job.design == parse("reference")]

    def rate(chosen: list[Job]) -> float:
        # Runs that are trained once for two schedules count once.
        counts: list[int] = []

        def work() -> None:
            train_batch(task, chosen, progress=lambda done, total: counts.append(total))

        seconds = best(work)
        return counts[-1] / seconds

    return {"one_run": rate(jobs[:1]), "one_design": rate(one), "eight_designs": rate(jobs)}


def rounding() -> dict[str, float]:
    """Return elements per second of each way to round, in a tensor of float32."""
    import torch

    rng = np.random.default_rng(0)
    values = rng.normal(scale=40.0, size=ELEMENTS).astype(np.float32)
    tensor = torch.from_numpy(values)
    ways: dict[str, Callable[[], object]] = {
        PLAIN: lambda: np.clip(np.floor(values + rng.random(ELEMENTS, np.float32)), -128, 127)
    }
    for text in ("reference", "papers", "8:7:select:lfsr13,leap=7,lanes=64"):
        design = parse(text)
        ways[f"{text}, numpy"] = partial(round_tensor, design, values)
        ways[f"{text}, torch"] = partial(round_tensor, design, tensor)
    return {name: ELEMENTS / best(work) for name, work in ways.items()}


def main() -> int:
    """Measure, print, and write the figures if asked to."""
    args = parser(__doc__).parse_args()
    import torch

    torch.set_num_threads(1)
    packages = ("numpy", "scikit-learn", "torch")
    rates = {name: trainings(find_task(name)) for name in TASKS}
    throughput = rounding()
    for name, by_batch in rates.items():
        for batch, rate in by_batch.items():
            ratio = rate / by_batch["one_run"]
            print(f"{name}, {batch}: {rate:.1f} trainings per core-second, {ratio:.1f}x")
    for way, elements in throughput.items():
        ratio = elements / throughput[PLAIN]
        print(f"{way}: {elements / 1e6:.1f} M elements per second, {ratio:.2f}x")
    figures = {
        "schema": "esru.benchmark-training/2",
        "versions": {"python": platform.python_version()} | {p: version(p) for p in packages},
        "machine": machine(),
        "trainings_per_core_second": rates,
        "elements_per_second": throughput,
    }
    write(figures, args.write)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
