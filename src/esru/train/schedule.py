"""Schedules: how many cycles lie between two training steps.

A weight that meets its unit every C cycles sees one phase in gcd(C, period) of the source. The
schedule fixes C: training step t begins in cycle t * C after reset.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import gcd
from typing import Protocol

from esru.design import Design
from esru.emulate.stream import DEFAULT_LANES, Array
from esru.errors import InputError

#: The schedules that every accuracy experiment runs.
SCHEDULES = ("natural", "worst")

#: `worst` looks for the largest gcd among this many step lengths, from the task's own on.
WORST_SPAN = 16

_FIXED = re.compile(r"fixed:([0-9]{1,9})")


@dataclass(frozen=True)
class Schedule:
    """How many cycles lie between two steps of a training.

    Parameters
    ----------
    name : str
        ``natural``, ``worst`` or ``fixed:C``.

    Raises
    ------
    InputError
        If there is no such schedule.
    """

    name: str

    def __post_init__(self) -> None:
        if self.name not in SCHEDULES and not _FIXED.fullmatch(self.name):
            raise InputError.must("Schedule", "natural, worst or fixed:C", repr(self.name))

    def cycles(self, least: int, period: int, step: str = "one step") -> int:
        """Return the cycles C from one step to the next.

        Parameters
        ----------
        least : int
            C0: the cycles that a step itself takes.
        period : int
            Of the design's source; 0 if its words have none.
        step : str
            What an error calls the step.

        Raises
        ------
        InputError
            If ``fixed:C`` is shorter than a step.
        """
        if self.name == "natural":
            return least
        if self.name == "worst":
            if not period:
                return least
            return max(range(least, least + WORST_SPAN), key=lambda c: (gcd(c, period), -c))
        cycles = int(self.name.partition(":")[2])
        if cycles < least:
            rule = f"at least the {least} cycles of {step}"
            raise InputError.must("Cycles of schedule fixed", rule, cycles)
        return cycles

    def __str__(self) -> str:
        return self.name


class Stepping(Protocol):
    """What a schedule must know of a task: its name, and the cycles that one step takes."""

    @property
    def name(self) -> str:
        """What errors call the task."""

    def cycles(self, lanes: int = ...) -> int:
        """Return C0 on so many lanes."""


def schedule_cycles(
    task: Stepping, design: Design, schedule: str, lanes: int = DEFAULT_LANES
) -> tuple[int, int]:
    """Return the cycles C from one training step to the next, and gcd(C, period).

    Parameters
    ----------
    task : Task
        An `esru.train.Task`: its step takes ``task.cycles(lanes)`` = C0 cycles.
    design : Design
        Its source has the period.
    schedule : str
        ``natural``: C = C0. ``worst``: of C0 .. C0+15 the C with the largest gcd, the smallest
        such C. ``fixed:C``: that C, at least C0. Sources without a period (operands) have the gcd
        1: nothing they do depends on C.
    lanes : int
        Lanes of the array.

    Raises
    ------
    InputError
        If the schedule is unknown or shorter than C0, or the lanes do not suit the design.
    """
    array = Array(design, lanes)
    step = f"one step of {task.name} on {lanes} lanes"
    cycles = Schedule(schedule).cycles(task.cycles(lanes), array.period, step)
    return cycles, array.resonance(cycles)
