"""Measure rounding float32 to int8 and ocp_e4m3 in cache-sized blocks, beside what others offer.

Run as ``python benchmarks/emulation.py [--write FILE]``. Everything runs on one thread and is
measured in CPU time of this process; the ratios compare figures of the same run. esru makes the
words of its array of 64 units; gfloat is given random bits that were made before; torchao and
qtorch (`rounders`: where they are installed) draw theirs from torch's generator.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from figures import machine, parser, write
from rounders import rounders

from esru.design import parse
from esru.emulate import round_tensor
from esru.emulate.addends import BLOCK

#: Tiled tables, private and shared; recurrences of 24 and 32 bits, private and shared, of few
#: terms and of many; a table of a period; a register with a spliced zero; a truth table; floats.
DESIGNS = (
    "8:8:zero:lfsr8",
    "papers",
    "8:7:select:lfsr13,leap=7,lanes=64",
    "24:24:zero:lfsr24",
    "24:24:zero:lfsr24,lanes=64",
    "24:24:zero:plateau24,leap=29",
    "8:8:zero:lfsr32,leap=11",
    "24:20:nearest:lfsr32,leap=23",
    "8:7:select:lfsr24,leap=11,lanes=8,map=permute",
    "8:4:zero:debruijn20,leap=5",
    "8:8:zero:debruijn26,leap=9",
    "4:4:table-c0fcff00.11.5:lfsr13,leap=4",
    "8:8:zero:lfsr8,out=ocp_e4m3",
    "20:20:zero:lfsr24,out=ocp_e4m3",
    "8:8:zero:lfsr32,leap=11,out=ocp_e4m3",
)

#: CPU seconds for each figure: long enough to meet a moment without neighbours on the core.
SECONDS = 0.5


def best(work: Callable[[], object]) -> float:
    """Return the least CPU seconds of many runs, the first ones not counted."""
    for _ in range(3):
        work()
    found: list[float] = []
    while sum(found) < SECONDS:
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return min(found)


def own(text: str, values: Any, out: Any) -> float:
    """Return elements a second of a design on an array or tensor, the phase running on."""
    design = parse(text)
    phase = 0

    def work() -> None:
        nonlocal phase
        _, phase = round_tensor(design, values, phase, 64, out=out)

    return BLOCK / best(work)


def others(values: Any, rates: dict[str, dict[str, float]]) -> list[dict[str, Any]]:
    """Return a row for each way to round that others offer, with how much faster esru is."""
    rows = []
    for way in rounders(values):
        row: dict[str, Any] = {"name": way.name if way.call else way.package}
        if way.call is None:
            row["reason"] = way.reason
        else:
            rate = BLOCK / best(way.call)
            ratio = rates[way.design][way.array] / rate
            row |= {"compared": way.design, "array": way.array}
            row |= {"elements_per_second": round(rate), "ratio": round(ratio, 1)}
        rows.append(row)
    return rows


def _versions(rows: list[dict[str, Any]]) -> dict[str, str]:
    packages = ["numpy", "torch"]
    packages += [row["name"].partition(",")[0] for row in rows if "ratio" in row]
    return {"python": platform.python_version()} | {name: version(name) for name in packages}


def main() -> int:
    """Measure, print, and write the figures if asked to."""
    args = parser(__doc__).parse_args()
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    values = rng.normal(scale=40.0, size=BLOCK).astype(np.float32)
    rates = {
        text: {
            "numpy": own(text, values, out),
            "torch": own(text, torch.from_numpy(values), torch.from_numpy(out)),
        }
        for text in DESIGNS
        for out in [np.empty(BLOCK, np.float32 if parse(text).floats else np.int8)]
    }
    rows = others(values, rates)
    for text, by_array in rates.items():
        for array, rate in by_array.items():
            print(f"{text}, {array}: {rate / 1e6:.0f} M elements per second")
    for row in rows:
        if "reason" in row:
            print(f"{row['name']}: not measured, {row['reason']}")
        else:
            rate, ratio = row["elements_per_second"], row["ratio"]
            beside = f"{row['compared']}, {row['array']} {ratio}x"
            print(f"{row['name']}: {rate / 1e6:.1f} M elements per second; {beside}")
    figures = {
        "schema": "esru.benchmark-emulation/2",
        "versions": _versions(rows),
        "machine": machine(),
        "block": BLOCK,
        "lanes": 64,
        "elements_per_second": {
            text: {array: round(rate) for array, rate in by_array.items()}
            for text, by_array in rates.items()
        },
        "others": rows,
    }
    write(figures, args.write)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
