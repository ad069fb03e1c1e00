"""A board check in words: JSON, Markdown and the lines for a terminal."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from esru.demo.mean import MeanOutcome, picture
from esru.demo.outcome import Outcome
from esru.flow.output import beside
from esru.report.text import plain_table

FILES = ("check-board.json", "check-board.md")

#: By what part a measured clock may differ from the board's own word before it is said.
_CLOCK_OFF = 0.05

_HEADER = ("check", "roundings", "result", "seconds", "what")


def verdict(outcome: Outcome) -> str:
    """Return ``passed``, ``mismatch`` or ``lost``."""
    if outcome.lost:
        return "lost"
    return "passed" if outcome.passed else "mismatch"


def to_json(outcome: Outcome) -> dict[str, Any]:
    """Return a check's content for JSON, without schema and versions."""
    config = outcome.config
    return {
        "design": str(config.design),
        "id": config.design.id,
        "lanes": config.lanes,
        "clock_hz": config.clock_hz,
        "baud": config.baud,
        "verdict": verdict(outcome),
        "lost": outcome.lost or None,
        "checks": [check.to_json() for check in outcome.checks],
        "differing": outcome.differing,
        "mismatches": [asdict(mismatch) for mismatch in outcome.mismatches],
        "line": {
            "sent": outcome.sent,
            "received": outcome.received,
            "retries": outcome.retries,
            "faults": outcome.faults,
        },
        "rates": {
            "line_roundings_per_second": round(outcome.link_rate),
            "chip_roundings_per_second": round(outcome.chip_rate),
            "clock_hz_measured": round(outcome.clock_hz),
        },
    }


def mean_to_json(result: MeanOutcome) -> dict[str, Any]:
    """Return the content of a mean's measurement for JSON."""
    return to_json(result.outcome) | {
        "mean": {
            "asked": float(result.asked),
            "value": float(result.value),
            "fraction": str(result.value),
            "operand": result.operand,
            "count": result.count,
            "done": result.done,
            "sum": result.total,
            "model_sum": result.expected,
            "mean": result.mean,
            "nearest": result.nearest,
            "running": [list(point) for point in result.running],
        },
    }


def _rows(outcome: Outcome) -> list[tuple[str, ...]]:
    return [
        (
            check.name,
            f"{check.cases:,}" if check.name != "design" else "",
            "passed" if check.passed else "FAILED",
            f"{check.seconds:.1f}",
            check.detail,
        )
        for check in outcome.checks
    ]


def clock_note(outcome: Outcome) -> str:
    """Return what is odd about the measured clock of a real board; empty if nothing is."""
    if not outcome.clock_hz:
        return ""
    told = outcome.config.clock_hz
    off = outcome.clock_hz / told - 1
    if abs(off) <= max(_CLOCK_OFF, outcome.clock_doubt):
        return ""
    return (
        f"note: the clock is {100 * abs(off):.0f} % {'faster' if off > 0 else 'slower'} than the "
        f"{told / 1e6:g} MHz that the demo was built for"
    )


def _tail(outcome: Outcome, simulated: bool) -> list[str]:
    """Return what follows the table: mismatches, faults of the line, speeds."""
    lines = [str(mismatch) for mismatch in outcome.mismatches]
    if outcome.differing > len(lines):
        lines.append(f"and {outcome.differing - len(lines)} more")
    if outcome.lost:
        lines.append(f"ended early: {outcome.lost}")
    if outcome.retries:
        last = outcome.faults[-1]
        lines.append(f"line: {outcome.retries} exchanges repeated after faults (the last: {last})")
    speed = f"over the line: {outcome.link_rate:,.0f} roundings/s, each compared"
    if simulated:
        # Its clock is as fast as the simulator: no figure of any chip.
        lines.append(f"{speed} (simulated)" if outcome.link_rate else "simulated")
        return lines
    if outcome.link_rate:
        lines.append(speed)
    if outcome.clock_hz:
        clock = outcome.clock_hz / 1e6
        lines.append(
            f"on the chip: {outcome.chip_rate:,.0f} roundings/s ({outcome.config.lanes} lanes "
            f"at {clock:.2f} MHz, measured from here)"
        )
    if odd := clock_note(outcome):
        lines.append(odd)
    return lines


def check_text(outcome: Outcome, simulated: bool = False) -> str:
    """Return a check as text for a terminal."""
    return "\n".join([plain_table(_HEADER, _rows(outcome)), *_tail(outcome, simulated)])


def mean_text(result: MeanOutcome, simulated: bool = False) -> str:
    """Return a mean's measurement as text for a terminal."""
    asked, value = float(result.asked), result.value
    lines = [f"{asked:g} ulp is sent as {value} = {float(value):.9g}, the nearest operand", ""]
    lines += [*picture(result), ""]
    agrees = "the same" if result.total == result.expected else "NOT the same"
    if result.total == result.expected and result.outcome.differing:
        agrees = f"the same sum, but {result.outcome.differing} answers differ"
    done = max(result.done, 1)
    rows = [
        ("chip", str(result.total), f"{result.mean:.6f}", f"{result.done} roundings"),
        ("exact model", str(result.expected), f"{result.expected / done:.6f}", agrees),
    ]
    if result.whole_period is not None:
        whole = result.whole_period
        rows.append(("its whole period", "", f"{float(whole):.6f}", str(whole)))
    nearest = result.nearest
    rows.append(("round to nearest", str(nearest * result.done), f"{nearest:.6f}", "always"))
    lines.append(plain_table(("", "sum", "mean", ""), rows))
    return "\n".join(lines + _tail(result.outcome, simulated))


def markdown(outcome: Outcome, mean: MeanOutcome | None = None, simulated: bool = False) -> str:
    """Return a check as a Markdown page.

    Parameters
    ----------
    outcome : Outcome
        The check.
    mean : MeanOutcome or None
        What a mean's measurement was, if it was one.
    simulated : bool
        Whether the board was a simulated one: the page says so and gives no speed of a chip.
    """
    config = outcome.config
    title = {"passed": "passed", "mismatch": "MISMATCH", "lost": "ended early"}[verdict(outcome)]
    lines = [
        f"# {'Simulated board check' if simulated else 'Board check'}: {title}",
        "",
        f"`{config.design}` (id {config.design.id}), {config.lanes} lanes, "
        f"{config.clock_hz / 1e6:g} MHz, {config.baud} baud.",
        "",
        "| " + " | ".join(_HEADER) + " |",
        "|---|---:|---|---:|---|",
        *("| " + " | ".join(row) + " |" for row in _rows(outcome)),
        "",
    ]
    if mean is not None:
        lines += ["```text", mean_text(mean, simulated), "```"]
    else:
        lines += [f"- {line}" for line in _tail(outcome, simulated)]
    return "\n".join(lines).rstrip() + "\n"


def write(folder: Path, content: dict[str, Any], page: str) -> list[Path]:
    """Write a check's files, both or neither.

    Raises
    ------
    InputError
        If the folder cannot be written.
    """
    texts = (json.dumps(content, indent=2, allow_nan=False) + "\n", page)
    with beside(folder) as place:
        for name, text in zip(FILES, texts, strict=True):
            (place / name).write_text(text, encoding="utf-8")
    return [folder / name for name in FILES]
