"""The demo's vectorised model against a scalar one written from the protocol's sentences."""

from __future__ import annotations

import random

import numpy as np
import pytest

from esru.demo.config import SELF_TEST_CYCLES, DemoConfig
from esru.demo.model import (
    DemoModel,
    pack_bits,
    self_test_signature,
    stimulus_operands,
    unpack_bits,
)
from esru.design import Design, parse
from esru.rounding import round_up, round_word
from esru.sources import source_model
from esru.sources.lfsr import LfsrModel
from esru.sources.polynomial import default_polynomial

DESIGNS = (
    "reference",
    "papers",
    "8:7:select:lfsr13,leap=7,lanes=4",
    "16:9:half:plateau26,leap=11,lanes=2",
    "9:9:zero:debruijn25,lanes=8",
    "5:3:half:debruijn6,lanes=2,form=galois",
    "8:4:nearest:plateau5,leap=3",
    "nearest",
    "8:3:zero:plateau3,boundary=unit",
    "4:4:zero:lfsr31,leap=5,lanes=8,boundary=unit,in=s64.24,out=s40.16",
    "6:2:replicate:lfsr4,boundary=unit,in=u64.8,out=u57.1,overflow=wrap",
    "1:1:zero:lfsr2,boundary=unit,in=u64.2,out=u63.1",
    "8:8:zero:lfsr8,boundary=unit,in=s8.8,out=int3",
    "8:2:half:lfsr7,boundary=unit,in=s37.20,out=s5.1,overflow=wrap",
)


class Scalar:
    """The chip, a bit at a time."""

    def __init__(self, config: DemoConfig) -> None:
        self.config = config
        self.design: Design = config.design
        self.lanes = config.lanes
        self.source = source_model(self.design)
        self.cycles = self.sum = self.signature = 0
        self.stimulus = 0x13579BDF
        self.go_to(0)

    def go_to(self, phase: int) -> None:
        """Set every source's register and whether its next word is inverted."""
        groups = self.lanes // self.design.lanes
        starts = [g * self.source.period // groups + phase for g in range(groups)]
        self.phase = phase
        self.inverted = [start % 2 == 1 and self.design.source == "plateau" for start in starts]
        if isinstance(self.source, LfsrModel):
            self.registers = [self.source.register_at(start) for start in starts]

    def words(self) -> list[int]:
        """Return each source's word and step it, register step by register step."""
        source = self.source
        if not isinstance(source, LfsrModel):
            return [0] * len(self.inverted)
        found = []
        for group, state in enumerate(self.registers):
            word = state >> (source.length - source.width)
            if self.inverted[group]:
                word ^= (1 << source.width) - 1
            found.append(word)
            for _ in range(source.leap):
                state = source.step(state)
            self.registers[group] = state
            self.inverted[group] ^= self.design.source == "plateau"
        return found

    def round(self, operands: list[int]) -> list[int]:
        design, answers = self.design, []
        words = self.words()
        for lane, operand in enumerate(operands):
            word = words[lane // design.lanes]
            if design.boundary == "decision":
                answers.append(int(round_up(design.rule, design.n, design.k, operand, word)))
            else:
                x = design.input.decode(operand)
                answers.append(design.out_format.encode(round_word(design, x, word)))
        self.phase += 1
        self.cycles += 1
        decoded = answers[0]
        if design.boundary == "unit":
            decoded = design.out_format.decode(decoded)
        self.sum = (self.sum + decoded) % 2**32
        vector = sum(a << i * self.config.answer_bits for i, a in enumerate(answers))
        folded = power = 0
        while vector:
            word = vector % 2**32
            for _ in range(power):
                word = word << 1 ^ (0x1_04C1_1DB7 if word >> 31 else 0)
            folded ^= word
            vector >>= 32
            power += 1
        shifted = self.signature << 1
        if shifted >> 32:
            shifted ^= 0x1_04C1_1DB7
        self.signature = shifted ^ folded
        return answers

    def stream(self) -> list[int]:
        operands = [
            sum(
                (self.stimulus >> (i + 13 * (i // 32) + 5 * lane + lane // 32) % 32 & 1) << i
                for i in range(self.config.operand_bits)
            )
            for lane in range(self.lanes)
        ]
        self.stimulus <<= 1
        if self.stimulus >> 32:
            self.stimulus ^= default_polynomial(32)
        self.round(operands)
        return operands


def _config(text: str, lanes: int | None = None) -> DemoConfig:
    return DemoConfig(parse(text), lanes=lanes, clock_hz=12_000_000)


def _patterns(config: DemoConfig, blocks: int, seed: int) -> list[list[int]]:
    rng = random.Random(seed)
    top = (1 << config.operand_bits) - 1
    ends = (0, 1, top, top >> 1, (top >> 1) + 1)
    return [
        [
            rng.choice(ends) if rng.random() < 0.3 else rng.randint(0, top)
            for _ in range(config.lanes)
        ]
        for _ in range(blocks)
    ]


@pytest.mark.parametrize("text", DESIGNS)
def test_every_command_agrees_with_the_scalar_chip(text: str) -> None:
    config = _config(text)
    model, chip = DemoModel(config), Scalar(config)
    for seed in range(3):
        blocks = _patterns(config, 40, seed)
        answers = model.round_blocks(np.array(blocks, np.uint64))
        assert answers.tolist() == [chip.round(block) for block in blocks]
        model.step(1000 + seed)
        chip.go_to(chip.phase + 1000 + seed)
        model.run_held(77)
        for _ in range(77):
            chip.round(blocks[-1])
        model.run_stream(130)
        for _ in range(130):
            chip.stream()
        shown = model.statistics
        assert (shown.cycles, shown.sum, shown.signature) == (chip.cycles, chip.sum, chip.signature)
        assert model.phase == chip.phase
    model.seed()
    assert model.statistics.signature == model.phase == 0
    assert self_test_signature(config, 200) == _signature(Scalar(config), 200)


def _signature(chip: Scalar, cycles: int) -> int:
    for _ in range(cycles):
        chip.stream()
    return chip.signature


@pytest.mark.parametrize("lanes", [1, 3, 9, 40])
def test_the_stimulus_and_odd_numbers_of_lanes(lanes: int) -> None:
    for text in ("7:3:zero:lfsr5", "5:3:zero:lfsr5,boundary=unit,in=s41.9"):
        config = _config(text, lanes)
        chip = Scalar(config)
        expected = [chip.stream() for _ in range(100)]
        made = stimulus_operands(0, 100, lanes, config.operand_bits)
        assert made.tolist() == expected
        assert stimulus_operands(60, 40, lanes, config.operand_bits).tolist() == expected[60:]
        model = DemoModel(config)
        model.run_stream(100)
        assert model.signature == chip.signature


def test_chunks_do_not_show() -> None:
    """A run longer than what is worked on at once is the sum of its parts."""
    config = _config("8:3:zero:plateau3", 1000)
    whole, parts = DemoModel(config), DemoModel(config)
    whole.run_stream(500)
    for count in (1, 130, 131, 132, 106):
        parts.run_stream(count)
    assert whole.statistics == parts.statistics


def test_the_whole_self_test_is_the_stream() -> None:
    config = _config("papers")
    model = DemoModel(config)
    model.run_stream(SELF_TEST_CYCLES)
    assert self_test_signature(config) == model.signature != 0


@pytest.mark.parametrize("width", [1, 5, 8, 13, 24, 64])
def test_packing_puts_lane_0_lowest(width: int) -> None:
    rng = random.Random(width)
    rows = [[rng.getrandbits(width) for _ in range(7)] for _ in range(9)]
    size = -(-7 * width // 8) + 2
    packed = pack_bits(np.array(rows, np.uint64), width, size)
    for row, octets in zip(rows, packed, strict=True):
        number = sum(word << i * width for i, word in enumerate(row))
        assert octets.tobytes() == number.to_bytes(size, "little")
    assert unpack_bits(packed, width, 7).tolist() == rows


@pytest.mark.parametrize("text", ["8:7:select:lfsr13,leap=7,lanes=64", "8:3:zero:plateau3"])
def test_lanes_that_agree_do_not_cancel(text: str) -> None:
    """Every lane gets the same word and operand: their answers are alike, and still seen."""
    model = DemoModel(_config(text, 64))
    model.run_held(1000)
    assert model.signature != 0
    seen = DemoModel(_config(text, 64))
    seen.run_stream(1000)
    assert seen.signature not in (0, model.signature)
