"""Generate the part of docs/emulation.md that holds numbers, from its result file.

Run as ``python docs/emulation.py`` to rewrite it, ``--check`` to see whether it is fresh.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from esru.report.fresh import fill, refresh

Json = dict[str, Any]

PAGE = Path(__file__).parent / "emulation.md"
RESULTS = Path(__file__).parent / "results"


def speed(figures: Json) -> str:
    """Return rates of every design, and the ratios to what others measure in the same run."""
    lines = [
        "| float32 to int8, or the format named; M elements per second | NumPy | PyTorch |",
        "|---|---|---|",
    ]
    for design, rates in figures["elements_per_second"].items():
        numpy, torch = (f"{rates[array] / 1e6:.0f}" for array in ("numpy", "torch"))
        lines.append(f"| `{design}` | {numpy} | {torch} |")
    lines += ["", "| others | M elements per second | compared with | esru is faster by |"]
    lines.append("|---|---|---|---|")
    for row in figures["others"]:
        if "reason" in row:
            lines.append(f"| {row['name']} | not measured: {row['reason']} | | |")
            continue
        array = {"numpy": "NumPy", "torch": "PyTorch"}[row["array"]]
        rate = row["elements_per_second"] / 1e6
        lines.append(
            f"| {row['name']} | {rate:.0f} | `{row['compared']}`, {array} | {row['ratio']:.1f} |"
        )
    versions = ", ".join(f"{name} {version}" for name, version in figures["versions"].items())
    lines += [
        "",
        f"One thread, CPU time, blocks of {figures['block']} elements, {figures['lanes']} lanes; "
        f"{figures['machine']}; {versions}. `python benchmarks/emulation.py` measures it again. "
        "gfloat is given random bits that were made before; torchao and qtorch draw theirs from "
        "PyTorch's generator, and torchao finds a scale too; esru makes the words of its units.",
    ]
    return "\n".join(lines)


def gpu(figures: Json) -> str:
    """Return the rows of the GPU with their goals, measured or not."""
    lines = ["| | goal | measured |", "|---|---|---|"]
    for row in figures["rows"]:
        value = "not measured" if row["value"] is None else f"{row['value']:g}"
        lines.append(f"| {row['name']} | {row['goal']} | {value} |")
    versions = ", ".join(f"{name} {version}" for name, version in figures["versions"].items())
    where = figures["device"] or "no CUDA device was at hand"
    return "\n".join([*lines, "", f"`python benchmarks/gpu.py`; {where}; {versions}."])


def generated() -> dict[Path, str]:
    """Return the page with its generated parts filled in."""
    parts = {
        name: part(json.loads((RESULTS / f"benchmark-{result}.json").read_text(encoding="utf-8")))
        for name, part, result in (("speed", speed, "emulation"), ("gpu", gpu, "gpu"))
    }
    return {PAGE: fill(PAGE, parts)}


if __name__ == "__main__":
    raise SystemExit(refresh(__doc__, generated))
