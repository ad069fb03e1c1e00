"""The run folder: one question each, held by one search at a time, never half-written."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from esru.errors import InputError
from esru.search.question import Question

#: Schema of `manifest.json`.
SCHEMA = "esru.run/1"


def default_folder(question: Question) -> Path:
    """Return ``$ESRU_RUNS/bits<B>-<question>``, below ``runs`` if the variable is not set."""
    runs = Path(os.environ.get("ESRU_RUNS") or "runs")
    return runs / f"bits{question.bits}-{question.id}"


def write_whole(path: Path, text: str) -> None:
    """Write a file so that it is there whole or not at all."""
    beside = path.with_name(f".{path.name}.part")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return a run's manifest, or {} if there is none.

    Raises
    ------
    InputError
        If there is one that is not esru's, or of another schema.
    """
    path = folder / "manifest.json"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise InputError.must("Run manifest", "readable JSON", f"{path} ({error})") from None
    schema = manifest.get("schema") if isinstance(manifest, dict) else None
    if schema != SCHEMA:
        raise InputError.must("Run manifest", f"of schema {SCHEMA}", f"{schema} ({path})")
    return dict(manifest)


@contextmanager
def claim(folder: Path, question: Question) -> Iterator[None]:
    """Make a run folder, or take over the one of the same question, and hold it.

    The lock is the kernel's: it is free again as soon as its holder is gone, however it ended.

    Raises
    ------
    InputError
        If the folder cannot be written, is in use, or belongs to another question or to
        something else.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise InputError.must(
            "Output folder", "a folder that can be written", f"{folder} ({error.strerror})"
        ) from None
    lock = FileLock(folder / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise InputError.must("Output folder", "free", f"{folder} (in use by a search)") from None
    try:
        asked = read_manifest(folder).get("question")
        if asked is None:
            strange = [p.name for p in folder.iterdir() if p.name not in (".lock", "store.sqlite")]
            if strange:
                rule = "new, empty or of an earlier search"
                raise InputError.must("Output folder", rule, f"{folder} (has {strange[0]})")
        elif asked != question.to_json():
            now = question.to_json()
            different = [key for key in (now | asked) if asked.get(key) != now.get(key)]
            raise InputError.must(
                "Output folder",
                "of the same question",
                f"{folder} (asked with another {', '.join(different)})",
            )
        yield
    finally:
        lock.release()
