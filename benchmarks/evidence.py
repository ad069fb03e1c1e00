"""Measure the training evidence of docs/evidence.md into docs/results/evidence.json.

Run as ``python benchmarks/evidence.py``, with names of studies to measure only those. Every run
is stored as it ends (in the cache, see `esru.search.cache`), every study is written as it ends: a
measurement that was stopped goes on where it was. What is trained stands in
`esru.evidence.studies`. Takes about a quarter of an hour of processor time; ``--missing``
measures only the rows that the file lacks.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from esru.errors import InputError
from esru.evidence.measure import Measurer
from esru.evidence.studies import Point, Study, find_study, studies
from esru.search.cache import cache_folder
from esru.search.store import Store
from esru.search.workers import local_workers

Json = dict[str, Any]

ROOT = Path(__file__).parent.parent
#: What tells a row of a study from the others.
PLACE = ("series", "at", "trained", "schedule", "against", "lr")

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


def kept(old: Json, study: Study) -> dict[tuple[Any, ...], Json]:
    """Return the rows of a study's earlier result that are still rows of the study."""
    if any(old.get(key) != value for key, value in head(study).items()):
        return {}
    wanted = {place(point, lr) for point in study.points for lr in study.learning_rates}
    found = {tuple(row[name] for name in PLACE): row for row in old["rows"]}
    return {key: row for key, row in found.items() if key in wanted}


def place(point: Point, lr: float) -> tuple[Any, ...]:
    """Return `PLACE` of a point's row."""
    trained, against = str(point.trained), str(point.partner().trained)
    return point.series, point.at, trained, point.schedule, against, lr


def head(study: Study) -> Json:
    """Return what all rows of a study share."""
    return {"task": study.task, "lanes": study.lanes, "seeds": study.seeds}


def main() -> int:
    """Measure what is asked for and write it."""
    names = [study.name for study in studies()]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("studies", nargs="*", metavar="STUDY", help=f"of {', '.join(names)}")
    parser.add_argument(
        "--missing", action="store_true", help="keep the rows that the file has, measure the others"
    )
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
    versions = {"python": platform.python_version()} | tools
    # Rows of other packages may be other figures.
    known = done if args.missing and old.get("versions") == versions else {}
    with Store(cache_folder() / "results.sqlite") as store, local_workers(1) as pool:
        measurer = Measurer(store, pool, tools)
        for study in chosen:
            start = time.monotonic()

            def progress(
                now: int, total: int, name: str = study.name, start: float = start
            ) -> None:
                seconds = time.monotonic() - start
                print(f"{name}: {now} of {total} runs, {seconds:.0f} s", file=sys.stderr)

            rows = kept(known.get(study.name, {}), study)
            cells = [(point, lr) for point in study.points for lr in study.learning_rates]
            left = [point for point, lr in cells if place(point, lr) not in rows]
            part = replace(study, points=tuple(dict.fromkeys(left)))
            for row in measurer.rows(part, progress) if left else []:
                rows[tuple(row[name] for name in PLACE)] = row
            ordered = [rows[place(point, lr)] for point, lr in cells]
            done[study.name] = head(study) | {"rows": ordered}
            result = {
                "schema": "esru.evidence/1",
                "versions": versions,
                "studies": {name: done[name] for name in names if name in done},
            }
            written = args.out.with_suffix(".part")
            written.write_text(text(result), encoding="utf-8")
            written.replace(args.out)
            print(f"wrote {study.name} to {args.out}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
