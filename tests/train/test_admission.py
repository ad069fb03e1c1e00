"""The controls admit every task, and the rule would notice if they did not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from esru.train import tasks
from esru.train.admission import CONTROLS, ControlRow, judge, run_controls
from esru.train.statistics import paired_difference, summarise

TASK = tasks()["digits-mlp"]


def rows(float32: float, reference: float, nearest: float) -> list[ControlRow]:
    """Return rows of two learning rates: losses at the second, the first flawless."""
    found = []
    for control, lost in zip(CONTROLS, (0.0, reference, nearest), strict=True):
        for lr, points in ((0.25, 0.0), (0.0625, lost)):
            accuracy = [float32 - points + e for e in (-0.5, 0.5)]
            paired = paired_difference(accuracy, [float32 - 0.5, float32 + 0.5], 0.1)
            found.append(ControlRow(control, lr, summarise(accuracy), summarise([1.0]), paired))
    return found


@pytest.mark.parametrize(
    ("float32", "reference", "nearest", "expected"),
    [
        (95.0, 1.0, 3.125, [True, True, True]),
        (94.5, 0.0, 50.0, [False, True, True]),
        (97.0, 0.0, 3.0, [True, False, True]),
        (97.0, 1.125, 4.0, [True, True, False]),
    ],
)
def test_the_rule(float32: float, reference: float, nearest: float, expected: list[bool]) -> None:
    assert list(judge(TASK, rows(float32, reference, nearest)).values()) == expected


def test_a_task_is_admitted() -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    torch.set_num_threads(1)
    calls: dict[str, tuple[int, int]] = {}

    @contextmanager
    def stage(label: str) -> Iterator[Callable[[int, int], None]]:
        yield lambda done, total: calls.update({label: (done, total)})

    found = run_controls(TASK, range(4), stage=stage)
    assert found.admitted, found
    assert len(found.rows) == 3 * len(TASK.learning_rates)
    assert calls == {"controls of digits-mlp": (24, 24), "digits-mlp in float32": (12, 12)}
    # Where float32 learns too little the task may not judge.
    short = run_controls(replace(TASK, epochs=1), [0])
    assert not short.admitted


@pytest.mark.slow
def test_the_confirming_task_is_admitted() -> None:
    torch = pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    torch.set_num_threads(1)
    found = run_controls(tasks()["digits-cnn"], range(8))
    assert found.admitted, found
