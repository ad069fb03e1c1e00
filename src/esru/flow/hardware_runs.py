"""Checks of real boards that people recorded: what there is, by board.

A recorded run is the ``check-board.json`` of ``esru check-board -o DIR``, of a real board, with
the board's name added as ``board``; it lies in ``docs/hardware-runs``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from esru.errors import InputError
from esru.flow.boards import BOARDS

#: What ``esru check-board -o`` writes.
SCHEMA = "esru.check-board/1"

_VERDICTS = ("passed", "mismatch", "lost")


@dataclass(frozen=True)
class Run:
    """One recorded run: the board, the design that was on it and what came out."""

    board: str
    design: str
    verdict: str


def runs_folder() -> Path:
    """Return the folder of the recorded runs: in the installed package, else in the repository."""
    package = Path(str(resources.files("esru")))
    inside = package / "hardware-runs"
    return inside if inside.is_dir() else package.parents[1] / "docs" / "hardware-runs"


def recorded_runs(folder: Path | None = None) -> dict[str, list[Run]]:
    """Return the recorded runs of every board, none for most.

    Raises
    ------
    InputError
        If a file is not a recorded run.
    """
    found: dict[str, list[Run]] = {name: [] for name in BOARDS}
    for path in sorted((folder or runs_folder()).glob("*.json")):
        run = _read(path)
        found[run.board].append(run)
    return found


def _read(path: Path) -> Run:
    subject = f"Recorded run {path.name}"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError.must(subject, "readable JSON", error) from None
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        raise InputError.must(subject, f"of schema {SCHEMA}", "another")
    if content.get("simulated") is not False:
        raise InputError.must(subject, "of a real board", "of a simulated one")
    board, design, verdict = (content.get(key) for key in ("board", "design", "verdict"))
    if board not in tuple(BOARDS):
        raise InputError.must(f"Board of {path.name}", "one of " + ", ".join(BOARDS), repr(board))
    if not isinstance(design, str) or verdict not in _VERDICTS:
        raise InputError.must(subject, "whole: design and verdict", path)
    return Run(str(board), design, str(verdict))
