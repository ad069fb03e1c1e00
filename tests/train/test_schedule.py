"""Schedules and tasks: what needs no torch."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from math import gcd

import pytest

from esru.design import parse
from esru.errors import InputError, ToolMissing
from esru.train import Job, find_task, schedule_cycles, tasks, train_batch

TASK = tasks()["digits-mlp"]


def test_the_cycles_of_a_step() -> None:
    assert TASK.sizes == (64 * 32, 32, 32 * 10, 10)
    assert TASK.cycles(64) == TASK.cycles() == 32 + 1 + 5 + 1
    assert TASK.cycles(1) == 2410
    assert TASK.cycles(1024) == 2 + 1 + 1 + 1
    assert tasks()["digits-cnn"].cycles(64) == 2 + 1 + 27 + 1 + 10 + 1


@pytest.mark.parametrize(
    ("text", "natural", "worst"),
    [
        ("papers", (39, 1), (42, 14)),  # period 14
        ("nearest", (39, 1), (39, 1)),
        ("reference", (39, 39), (51, 51)),  # 2^24 - 1 = 3^2 * 5 * 7 * 13 * 17 * 241
        ("8:7:select:lfsr13,leap=7,lanes=64", (39, 1), (39, 1)),  # 8191 is prime
        ("8:5:zero:debruijn5,leap=5", (39, 1), (48, 16)),
        ("4:3:half:operand-own", (39, 1), (39, 1)),  # no period: nothing resonates
    ],
)
def test_natural_and_worst(text: str, natural: object, worst: object) -> None:
    design = parse(text)
    assert schedule_cycles(TASK, design, "natural", 64) == natural
    assert schedule_cycles(TASK, design, "worst", 64) == worst


def test_worst_is_the_smallest_of_the_largest() -> None:
    design = parse("8:4:zero:lfsr4")
    found, shared = schedule_cycles(TASK, design, "worst")
    every = {c: gcd(c, 15) for c in range(39, 39 + 16)}
    assert shared == max(every.values())
    assert found == min(c for c, g in every.items() if g == shared)


def test_fixed_schedules() -> None:
    design = parse("papers")
    assert schedule_cycles(TASK, design, "fixed:39") == (39, 1)
    assert schedule_cycles(TASK, design, "fixed:140") == (140, 14)
    with pytest.raises(InputError, match="must be at least the 39 cycles of one step of digits-m"):
        schedule_cycles(TASK, design, "fixed:38")
    for text in ("fixed", "fixed:", "fixed:-3", "best", "", "fixed:4e1"):
        with pytest.raises(InputError, match="Schedule must be natural, worst or fixed:C, not"):
            schedule_cycles(TASK, design, text)


def test_lanes_count() -> None:
    shared = parse("8:7:select:lfsr13,leap=7,lanes=64")
    assert schedule_cycles(TASK, shared, "natural", 128) == (16 + 1 + 3 + 1, 1)
    with pytest.raises(InputError, match="Lanes of the array must be a multiple of"):
        schedule_cycles(TASK, shared, "natural", 32)


@pytest.mark.parametrize(
    ("job", "message"),
    [
        (Job(parse("papers"), 0, 0.3), "Learning rate of digits-mlp must be one of 0.25, 0.0625"),
        (Job(parse("papers"), -1, 0.25), "Seed must be at least 0, not -1"),
        (Job(parse("25:3:half:lfsr3"), 0, 0.25), r"Rounding bits \(n\) of a trained design must"),
        (Job(parse("8:3:zero:lfsr3,out=s4.1"), 0, 0.25), "Output format of the design must be"),
        (Job(parse("8:3:zero:lfsr3,in=s10.8"), 0, 0.25), "Input format of the design must be one"),
        (Job(parse("papers"), 0, 0.25, "often"), "Schedule must be natural"),
    ],
)
def test_jobs_that_the_task_cannot_run(job: Job, message: str) -> None:
    with pytest.raises(InputError, match=message):
        train_batch(TASK, [job])
    with pytest.raises(InputError, match="Task must be one of digits-mlp"):
        find_task("mnist")


def test_missing_packages_are_said_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, package in (("torch", "torch"), ("sklearn", "scikit-learn")):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, module, None)
            with pytest.raises(ToolMissing) as caught:
                train_batch(TASK, [Job(parse("papers"), 0, 0.25)])
        assert caught.value.exit_code == 3
        expected = f"{package} is not installed; install it with: pip install 'esru[train]'"
        assert str(caught.value) == expected


def test_metadata_need_neither_torch_nor_sklearn() -> None:
    """The lists and the search's plan are made without loading half a gigabyte of libraries."""
    code = (
        "import sys, esru.train, esru.emulate, esru.train.statistics, esru.cli.train;"
        "t = esru.train.tasks()['digits-mlp']; t.cycles(64); t.margin; t.one_example;"
        "assert not {'torch', 'sklearn', 'scipy'} & set(sys.modules), 'loaded'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_learning_rates_are_powers_of_two() -> None:
    """The update in ulps is exact only then."""
    for task in tasks().values():
        for rate in task.learning_rates:
            assert rate.hex().startswith("0x1.0000000000000p")
        assert task.batch & (task.batch - 1) == 0
        assert task.train_examples % task.batch == 0
    assert replace(TASK, epochs=1).steps == 28
