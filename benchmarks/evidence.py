"""Measure the training evidence of docs/evidence.md into docs/results/evidence.json.

Run as ``python benchmarks/evidence.py``, with names of studies to measure only those. Every run
is stored as it ends (in the cache, see `esru.search.cache`), every study is written as it ends: a
measurement that was stopped goes on where it was. What is trained stands in
`esru.evidence.studies`. Takes about a quarter of an hour of processor time.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from esru.errors import InputError
from esru.evidence.measure import Measurer
from esru.evidence.studies import find_study, studies
from esru.search.cache import cache_folder
from esru.search.store import Store
from esru.search.workers import local_workers

Json = dict[str, Any]

ROOT = Path(__file__).parent.parent
RESULT = ROOT / "docs" / "results" / "evidence.json"


def text(result: Json) -> str:
    """Return JSON with a line for each row."""
    parts = [f' "{key}": {json.dumps(value)}' for key, value in result.items() if key != "studies"]
    found = []
    for name, study in result["studies"].items():
        rows = ",\n   ".join(json.dumps(row) for row in study["rows"])
        head = ", ".join(f'"{k}": {json.dumps(v)}' for k, v in study.items() if k != "rows")
        found.append(f'  "{name}": {{{head}, "rows": [\n   {rows}\n  ]}}')
    parts.append(' "studies": {\n' + ",\n".join(found) + "\n }")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main() -> int:
    """Measure what is asked for and write it."""
    names = [study.name for study in studies()]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("studies", nargs="*", metavar="STUDY", help=f"of {', '.join(names)}")
    parser.add_argument("--out", type=Path, default=RESULT, help="file for the figures (JSON)")
    args = parser.parse_args()
    try:
        chosen = [find_study(name) for name in args.studies or names]
    except InputError as error:
        parser.error(str(error))
    import torch

    torch.set_num_threads(1)
    packages = ("numpy", "scikit-learn", "torch")
    tools = {name: version(name) for name in packages}
    old = json.loads(args.out.read_text(encoding="utf-8")) if args.out.exists() else {}
    done = dict(old.get("studies", {}))
    with Store(cache_folder() / "results.sqlite") as store, local_workers(1) as pool:
        measurer = Measurer(store, pool, tools)
        for study in chosen:
            start = time.monotonic()

            def progress(
                now: int, total: int, name: str = study.name, start: float = start
            ) -> None:
                seconds = time.monotonic() - start
                print(f"{name}: {now} of {total} runs, {seconds:.0f} s", file=sys.stderr)

            rows = measurer.rows(study, progress)
            head: Json = {"task": study.task, "lanes": study.lanes, "seeds": study.seeds}
            done[study.name] = head | {"rows": rows}
            result = {
                "schema": "esru.evidence/1",
                "versions": {"python": platform.python_version()} | tools,
                "studies": {name: done[name] for name in names if name in done},
            }
            part = args.out.with_suffix(".part")
            part.write_text(text(result), encoding="utf-8")
            part.replace(args.out)
            print(f"wrote {study.name} to {args.out}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
