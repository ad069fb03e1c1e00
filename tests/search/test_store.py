"""The store: whole results, once each, refused when it is not ours."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from esru.errors import InputError
from esru.search.store import SCHEMA, Store, result_key


def test_results_come_back(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    with Store(path) as store:
        store.put("training", {"a": {"accuracy": 97.5}, "b": {"accuracy": 1.0}})
        assert store.get(["a", "b", "c"]) == {"a": {"accuracy": 97.5}, "b": {"accuracy": 1.0}}
    with Store(path) as store:
        assert store.get(["b"]) == {"b": {"accuracy": 1.0}}
        assert store.count("training") == 2


def test_many_keys(tmp_path: Path) -> None:
    """More keys than SQLite takes parameters."""
    with Store(tmp_path / "s") as store:
        results = {str(i): {"v": i} for i in range(40_000)}
        store.put("cost", results)
        assert store.get(results) == results


def test_the_first_value_of_a_key_stays(tmp_path: Path) -> None:
    with Store(tmp_path / "s") as store:
        store.put("cost", {"a": {"v": 1}})
        store.put("cost", {"a": {"v": 2}})
        assert store.get(["a"]) == {"a": {"v": 1}}


def test_the_store_behind_is_read_and_written(tmp_path: Path) -> None:
    with Store(tmp_path / "behind") as behind:
        behind.put("cost", {"old": {"v": 1}})
        with Store(tmp_path / "front", behind) as store:
            assert store.get(["old"]) == {"old": {"v": 1}}
            store.put("cost", {"new": {"v": 2}})
        assert behind.get(["new"]) == {"new": {"v": 2}}
    with Store(tmp_path / "front") as alone:
        assert set(alone.get(["old", "new"])) == {"old", "new"}


def test_two_writers_do_not_disturb_each_other(tmp_path: Path) -> None:
    with Store(tmp_path / "s") as one, Store(tmp_path / "s") as two:
        for i in range(50):
            one.put("cost", {f"a{i}": {"v": i}})
            two.put("cost", {f"b{i}": {"v": i}})
        assert one.count("cost") == two.count("cost") == 100


def test_a_store_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s"
    Store(path).close()
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version={SCHEMA + 1}")
    db.close()
    before = path.read_bytes()
    with pytest.raises(InputError, match=rf"Store must be of schema {SCHEMA}, not {SCHEMA + 1}"):
        Store(path)
    assert path.read_bytes() == before


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s"
    path.write_text("not a database, and long enough to be looked at as one" * 20)
    with pytest.raises(InputError, match="Store must be a writable SQLite file"):
        Store(path)
    assert path.read_text().startswith("not a database")


def test_keys_depend_on_every_part_and_not_on_order() -> None:
    key = result_key("training", seed=1, lr=0.25)
    assert key == result_key("training", lr=0.25, seed=1)
    others = {
        result_key("cost", seed=1, lr=0.25),
        result_key("training", seed=2, lr=0.25),
        result_key("training", seed=1, lr=0.5),
        result_key("training", seed=1, lr=0.25, lanes=64),
    }
    assert len(others | {key}) == 5
