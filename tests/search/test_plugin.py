"""Evaluators of the user's own: found, keyed by their source, refused with a clear error."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
from concurrent.futures import Executor, Future
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from esru.design import parse
from esru.errors import InputError, ToolFailed
from esru.search.driver import Search
from esru.search.evaluate import Evaluator, Run
from esru.search.plugin import find_plugin
from esru.search.question import Question
from esru.search.race import Cell, Contender, scout_cells
from esru.search.store import Store
from esru.train import Schedule

HERE = Path(__file__).parent
TOY = "toy_evaluator:evaluate"


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(HERE))


class Now(Executor):
    """Runs everything at once, in this process."""

    def submit(self, function: Any, /, *arguments: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(function(*arguments, **named))
        return future


def evaluator(store: Store, name: str) -> Evaluator:
    return Evaluator(store, Now(), 1, 8, {"numpy": "1"}, find_plugin(name))


def quiet(done: int, total: int) -> None:
    pass


def test_what_a_plugin_says() -> None:
    toy = find_plugin(TOY)
    assert (toy.resolution, toy.schedules) == (0.05, ("natural", "worst"))
    other = find_plugin("toy_evaluator:natural_only")
    assert (other.resolution, other.schedules) == (None, ("natural",))
    assert other.digest != toy.digest and len(toy.digest) == 16


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("toy_evaluator", "Evaluator must be package.module:function or an entry point of esru"),
        ("toy_evaluator:", "Evaluator must be package.module:function"),
        ("no_such_module:f", "Evaluator must be importable, not 'no_such_module:f' (ModuleNotF"),
        ("toy_evaluator:nothing", "Evaluator must be a function of toy_evaluator, not 'nothing'"),
        ("toy_evaluator:not_a_function", "Evaluator must be a function of toy_evaluator, not"),
        ("toy_evaluator:takes_too_few", "Evaluator must be a function of (design, seed, schedule)"),
        ("toy_evaluator:bad_resolution", "Evaluator's resolution must be a number above 0, not -1"),
        ("builtins:print", "Evaluator must be in a file of source text, not builtins"),
    ],
)
def test_bad_evaluators(name: str, message: str) -> None:
    with pytest.raises(InputError) as raised:
        find_plugin(name)
    assert str(raised.value).startswith(message)


def test_an_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = importlib.metadata.EntryPoint("toy", TOY, "esru.tasks")
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: [entry])
    assert find_plugin("toy").digest == find_plugin(TOY).digest
    with pytest.raises(InputError, match=r"an entry point of esru\.tasks \(toy\), not 'other'"):
        find_plugin("other")


def test_results_are_kept_until_the_source_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "mine.py"
    source.write_text("def judge(design, seed, schedule):\n    return design.n + seed\n")
    monkeypatch.chdir(tmp_path)
    runs = [
        Run(parse(text), "mine:judge", seed, None, "natural")
        for text in ("papers", "papers,boundary=unit", "reference")
        for seed in (0, 1)
    ]
    with Store(tmp_path / "store.sqlite") as store:
        first = evaluator(store, "mine:judge")
        assert first.scores(runs, quiet) == [8, 9, 8, 9, 24, 25]
        # Two boundaries of one unit are one behaviour.
        assert first.counts.trainings == 4
        again = evaluator(store, "mine:judge")
        assert again.scores(runs, quiet) == [8, 9, 8, 9, 24, 25]
        assert (again.counts.trainings, again.counts.reused) == (0, 4)
        source.write_text("def judge(design, seed, schedule):\n    return design.n - seed\n")
        assert find_plugin("mine:judge").digest != first.plugin.digest
        changed = evaluator(store, "mine:judge")
        changed.scores(runs, quiet)
        assert changed.counts.trainings == 4
    sys.modules.pop("mine")


def test_a_package_is_digested_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "whole"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "judge.py").write_text("def judge(design, seed, schedule):\n    return 0\n")
    helper = package / "helper.py"
    helper.write_text("A = 1\n")
    monkeypatch.chdir(tmp_path)
    before = find_plugin("whole.judge:judge").digest
    assert find_plugin("whole.judge:judge").digest == before
    helper.write_text("A = 2\n")
    assert find_plugin("whole.judge:judge").digest != before
    for name in ("whole", "whole.judge"):
        sys.modules.pop(name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("raises", "ValueError: no data for seed 7 (toy_evaluator.py:"),
        ("returns_nothing", "its result is None, no finite number (design 8:3:replicate:plateau3"),
    ],
)
def test_a_failing_evaluator(tmp_path: Path, name: str, message: str) -> None:
    run = Run(parse("papers"), f"toy_evaluator:{name}", 7, None, "natural")
    with Store(tmp_path / "store.sqlite") as store:
        with pytest.raises(ToolFailed) as raised:
            evaluator(store, run.task).scores([run], quiet)
        assert store.count("training") == 0
    text = f"evaluator toy_evaluator:{name} failed: {message}"
    assert str(raised.value).startswith(text)
    assert "seed 7, schedule natural" in str(raised.value)


def test_the_toy_tells_designs_apart() -> None:
    judge = find_plugin(TOY).function

    def mean(text: str, schedule: str = "natural") -> float:
        return sum(judge(parse(text), seed, Schedule(schedule)) for seed in range(8)) / 8

    assert mean("reference") > 46
    assert mean("8:0:zero:none") < 30
    assert mean("8:0:half:none") < 40


def test_questions_and_cells() -> None:
    plain, own = Question(2), Question(2, tasks=(), evaluator=TOY)
    assert "evaluator" not in plain.to_json() and own.to_json()["evaluator"] == TOY
    assert plain.id != own.id
    with pytest.raises(InputError, match="Tasks must be named, each once, not none"):
        Question(2, tasks=())
    with pytest.raises(InputError, match=r"Evaluator must be package\.module:function, not ''"):
        Question(2, evaluator="")
    cells = [
        Cell(TOY, None, "natural"),
        Cell("digits-mlp", 0.25, "worst"),
        Cell(TOY, None, "worst"),
    ]
    assert [str(cell) for cell in sorted(cells)][1:] == [f"{TOY} natural", f"{TOY} worst"]
    assert scout_cells(cells) == [cells[2], cells[1]]


def test_the_winner_is_confirmed_on_seeds_of_its_own(tmp_path: Path) -> None:
    """Twelve seeds after the 48 of the race, on the evaluator alone, at both schedules."""
    asked: list[Run] = []

    class Recorder:
        def scores(self, runs: list[Run], progress: object) -> list[float]:
            asked.extend(runs)
            return [50.0] * len(runs)

    class Silent:
        def stage(self, label: str) -> Any:
            return nullcontext(quiet)

        def note(self, text: str) -> None:
            pass

    question = Question(2, lanes=8, tasks=(), seed=100, evaluator=TOY)
    with Store(tmp_path / "store.sqlite") as store:
        search = Search(question, store, {}, Silent())
        search.evaluator = Recorder()  # type: ignore[assignment]
        assert search._confirm(Contender(parse("2:2:zero:lfsr3"), 1.0))
    assert {run.task for run in asked} == {TOY}
    assert {run.seed for run in asked} == set(range(148, 160))
    assert {run.schedule for run in asked} == {"natural", "worst"}
    assert search.floors == {TOY: 0.05}
    assert search.confirmation[0]["confirmed"] and search.confirmation[0]["margin"] == 1.0


def test_schedules() -> None:
    assert Schedule("natural").cycles(39, 14) == 39
    assert Schedule("worst").cycles(39, 14) == 42
    assert Schedule("fixed:50").cycles(39, 14) == 50
    with pytest.raises(InputError, match="Cycles of schedule fixed must be at least the 39"):
        Schedule("fixed:38").cycles(39, 14)
    with pytest.raises(InputError, match="Schedule must be natural, worst or fixed:C, not 'bad'"):
        Schedule("bad")


def search(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "esru", "search", "--lanes", "8", *arguments],
        cwd=HERE,
        env=os.environ
        | {"ESRU_CACHE": str(folder / "cache"), "ESRU_RUNS": str(folder), "ESRU_JOBS": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )


def test_refused_before_any_work(tmp_path: Path) -> None:
    done = search(tmp_path, "--bits", "2", "--evaluator", "toy_evaluator:nothing")
    assert done.returncode == 2 and done.stdout == ""
    message = "Evaluator must be a function of toy_evaluator, not 'nothing'"
    assert done.stderr == f"esru search: error: {message}\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_whole_search(tmp_path: Path) -> None:
    """The user's function alone decides; asked again, everything is known."""
    arguments = ("--bits", "3", "--evaluator", TOY, "--margin", "1", "--json")
    done = search(tmp_path, *arguments)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["tasks"] == [] and found["evaluator"] == TOY
    assert found["controls"] == []
    assert found["versions"]["evaluator"].startswith(TOY)
    winner = found["winner"]
    assert {test["schedule"] for test in winner["tests"]} == {"natural", "worst"}
    assert all(test["lr"] is None and test["task"] == TOY for test in winner["tests"])
    (confirmed,) = [entry for entry in found["confirmation"] if entry["confirmed"]]
    assert confirmed["task"] == TOY
    report = (Path(found["run"]) / "report.md").read_text(encoding="utf-8")
    assert f"| {TOY} | - | natural |" in report and "Controls" not in report
    assert search(tmp_path, *arguments).stdout == done.stdout
