"""What benchmarks have in common: their option, the machine they ran on, the file they write."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

import psutil


def parser(doc: str | None) -> argparse.ArgumentParser:
    """Return a parser with the option --write."""
    found = argparse.ArgumentParser(description=doc)
    found.add_argument("--write", type=Path, help="write the figures to this JSON file")
    return found


def write(figures: dict[str, Any], path: Path | None) -> None:
    """Write figures, if there is a file for them."""
    if path is not None:
        path.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
        print(f"wrote {path}", file=sys.stderr)


def machine() -> str:
    """Return what the numbers were measured on."""
    model = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    memory = psutil.virtual_memory().total / 2**30
    return f"{len(os.sched_getaffinity(0))} cores, {model}, {memory:.0f} GiB"
