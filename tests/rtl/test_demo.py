"""The demo's hardware, as emitted Verilog in CXXRTL: its protocol, byte by byte, and its LEDs."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import serial
from flow.faulty_line import Damage, FaultyLine, lose, noise
from marks import slow_where

import esru.hdl.structure
from esru.cli import main
from esru.demo.check import check_board
from esru.demo.config import DemoConfig
from esru.demo.link import Link
from esru.demo.model import DemoModel, pack_bits
from esru.demo.protocol import (
    REQUEST_MARK,
    Command,
    Reply,
    Status,
    decode_reply,
    parse_statistics,
    request,
    sealed,
)
from esru.design import parse
from esru.flow.simulated_board import SimulatedBoard, compile_demo
from esru.hdl.demo import demo_verilog
from esru.hdl.demo_array import DemoArray
from esru.hdl.emit import convert

#: 14 clock cycles a bit, and a second that is soon over.
CLOCK_HZ, BAUD = 1_600_000, 115_200


def _config(text: str, lanes: int | None = None) -> DemoConfig:
    return DemoConfig(parse(text), lanes=lanes, clock_hz=CLOCK_HZ, baud=BAUD)


PAPERS = _config("papers")


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_demo(PAPERS, tmp_path_factory.mktemp("demo"))


@pytest.fixture
def board(program: Path) -> Iterator[SimulatedBoard]:
    with SimulatedBoard(program) as board:
        board.run(70_000)  # past the self-test
        yield board


class Wire:
    """Bytes to and from a board."""

    def __init__(self, board: SimulatedBoard) -> None:
        self.line = serial.Serial(board.port, BAUD, timeout=20)

    def ask(self, sent: bytes, payload: int = 0) -> Reply:
        """Send bytes and return the reply with that much payload; nothing may follow it."""
        self.line.write(sent)
        reply = decode_reply(self.line.read(payload + 5))
        assert not self.line.in_waiting
        return reply

    def silence(self, sent: bytes, begun: bytes = b"") -> None:
        """Send bytes that get no answer but the beginning of one."""
        self.line.write(sent)
        self.line.timeout = 0.3
        assert self.line.read(len(begun) + 1) == begun
        self.line.timeout = 20


@pytest.fixture
def wire(board: SimulatedBoard) -> Iterator[Wire]:
    wire = Wire(board)
    yield wire
    wire.line.close()


def _block(blocks: list[list[int]], config: DemoConfig = PAPERS) -> bytes:
    words = np.array(blocks, np.uint64)
    return pack_bits(words, config.operand_bits, config.block_bytes).tobytes()


def _answers(model: DemoModel, blocks: list[list[int]]) -> bytes:
    config = model.config
    answers = model.round_blocks(np.array(blocks, np.uint64))
    return pack_bits(answers, config.answer_bits, config.answer_bytes).tobytes()


def test_every_request_has_its_reply(wire: Wire) -> None:
    model = DemoModel(PAPERS)
    info = PAPERS.info
    assert wire.ask(request(Command.INFO), len(info)) == Reply(1, info, Status.OK)
    assert wire.ask(request(Command.SEED)) == Reply(2, b"", Status.OK)
    assert wire.ask(request(Command.STEP, 5)) == Reply(3, b"", Status.OK)
    model.step(5)
    blocks = [[0, 1, 32, 64, 128, 200, 254, 255], [255, 3, 77, 4, 5, 99, 0, 127]]
    reply = wire.ask(request(Command.ROUND, 2, _block(blocks)), 2)
    assert reply == Reply(4, _answers(model, blocks), Status.OK)
    assert wire.ask(request(Command.HELD, 1000)) == Reply(5, b"", Status.OK)
    model.run_held(1000)
    assert wire.ask(request(Command.STREAM, 77)) == Reply(6, b"", Status.OK)
    model.run_stream(77)
    told = parse_statistics(wire.ask(request(Command.STATS), 13).payload)
    expected = model.statistics
    assert (told.cycles, told.sum) == (expected.cycles, expected.sum) == (1079, expected.sum)
    assert told.signature == expected.signature and told.finished and told.passed


def test_requests_that_are_refused(wire: Wire) -> None:
    good = request(Command.STEP, 1)
    for place in range(1, len(good)):
        for bit in (0, 7):
            broken = bytearray(good)
            broken[place] ^= 1 << bit
            assert wire.ask(bytes(broken)) == Reply(0, b"", Status.REQUEST_CHECKSUM)
    for command in (0, 8, 9, 128, 255):
        assert wire.ask(request(command, 1)) == Reply(command, b"", Status.UNKNOWN_COMMAND)
    for command in (Command.STEP, Command.ROUND, Command.HELD, Command.STREAM):
        assert wire.ask(request(command, 0)) == Reply(command, b"", Status.COUNT)
    wire.silence(b"\x00\x5a\xff")  # no mark among them
    assert wire.ask(request(Command.SEED)).status == Status.OK


def test_data_that_does_not_fit_its_checksum(wire: Wire) -> None:
    wire.ask(request(Command.SEED))
    block = [7, 6, 5, 4, 250, 251, 252, 253]
    for place in (0, 7, 8, 9):
        sent = bytearray(request(Command.ROUND, 1, _block([block])))
        sent[7 + place] ^= 0x10
        reply = wire.ask(bytes(sent), 1)
        assert (reply.command, reply.status) == (Command.ROUND, Status.DATA_CHECKSUM)
    wire.ask(request(Command.SEED))
    model = DemoModel(PAPERS)
    reply = wire.ask(request(Command.ROUND, 1, _block([block])), 1)
    assert reply == Reply(4, _answers(model, [block]), Status.OK)


def test_an_unfinished_request_is_forgotten(board: SimulatedBoard, wire: Wire) -> None:
    """After 4096 bit times, not before, at whatever byte it stopped."""
    whole = request(Command.ROUND, 1, _block([[0] * 8]))
    for cut, begun in ((1, ""), (4, ""), (6, ""), (8, "5a04"), (15, "5a0400"), (16, "5a0400")):
        wire.ask(request(Command.SEED))
        wire.silence(whole[:cut], bytes.fromhex(begun))
        board.run(4096 * PAPERS.divisor)
        assert wire.ask(request(Command.STEP, 1)).status == Status.OK, cut


def test_an_unfinished_request_is_waited_for(program: Path) -> None:
    whole = request(Command.STEP, 1)
    with SimulatedBoard(program, linger=0) as board:
        board.run(70_000)
        wire = Wire(board)
        wire.line.write(whole[:5])
        while board.report().received < 5:
            time.sleep(0.01)
        board.run(4000 * PAPERS.divisor)
        wire.line.write(whole[5:])
        while board.report().received < 7:
            time.sleep(0.01)
        board.run(200 * PAPERS.divisor)
        assert decode_reply(wire.line.read(5)) == Reply(3, b"", Status.OK)
        wire.line.close()


def test_a_request_during_a_reply_is_ignored(wire: Wire) -> None:
    info = PAPERS.info
    reply = wire.ask(request(Command.INFO) + request(Command.SEED), len(info))
    assert reply.payload == info
    wire.line.timeout = 0.3
    assert wire.line.read(1) == b""


#: A demo whose answers are as wide as its operands.
WIDE = DemoConfig(
    parse("4:4:zero:lfsr5,boundary=unit,in=s16.4,out=s15.0"),
    lanes=4,
    clock_hz=CLOCK_HZ,
    baud=57_600,
)


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_demo(WIDE, tmp_path_factory.mktemp("wide"))


@pytest.mark.parametrize("divisor", [28, 27])
def test_the_line_keeps_up_with_answers_as_wide_as_operands(divisor: int, wide: Path) -> None:
    """And with a host whose clock is 3.7 % faster: a byte in nine is more than that."""
    config = WIDE
    assert (config.block_bytes, config.answer_bytes) == (9, 8)
    rng = np.random.default_rng(5)
    blocks = rng.integers(0, 1 << 16, (200, 4)).tolist()
    with SimulatedBoard(wide, divisor=divisor) as board:
        board.run(70_000)
        wire = Wire(board)
        reply = wire.ask(request(Command.ROUND, 200, _block(blocks, config)), 200 * 8)
        wire.line.close()
    assert reply == Reply(4, _answers(DemoModel(config), blocks), Status.OK)


def test_without_the_spare_byte_a_fast_host_overruns_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The same as above with blocks no longer than answers: the chip sees it and says so."""
    monkeypatch.setattr(DemoConfig, "block_bytes", property(lambda config: 8))
    config = WIDE
    blocks = np.random.default_rng(5).integers(0, 1 << 16, (20, 4)).tolist()
    with SimulatedBoard(compile_demo(config, tmp_path), divisor=27) as board:
        board.run(70_000)
        wire = Wire(board)
        wire.line.timeout = 0.5
        wire.line.write(request(Command.ROUND, 20, _block(blocks, config)))
        reply = decode_reply(wire.line.read(20 * 8 + 5))
        assert reply.status == Status.OVERRUN
        assert reply.payload != _answers(DemoModel(config), blocks)
        # It is the reply's, and not the next one's.
        wire.line.timeout = 20
        reply = wire.ask(request(Command.ROUND, 1, _block(blocks[:1], config)), 8)
        assert reply.status == Status.OK
        wire.line.close()


def test_large_arrays_stay_linear() -> None:
    """Twice the lanes are twice the text, not its square: every word is folded in once."""
    small, large = (
        len(convert(DemoArray(_config("papers", lanes)), "array", clocked=True))
        for lanes in (128, 256)
    )
    assert large < 2.2 * small


def test_lights(program: Path) -> None:
    with SimulatedBoard(program, linger=20_000) as board:
        early = board.run(20_000).outputs
        assert not any(early[name].ones for name in ("passed", "failed", "mean"))
        start = board.run(70_000)
        assert start.outputs["passed"].level == 1
        end = board.run(CLOCK_HZ)
        assert end.cycles - start.cycles == CLOCK_HZ
        before, after = start.outputs, end.outputs
        changes = {name: after[name].toggles - before[name].toggles for name in before}
        del changes["mean"]
        assert changes == {"blink": 2, "hurry": 16, "passed": 0, "failed": 0}
        # 0.3 is 77/256, which this unit rounds up 5 times in 14.
        shone = after["mean"].ones - before["mean"].ones
        assert abs(shone / CLOCK_HZ - 5 / 14) < 1e-5
        wire = Wire(board)
        broken = bytearray(request(Command.STATS))
        broken[-1] ^= 1
        wire.ask(bytes(broken))
        still = board.run(0).outputs["mean"].ones
        assert board.run(1400).outputs["mean"].ones > still
        wire.ask(request(Command.STATS), 13)
        dark = board.run(0).outputs["mean"]
        assert dark.level == 0 and board.run(1400).outputs["mean"].ones == dark.ones
        wire.line.close()


def test_the_first_request_finds_the_sources_at_their_start(wire: Wire) -> None:
    block = [[10, 60, 110, 160, 200, 220, 240, 250]]
    reply = wire.ask(request(Command.ROUND, 1, _block(block)), 1)
    assert reply.payload == _answers(DemoModel(PAPERS), block)


#: The first of them by default: each is compiled for some seconds.
DESIGNS = [
    ("8:7:select:lfsr13,leap=7,lanes=4", None),
    ("5:3:half:debruijn6,lanes=2,form=galois,boundary=unit,in=u13.7,out=u6.2", 10),
    ("16:9:half:plateau26,leap=11,lanes=2", 6),
    ("4:4:zero:lfsr31,leap=5,boundary=unit,in=s64.24,out=s40.16", 1),
    ("4:4:zero:lfsr4,boundary=unit,in=s8.4,out=s8.0", 3),
    ("reference", None),
    ("nearest", 3),
    ("8:4:nearest:plateau5,leap=3", 9),
    ("8:3:zero:plateau3,boundary=unit", 5),
    ("8:7:select:lfsr13,leap=7,lanes=64", None),
    ("6:2:replicate:lfsr4,boundary=unit,in=u64.8,out=u57.1,overflow=wrap", 3),
    ("1:1:zero:lfsr2,boundary=unit,in=u64.2,out=u63.1", 2),
    ("8:8:zero:lfsr8,boundary=unit,in=s8.8,out=int3", 33),
]


def _check(text: str, lanes: int | None, folder: Path) -> None:
    config = _config(text, lanes)
    with (
        SimulatedBoard(compile_demo(config, folder)) as board,
        Link(board.port, BAUD, patience=board.patience(config.clock_hz)) as link,
    ):
        outcome = check_board(link, config.design, blocks=64)
        lights = board.report().outputs
    assert outcome.passed and not outcome.retries, (outcome.mismatches, outcome.faults)
    assert lights["passed"].level == 1 and lights["failed"].ones == 0


@pytest.mark.parametrize(("text", "lanes"), slow_where(DESIGNS[1:], DESIGNS))
def test_designs_are_the_models(text: str, lanes: int | None, tmp_path: Path) -> None:
    _check(text, lanes, tmp_path)


def test_a_fault_in_one_lane_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the LED, in the self-test that STATS tells, and answer for answer on the line."""
    right = esru.hdl.structure.add_round_up

    def wrong(m, design, fraction, draw, suffix=""):  # type: ignore[no-untyped-def]
        up = right(m, design, fraction, draw, suffix)
        return up ^ (fraction == 200) if suffix == "_5" else up

    monkeypatch.setattr(esru.hdl.structure, "add_round_up", wrong)
    with SimulatedBoard(compile_demo(PAPERS, tmp_path / "board")) as board:
        lights = board.run(70_000).outputs
        assert lights["failed"].level == 1 and lights["passed"].ones == 0
        words = ["check-board", "papers", "--port", board.port, "-o", str(tmp_path / "out")]
        assert main([*words, "--random", "16", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    failed = {check["name"] for check in found["checks"] if not check["passed"]}
    assert {"self-test", "every operand", "known stream at full speed"} <= failed
    assert {(one["lane"], one["operand"]) for one in found["mismatches"]} == {(5, 200)}


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_noise_and_losses_are_survived(board: SimulatedBoard, seed: int) -> None:
    """The chip comes back from whatever half a request or a wrong bit has led it to.

    The longest request is 2057 bytes: it gets through with probability 0.77, and six times in
    a row it does not with 0.0002.
    """
    with (
        FaultyLine(
            board.port, to_board=noise(1 / 8000, seed), to_host=noise(1 / 1000, seed + 100)
        ) as line,
        Link(line.port, BAUD, patience=board.patience(CLOCK_HZ)) as link,
    ):
        outcome = check_board(link, blocks=200, seed=seed)
    assert outcome.passed and outcome.retries >= 2, outcome


@pytest.mark.parametrize(
    "damage", [lose(40, 1), pytest.param(lose(600, 3), marks=pytest.mark.slow)]
)
def test_lost_bytes_cost_one_repetition(board: SimulatedBoard, damage: Damage) -> None:
    with (
        FaultyLine(board.port, to_board=damage) as line,
        Link(line.port, BAUD, patience=board.patience(CLOCK_HZ)) as link,
    ):
        outcome = check_board(link, blocks=100)
    assert outcome.passed and 1 <= outcome.retries <= 3, outcome


def test_a_board_that_is_switched_off(
    board: SimulatedBoard, capsys: pytest.CaptureFixture[str]
) -> None:
    timer = threading.Timer(1.0, board.pull)
    timer.start()
    words = ["check-board", "--port", board.port, "--exhaustive", "--random", "1000000", "--json"]
    assert main(words) == 4
    timer.join()
    out, err = capsys.readouterr()
    assert json.loads(out)["verdict"] == "lost" and "is gone" in err


def test_the_text_names_no_machine_and_is_the_same_again() -> None:
    text = demo_verilog(PAPERS)
    assert text == demo_verilog(PAPERS)
    assert "/" not in "".join(line.split("//")[0] for line in text.splitlines()).replace("//", "")
    assert f"module esru_demo_{PAPERS.design.id}_x8(" in text
    assert REQUEST_MARK == 0xA5 and sealed(b"")[:2] == b"\xff\xff"
