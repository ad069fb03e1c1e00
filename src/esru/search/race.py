"""The race: sequential non-inferiority tests of candidates against the reference.

Fixed beforehand: the order of the candidates, the seeds, the looks. A candidate is accepted
when, in every cell (task x learning rate x schedule), a one-sided paired t-test shows that it
loses less than the margin, at level alpha / (accepting looks x behaviours in the space). Every
cell has to pass (intersection-union), so cells need no correction. With probability at least
1 - alpha, for normal differences, no accepted candidate loses the margin or more in any cell.
Dropping a candidate can only make acceptance rarer, so drops need no correction either.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import inf, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

from esru.design import Design
from esru.train.tasks import unit_digits

#: Seeds seen at each look; at the first two a candidate can only be dropped.
LOOKS = (3, 5, 8, 12, 20, 32, 48)
FUTILITY_LOOKS = 2

#: Before its first look a candidate is scouted: so many seeds, and only in the cells where most
#: candidates fail (`scout_cells`). It can only be dropped there.
SCOUT_SEEDS = 3

#: Contenders trained together: enough to keep the workers busy, few enough to waste little.
WAVE = 32

#: Runs trained together, of a task whose runs take a small part of a second.
MANY = 100

#: One-sided level at which a loss above the margin ends a candidate's race.
DROP_LEVEL = 0.05


@dataclass(frozen=True, order=True)
class Cell:
    """Where scores are compared: a task at a learning rate under a schedule.

    An evaluator of the user's own has no learning rate: None.
    """

    task: str
    lr: float | None
    schedule: str

    def __str__(self) -> str:
        if self.lr is None:
            return f"{self.task} {self.schedule}"
        return f"{self.task} lr {self.lr:g} {self.schedule}"


@dataclass(frozen=True)
class CellTest:
    """One cell's paired test.

    Attributes
    ----------
    cell : Cell
    mean : float
        Mean loss of score against the reference, in the unit of the tasks; positive is worse.
    deviation : float
        Standard deviation of the paired losses, at least one test example.
    bound : float
        Upper confidence bound of the loss at the accepting level.
    low, high : float
        Two-sided 95 % interval of the mean loss.
    seeds : int
        Pairs.
    """

    cell: Cell
    mean: float
    deviation: float
    bound: float
    low: float
    high: float
    seeds: int

    def to_json(self) -> dict[str, Any]:
        """Return the row of the interface: task, lr, schedule, diff, bound, seeds."""
        return {
            "task": self.cell.task,
            "lr": self.cell.lr,
            "schedule": self.cell.schedule,
            "diff": round(self.mean, 6),
            "bound": round(self.bound, 6),
            "seeds": self.seeds,
        }


@dataclass(frozen=True)
class Level:
    """The fixed numbers of one race.

    Attributes
    ----------
    margin : float
        What a candidate may lose in any cell.
    alpha : float
        Of the whole search.
    behaviours : int
        In the space: every one may be tested.
    unit : str
        Of the margin and of every loss.
    """

    margin: float
    alpha: float
    behaviours: int
    unit: str = "points"

    @property
    def digits(self) -> int:
        """Decimals that a loss is printed with."""
        return unit_digits(self.unit)

    @property
    def step(self) -> float:
        """The level of one test at one look."""
        return self.alpha / ((len(LOOKS) - FUTILITY_LOOKS) * self.behaviours)


@lru_cache(maxsize=1024)
def _quantile(level: float, freedom: int) -> float:
    """Return what a t distribution exceeds with probability `level`; few are asked for, often."""
    return float(student.isf(level, freedom))


def paired_test(
    cell: Cell, losses: npt.NDArray[np.float64], floor: float, level: float
) -> CellTest:
    """Return the paired test of one cell.

    Parameters
    ----------
    cell : Cell
        Which cell.
    losses : numpy.ndarray
        Reference score less candidate score, one per seed; at least two.
    floor : float
        Least standard deviation: one test example. Ties would else prove too much.
    level : float
        One-sided level of `CellTest.bound`.
    """
    count = len(losses)
    mean = float(losses.mean())
    deviation = max(float(losses.std(ddof=1)), floor)
    error = deviation / sqrt(count)
    half = _quantile(0.025, count - 1) * error
    return CellTest(
        cell=cell,
        mean=mean,
        deviation=deviation,
        bound=mean + _quantile(level, count - 1) * error,
        low=mean - half,
        high=mean + half,
        seeds=count,
    )


def scout_cells(cells: Sequence[Cell]) -> list[Cell]:
    """Return each task's smallest learning rate under its last schedule (the worst one).

    Small updates and a resonant source are what cheap units fail on.
    """
    chosen: dict[str, Cell] = {}
    for cell in cells:
        best = chosen.get(cell.task)
        if best is None or cell.lr is None or best.lr is None or cell.lr <= best.lr:
            chosen[cell.task] = cell
    return list(chosen.values())


@dataclass
class Contender:
    """A candidate in the race.

    Attributes
    ----------
    design : Design
        The unit.
    cost : float
        Objective per lane.
    looks : int
        Looks taken.
    scouted : bool
        Whether it has been scouted.
    verdict : str
        ``open`` while racing, then ``accepted``, ``rejected`` or ``undecided``;
        ``not_raced`` if it was never trained.
    reason : str
        Why, for people.
    tests : list of CellTest
        At the last look.
    """

    design: Design
    cost: float
    looks: int = 0
    scouted: bool = False
    verdict: str = "open"
    reason: str = ""
    tests: list[CellTest] = field(default_factory=list)

    @property
    def seeds_wanted(self) -> int:
        """Seeds that the next look, or the scouting before the first, needs."""
        return LOOKS[self.looks] if self.scouted else SCOUT_SEEDS

    def cells_wanted(self, cells: Sequence[Cell]) -> list[Cell]:
        """Return the cells that the next look, or the scouting before the first, needs."""
        return list(cells) if self.scouted else scout_cells(cells)

    def runs_wanted(self, cells: Sequence[Cell]) -> int:
        """Return how many trainings the next look, or the scouting, adds to those of `tests`."""
        known = sum(test.seeds for test in self.tests)
        return len(self.cells_wanted(cells)) * self.seeds_wanted - known

    @property
    def worst(self) -> CellTest | None:
        """The cell with the greatest mean loss."""
        return max(self.tests, key=lambda test: (test.mean, test.cell), default=None)

    @property
    def decided(self) -> bool:
        """Whether its tests gave it its verdict, and not that the race went no further."""
        return self.verdict in ("accepted", "rejected") or self.looks == len(LOOKS)

    def leave(self, reason: str) -> None:
        """End its race without a verdict of its tests: undecided if there are any, and why."""
        self.verdict = "undecided" if self.tests else "not_raced"
        self.reason = reason

    def found(self, level: Level) -> str:
        """Return the greatest mean loss that its tests found, in words.

        Parameters
        ----------
        level : Level
            Names the unit.
        """
        worst = self.worst
        assert worst is not None
        loss = f"{worst.mean:+.{level.digits}f} {level.unit}"
        return f"{loss} in {worst.cell}, {worst.seeds} seeds"

    def look(
        self,
        losses: Mapping[Cell, npt.NDArray[np.float64]],
        floors: Mapping[str, float],
        level: Level,
    ) -> None:
        """Take the next look (or scout): test each cell's first `seeds_wanted` pairs, and judge.

        Parameters
        ----------
        losses : mapping of Cell to numpy.ndarray
            Paired losses by seed, at least `seeds_wanted` of them.
        floors : mapping of str to float
            What one test example is worth, by task.
        level : Level
            Margin and levels.
        """
        seeds = self.seeds_wanted
        self.tests = [
            paired_test(cell, values[:seeds], floors[cell.task], level.step)
            for cell, values in sorted(losses.items())
        ]
        self.looks += self.scouted
        self.scouted = True
        self._judge(seeds, level)

    def _judge(self, seeds: int, level: Level) -> None:
        where = self.found(level)
        for test in self.tests:
            reach = _quantile(DROP_LEVEL, seeds - 1) * test.deviation / sqrt(seeds)
            if test.mean - reach > level.margin:
                self.verdict, self.reason = "rejected", f"loses {where}"
                return
        if self.looks <= FUTILITY_LOOKS:
            return
        if all(test.bound < level.margin for test in self.tests):
            greatest = max(test.bound for test in self.tests)
            self.verdict = "accepted"
            self.reason = (
                f"loss below {greatest:.{level.digits}f} {level.unit} in every cell, {seeds} seeds"
            )
        elif self.looks == len(LOOKS):
            self.verdict = "undecided"
            self.reason = f"bound not below {level.margin:g} after all looks: {where}"
        elif any(self._hopeless(test, level) for test in self.tests):
            self.verdict = "rejected"
            self.reason = f"cannot reach the margin by {LOOKS[-1]} seeds: {where}"

    @staticmethod
    def _hopeless(test: CellTest, level: Level) -> bool:
        """Return whether even two standard errors of luck would not suffice at the last look."""
        last = LOOKS[-1]
        lucky = test.mean - 2 * test.deviation / sqrt(test.seeds)
        needed = _quantile(level.step, last - 1) * test.deviation / sqrt(last)
        return lucky + needed > level.margin


def wave_runs(together: Iterable[int]) -> float:
    """Return the trainings after which a wave is full: see `next_wave`.

    Two batches of a task that trains fewer than `MANY` runs together: each run takes seconds then,
    and what is trained of contenders behind the winner is lost. No limit for other tasks.

    Parameters
    ----------
    together : iterable of int
        `esru.train.tasks.Task.together` of each task of the race.
    """
    return min((2.0 * runs for runs in together if runs < MANY), default=inf)


def next_wave(
    contenders: list[Contender], cells: Sequence[Cell], runs: float = inf
) -> tuple[list[Contender], bool]:
    """Return the open contenders to train next: in order, up to the first accepted one.

    Parameters
    ----------
    contenders : list of Contender
        In the order of the race, as far as they have entered it.
    cells : sequence of Cell
        Of the race.
    runs : float
        Enough trainings, apart from the reference's.

    Returns
    -------
    wave : list of Contender
        At most `WAVE`.
    full : bool
        Whether one more would be too many.
    """
    wave: list[Contender] = []
    wanted = 0
    for contender in contenders:
        if contender.verdict == "accepted" or len(wave) == WAVE or wanted >= runs:
            break
        if contender.verdict == "open":
            wave.append(contender)
            wanted += contender.runs_wanted(cells)
    return wave, len(wave) == WAVE or wanted >= runs
