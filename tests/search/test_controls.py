"""A search's controls: trained once, beside the winner, and shown in every view."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from scipy import stats

from esru.cli import main
from esru.design import Design, parse
from esru.errors import InputError
from esru.report.controls import task_controls
from esru.report.pages import report_html, report_markdown
from esru.report.text import search_text
from esru.search import driver
from esru.search.controls import SEEDS, check_question, train_controls
from esru.search.driver import Search
from esru.search.evaluate import Evaluator, Float32, Run
from esru.search.folder import claim
from esru.search.outcome import Outcome
from esru.search.plugin import find_plugin
from esru.search.preflight import check
from esru.search.question import Question
from esru.search.race import Contender
from esru.search.store import Store, result_key
from esru.search.workers import float32_chunk
from esru.train.admission import check_controls
from esru.train.tasks import Task, find_task, tasks

HERE = Path(__file__).parent
TOY = "toy_evaluator:evaluate"
WINNER = Contender(parse("2:1:select:lfsr13,lanes=8"), 3.0)
RATES = find_task("digits-mlp").learning_rates

#: Trainings of the controls and the winner on that task.
WHOLE = SEEDS * 4 * len(RATES)

#: What each is made to reach, in percent, and how its seeds differ.
REACHED = {"float32": 96.0, "nearest": 60.0, "reference": 95.5, "winner": 95.0}


def accuracy(name: str, seed: int) -> float:
    """Return a made-up accuracy: the winner's differences to others are not the same by seed."""
    return REACHED[name] + seed / 8 + (seed % 3 / 4 if name == "winner" else 0.0)


class Now(Executor):
    """Runs everything at once, in this process, and notes every training."""

    def __init__(self) -> None:
        self.trained: list[tuple[Any, ...]] = []

    def submit(self, function: Any, /, *arguments: Any, **named: Any) -> Future[Any]:
        task, runs, *_ = arguments
        if function is float32_reached:
            self.trained += [(task, "float32", seed, lr, None) for seed, lr in runs]
        else:
            self.trained += [(task, _name(text), *rest) for text, *rest in runs]
        future: Future[Any] = Future()
        future.set_result(function(*arguments, **named))
        return future


def _name(text: str) -> str:
    units = {parse(name).behaviour: name for name in ("reference", "nearest")}
    return units.get(parse(text).behaviour, "winner")


def units_reached(
    task: str, jobs: Sequence[tuple[str, int, float, str]], lanes: int
) -> list[dict[str, float]]:
    return [_reached(accuracy(_name(text), seed)) for text, seed, *_ in jobs]


def float32_reached(task: str, runs: Sequence[tuple[int, float]]) -> list[dict[str, float]]:
    return [_reached(accuracy("float32", seed)) for seed, _ in runs]


def _reached(percent: float) -> dict[str, float]:
    return {"accuracy": percent, "loss": (100 - percent) / 10, "score": percent}


class Stages:
    """Notes the stages that are opened, and the last that each was told."""

    def __init__(self, stop: int = 0) -> None:
        self.stages: dict[str, tuple[int, int]] = {}
        self.stop = stop

    @contextmanager
    def __call__(self, label: str) -> Iterator[Callable[[int, int], None]]:
        self.stages[label] = (0, 0)

        def progress(done: int, total: int) -> None:
            self.stages[label] = (done, total)
            if done >= self.stop > 0:
                raise KeyboardInterrupt

        yield progress


@pytest.fixture(autouse=True)
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(HERE))
    monkeypatch.setattr("esru.search.evaluate.train_chunk", units_reached)
    monkeypatch.setattr("esru.search.evaluate.float32_chunk", float32_reached)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store.sqlite") as opened:
        yield opened


def evaluator(store: Store, plugin: str | None = None) -> Evaluator:
    return Evaluator(store, Now(), 2, 64, {}, None if plugin is None else find_plugin(plugin))


def trained(evaluator: Evaluator) -> list[tuple[Any, ...]]:
    assert isinstance(evaluator.pool, Now)
    return evaluator.pool.trained


CONFIRMED = [{"task": "digits-cnn", "confirmed": True}]


def test_every_control_beside_the_winner(store: Store) -> None:
    """Of the race and of the confirmation, at every learning rate, on the winner's first seeds."""
    judge, stages = evaluator(store), Stages()
    found = train_controls(judge, Question(8, seed=5), CONFIRMED, WINNER, stages)
    seeds = range(5, 5 + SEEDS)
    assert set(trained(judge)) == {
        (task, name, seed, lr, None if name == "float32" else "natural")
        for task in ("digits-mlp", "digits-cnn")
        for name in REACHED
        for seed in seeds
        for lr in find_task(task).learning_rates
    }
    total = SEEDS * 4 * (3 + 1)
    assert judge.counts.trainings == total == len(trained(judge)) == store.count("training")
    assert stages.stages == {"controls of digits-mlp and digits-cnn; trainings": (total, total)}
    assert [(entry["task"], entry["seed"], entry["seeds"]) for entry in found] == [
        ("digits-mlp", 5, SEEDS),
        ("digits-cnn", 5, SEEDS),
    ]
    assert [(row["lr"], row["trained_with"]) for row in found[0]["rows"]] == [
        (lr, name) for lr in RATES for name in REACHED
    ]
    assert all(entry["admitted"] and all(entry["admission"].values()) for entry in found)


def test_the_numbers_of_a_row(store: Store) -> None:
    (found,) = train_controls(evaluator(store), Question(8), [], WINNER, Stages())
    float32, nearest, reference, winner = found["rows"][:4]
    own = [accuracy("winner", seed) for seed in range(SEEDS)]
    mean = sum(own) / SEEDS
    assert winner["accuracy"]["mean"] == round(mean, 6)
    assert winner["loss"]["mean"] == pytest.approx((100 - mean) / 10, abs=1e-6)
    lost = [accuracy("float32", seed) - value for seed, value in enumerate(own)]
    low, high = stats.t.interval(0.95, SEEDS - 1, loc=sum(lost) / SEEDS, scale=stats.sem(lost))
    assert winner["behind_float32"] == {
        "mean": pytest.approx(sum(lost) / SEEDS, abs=1e-6),
        "low": pytest.approx(low, abs=1e-6),
        "high": pytest.approx(high, abs=1e-6),
    }
    assert winner["behind_reference"]["mean"] == pytest.approx(sum(lost) / SEEDS - 0.5, abs=1e-6)
    assert float32["behind_float32"] is None and reference["behind_reference"] is None
    assert float32["behind_reference"]["mean"] == -0.5
    assert nearest["behind_float32"]["mean"] == 36.0
    # Equal differences prove no more than one test example can.
    assert nearest["behind_float32"]["high"] > 36.05


def test_a_task_that_cannot_judge_says_so(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(REACHED, "nearest", 95.0)
    monkeypatch.setitem(REACHED, "reference", 94.5)
    found = train_controls(evaluator(store), Question(8), [], None, Stages())
    assert not found[0]["admitted"]
    (shown,) = task_controls({"controls": found})
    assert shown.verdict == (
        "digits-mlp cannot judge designs at these seeds: it is not so that nearest loses more than "
        "3 points at some learning rate, or that the reference stays within 1 points of float32 at "
        "every learning rate"
    )
    # Without a winner there is no row of one.
    assert [row[1] for row in shown.table[1]] == ["float32", "nearest", "reference"] * 3


def test_the_winner_alone_does_not_decide_whether_a_task_may_judge(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(REACHED, "winner", 30.0)
    (found,) = train_controls(evaluator(store), Question(8), [], WINNER, Stages())
    assert found["admitted"] and found["rows"][3]["behind_float32"]["mean"] > 60


def test_nothing_is_trained_twice(store: Store) -> None:
    first = evaluator(store)
    raced = [
        Run(parse(text), "digits-mlp", seed, lr, "natural")
        for text in ("reference,boundary=unit", str(WINNER.design))
        for seed in range(SEEDS)
        for lr in RATES
    ]
    first.scores(raced, lambda done, total: None)
    arguments = (Question(8), [], WINNER)
    found = train_controls(first, *arguments, Stages())
    assert first.counts.trainings == len(set(trained(first))) == WHOLE
    assert first.counts.reused == 0
    again, stages = evaluator(store), Stages()
    assert train_controls(again, *arguments, stages) == found
    assert trained(again) == [] and again.counts.reused == WHOLE
    assert list(stages.stages.values()) == [(0, 0)]
    # Float32 knows no lanes.
    wider = Evaluator(store, Now(), 1, 128, {})
    train_controls(wider, *arguments, Stages())
    assert {name for _, name, *_ in trained(wider)} == {"nearest", "reference", "winner"}


def test_an_interrupted_search_keeps_its_controls(store: Store) -> None:
    broken, stages = evaluator(store), Stages(stop=10)
    with pytest.raises(KeyboardInterrupt):
        train_controls(broken, Question(8), [], WINNER, stages)
    kept = store.count("training")
    assert 10 <= kept < WHOLE
    resumed, stages = evaluator(store), Stages()
    found = train_controls(resumed, Question(8), [], WINNER, stages)
    assert resumed.counts.trainings == len(trained(resumed)) == WHOLE - kept
    assert list(stages.stages.values()) == [(WHOLE - kept,) * 2]
    assert found == train_controls(evaluator(store), Question(8), [], WINNER, Stages())


def test_every_float32_run_has_a_key_of_its_own(store: Store) -> None:
    runs = [
        Float32("digits-mlp", 0, RATES[0]),
        Float32("digits-mlp", 1, RATES[0]),
        Float32("digits-mlp", 0, RATES[1]),
        Float32("digits-cnn", 0, RATES[1]),
    ]
    keys = {evaluator(store)._training_key(run) for run in runs}
    versions = Evaluator(store, Now(), 1, 64, {"torch": "99"})
    assert len(keys | {versions._training_key(runs[0])}) == 5


def test_left_out(store: Store) -> None:
    without = Question(8, controls=False)
    judge, stages = evaluator(store), Stages()
    assert train_controls(judge, without, CONFIRMED, WINNER, stages) == []
    assert trained(judge) == [] and stages.stages == {}
    # Another question; with controls it has the name that it has always had.
    asked = Question(8).to_json()
    assert "controls" not in asked and without.to_json() == asked | {"controls": False}
    assert Question(8).id == result_key("question", **asked)[:8] != without.id


def test_an_evaluator_has_no_controls(store: Store) -> None:
    alone = Question(8, tasks=(), evaluator=TOY)
    confirmed = [{"task": TOY, "confirmed": True}]
    judge, stages = evaluator(store, TOY), Stages()
    assert train_controls(judge, alone, confirmed, WINNER, stages) == []
    assert trained(judge) == [] and stages.stages == {}
    # There is nothing to leave out: the same question.
    assert replace(alone, controls=False).to_json() == alone.to_json()
    beside = Question(8, tasks=("digits-cnn",), evaluator=TOY)
    (found,) = train_controls(judge, beside, confirmed, WINNER, stages)
    assert found["task"] == "digits-cnn"
    assert {task for task, *_ in trained(judge)} == {"digits-cnn"}


def test_a_task_without_controls_is_refused_before_any_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(task: Task, formats: tuple[str, str | None]) -> list[Design]:
        if task.name == "digits-cnn":
            raise InputError.must("Unit", "another", "this one")
        return check_controls(task, formats)

    monkeypatch.setattr("esru.search.controls.check_controls", refuse)
    for asked in (Question(8), Question(8, tasks=("digits-cnn",))):
        with pytest.raises(InputError, match="Unit must be another"):
            check(asked)
    check_question(Question(8, controls=False))
    check_question(Question(8, tasks=("digits-mlp",), evaluator=TOY))


@pytest.mark.parametrize(("held", "asked"), [(True, False), (False, True)])
def test_a_folder_of_the_other_question_says_which(tmp_path: Path, held: bool, asked: bool) -> None:
    manifest = {"schema": "esru.run/1", "question": Question(8, controls=held).to_json()}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    with (
        pytest.raises(InputError, match=r"\(asked with another controls\)"),
        claim(tmp_path, Question(8, controls=asked)),
    ):
        pass


@pytest.mark.parametrize("options", [[], ["--no-controls"]])
def test_the_option(options: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Question] = []

    def search(question: Question, *_: object) -> None:
        asked.append(question)
        raise KeyboardInterrupt

    monkeypatch.setattr("esru.search.run.run_search", search)
    assert main(["search", "--bits", "1", *options]) == 130
    assert asked == [Question(1, controls=not options)]


@pytest.mark.parametrize("winner", [None, WINNER])
def test_a_whole_search_has_them_at_its_end(
    store: Store, monkeypatch: pytest.MonkeyPatch, winner: Contender | None
) -> None:
    """After the race, the confirmation and the comparison, with their trainings counted."""
    order: list[str] = []

    class Watching:
        def stage(self, label: str) -> Any:
            order.append(label.partition(" ")[0])
            return nullcontext(lambda done, total: None)

        def note(self, text: str) -> None:
            pass

    def found(search: Search, ranked: object) -> Contender | None:
        order.append("race")
        search.confirmation = CONFIRMED if winner else []
        return winner

    monkeypatch.setattr(driver, "local_workers", lambda count: nullcontext(Now()))
    monkeypatch.setattr(Search, "_race", found)
    for name in ("_warm", "_compare", "_race_beside"):
        monkeypatch.setattr(Search, name, lambda search, *_, name=name: order.append(name))
    monkeypatch.setattr(Outcome, "named", lambda outcome, alias: WINNER)
    outcome = Search(Question(8), store, {}, Watching()).run()
    assert order == ["_warm", "race", "_compare", "_race_beside", "controls"]
    result = outcome.to_json()
    tasks_shown = ["digits-mlp", *(["digits-cnn"] if winner else [])]
    assert [entry["task"] for entry in result["controls"]] == tasks_shown
    runs = SEEDS * (4 * 4 if winner else 3 * 3)
    assert result["counts"]["trainings"] == runs
    result |= {"proof": [], "confirmation": []}
    for row in ("winner", "papers", "papers_zero"):
        if result[row]:
            test = {"task": "digits-mlp", "bound": 0.5, "seeds": 8, "lr": 0.25, "diff": 0.1}
            result[row]["tests"] = [test | {"schedule": "natural"}]
    views = [
        search_text(result),
        report_markdown(result, {}),
        report_html(result, {}, "<svg></svg>"),
    ]
    older = {key: value for key, value in result.items() if key != "controls"}
    for view in views:
        for task in tasks_shown:
            assert f"Controls of {task}" in view
            assert f"{task} may judge designs: float32 reaches 95 % at its best" in view
        assert ("Controls of digits-cnn" in view) == (winner is not None)
        assert "seeds 0 to 7" in view and "they decide nothing about the answer" in view
    (line,) = [text for text in views[0].splitlines() if text.startswith("0.25") and "near" in text]
    assert line.split()[:5] == ["0.25", "nearest", "60.44", "±", "0.31"] and "+36.00 [" in line
    for other in (older, result | {"controls": []}):
        for view in (search_text(other), report_html(other, {}, "<svg></svg>")):
            assert "ontrols" not in view and "judge" not in view


def test_a_worker_trains_the_control(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    from esru.train.control import train_float32

    short = replace(tasks()["digits-mlp"], epochs=1, averaged=1)
    monkeypatch.setattr(sys.modules["esru.train.tasks"], "DIGITS_MLP", short)
    first, second = float32_chunk("digits-mlp", [(0, 0.25), (1, 0.0625)])
    expected = train_float32(short, 1, 0.0625)
    assert second == {
        "accuracy": expected.accuracy,
        "loss": expected.loss,
        "score": expected.accuracy,
    }
    assert first != second
