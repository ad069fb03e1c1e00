"""docs/protocol.md: its tables are the code's constants, and its bytes what a chip answers."""

from __future__ import annotations

import os
import re
import select
import tty
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from flow.stand_in import StandIn

from esru.demo import protocol
from esru.demo.config import DEFAULT_BAUD, DemoConfig
from esru.demo.model import DemoModel, stimulus_operands
from esru.demo.protocol import Command, Status
from esru.design import parse
from esru.flow.pins import LED_MEANING
from esru.flow.simulated_board import SimulatedBoard, compile_demo
from esru.rounding import round_up

TEXT = (Path(__file__).parent.parent.parent / "docs" / "protocol.md").read_text(encoding="utf-8")

#: The same with every line break a space.
FLAT = " ".join(TEXT.split())

#: The demo of the page's example.
CONFIG = DemoConfig(parse("papers"), clock_hz=12_000_000)

#: Seconds in which a chip answers or will not.
_PATIENCE = 5.0


def _table(heading: str, after: str = "") -> list[list[str]]:
    """Return the rows of the first table with these headings, behind some text."""
    behind = TEXT[TEXT.index(after) :]
    rows = behind[behind.index(f"\n{heading}") + 1 :].split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]


#: The demo of the operands that end within a byte.
PACKED = DemoConfig(
    parse("5:3:half:debruijn6,in=s13.5,out=int7,boundary=unit"), lanes=3, clock_hz=12_000_000
)


def _example(kind: str = "text") -> list[tuple[bytes, bytes]]:
    """Return what goes to the board and what comes back, in the page's order."""
    blocks = re.findall(rf"```{kind}\n(.*?)```", TEXT, re.DOTALL)
    said = re.findall(r"([<>])((?: *[0-9a-f]{2}\n?)+)", "".join(blocks))
    assert "".join(mark for mark, _ in said) == "><" * (len(said) // 2)
    frames = [bytes.fromhex(text) for _, text in said]
    return list(zip(frames[::2], frames[1::2], strict=True))


def _ask(line: int, request: bytes) -> bytes:
    """Return what comes back: until it stops, or nothing does."""
    os.write(line, request)
    found, patience = b"", _PATIENCE
    while select.select([line], [], [], patience)[0]:
        found += os.read(line, 4096)
        patience = 0.05
    return found


def test_commands_and_statuses() -> None:
    commands = {row[1]: int(row[0]) for row in _table("| code | command |")}
    assert commands == {command.name: command.value for command in Command}
    statuses = {row[1]: int(row[0]) for row in _table("| code | status |")}
    assert statuses == {status.name: status.value for status in Status}


@pytest.mark.parametrize("text", ["papers", "8:3:zero:plateau3,boundary=unit,lanes=16"])
def test_the_information_block_byte_by_byte(text: str) -> None:
    """The page's table is enough to read a block."""
    block = DemoConfig(parse(text), clock_hz=12_345_678, baud=57600).info
    told = protocol.parse_info(block)
    end = 0
    for first, size, field, _ in _table("| byte | bytes | field | meaning |"):
        assert int(first) == end
        end += len(block) - end if size == "length - 24" else int(size)
        part = block[int(first) : end]
        number = int.from_bytes(part, "little")
        if field == "length":
            assert number == len(block)
        elif field == "design":
            assert part.decode("ascii") == told.design and int(first) == protocol.INFO_HEAD
        elif field == "design_id":
            assert part.hex() == told.design_id
        else:
            assert number == int(getattr(told, field)), field
    assert end == len(block)


def test_numbers() -> None:
    """Every constant on the page is the code's."""
    sizes = [int(row[1]) for row in _table("| byte | bytes | field |", "## Statistics")]
    assert sum(sizes) == protocol.STATISTICS_BYTES and "The payload of STATS, 13 bytes" in FLAT
    assert protocol.crc16(b"123456789") == 0x29B1 and "`123456789` it is `29b1`" in FLAT
    marks = [row[2] for row in _table("| request |")[:1] + _table("| reply |")[:1]]
    assert marks == [f"`{protocol.REQUEST_MARK:02x}`", f"`{protocol.REPLY_MARK:02x}`"]
    head = [int(row[1]) for row in _table("| request |")[:4]]
    assert sum(head) == protocol.REQUEST_BYTES
    assert protocol.MOST_COUNT == 2**24 - 1 and "0 to 2^24 - 1" in FLAT
    assert f"this protocol, version {protocol.VERSION}." in FLAT
    assert f"of this protocol: {protocol.VERSION} |" in FLAT
    assert f"at most {protocol.MOST_TEXT} characters" in FLAT
    assert f"{DEFAULT_BAUD} bits per second" in FLAT
    forget = protocol.FORGET_BITS
    assert f"for {forget} bit times ({forget / DEFAULT_BAUD * 1000:.0f} ms at" in FLAT
    cycles = protocol.SELF_TEST_CYCLES
    assert f"known stream for {cycles} cycles" in FLAT and f"({cycles / 12e3:.1f} ms at" in FLAT
    assert f"{2**24 / 12e6:.1f} s at 12 MHz" in FLAT
    first = [int(value) for value in stimulus_operands(0, 3, 1, 32)[:, 0]]
    assert "`, `".join(f"{value:08x}" for value in first) in FLAT


def test_leds() -> None:
    assert {row[0].strip("`"): row[1] for row in _table("| LED | shows |")} == LED_MEANING


@pytest.mark.parametrize(("config", "kind"), [(CONFIG, "text"), (PACKED, "packed")])
def test_the_examples_on_a_stand_in(config: DemoConfig, kind: str) -> None:
    with StandIn(config) as chip:
        line = os.open(chip.port, os.O_RDWR | os.O_NOCTTY)
        try:
            tty.setraw(line)
            for request, reply in _example(kind):
                # The stand-in does not refuse: it is there for hosts, which ask nothing wrong.
                if reply[-3] not in (Status.UNKNOWN_COMMAND, Status.COUNT):
                    assert _ask(line, request).hex(" ") == reply.hex(" "), request.hex(" ")
        finally:
            os.close(line)


def test_operands_that_end_within_a_byte() -> None:
    """The page's sentences: the words, their bits and the answers, without the code's packing."""
    assert str(PACKED.design) in TEXT
    (_, _), (request, reply) = _example("packed")
    data, payload = request[protocol.REQUEST_BYTES : -2], reply[2:-3]
    operands, answers = int.from_bytes(data, "little"), int.from_bytes(payload, "little")
    assert len(data) == PACKED.block_bytes == 5 and len(payload) == PACKED.answer_bytes == 3
    assert [operands >> 13 * lane & 0x1FFF for lane in range(3)] == [0x0123, 0x1FFF, 0x0AB5]
    assert [answers >> 7 * lane & 0x7F for lane in range(3)] == [9, 0, 63]


@pytest.mark.slow
@pytest.mark.parametrize(("config", "kind"), [(CONFIG, "text"), (PACKED, "packed")])
def test_the_examples_on_the_hardware(config: DemoConfig, kind: str, tmp_path: Path) -> None:
    """The emitted Verilog in a fast simulator gives the page's very bytes."""
    with SimulatedBoard(compile_demo(config, tmp_path)) as board:
        board.run(2 * protocol.SELF_TEST_CYCLES)
        line = os.open(board.port, os.O_RDWR | os.O_NOCTTY)
        try:
            tty.setraw(line)
            for request, reply in _example(kind):
                assert _ask(line, request).hex(" ") == reply.hex(" "), request.hex(" ")
        finally:
            os.close(line)


def _stimulus(start: int, polynomial: int) -> Iterator[int]:
    while True:
        yield start
        start = start << 1 & 0xFFFFFFFF ^ (polynomial if start >> 31 else 0)


def test_the_formulas_give_the_examples_numbers() -> None:
    """Sum and signature, computed from the page's text alone but for the random words."""
    feedback = re.findall(r"\^ \(([0-9a-f]{8}) if bit 31 was 1 else 0\)", TEXT)
    start = re.findall(r"32 bits, `([0-9a-f]{8})` at the start", TEXT)
    signature_polynomial, polynomial, first = (int(text, 16) for text in feedback + start)
    statistics = [reply for request, reply in _example() if request[1] == Command.STATS]
    stream = _stimulus(first, polynomial)
    words = DemoModel(CONFIG).words(0, 11_100)
    signature = total = 0
    for cycle in range(11_100):
        if 10_000 <= cycle < 11_000:
            continue  # STEP
        operands = [77] * 8
        if cycle >= 11_000:
            state = next(stream)
            operands = [
                sum((state >> (i + 5 * lane + 13 * (i // 32)) % 32 & 1) << i for i in range(8))
                for lane in range(8)
            ]
        ups = [
            round_up("replicate", 8, 3, operand, int(words[cycle, lane]))
            for lane, operand in enumerate(operands)
        ]
        total += ups[0]
        packed = sum(up << lane for lane, up in enumerate(ups))
        shifted = signature << 1 & 0xFFFFFFFF
        signature = shifted ^ (signature_polynomial if signature >> 31 else 0) ^ packed
        if cycle in (9_999, 11_099):
            told = protocol.parse_statistics(statistics[1 + (cycle > 10_000)][2:-3])
            assert (told.sum, told.signature) == (total, signature), cycle
            assert told.cycles == cycle + 1 - 1000 * (cycle > 10_000)


@pytest.mark.parametrize(
    ("text", "lanes"), [("papers", 80), ("8:3:zero:plateau3,boundary=unit,in=s41.9,out=s32.0", 5)]
)
def test_the_formulas_hold_for_many_lanes_and_wide_words(text: str, lanes: int) -> None:
    """The operand's formula is evaluated as it stands on the page; the fold is its sentence."""
    config = DemoConfig(parse(text), lanes=lanes, clock_hz=12_000_000)
    (formula,) = re.findall(r"bit (\(i \+ .*\) mod 32) of the register", FLAT)
    code = re.sub(r"(\d+) (\(|l)", r"\1 * \2", formula).replace("div", "//").replace("mod", "%")
    stream, signature, mask = _stimulus(0x13579BDF, 0xC5), 0, 0xFFFFFFFF
    model = DemoModel(config)
    for cycle in range(40):
        state = next(stream)
        operands = [
            sum(
                (state >> eval(code, {"i": i, "l": lane}) & 1) << i
                for i in range(config.operand_bits)
            )
            for lane in range(lanes)
        ]
        answers = model.answers(cycle, np.array([operands], np.uint64))[0]
        packed = sum(int(a) << lane * config.answer_bits for lane, a in enumerate(answers))
        words = [packed >> low & mask for low in range(0, lanes * config.answer_bits, 32)]
        folded = words.pop()
        while words:
            shifted = folded << 1 & mask
            folded = shifted ^ (0x04C11DB7 if folded >> 31 else 0) ^ words.pop()
        shifted = signature << 1 & mask
        signature = shifted ^ (0x04C11DB7 if signature >> 31 else 0) ^ folded
    model.run_stream(40)
    assert model.signature == signature
