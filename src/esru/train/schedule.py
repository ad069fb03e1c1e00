"""Schedules: how many cycles lie between two training steps.

A weight that meets its unit every C cycles sees one phase in gcd(C, period) of the source. The
schedule fixes C: training step t begins in cycle t * C after reset.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from esru.design import Design
from esru.emulate.stream import DEFAULT_LANES, Array
from esru.errors import InputError

if TYPE_CHECKING:
    from esru.train.tasks import Task

#: The schedules that every accuracy experiment runs.
SCHEDULES = ("natural", "worst")

#: `worst` looks for the largest gcd among this many step lengths, from the task's own on.
WORST_SPAN = 16

_FIXED = re.compile(r"fixed:([0-9]{1,9})")


def schedule_cycles(
    task: Task, design: Design, schedule: str, lanes: int = DEFAULT_LANES
) -> tuple[int, int]:
    """Return the cycles C from one training step to the next, and gcd(C, period).

    Parameters
    ----------
    task : Task
        Its step takes ``task.cycles(lanes)`` = C0 cycles.
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
    least = task.cycles(lanes)
    if schedule == "natural":
        cycles = least
    elif schedule == "worst":
        cycles = max(range(least, least + WORST_SPAN), key=lambda c: (array.resonance(c), -c))
    elif match := _FIXED.fullmatch(schedule):
        cycles = int(match.group(1))
        if cycles < least:
            rule = f"at least the {least} cycles of one step of {task.name} on {lanes} lanes"
            raise InputError.must("Cycles of schedule fixed", rule, cycles)
    else:
        raise InputError.must("Schedule", "natural, worst or fixed:C", repr(schedule))
    return cycles, array.resonance(cycles)
