"""Results on disk: one SQLite file, written as results arrive and never half-written.

A run folder has its own store; a cache shared by all runs is a second one behind it. Each
result is committed at once, so that a search killed at any moment has lost only what was being
computed, and every key is written once.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any

from esru.errors import InputError

#: Goes up when the meaning of a row changes; a store of another number is refused.
SCHEMA = 1

_TABLES = """
CREATE TABLE IF NOT EXISTS results (
    key TEXT PRIMARY KEY, kind TEXT NOT NULL, value TEXT NOT NULL
) WITHOUT ROWID;
"""

Json = dict[str, Any]


def result_key(kind: str, **parts: object) -> str:
    """Return the key of a result: a hash of everything that can change it."""
    text = json.dumps({"kind": kind, **parts}, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class Store:
    """Results by key.

    Parameters
    ----------
    path : Path
        The SQLite file; made if absent (its folder must exist).
    behind : Store, optional
        Where a key that is not here is looked up; what is found there is copied here, and what
        is written here is written there too.

    Raises
    ------
    InputError
        If the file is not a store, is of another schema, or cannot be written.
    """

    def __init__(self, path: Path, behind: Store | None = None) -> None:
        self.path = path
        self.behind = behind
        try:
            self._db = sqlite3.connect(path, timeout=60, isolation_level=None)
        except sqlite3.DatabaseError as error:
            raise self._unusable(error) from None
        try:
            self._open()
        except sqlite3.DatabaseError as error:
            self._db.close()
            raise self._unusable(error) from None

    def _unusable(self, error: Exception) -> InputError:
        return InputError.must("Store", "a writable SQLite file of esru", f"{self.path} ({error})")

    def _open(self) -> None:
        with closing(self._db.execute("PRAGMA user_version")) as cursor:
            (version,) = cursor.fetchone()
        with closing(self._db.execute("SELECT count(*) FROM sqlite_master")) as cursor:
            (tables,) = cursor.fetchone()
        if tables and version != SCHEMA:
            self._db.close()
            raise InputError.must("Store", f"of schema {SCHEMA}", f"{version} ({self.path})")
        self._db.execute("PRAGMA journal_mode=WAL")
        # WAL with NORMAL survives a killed process; only a power cut may lose the last rows.
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.executescript(_TABLES + f"PRAGMA user_version={SCHEMA};")

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def get(self, keys: Iterable[str]) -> dict[str, Json]:
        """Return what is known of the keys."""
        wanted = list(keys)
        found = {key: json.loads(value) for key, _, value in self.rows(wanted)}
        if self.behind is not None:
            missing = [key for key in wanted if key not in found]
            borrowed = self.behind.rows(missing)
            self._insert(borrowed)
            found |= {key: json.loads(value) for key, _, value in borrowed}
        return found

    def rows(self, keys: Iterable[str]) -> list[tuple[str, str, str]]:
        """Return the raw rows (key, kind, JSON text) of the keys that are known."""
        rows: list[tuple[str, str, str]] = []
        wanted = list(keys)
        for low in range(0, len(wanted), 500):
            part = wanted[low : low + 500]
            marks = ",".join("?" * len(part))
            query = f"SELECT key, kind, value FROM results WHERE key IN ({marks})"
            with closing(self._db.execute(query, part)) as cursor:
                rows += cursor.fetchall()
        return rows

    def put(self, kind: str, results: Mapping[str, Json]) -> None:
        """Write results, all or none, and to the store behind as well.

        Raises
        ------
        InputError
            If the file cannot be written any more.
        """
        rows = [(key, kind, json.dumps(value, sort_keys=True)) for key, value in results.items()]
        try:
            self._insert(rows)
        except sqlite3.OperationalError as error:
            raise InputError.must("Store", "writable", f"{self.path} ({error})") from None
        if self.behind is not None:
            self.behind.put(kind, results)

    def _insert(self, rows: list[tuple[str, str, str]]) -> None:
        if not rows:
            return
        self._db.execute("BEGIN IMMEDIATE")
        # A key's value never changes, so the first writer wins and a second one agrees.
        self._db.executemany("INSERT OR IGNORE INTO results VALUES (?, ?, ?)", rows)
        self._db.execute("COMMIT")

    def count(self, kind: str) -> int:
        """Return how many results of a kind there are."""
        with closing(
            self._db.execute("SELECT count(*) FROM results WHERE kind = ?", (kind,))
        ) as cursor:
            return int(cursor.fetchone()[0])
