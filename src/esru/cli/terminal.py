"""What the commands share when they speak: JSON objects, tables, notes and progress."""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from esru.design import Design, parse
from esru.errors import InputError
from esru.flow.checks import Check
from esru.report.text import counted_text, plain_table

Progress = Callable[[int, int], None]


def note(text: str) -> None:
    """Write a line for the person: standard error."""
    print(text, file=sys.stderr, flush=True)


def add_structure(parser: argparse.ArgumentParser) -> None:
    """Add the options that ask for lanes made of a target's cells."""
    parser.add_argument(
        "--structure", choices=("plain", "helped"), default="plain",
        help="plain: textbook, for any synthesis; helped: given cell by cell (docs/floors.md)",
    )  # fmt: skip
    parser.add_argument(
        "--target", metavar="T", help="with --structure helped: whose cells (esru list targets)"
    )


def read_helped(args: argparse.Namespace) -> str | None:
    """Return the target of whose cells lanes are to be made, or None for plain structure.

    Raises
    ------
    InputError
        If only one of the two options is there, or the target has no such cells.
    """
    if args.structure == "plain":
        if args.target is not None:
            rule = "given with --structure helped (plain structure is the same for every target)"
            raise InputError.must("Target", rule, args.target)
        return None
    if args.target is None:
        raise InputError.must("Target", "given with --structure helped: whose cells", "none")
    from esru.flow.cost import fabric_of

    fabric_of(args.target, args.structure)
    return str(args.target)


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add the option ``--json``."""
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")


def add_design(parser: argparse.ArgumentParser) -> None:
    """Add the argument DESIGN."""
    parser.add_argument(
        "design",
        metavar="DESIGN",
        help="n:k:rule:source[,key=value...], or reference, papers, papers-zero, winner, nearest",
    )


def read_design(text: str) -> Design:
    """Parse a design and pass its warnings on."""
    design = parse(text)
    for warning in design.warnings:
        note(f"warning: {warning}")
    return design


def emit_json(command: str, versions: dict[str, str], content: dict[str, Any]) -> None:
    """Write the one JSON object of a command: schema, versions, content."""
    head = {"schema": f"esru.{command}/1", "versions": versions}
    print(json.dumps(head | content, indent=2, allow_nan=False))


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write a table."""
    print(plain_table(header, rows))


def print_caption(targets: Sequence[str]) -> None:
    """Write what the counts on some targets are, below their table."""
    print(f"\n{counted_text(targets)}")


def print_checks(checks: Sequence[Check]) -> None:
    """Write what was checked as a table."""
    header = ("check", "level", "cases", "result", "seconds", "what")
    rows = [
        (
            check.name,
            check.level,
            str(check.cases),
            "passed" if check.passed else "FAILED",
            f"{check.seconds:.1f}",
            check.detail,
        )
        for check in checks
    ]
    print_table(header, rows)


def _clock(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.1f} min"


@contextmanager
def progress(label: str) -> Iterator[Progress]:
    """Show how far a stage is: a bar with an estimate on a terminal, else a line per 10 %.

    Yields
    ------
    Callable[[int, int], None]
        Called with the number done and the number in all; both may grow.
    """
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bar
        from rich.progress import TimeRemainingColumn as Remaining

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            Remaining(),
        )
        with Bar(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task(label, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)
        return
    lines = _Lines(label)
    timer = threading.Timer(_PATIENCE, lines.late)
    timer.daemon = True
    timer.start()
    try:
        yield lines.step
    finally:
        timer.cancel()


#: Seconds after which a stage that is still running is worth a line.
_PATIENCE = 1.5


class _Lines:
    """Progress as lines: one per 10 %, and one at least every 10 s; none for a short stage."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.start = self.spoke = time.monotonic()
        self.done, self.total = 0, 0
        self.shown = -1

    def late(self) -> None:
        """Speak for a stage that has not reported anything worth a line yet."""
        if self.shown < 0:
            self._speak()

    def step(self, done: int, total: int) -> None:
        """Take note of how far the stage is, and say so if it is time."""
        self.done, self.total = done, total
        now = time.monotonic()
        tenth = 10 * done // max(total, 1)
        if now - self.start >= _PATIENCE and (tenth != self.shown or now - self.spoke >= 10):
            self._speak()

    def _speak(self) -> None:
        now = time.monotonic()
        self.spoke, self.shown = now, 10 * self.done // max(self.total, 1)
        taken = now - self.start
        if not self.total:
            note(f"{self.label} ...")
            return
        estimate = ""
        if 0 < self.done < self.total:
            left = taken * (self.total - self.done) / self.done
            estimate = f", about {_clock(left)} left"
        note(f"{self.label}: {self.done} of {self.total} ({_clock(taken)}{estimate})")
