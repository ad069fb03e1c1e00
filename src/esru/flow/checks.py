"""What a verification level reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


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
