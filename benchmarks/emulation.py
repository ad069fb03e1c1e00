"""Measure rounding float32 to int8 and ocp_e4m3 in cache-sized blocks, beside gfloat.

Run as ``python benchmarks/emulation.py [--write FILE]``. Everything runs on one thread and is
measured in CPU time of this process; the ratios compare figures of the same run. esru makes the
words of its array of 64 units; gfloat is given random bits that were made before, and does not
say where they come from. gfloat's int8 has six fraction bits: its values are scaled beforehand.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import gfloat
import numpy as np
import torch
from gfloat.formats import format_info_ocp_int8
from search import machine

from esru.design import parse
from esru.emulate import round_tensor
from esru.emulate.addends import BLOCK

#: Tiled tables, private and shared; recurrences of 24 and 32 bits, private and shared.
DESIGNS = (
    "8:8:zero:lfsr8",
    "papers",
    "8:7:select:lfsr13,leap=7,lanes=64",
    "24:24:zero:lfsr24",
    "24:24:zero:lfsr24,lanes=64",
    "8:8:zero:lfsr32,leap=11",
    "8:4:zero:debruijn20,leap=5",
    "8:8:zero:lfsr8,out=ocp_e4m3",
    "20:20:zero:lfsr24,out=ocp_e4m3",
)

#: The one that is compared with gfloat: as many random bits as gfloat is given.
COMPARED = "8:8:zero:lfsr8"
RANDOM_BITS = 8
REPEATS = 40


def best(work: Callable[[], object]) -> float:
    """Return the least CPU seconds of several runs, the first ones not counted."""
    for _ in range(3):
        work()
    found = []
    for _ in range(REPEATS):
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


def other(values: Any, bits: Any, compiled: bool) -> tuple[float, Any]:
    """Return elements a second of gfloat, and what it makes of the values."""

    def rounded(values: Any, bits: Any) -> Any:
        return gfloat.round_ndarray(
            format_info_ocp_int8,
            values,
            gfloat.RoundMode.StochasticFast,
            sat=True,
            srbits=bits,
            srnumbits=RANDOM_BITS,
        )

    call = torch.compile(rounded) if compiled else rounded
    return BLOCK / best(lambda: call(values, bits)), call(values, bits)


def main() -> int:
    """Measure, print, and write the figures if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, help="file for the figures (JSON)")
    args = parser.parse_args()
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
    bits = rng.integers(0, 1 << RANDOM_BITS, BLOCK)
    scaled = values / np.float32(64)
    peers = {}
    peers["gfloat, numpy"], plain = other(scaled, bits, compiled=False)
    # The compiled one must do the same work to be compared.
    given = torch.from_numpy(scaled), torch.from_numpy(bits)
    peers["gfloat, compiled by torch"], fused = other(*given, compiled=True)
    assert np.array_equal(np.asarray(fused), plain)
    compared = rates[COMPARED]
    ratios = {
        "gfloat, numpy": compared["numpy"] / peers["gfloat, numpy"],
        "gfloat, compiled by torch": compared["torch"] / peers["gfloat, compiled by torch"],
    }
    for text, by_array in rates.items():
        for array, rate in by_array.items():
            print(f"{text}, {array}: {rate / 1e6:.0f} M elements per second")
    for name, rate in peers.items():
        print(f"{name}: {rate / 1e6:.1f} M elements per second; {COMPARED} {ratios[name]:.1f}x")
    packages = ("numpy", "torch", "gfloat")
    figures = {
        "schema": "esru.benchmark-emulation/1",
        "versions": {"python": platform.python_version()} | {p: version(p) for p in packages},
        "machine": machine(),
        "block": BLOCK,
        "lanes": 64,
        "compared": COMPARED,
        "elements_per_second": {
            text: {array: round(rate) for array, rate in by_array.items()}
            for text, by_array in rates.items()
        },
        "peers": {name: round(rate) for name, rate in peers.items()},
        "ratios": {name: round(ratio, 1) for name, ratio in ratios.items()},
    }
    if args.write:
        args.write.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
        print(f"wrote {args.write}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
