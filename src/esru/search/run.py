"""A whole search in its folder: claimed, resumed or reprinted, proved, and written."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from esru.design_text import short_design
from esru.flow.generate import generate
from esru.flow.verify import Check, verify
from esru.report.pages import report_html, report_markdown
from esru.report.plot import draw_front, front_points
from esru.report.tables import row_cost
from esru.search.cache import cache_folder
from esru.search.digest import COST, TRAINING, digest
from esru.search.driver import Observer, Search
from esru.search.folder import SCHEMA, claim, read_manifest, write_whole
from esru.search.front_figures import fill_front
from esru.search.outcome import Outcome
from esru.search.preflight import check
from esru.search.question import Question
from esru.search.store import Store, result_key

Json = dict[str, Any]

#: What the answer depends on beyond costs and trainings.
_ANSWER = (*dict.fromkeys((*TRAINING, *COST)), "quality.py", "search", "report")


@dataclass(frozen=True)
class Answer:
    """What `run_search` found.

    Attributes
    ----------
    result : dict
        As `Outcome.to_json`.
    versions : dict of str
    proved : bool
        Whether every check of the winner's hardware passed; True without a winner.
    reprinted : bool
        Whether an earlier answer to the same question was still valid.
    files : dict of str
        What lies in the folder, by name, each with its path.
    """

    result: Json
    versions: dict[str, str]
    proved: bool
    reprinted: bool
    files: dict[str, str]


def run_search(question: Question, folder: Path, observer: Observer) -> Answer:
    """Answer a question in a run folder.

    A folder that holds the answer, found by the same code and tools, is read; one that holds a
    part of it is continued; a new one is made.

    Raises
    ------
    InputError
        If the question is wrong or the folder is in use, unwritable or of another question.
    ToolMissing
        If something that a search needs is not installed; before any work.
    ToolFailed
        If a tool failed; what was finished is kept.
    """
    versions = check(question)
    fingerprint = result_key("run", digest=digest(_ANSWER), versions=versions)
    with claim(folder, question):
        manifest = read_manifest(folder)
        finished = manifest.get("status") in ("done", "infeasible")
        if finished and manifest.get("fingerprint") == fingerprint:
            stored = _stored_answer(folder)
            if stored is not None:
                return Answer(stored, versions, manifest["proved"], True, _files(folder))
        manifest = {
            "schema": SCHEMA,
            "versions": versions,
            "question": question.to_json(),
            "fingerprint": fingerprint,
            "status": "running",
        }
        with (
            Store(cache_folder() / "results.sqlite") as cache,
            Store(folder / "store.sqlite", cache) as store,
        ):
            # Only now: a store that is refused leaves no trace in the folder.
            _write_json(folder / "manifest.json", manifest)
            try:
                search = Search(question, store, versions, observer)
                outcome = search.run()
                checks = _prove(outcome, folder, observer)
            except KeyboardInterrupt:
                _write_json(folder / "manifest.json", manifest | {"status": "interrupted"})
                raise
        proved = all(found.passed for found in checks)
        result = outcome.to_json() | {"proof": [found.to_json() for found in checks]}
        fill_front(result, question, observer)
        _write(result, search.evidence, versions, folder)
        _write_json(
            folder / "manifest.json", manifest | {"status": outcome.status, "proved": proved}
        )
        return Answer(result, versions, proved, False, _files(folder))


def _stored_answer(folder: Path) -> Json | None:
    """Return the answer that the folder holds, or None if somebody has damaged the file."""
    try:
        return dict(json.loads((folder / "front.json").read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None


def _prove(outcome: Outcome, folder: Path, observer: Observer) -> Sequence[Check]:
    """Write the winner's hardware and check it on every level."""
    if outcome.winner is None:
        return []
    design = outcome.winner.design
    winner = folder / "winner"
    generate(design, winner, force=True)
    with observer.stage(f"verify {short_design(design)}") as progress:
        checks = verify(design, progress=progress, cocotb_xml=winner / "cocotb.xml")
    content = {
        "schema": "esru.verify/1",
        "design": str(design),
        "checks": [found.to_json() for found in checks],
    }
    _write_json(winner / "proof.json", content)
    return checks


def _write_json(path: Path, content: Json) -> None:
    write_whole(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def _write(result: Json, evidence: Sequence[Json], versions: dict[str, str], folder: Path) -> None:
    """Write everything that is read: evidence, front, picture and reports."""
    svg = draw_front(front_points(result), result)
    lines = [json.dumps(entry, sort_keys=True) for entry in evidence]
    write_whole(folder / "evidence.jsonl", "".join(line + "\n" for line in lines))
    write_whole(folder / "front.csv", front_csv(result))
    write_whole(folder / "front.svg", svg)
    write_whole(folder / "report.md", report_markdown(result, versions))
    write_whole(folder / "report.html", report_html(result, versions, svg))
    _write_json(folder / "front.json", result)


def front_csv(result: Json) -> str:
    """Return every raced row as CSV: on the front or not, with its cost, loss and verdict."""
    on_front = set(result["front"])
    where = (result["target"], result["boundary"], result["objective"])
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(
        [
            *("design", "id", "front", "cost", "loss", "low", "high", "seeds", "verdict", "reason"),
            *("fmax_mhz", "activity"),
        ]
    )
    for row in result["rows"]:
        loss = row["loss"] or {}
        table.writerow(
            [
                row["design"],
                row["id"],
                int(row["id"] in on_front),
                row_cost(row, *where),
                *(loss.get(name) for name in ("mean", "low", "high", "seeds")),
                row["verdict"],
                row["reason"],
                row_cost(row, *where[:2], "fmax_mhz"),
                row.get("activity"),
            ]
        )
    return text.getvalue()


def _files(folder: Path) -> dict[str, str]:
    names = (
        "manifest.json",
        "store.sqlite",
        "evidence.jsonl",
        "front.json",
        "front.csv",
        "front.svg",
        "report.md",
        "report.html",
        "winner",
    )
    return {name: str(folder / name) for name in names if (folder / name).exists()}
