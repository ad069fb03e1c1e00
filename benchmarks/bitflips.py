"""Flip configuration bits of a finished iCE40 bitstream; decide each flip for all inputs.

    python benchmarks/bitflips.py --write docs/results/bitflips-papers.json

The bits are chosen at random among those of known function in the tiles that the bitstream uses,
half of them set and half clear; the same ones for a seed. Every flip is caught or proved harmless;
one that gets neither ends the study with an error. Prints the result as JSON.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any

from esru import __version__
from esru.design import Design, parse
from esru.flow import toolchain
from esru.flow.bitflips import FlipStudy, counts

DESIGN = "papers"
NUMBER = 64
SEED = 0


def versions() -> dict[str, str]:
    """Return the versions of everything that decides the result."""
    tools = ("yosys", "nextpnr-ice40", "icepack", "iceunpack")
    found = {name: toolchain.bitstream_tool(name).identity for name in tools}
    found["icebox_vlog"] = toolchain.icebox_vlog().identity
    found["yosys-abc"] = toolchain.yosys_abc().identity
    return {"esru": __version__, "python": platform.python_version()} | found


def study(design: Design, number: int, seed: int, folder: Path) -> dict[str, Any]:
    """Make the study in a folder and return its result."""
    found = FlipStudy(design, folder)
    flips = []
    for bit in found.choose(number, seed):
        flips.append(found.flip(bit))
        print(json.dumps(flips[-1].to_json()), file=sys.stderr, flush=True)
    return {
        "schema": "esru.bitflips/1",
        "versions": versions(),
        "design": str(design),
        "chip": str(found.chip),
        "seed": seed,
        "bits": len(found.bits),
        "set_bits": sum(bit.was for bit in found.bits),
        "counts": counts(flips),
        "seconds": round(sum(flip.seconds for flip in flips), 1),
        "flips": [flip.to_json() for flip in flips],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--design", default=DESIGN)
    parser.add_argument("--flips", type=int, default=NUMBER)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--write", type=Path, help="write the result to this JSON file")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        result = study(parse(args.design), args.flips, args.seed, Path(name))
    print(json.dumps(result, indent=1))
    if args.write:
        args.write.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
