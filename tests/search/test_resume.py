"""A search killed at any moment goes on with nothing lost and nothing computed twice."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

#: One bit and eight lanes: a score of behaviours, small modules, a few dozen trainings.
COMMAND = (sys.executable, "-m", "esru", "search", "--bits", "1", "--lanes", "8", "--json")


def _environment(folder: Path, **more: str) -> dict[str, str]:
    return os.environ | {
        "ESRU_CACHE": str(folder / "cache"),
        "ESRU_RUNS": str(folder / "runs"),
        "PYTHONWARNINGS": "error",
        **more,
    }


def _search(folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        COMMAND, env=_environment(folder, **more), capture_output=True, text=True, timeout=300
    )


def _result(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode in (0, 1), done.stderr
    return dict(json.loads(done.stdout))


def _stored(folder: Path) -> dict[str, int]:
    """Return how many results of each kind the run's store holds (0 if it is not there yet)."""
    stores = list((folder / "runs").glob("*/store.sqlite"))
    if not stores:
        return {}
    with closing(sqlite3.connect(stores[0], timeout=60)) as db:
        try:
            rows = db.execute("SELECT kind, count(*) FROM results GROUP BY kind").fetchall()
        except sqlite3.OperationalError:  # made, but not yet laid out
            return {}
    return dict(rows)


def _kill_at(folder: Path, kind: str, count: int) -> dict[str, int]:
    """Start a search and kill it as soon as its store holds `count` results of a kind."""
    process = subprocess.Popen(
        COMMAND,
        env=_environment(folder, ESRU_JOBS="1"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 240
    while _stored(folder).get(kind, 0) < count:
        assert process.poll() is None, "the search ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=30)
    return _stored(folder)


def _same_answer(a: dict[str, Any], b: dict[str, Any]) -> None:
    # How much was computed and how long it took differ; where it was written, too.
    for result in (a, b):
        for key in ("counts", "seconds", "run", "files"):
            result.pop(key)
    assert a == b


@pytest.mark.slow
def test_killed_twice_and_resumed(tmp_path: Path) -> None:
    whole = _result(_search(tmp_path / "whole"))
    killed = tmp_path / "killed"
    after_cost = _kill_at(killed, "cost", 1)
    after_training = _kill_at(killed, "training", 1)
    assert after_training["cost"] >= after_cost["cost"]
    resumed = _result(_search(killed))
    counts, total = resumed["counts"], _stored(killed)
    # Every stored result was computed in one of the three runs, and in one only.
    assert counts["trainings"] == total["training"] - after_training["training"]
    assert counts["trainings"] < whole["counts"]["trainings"]
    assert total == _stored(tmp_path / "whole")
    again = _result(_search(killed))
    assert again == resumed  # reprinted, not computed
    damaged = next((killed / "runs").glob("*/front.json"))
    damaged.write_text("{")
    repaired = _result(_search(killed))
    assert repaired["counts"]["trainings"] == 0
    _same_answer(dict(again), repaired)
    _same_answer(whole, resumed)


def test_workers_do_not_outlive_a_killed_search(tmp_path: Path) -> None:
    process = subprocess.Popen(
        COMMAND,
        env=_environment(tmp_path),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    while not _stored(tmp_path).get("cost"):
        assert process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.wait(timeout=30)
    deadline = time.monotonic() + 60
    while _group(process.pid):
        assert time.monotonic() < deadline, _group(process.pid)
        time.sleep(0.2)


def _group(session: int) -> list[str]:
    """Return the command lines of the processes of a session that are still alive."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == session and fields[0] != "Z":
                found.append((entry / "cmdline").read_text().replace("\0", " "))
        except (OSError, IndexError):
            continue
    return found


@pytest.mark.slow
def test_a_cache_serves_another_folder(tmp_path: Path) -> None:
    first = _result(_search(tmp_path))
    second = _result(_search(tmp_path, ESRU_RUNS=str(tmp_path / "elsewhere")))
    assert first["counts"]["trainings"] > 0
    assert second["counts"]["trainings"] == 0
    assert second["counts"]["reused"] > 0
    _same_answer(first, second)


def test_an_interrupted_search_says_so_and_keeps_its_results(tmp_path: Path) -> None:
    process = subprocess.Popen(
        COMMAND,
        env=_environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while not _stored(tmp_path).get("cost"):
        assert process.poll() is None
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    assert "interrupted; finished results are kept" in err
    assert "Traceback" not in err
    manifest = json.loads(next((tmp_path / "runs").glob("*/manifest.json")).read_text())
    assert manifest["status"] == "interrupted"
    assert _stored(tmp_path)["cost"] > 0
