"""Compare a board with the exact model: bit for bit over the line, and at full clock speed."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from esru.demo import protocol
from esru.demo.config import DemoConfig
from esru.demo.link import BoardLost, Link
from esru.demo.model import DemoModel, Patterns, Statistics, pack_bits, unpack_bits
from esru.demo.operands import default_blocks, jumps, mixed_operands, pieces, sweep
from esru.demo.outcome import KEPT, Mismatch, Outcome
from esru.demo.protocol import Command
from esru.design import Design, parse
from esru.errors import InputError, ToolFailed
from esru.flow.checks import Check

Progress = Callable[[int, int], None]

LEVEL = "board"

#: Operand bytes of one ROUND: its reply fits what systems hold of a serial line (4 KiB).
_REQUEST_DATA = 2048

#: Lane-roundings and cycles of one run at full speed, for which the model takes a second or less.
_RUN_CASES = 1 << 22
_RUN_CYCLES = 1 << 17


def read_config(link: Link) -> DemoConfig:
    """Ask the board what is on it.

    Raises
    ------
    BoardLost
        If there is no usable answer.
    ToolFailed
        If it is no demo that this version of esru knows.
    """
    told = link.info()
    version = told[1] if len(told) > 1 else 0
    if version != protocol.VERSION:
        known = f"this esru speaks {protocol.VERSION}"
        raise ToolFailed("The board", f"it speaks version {version} of the protocol, {known}")
    try:
        facts = protocol.parse_info(told)
        config = DemoConfig(
            parse(facts.design), lanes=facts.lanes, clock_hz=facts.clock_hz, baud=facts.baud
        )
    except (InputError, ValueError, IndexError) as error:
        raise ToolFailed("The board", f"its information makes no sense ({error})") from None
    if config.info != told:
        what = f"{config.design} as this esru knows it"
        raise ToolFailed("The board", f"its information does not describe {what}")
    link.clock_hz = config.clock_hz
    return config


def same_design(wanted: Design | None, config: DemoConfig) -> Check:
    """Return whether the board holds the design that was asked for, as a check."""
    held = config.design
    same = wanted is None or wanted.id == held.id
    detail = f"{held}, {config.lanes} lanes, {config.clock_hz / 1e6:g} MHz"
    if wanted is not None and not same:
        detail = f"the board holds {held} (id {held.id}), not {wanted} (id {wanted.id})"
    return Check(LEVEL, "design", 1, same, detail, 0.0)


class Checker:
    """The stages of a check, one board.

    Parameters
    ----------
    link : Link
        An open line.
    config : DemoConfig
        What is on the board.
    seed : int
        Of the random operands.
    progress : callable or None
        Called with units done and in all; a unit is the time of a byte on the line.
    """

    def __init__(
        self, link: Link, config: DemoConfig, seed: int = 0, progress: Progress | None = None
    ) -> None:
        self.link = link
        self.config = config
        self.model = DemoModel(config)
        self.outcome = Outcome(config)
        self.rng = np.random.default_rng(seed)
        self.progress = progress
        self.done = 0
        self.whole = 0
        self._compared = 0
        self._seconds = 0.0

    def blocks_at_once(self) -> int:
        """Return how many blocks one request carries."""
        return max(1, _REQUEST_DATA // self.config.block_bytes)

    def round(self, operands: Patterns) -> Patterns:
        """Round blocks on the board at its present phase and return the answers."""
        config = self.config
        data = pack_bits(operands, config.operand_bits, config.block_bytes)
        reply = self.link.round(data.tobytes(), len(operands), config.answer_bytes)
        rows = np.frombuffer(reply, np.uint8).reshape(len(operands), config.answer_bytes)
        self.advance(len(operands) * config.block_bytes)
        return unpack_bits(rows, config.answer_bits, config.lanes)

    def compare(self, operands: Patterns) -> tuple[Patterns, int]:
        """Round blocks on the board and in the model.

        Returns
        -------
        ndarray of uint64
            The board's answers.
        int
            How many of them differ from the model's.
        """
        phase = self.link.phase
        began = time.monotonic()
        got = self.round(operands)
        self._seconds += time.monotonic() - began
        self._compared += operands.size
        self.outcome.link_rate = self._compared / max(self._seconds, 1e-9)
        expected = self.model.answers(phase, operands)
        wrong = np.argwhere(got != expected)
        self.outcome.differing += len(wrong)
        for row, lane in wrong[: KEPT - len(self.outcome.mismatches)].tolist():
            word = int(self.model.words(phase + row, 1)[0, lane])
            values = (int(table[row, lane]) for table in (operands, expected, got))
            operand, wanted, given = values
            self.outcome.mismatches.append(
                Mismatch(lane, phase + row, operand, word, wanted, given)
            )
        return got, len(wrong)

    def advance(self, units: float) -> None:
        """Report progress."""
        self.done += round(units)
        if self.progress is not None:
            self.progress(min(self.done, self.whole), self.whole)

    def units(self, cycles: int) -> int:
        """Return clock cycles in bytes on the line."""
        return cycles * self.config.baud // (10 * self.config.clock_hz) + 16

    def stage(self, name: str, text: str, blocks: int, wrong: int, began: float) -> None:
        """Add the check of a stage that compared blocks."""
        cases = blocks * self.config.lanes
        detail = f"{wrong} of {cases} differ" if wrong else text
        seconds = time.monotonic() - began
        self.outcome.checks.append(Check(LEVEL, name, cases, not wrong, detail, seconds))

    def self_test(self) -> None:
        """Ask how the chip's own test ended."""
        began = time.monotonic()
        shown = protocol.parse_statistics(self.link.statistics())
        passed = shown.finished and shown.passed
        cycles = protocol.SELF_TEST_CYCLES
        detail = f"{cycles} cycles of the known stream against their signature"
        if not passed:
            detail = "the chip's signature is another" if shown.finished else "it did not finish"
        cases = cycles * self.config.lanes
        seconds = time.monotonic() - began
        self.outcome.checks.append(Check(LEVEL, "self-test", cases, passed, detail, seconds))
        self.advance(16)

    def sweep(self, exhaustive: bool) -> None:
        """Send every operand, where that is soon done or was asked for."""
        plan = sweep(self.config, exhaustive)
        if plan is None:
            return
        began, wrong = time.monotonic(), 0
        self.link.go_to(0)
        for first, count in pieces(plan.blocks, self.blocks_at_once()):
            wrong += self.compare(plan.operands(self.config, first, count))[1]
        self.stage("every operand", f"{plan.text}, each lane", plan.blocks, wrong, began)

    def random(self, blocks: int) -> None:
        """Send random operands, edges and corners among them."""
        began, wrong = time.monotonic(), 0
        self.link.go_to(0)
        for _, count in pieces(blocks, self.blocks_at_once()):
            wrong += self.compare(self._mixed(count))[1]
        self.stage("chosen operands", "edges of the rule, corners, random", blocks, wrong, began)

    def far(self, plan: list[tuple[int, int, str]]) -> None:
        """Jump to far phases and round there."""
        began, wrong = time.monotonic(), 0
        for phase, blocks, _ in plan:
            self.link.go_to(phase)
            self.advance(self.units(phase))
            wrong += self.compare(self._mixed(blocks))[1]
        text = ", ".join(text for _, _, text in plan)
        self.stage("far phases", text, sum(blocks for _, blocks, _ in plan), wrong, began)

    def full_speed(
        self, command: Command, cycles: int, operands: Patterns | None, name: str
    ) -> None:
        """Run at full clock speed and compare counts, sum and signature."""
        began = time.monotonic()
        config, model = self.config, self.model
        block = None
        model.seed()
        if operands is not None:
            packed = pack_bits(operands[None, :], config.operand_bits, config.block_bytes)
            block = packed.tobytes()
            model.round_blocks(operands[None, :])
            model.run_held(cycles)
        else:
            model.run_stream(cycles)
        shown = protocol.parse_statistics(
            self.link.run(command, cycles, block, config.answer_bytes)
        )
        got = Statistics(shown.cycles, shown.sum, shown.signature)
        wanted = model.statistics
        detail = f"{cycles} cycles: number, sum and signature {wanted.signature:08x}"
        if got != wanted:
            pairs = (
                f"{name} {getattr(got, name):#x}, expected {getattr(wanted, name):#x}"
                for name in ("cycles", "sum", "signature")
                if getattr(got, name) != getattr(wanted, name)
            )
            detail = "; ".join(pairs)
        cases, seconds = cycles * config.lanes, time.monotonic() - began
        name += " at full speed"
        self.outcome.checks.append(Check(LEVEL, name, cases, got == wanted, detail, seconds))
        self.advance(self.units(cycles))

    def clock(self, cycles: int) -> None:
        """Measure the board's clock."""
        seconds = self.link.timed_step(cycles)
        outcome = self.outcome
        outcome.clock_hz, outcome.clock_doubt = cycles / seconds, self.link.delay / seconds
        self.advance(self.units(cycles))

    def _mixed(self, blocks: int) -> Patterns:
        words = self.model.words(self.link.phase, blocks)
        return mixed_operands(self.config, words, self.rng)

    def run(self, exhaustive: bool, blocks: int | None) -> Outcome:
        """Make every stage; a line that is lost ends it early."""
        config = self.config
        blocks = default_blocks(config) if blocks is None else blocks
        reach = min(protocol.MOST_COUNT, 2 * config.clock_hz)
        plan = jumps(config, reach)
        planned = sweep(config, exhaustive)
        cycles = min(max(_RUN_CASES // config.lanes, 1 << 12), _RUN_CYCLES)
        timed = min(protocol.MOST_COUNT, config.clock_hz // 2)
        sent = blocks + (planned.blocks if planned else 0) + sum(count for _, count, _ in plan)
        times = [*(phase for phase, _, _ in plan), cycles, cycles, cycles, timed]
        self.whole = 16 + sent * config.block_bytes + sum(self.units(time) for time in times)
        held = np.full(config.lanes, config.held, np.uint64)
        outcome = self.outcome
        try:
            self.self_test()
            self.sweep(exhaustive)
            self.random(blocks)
            self.far(plan)
            self.full_speed(Command.STREAM, cycles, None, "known stream")
            self.full_speed(Command.HELD, cycles, held, "held 0.3")
            self.full_speed(Command.HELD, cycles, self._mixed(1)[0], "held operands")
            self.clock(timed)
        except BoardLost as lost:
            outcome.lost = str(lost)
        self.account()
        return outcome

    def account(self) -> None:
        """Take over what the line counted."""
        outcome, link = self.outcome, self.link
        outcome.retries, outcome.faults = link.retries, link.faults
        outcome.sent, outcome.received = link.sent, link.received


def check_board(
    link: Link,
    design: Design | None = None,
    *,
    exhaustive: bool = False,
    blocks: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Outcome:
    """Check everything about a board that a serial line can tell.

    Parameters
    ----------
    link : Link
        An open line.
    design : Design or None
        What should be on the board; None: whatever is.
    exhaustive : bool
        Send every operand however long it takes.
    blocks : int or None
        Random blocks, a rounding in each lane; None: some seconds' worth.
    seed : int
        Of the random operands.
    progress : callable or None
        Called with the work done and in all.

    Returns
    -------
    Outcome
        A mismatch is a check that did not pass, not an error; nor is a line that is lost after
        the board has said what it is.

    Raises
    ------
    InputError
        If the exhaustive check would be endless.
    BoardLost, ToolFailed
        If the board does not say what it is.
    """
    config = read_config(link)
    checker = Checker(link, config, seed, progress)
    checker.outcome.checks.append(same_design(design, config))
    if not checker.outcome.checks[0].passed:
        return checker.outcome
    return checker.run(exhaustive, blocks)
