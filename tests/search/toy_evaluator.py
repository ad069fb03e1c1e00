"""An evaluator that takes milliseconds, and yet judges what a unit does to small updates."""

from __future__ import annotations

import numpy as np

from esru.design import Design
from esru.emulate import Array, round_tensor
from esru.train import Schedule

LANES = 8
STEPS = 48


def evaluate(design: Design, seed: int, schedule: Schedule) -> float:
    """Return 50 points less the mean error of 64 weights after 48 updates, in ulps."""
    # Eighths of an ulp: three rounding bits see all of an update, and nearest loses it.
    updates = np.random.default_rng(seed).integers(1, 8, 64) / 8
    cycles = schedule.cycles(64 // LANES, Array(design, LANES).period)
    weights = np.zeros(64)
    for step in range(STEPS):
        weights, _ = round_tensor(design, weights + updates, step * cycles, LANES)
    return 50.0 - float(abs(weights - STEPS * updates).mean())


evaluate.resolution = 0.05  # type: ignore[attr-defined]


def natural_only(design: Design, seed: int, schedule: Schedule) -> float:
    return evaluate(design, seed, schedule)


natural_only.schedules = ("natural",)  # type: ignore[attr-defined]


def raises(design: Design, seed: int, schedule: Schedule) -> float:
    raise ValueError(f"no data for seed {seed}")


def returns_nothing(design: Design, seed: int, schedule: Schedule) -> None:
    return None


def takes_too_few(design: Design) -> float:
    return 0.0


def bad_resolution(design: Design, seed: int, schedule: Schedule) -> float:
    return 0.0


bad_resolution.resolution = -1  # type: ignore[attr-defined]

not_a_function = 5
