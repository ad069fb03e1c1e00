"""docs/training.md: numbers from result files, results that can be repeated, code that runs."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from scripts import script

from esru.cli import main
from esru.design import parse
from esru.report.fresh import stale
from esru.train import tasks
from esru.train.unit_formats import trained_unit

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
RESULTS = ROOT / "docs" / "results"


def page() -> ModuleType:
    return script("docs", "training")


def test_the_tables_are_fresh() -> None:
    assert not stale(page().generated()), "run python docs/training.py"


def test_the_bars_of_speed() -> None:
    """20 trainings of digits-mlp a core-second in batches; the others' single runs in seconds."""
    rates = json.loads((RESULTS / "benchmark-training.json").read_text(encoding="utf-8"))
    found = rates["trainings_per_core_second"]
    assert min(found["digits-mlp"]["one_design"], found["digits-mlp"]["eight_designs"]) >= 20
    assert 1 / found["digits-cnn"]["one_run"] < 1
    assert 1 / found["chars-transformer"]["one_run"] < 4


def test_the_sizes_in_the_text() -> None:
    found = re.search(r"the (\d+) handwritten .* into (\d+)\s+training and (\d+) test", TEXT, re.S)
    assert found is not None
    whole, train, test = map(int, found.groups())
    assert whole == train + test
    for name in ("digits-mlp", "digits-cnn"):
        task = tasks()[name]
        assert (task.train_examples, task.test_examples) == (train, test)


def test_the_unit_of_the_text_in_fp4() -> None:
    kept = json.loads((RESULTS / "train-fp4-winner.json").read_text(encoding="utf-8"))
    assert parse(kept["design"]) == parse("winner") and kept["against"] == str(parse("reference"))
    assert kept["unit"] == str(trained_unit(tasks()["fp4-transformer"], parse("winner")))
    assert parse("winner").k == 3 and len(kept["tests"]) == 4
    assert all(test["bound"] < kept["margin"] for test in kept["tests"])


def test_the_command_of_the_figures_on_cifar10() -> None:
    """It needs the user's own images, and an hour: what it was is held, not repeated."""
    text = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    kept = json.loads((RESULTS / "train-cifar10.json").read_text(encoding="utf-8"))
    given = re.search(r"itself, as its binary layout has it \(`esru (train .*?)`\)", text, re.S)
    assert given is not None
    (schedule,) = kept["schedule"]
    own = ["train", kept["design"], "--task", kept["task"], "--data", "DIR"]
    own += ["--epochs", str(kept["epochs"]), "--seeds", str(kept["seeds"])]
    assert given[1].split() == [*own, "--schedule", schedule, "--controls", "--json"]
    assert kept["design"] == str(parse("winner")) and kept["data"]["layout"] == "cifar10-binary"
    assert kept["admitted"] is False and "the task does not\njudge" in text


def test_the_code_runs() -> None:
    pytest.importorskip("torch").set_num_threads(1)
    pytest.importorskip("sklearn")
    names: dict[str, object] = {}
    for code in re.findall(r"```python\n(.*?)```", TEXT, re.S):
        exec(code, names)
    assert names["phase"] == 2 + 1
    results = names["results"]
    assert isinstance(results, list) and len(results) == 8


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "argv"),
    [
        ("controls-digits-mlp", ["--controls"]),
        ("controls-digits-cnn", ["--controls", "--task", "digits-cnn"]),
        ("controls-chars-transformer", ["--controls", "--task", "chars-transformer"]),
        ("train-papers", ["papers"]),
        ("train-select", ["8:7:select:lfsr13,leap=7,lanes=64"]),
    ],
)
def test_the_results_can_be_repeated(
    name: str, argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """All but float32 to the last bit, which another machine may round otherwise."""
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    kept = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    assert main(["train", *argv, "--seeds", str(kept["seeds"]), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found.get("tests") == kept.get("tests")
    for new, old in zip(found.get("controls", []), kept.get("controls", []), strict=True):
        if old["control"] == "float32":
            assert new["accuracy"]["mean"] == pytest.approx(old["accuracy"]["mean"], abs=1.0)
        else:
            assert (new["accuracy"], new["loss"]) == (old["accuracy"], old["loss"])


@pytest.mark.slow
def test_the_fp4_controls_can_be_repeated() -> None:
    """At one learning rate, to spare minutes; float32 may differ in its last bits elsewhere."""
    pytest.importorskip("torch").set_num_threads(1)
    pytest.importorskip("sklearn")
    from esru.train.admission import run_controls

    kept = json.loads((RESULTS / "controls-fp4-transformer.json").read_text(encoding="utf-8"))
    task = tasks()["fp4-transformer"]
    assert kept["admitted"] is True
    lr = task.learning_rates[1]
    rows = [row for row in kept["controls"] if row["lr"] == lr]
    found = run_controls(replace(task, learning_rates=(lr,)), range(kept["seeds"]))
    for new, old in zip(found.rows, rows, strict=True):
        assert new.control == old["control"]
        exact = 0.05 if new.control == "float32" else 0
        assert new.loss.mean == pytest.approx(old["loss"]["mean"], rel=0, abs=exact)
        assert new.accuracy.mean == pytest.approx(old["accuracy"]["mean"], rel=0, abs=20 * exact)


@pytest.mark.slow
def test_the_fp4_figures_of_the_winner_can_be_repeated() -> None:
    """One cell of the four, all its seeds of both units, to the last bit."""
    pytest.importorskip("torch").set_num_threads(1)
    pytest.importorskip("sklearn")
    from esru.train.experiment import compare

    kept = json.loads((RESULTS / "train-fp4-winner.json").read_text(encoding="utf-8"))
    task = tasks()[kept["task"]]
    lr, schedule = task.learning_rates[0], "worst"
    (row,) = (test for test in kept["tests"] if (test["lr"], test["schedule"]) == (lr, schedule))
    seeds = range(kept["seed0"], kept["seed0"] + kept["seeds"])
    units = parse(kept["design"]), parse(kept["against"])
    one = replace(task, learning_rates=(lr,))
    (found,) = compare(one, *units, seeds, [schedule], kept["lanes"])
    assert {"C": found.cycles, "gcd": found.gcd} == kept["schedule"][schedule]
    difference = found.difference
    assert (difference.mean, difference.sd, difference.count) == (
        row["diff"],
        row["sd"],
        len(seeds),
    )
    assert difference.loss_bound(kept["alpha"]) == row["bound"]
    for new, old in ((found.accuracy, row["accuracy"]), (found.loss, row["loss"])):
        assert {"mean": new.mean, "sd": new.sd} == old
