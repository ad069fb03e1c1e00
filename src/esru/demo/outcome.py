"""What a check of a board finds."""

from __future__ import annotations

from dataclasses import dataclass, field

from esru.demo.config import DemoConfig
from esru.flow.checks import Check

#: Mismatches that are kept; all are counted.
KEPT = 8


@dataclass(frozen=True)
class Mismatch:
    """One answer that differs: of which lane, at which phase, to what, and with which word."""

    lane: int
    phase: int
    operand: int
    word: int
    expected: int
    got: int

    def __str__(self) -> str:
        return (
            f"lane {self.lane}, phase {self.phase}, operand {self.operand:#x}, word {self.word}: "
            f"expected {self.expected:#x}, got {self.got:#x}"
        )


@dataclass
class Outcome:
    """What a check found.

    Attributes
    ----------
    config : DemoConfig
        What is on the board.
    checks : list of Check
        In the order in which they were made.
    mismatches : list of Mismatch
        The first ones, at most `KEPT`.
    differing : int
        All of them.
    lost : str
        Why the check ended early; empty if it did not.
    retries : int
        Exchanges that were repeated after a fault of the line.
    faults : list of str
        The faults.
    sent, received : int
        Bytes on the line.
    link_rate : float
        Roundings a second over the line, each compared bit for bit.
    clock_hz, clock_doubt : float
        The board's clock as measured from here (a real line adds milliseconds), and what part of
        it may be off by them.
    """

    config: DemoConfig
    checks: list[Check] = field(default_factory=list)
    mismatches: list[Mismatch] = field(default_factory=list)
    differing: int = 0
    lost: str = ""
    retries: int = 0
    faults: list[str] = field(default_factory=list)
    sent: int = 0
    received: int = 0
    link_rate: float = 0.0
    clock_hz: float = 0.0
    clock_doubt: float = 0.0

    @property
    def passed(self) -> bool:
        """Whether every check was made and passed, and no answer differs."""
        return not self.lost and not self.differing and all(check.passed for check in self.checks)

    @property
    def chip_rate(self) -> float:
        """Roundings a second on the chip: one a lane and clock cycle."""
        return self.config.lanes * self.clock_hz
