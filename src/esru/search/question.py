"""What a search is asked; everything that the answer depends on, tools apart."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from esru.errors import InputError
from esru.search.space import MAX_BITS
from esru.search.store import result_key

#: What may be minimised: a count of `esru.flow.measure.Cells`.
OBJECTIVES = ("cells", "lut", "ff", "area")


@dataclass(frozen=True)
class Question:
    """A search's question.

    Parameters
    ----------
    bits : int
        Candidates have 1 <= n <= bits and 0 <= k <= n; 1..16.
    target : str
        FPGA target whose cost counts.
    boundary : str
        What of the hardware counts, one of `esru.boundaries.BOUNDARIES`.
    lanes : int
        Lanes M of the array, 1..1024.
    objective : str
        What is minimised per lane, one of `OBJECTIVES`.
    tasks : tuple of str
        Training tasks of the race.
    margin : float
        What a candidate may lose in any cell, in the tasks' unit; above 0, at most 100.
    alpha : float
        Probability of accepting any unit that loses more, above 0, below 0.5.
    seed : int
        First training seed, >= 0.
    evaluator : str or None
        The user's own judge, as `esru.search.plugin` names it; the race is run on it, and on
        tasks only if they are named too.
    fmax, activity : bool
        Whether the clock frequency and the switching activity of the front are measured.
    controls : bool
        Whether the controls of the tasks are trained beside the winner.

    Raises
    ------
    InputError
        If a value is out of range; names are checked by those who know them.
    """

    bits: int
    target: str = "ice40"
    boundary: str = "decision"
    lanes: int = 64
    objective: str = "cells"
    tasks: tuple[str, ...] = ("digits-mlp",)
    margin: float = 1.0
    alpha: float = 0.05
    seed: int = 0
    evaluator: str | None = None
    fmax: bool = False
    activity: bool = False
    controls: bool = True

    def __post_init__(self) -> None:
        if not 1 <= self.bits <= MAX_BITS:
            raise InputError.must("Bits", f"between 1 and {MAX_BITS}", self.bits)
        if not 1 <= self.lanes <= 1024:
            raise InputError.must("Lanes", "between 1 and 1024", self.lanes)
        if self.objective not in OBJECTIVES:
            raise InputError.must(
                "Objective", f"one of {', '.join(OBJECTIVES)}", repr(self.objective)
            )
        if self.evaluator is not None and not self.evaluator:
            raise InputError.must("Evaluator", "package.module:function", "''")
        if not (self.tasks or self.evaluator) or len(set(self.tasks)) != len(self.tasks):
            raise InputError.must("Tasks", "named, each once", ",".join(self.tasks) or "none")
        if not (math.isfinite(self.margin) and 0 < self.margin <= 100):
            raise InputError.must("Margin", "above 0 and at most 100", self.margin)
        if not 0 < self.alpha < 0.5:
            raise InputError.must("Alpha", "above 0 and below 0.5", self.alpha)
        if self.seed < 0:
            raise InputError.must("Seed", "at least 0", self.seed)

    def to_json(self) -> dict[str, Any]:
        """Return the question as JSON."""
        asked = asdict(self) | {"tasks": list(self.tasks)}
        controls = asked.pop("controls")
        # Left out where there is none, so that a question keeps the name it has always had.
        kept = {key: value for key, value in asked.items() if value is not None}
        kept = {key: value for key, value in kept.items() if value is not False}
        # An evaluator alone has no controls that could be left out.
        return kept if controls or not self.tasks else kept | {"controls": False}

    @property
    def id(self) -> str:
        """Eight hex digits that name the question, and with it the run folder."""
        return result_key("question", **self.to_json())[:8]
