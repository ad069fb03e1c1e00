"""Whole boards held to their Verilog, by proof and in a simulation over the UART; minutes each."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from esru.design import parse
from esru.flow import icebox
from esru.flow.bitflips import Bit, flipped
from esru.flow.bitproof import prove_board
from esru.flow.bitstream import build
from esru.flow.boards import BOARDS
from esru.flow.checks import Check

pytestmark = pytest.mark.slow


def _replace(folder: Path, name: str, content: bytes) -> None:
    """Put other content into a build as if it had been built so."""
    (folder / name).write_bytes(content)
    path = folder / "manifest.json"
    told = json.loads(path.read_text(encoding="utf-8"))
    told["files"][name] = hashlib.sha256(content).hexdigest()
    path.write_text(json.dumps(told), encoding="utf-8")


def _build(folder: Path, board: str, design: str = "papers", clock_hz: int | None = None) -> Path:
    build(parse(design), BOARDS[board], folder, clock_hz=clock_hz)
    return folder


def _wrong(checks: list[Check]) -> list[str]:
    return [check.detail for check in checks if not check.passed]


@pytest.fixture(scope="module")
def icebreaker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _build(tmp_path_factory.mktemp("icebreaker"), "icebreaker")


@pytest.fixture
def copy(icebreaker: Path, tmp_path: Path) -> Path:
    """A copy of the build that a test may spoil."""
    shutil.copytree(icebreaker, tmp_path / "copy")
    return tmp_path / "copy"


def test_icebreaker(icebreaker: Path) -> None:
    checks = prove_board(icebreaker)
    assert not _wrong(checks)
    assert [check.name for check in checks] == [
        "module == iCE40 bitstream (PDR)",
        "the board's bitstream: LEDs (simulation)",
        "the board's bitstream: UART (simulation)",
        "demo.v == the board's bitstream (PDR)",
    ]
    assert "led_green" in checks[1].detail and checks[2].cases > 500_000


@pytest.mark.parametrize(
    ("board", "clock_hz", "left_out"),
    [
        ("upduino-v3", None, "oscillator and its divisor are taken on trust"),
        ("icestick", 36_000_000, "its frequency on trust"),
        ("ecpix5-45", None, "routed netlist stays unproved"),
        ("colorlight-5a75b", None, "routed netlist stays unproved"),
        ("tang-nano-9k", None, "the bitstream stay unproved"),
    ],
)
def test_other_boards(board: str, clock_hz: int | None, left_out: str, tmp_path: Path) -> None:
    """A clock of the chip's own, PLLs of two kinds, a board without a UART, every family."""
    checks = prove_board(_build(tmp_path / "build", board, clock_hz=clock_hz))
    assert not _wrong(checks)
    assert left_out in checks[-1].detail


def test_lanes_without_pins_are_left_out_and_said(tmp_path: Path) -> None:
    folder = _build(tmp_path / "build", "hx8k-b-evn", "8:7:select:lfsr13,leap=7,lanes=64")
    checks = prove_board(folder)
    assert not _wrong(checks)
    assert "22 of the 64 lanes that share a source, for want of pins" in checks[0].detail


def test_flipped_bits_are_caught(copy: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (name,) = (path.name for path in copy.glob("*.bin"))
    shutil.copy(copy / name, work / "board.bin")
    text = icebox.unpack(work, "board.bin")
    bits = [Bit(**found) for found in icebox.known_bits(work)]
    for bit in [bit for bit in bits if bit.function == "LUT" and bit.was][:40]:
        text = flipped(text, bit)
    (work / "flipped.asc").write_text(text, encoding="utf-8")
    icebox.pack(work, "flipped.asc", "flipped.bin")
    _replace(copy, name, (work / "flipped.bin").read_bytes())
    assert _wrong(prove_board(copy))


def test_another_designs_bitstream_is_caught(copy: Path, tmp_path: Path) -> None:
    other = _build(tmp_path / "other", "icebreaker", "papers-zero")
    (content,) = (path.read_bytes() for path in other.glob("*.bin"))
    (name,) = (path.name for path in copy.glob("*.bin"))
    _replace(copy, name, content)
    (reason,) = _wrong(prove_board(copy))
    assert "the board holds 8:3:zero:plateau3" in reason


def test_another_verilog_is_caught_by_the_proof(copy: Path) -> None:
    """The simulation looks only at the bitstream; the proof at both."""
    text = (copy / "demo.v").read_text(encoding="utf-8")
    spoilt = text.replace("assign led_red = ~", "assign led_red = ", 1)
    if spoilt == text:
        spoilt = text.replace("assign led_red = ", "assign led_red = ~", 1)
    assert spoilt != text
    _replace(copy, "demo.v", spoilt.encode())
    (reason,) = _wrong(prove_board(copy))
    assert reason.startswith("differs from demo.v in ")


def test_another_routed_netlist_is_caught(tmp_path: Path) -> None:
    folder = _build(tmp_path / "build", "ulx3s-12f")
    checks = prove_board(folder)
    assert not _wrong(checks)
    assert checks[-1].name == "bitstream == itself, unpacked and packed"
    path = folder / "work" / "routed.json"
    netlist = json.loads(path.read_text(encoding="utf-8"))
    cells = netlist["modules"]["top"]["cells"].values()
    for cell in [cell for cell in cells if cell["type"] == "TRELLIS_COMB"][:20]:
        init = cell["parameters"]["INITVAL"]
        cell["parameters"]["INITVAL"] = init.translate(str.maketrans("01", "10"))
    path.write_text(json.dumps(netlist), encoding="utf-8")
    assert _wrong(prove_board(folder))
