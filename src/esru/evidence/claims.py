"""What the ESRU papers say that a training can answer, and the rows that answer it.

Only abstracts were to be had: neither the rule that fills n bits with k nor the schedule is
known, so each statement is read in every way that the project has a name for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from esru.evidence.rows import Json, judged
from esru.train.tasks import find_task

RULES = ("zero", "half", "nearest", "replicate")

#: Points of accuracy: the margin of `digits-mlp`, on which all are read.
MARGIN = find_task("digits-mlp").margin


@dataclass(frozen=True)
class Claim:
    """A statement in one reading.

    Attributes
    ----------
    statement : str
        What is said.
    reading : str
        The rule and schedule that it is read under.
    study, series, at, schedule
        The rows that answer it.
    wanted : tuple of str
        What each row must be judged for the statement to come out.
    margin : float
        A loss below it, in points, is none: of a statement that something is no worse. 0: the
        statement is of a difference, and the sign alone is judged.
    """

    statement: str
    reading: str
    study: str
    series: str
    at: int | None
    schedule: str
    wanted: tuple[str, ...]
    margin: float

    def rows(self, result: Json) -> list[Json]:
        """Return its row at each learning rate."""
        found = [
            row
            for row in result["studies"][self.study]["rows"]
            if (row["series"], row["at"], row["schedule"]) == (self.series, self.at, self.schedule)
        ]
        assert found, self
        return found

    def judged(self, row: Json) -> str:
        """Return what a row says (`esru.evidence.rows.judged`) beside the statement's margin."""
        return judged(row, self.margin)

    def verdict(self, rows: Sequence[Json]) -> str:
        """Return ``yes``, ``no``, or at how many of the learning rates."""
        count = sum(self.judged(row) in self.wanted for row in rows)
        if count in (0, len(rows)):
            return "yes" if count else "no"
        return f"at {count} of {len(rows)}"


def claims() -> list[Claim]:
    """Return every statement in every reading, in the order of the page."""
    found = []
    enough = "8 bits with a 3-bit PRNG train no worse than 24 with 24"
    for rule in RULES:
        for schedule in ("natural", "worst"):
            reading = f"`{rule}`, plateau, {schedule}"
            series = f"{rule}, plateau"
            good = ("no worse", "better")
            found.append(Claim(enough, reading, "bits", series, 3, schedule, good, MARGIN))
    higher = "... with a slightly higher accuracy"
    for rule in RULES:
        reading = f"`{rule}`, plateau, natural"
        series = f"{rule}, plateau"
        found.append(Claim(higher, reading, "bits", series, 3, "natural", ("better",), 0))
    biased = "the naive unit's words are biased, which costs accuracy"
    repaired = "a plateau, from an LFSR and its inverse, repairs that"
    packed = "... without the wider LFSR that independent words take"
    fixed = "fixed:41"
    for rule in RULES:
        reading = f"`{rule}`, LFSR less the reference"
        found.append(Claim(biased, reading, "naive", f"{rule}, lfsr", 3, fixed, ("worse",), 0))
    for rule in RULES:
        reading = f"`{rule}`, plateau less LFSR"
        series = f"{rule}, plateau less lfsr"
        found.append(Claim(repaired, reading, "naive", series, 3, fixed, ("better",), 0))
    for rule in RULES:
        reading = f"`{rule}`, plateau less 24-bit LFSR, fresh bits"
        series = f"{rule}, plateau less long"
        good = ("no worse", "better")
        found.append(Claim(packed, reading, "naive", series, 3, fixed, good, MARGIN))
    return found
