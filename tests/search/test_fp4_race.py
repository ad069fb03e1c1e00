"""The race on a task whose units round errors: fixed-point candidates, trained as float units."""

from __future__ import annotations

import sys
from concurrent.futures import Executor, Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from esru.design import parse
from esru.errors import InputError
from esru.search.evaluate import Evaluator, Run
from esru.search.preflight import check
from esru.search.question import Question
from esru.search.store import Store
from esru.train import Job, tasks, train_batch
from esru.train.tasks import confirming

NAME = "fp4-transformer"


class Now(Executor):
    """Runs everything at once, in this process."""

    def submit(self, function: Any, /, *arguments: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(function(*arguments, **named))
        return future


def test_scores_are_those_of_the_counterparts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    short = replace(tasks()[NAME], epochs=1, averaged=1, train_examples=32, test_examples=16)
    monkeypatch.setattr(sys.modules["esru.train.tasks"], "FP4_TRANSFORMER", short)
    lr = short.learning_rates[0]
    runs = [
        Run(parse(text), NAME, seed, lr, "worst")
        for text in ("papers", "winner")
        for seed in (0, 1)
    ]
    with Store(tmp_path / "store.sqlite") as store:
        evaluator = Evaluator(store, Now(), 1, 64, {})
        found = evaluator.scores(runs, lambda done, total: None)
        again = evaluator.scores(runs, lambda done, total: None)
        assert evaluator.counts.trainings == 4
    assert again == found and len(set(found)) == 4
    formats = ",in=mx_float32,out=ocp_e2m1"
    jobs = [Job(parse(f"{run.design}{formats}"), run.seed, lr, "worst") for run in runs]
    assert found == [-result.loss for result in train_batch(short, jobs)]


def test_a_race_is_confirmed_on_tasks_of_its_kind() -> None:
    def names(*raced: str) -> list[str]:
        return [task.name for task in confirming(raced)]

    assert names("digits-mlp") == ["digits-cnn"]
    assert names("chars-transformer") == ["digits-mlp", "digits-cnn"]
    assert names(NAME) == ["nvfp4-transformer"] and names("nvfp4-transformer") == [NAME]
    assert names("chars-transformer", NAME) == ["digits-mlp", "digits-cnn", "nvfp4-transformer"]
    assert names() == names(NAME, "nvfp4-transformer") == []


def test_expensive_trainings_are_short_units_of_work(tmp_path: Path) -> None:
    work: list[list[str]] = []

    class Noted(Executor):
        def submit(self, function: Any, /, *arguments: Any, **named: Any) -> Future[Any]:
            work.append([text.split(":")[2] for text, *_ in arguments[1]])
            future: Future[Any] = Future()
            future.set_result([{"score": 1.0}] * len(arguments[1]))
            return future

    texts = ("papers", "winner", "papers-zero")
    runs = [Run(parse(text), NAME, seed, 2.0**-7, "worst") for seed in range(11) for text in texts]
    with Store(tmp_path / "store.sqlite") as store:
        Evaluator(store, Noted(), 1, 64, {}).scores(runs, lambda done, total: None)
    # Batches of 12, and the rest; runs of one rule beside each other.
    assert [len(part) for part in work] == [12, 12, 9]
    rules = [*work[0], *work[1], *work[2]]
    assert rules == sorted(rules) and len(set(rules)) == 3


@pytest.mark.parametrize("boundary", ["unit", "accumulator"])
def test_only_decisions_are_the_same_hardware(boundary: str) -> None:
    with pytest.raises(InputError, match="Boundary must be decision with nvfp4-transformer"):
        check(Question(4, boundary=boundary, tasks=("nvfp4-transformer",)))
