"""One value rounded many times on the chip: its mean comes out, where round-to-nearest loses it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from esru.demo.check import Checker, Progress, read_config, same_design
from esru.demo.config import DemoConfig
from esru.demo.link import BoardLost, Link
from esru.demo.model import lane_sum
from esru.demo.operands import pieces
from esru.demo.outcome import Outcome
from esru.design import Design
from esru.errors import InputError
from esru.rounding import probability_up

#: Roundings unless asked otherwise.
DEFAULT_COUNT = 10_000

#: Most roundings; every answer comes over the line.
MOST_COUNT = 1_000_000

_WIDTH = 51

#: The exact probability of designs with more takes seconds.
_MOST_RANDOM_BITS = 20


@dataclass
class MeanOutcome:
    """What came of rounding one value many times.

    Attributes
    ----------
    outcome : Outcome
        The board, the line, and every answer that differs from the model's.
    asked : Fraction
        The value asked for, in units of the output's last place.
    value : Fraction
        The value that was rounded: the nearest one that an operand can express.
    operand : int
        Its bit pattern.
    count : int
        Roundings asked for.
    done : int
        Roundings made; fewer if the line was lost.
    total, expected : int
        Sum of the chip's answers, and of the model's.
    running : list of (int, int)
        Roundings so far and their sum, at 10, 30, 100, ... roundings and at the end.
    """

    outcome: Outcome
    asked: Fraction
    value: Fraction
    operand: int
    count: int
    done: int
    total: int
    expected: int
    running: list[tuple[int, int]]

    @property
    def mean(self) -> float:
        """The chip's mean, in units of the output's last place."""
        return self.total / max(self.done, 1)

    @property
    def nearest(self) -> int:
        """What round-to-nearest (ties to even) gives, every time."""
        return round(self.value)

    @property
    def whole_period(self) -> Fraction | None:
        """The design's exact mean over a whole period; None where that takes long to compute."""
        design = self.outcome.config.design
        scale = 1 << (design.n if design.boundary == "decision" else design.dropped)
        whole, rest = divmod(int(self.value * scale), scale)
        at_end = False
        if design.boundary == "unit":
            _, out = design.fixed
            at_end = not out.low <= whole < out.high
        if design.k > _MOST_RANDOM_BITS or at_end:
            return None
        return whole + probability_up(design, rest * (1 << design.n) // scale)

    @property
    def passed(self) -> bool:
        """Whether all roundings were made and every answer is the model's."""
        return self.done == self.count and self.outcome.passed


def operand_for(config: DemoConfig, value: Fraction) -> tuple[int, Fraction]:
    """Return the operand nearest to a value, as a bit pattern, and what it stands for.

    Parameters
    ----------
    config : DemoConfig
        The demo on the board.
    value : Fraction
        In units of the output's last place.

    Raises
    ------
    InputError
        If the value is outside the operands' range.
    """
    design = config.design
    if design.boundary == "decision":
        scale, low, high = 1 << design.n, 0, (1 << design.n) - 1
    else:
        source, _ = design.fixed
        scale, low, high = 1 << design.dropped, source.low, source.high
    nearest = round(value * scale)
    if not low <= nearest <= high:
        least, greatest = (float(Fraction(end, scale)) for end in (low, high))
        raise InputError.must("Value", f"between {least:g} and {greatest:g}", float(value))
    return nearest & ((1 << config.operand_bits) - 1), Fraction(nearest, scale)


def _marks(count: int) -> list[int]:
    """Return 10, 30, 100, 300, ... below `count`, and `count`."""
    steps = (factor * 10**power for power in range(1, 7) for factor in (1, 3))
    return [*(step for step in steps if step < count), count]


def measure_mean(
    link: Link,
    asked: Fraction,
    count: int,
    design: Design | None = None,
    progress: Progress | None = None,
) -> MeanOutcome:
    """Round one value many times on the chip, every answer compared with the model's.

    Parameters
    ----------
    link : Link
        An open line.
    asked : Fraction
        The value, in units of the output's last place.
    count : int
        Roundings, 1 to a million; lane after lane, cycle after cycle.
    design : Design or None
        What should be on the board; None: whatever is.
    progress : callable or None
        Called with the work done and in all.

    Raises
    ------
    InputError
        If value or count are out of range.
    BoardLost, ToolFailed
        If the board does not say what it is.
    """
    if not 1 <= count <= MOST_COUNT:
        raise InputError.must("Count", f"between 1 and {MOST_COUNT}", count)
    config = read_config(link)
    checker = Checker(link, config, progress=progress)
    outcome = checker.outcome
    operand, value = operand_for(config, asked)
    result = MeanOutcome(outcome, asked, value, operand, count, 0, 0, 0, [])
    outcome.checks.append(same_design(design, config))
    if not outcome.checks[0].passed:
        return result
    blocks = -(-count // config.lanes)
    checker.whole = blocks * config.block_bytes
    marks = _marks(count)
    try:
        link.go_to(0)
        for first, some in pieces(blocks, checker.blocks_at_once()):
            operands = np.full((some, config.lanes), operand, np.uint64)
            phase = link.phase
            got, _ = checker.compare(operands)
            expected = checker.model.answers(phase, operands).ravel()
            answers = got.ravel()[: count - first * config.lanes]
            start = result.done
            while marks and marks[0] <= start + len(answers):
                part = lane_sum(config.design, answers[: marks[0] - start])
                result.running.append((marks.pop(0), result.total + part))
            result.total += lane_sum(config.design, answers)
            result.expected += lane_sum(config.design, expected[: len(answers)])
            result.done += len(answers)
    except BoardLost as lost:
        outcome.lost = str(lost)
    checker.account()
    return result


def picture(result: MeanOutcome) -> list[str]:
    """Return the running mean as lines of plain text: ``*`` the mean so far, ``:`` the value."""
    low = math.floor(result.value)

    def column(value: float) -> int:
        return min(max(round((value - low) * (_WIDTH - 1)), 0), _WIDTH - 1)

    ruler = f"{low}".ljust(_WIDTH - len(f"{low + 1}")) + f"{low + 1}"
    lines = [f"{'roundings':>9}  {'mean':>8}  {ruler}"]
    for number, total in result.running:
        bar = ["|", *" " * (_WIDTH - 2), "|"]
        bar[column(float(result.value))] = ":"
        bar[column(total / number)] = "*"
        lines.append(f"{number:>9}  {total / number:>8.4f}  {''.join(bar)}")
    return lines
