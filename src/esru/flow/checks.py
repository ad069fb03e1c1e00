"""What a verification level reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from esru.design import Design
from esru.sources import source_model


def words_covered(design: Design) -> tuple[int, str]:
    """Return how many words a proof over all cycles covers, and the same in words."""
    period = source_model(design).period
    if not period:
        return 1 << design.k, f"all {1 << design.k} words from outside"
    return period, "1 word" if period == 1 else f"all {period} words"


@dataclass(frozen=True)
class Check:
    """One thing that was checked, in counts.

    Attributes
    ----------
    level : str
        ``simulation``, ``cocotb``, ``formal``, ``mapped`` (before packing), ``netlist`` (mapped
        or routed), ``bitstream`` or ``board``.
    name : str
        What was compared with what.
    cases : int
        How many cases the check covered; `detail` says of what.
    passed : bool
        Whether all of them agreed.
    detail : str
        What the cases are; if not passed, the counterexample.
    seconds : float
        Wall-clock time.
    """

    level: str
    name: str
    cases: int
    passed: bool
    detail: str
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return the check as an object for JSON, seconds to the millisecond."""
        return {
            "level": self.level,
            "name": self.name,
            "cases": self.cases,
            "passed": self.passed,
            "detail": self.detail,
            "seconds": round(self.seconds, 3),
        }


def controls(design: Design) -> str:
    """Return the names of the inputs that are no data, as a text."""
    return "en, rst, load and seed" if design.load else "en and rst"
