"""`esru build` with the real tools: every board to a bitstream, the same bytes again."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from esru.cli import main
from esru.design import Design
from esru.flow.boards import BOARDS, Board
from esru.flow.loadable import read_loadable

#: What a bitstream of each family begins with.
PREAMBLE = {"ice40": bytes.fromhex("ff0000ff7eaa997e"), "ecp5": b"\xff\x00", "gowin": b"1" * 32}


def _build(folder: Path, *words: str, code: int = 0) -> dict[str, Any]:
    assert main(["build", *words, "-o", str(folder)]) == code
    return dict(json.loads((folder / "manifest.json").read_text()))


def _complete(folder: Path, manifest: dict[str, Any], board: Board) -> None:
    """The folder holds what the manifest says, and a bitstream that can be loaded."""
    for name, digest in manifest["files"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    content = (folder / manifest["bitstream"]).read_bytes()
    assert PREAMBLE[board.family] in content[:64]
    assert manifest["board"] == board.name and manifest["device"] == board.device
    assert manifest["fmax_mhz"] * 1e6 >= manifest["clock_hz"]
    assert 0 < manifest["cells"] < manifest["available"]
    assert str(folder) not in (folder / "manifest.json").read_text()
    assert not list(folder.glob(".esru-*")) and not (folder / "failed").exists()
    read_loadable(folder)


@pytest.fixture(scope="module")
def icebreaker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("icebreaker") / "built"
    _build(folder, "papers", "--board", "icebreaker")
    return folder


def test_a_folder_is_complete_and_not_replaced(
    icebreaker: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = json.loads((icebreaker / "manifest.json").read_text())
    _complete(icebreaker, manifest, BOARDS["icebreaker"])
    names = {path.name for path in icebreaker.iterdir()}
    assert names == {"3c0c96f95a.bin", "demo.v", "icebreaker.pcf", "manifest.json", "log", "work"}
    assert main(["build", "papers", "--board", "icebreaker", "-o", str(icebreaker)]) == 2
    assert "or --force given" in capsys.readouterr().err


@pytest.mark.slow
def test_the_same_inputs_give_the_same_bytes(icebreaker: Path, tmp_path: Path) -> None:
    """In another folder, another process, with another hash seed and a poisoned PATH."""
    poison = tmp_path / "bin"
    poison.mkdir()
    for name in ("yosys", "nextpnr-ice40", "icepack"):
        (poison / name).write_text("#!/bin/sh\nexit 1\n")
        (poison / name).chmod(0o755)
    environment = os.environ | {"PYTHONHASHSEED": "7", "PATH": f"{poison}:{os.environ['PATH']}"}
    words = [sys.executable, "-m", "esru", "build", "papers", "--board", "icebreaker"]
    folder = tmp_path / "a" / "folder with spaces"
    done = subprocess.run([*words, "-o", str(folder)], env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr
    for name in ("3c0c96f95a.bin", "demo.v", "manifest.json"):
        assert (folder / name).read_bytes() == (icebreaker / name).read_bytes()


def test_what_is_said_of_a_missed_clock(
    icebreaker: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The folder of another build stands for one whose clock is beyond what nextpnr found."""
    manifest = json.loads((icebreaker / "manifest.json").read_text())
    asked = {}

    def built(design: Design, board: Board, folder: Path, **how: object) -> dict[str, Any]:
        asked.update(how)
        return manifest | {"clock_hz": how["clock_hz"], "seconds": 1.0}

    monkeypatch.setattr("esru.flow.bitstream.build", built)
    words = ["build", "papers", "--board", "icebreaker", "-o", str(icebreaker)]
    for clock, code in (("12", 0), ("60", 1)):
        assert main([*words, "--clock", clock, "--json"]) == code
        out, err = capsys.readouterr()
        shown = json.loads(out)
        assert asked["clock_hz"] == shown["clock_hz"] == int(clock) * 1_000_000
        assert shown["clock_met"] is (code == 0)
        assert ("clock missed: 60 MHz is more than the Fmax" in err) == (code == 1)


@pytest.mark.slow
def test_a_missed_clock_is_the_answer_no(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The PLL makes 60 MHz; the demo is about half as fast on this chip."""
    words = ("papers", "--board", "icebreaker", "--clock", "60", "--json")
    manifest = _build(tmp_path / "fast", *words, code=1)
    out, err = capsys.readouterr()
    shown = json.loads(out)
    assert shown["clock_met"] is False and shown["clock_hz"] == manifest["clock_hz"] == 60_000_000
    assert 20 < manifest["fmax_mhz"] < 60
    assert "clock missed: 60 MHz is more than the Fmax" in err
    assert (tmp_path / "fast" / manifest["bitstream"]).is_file()
    assert "SB_PLL40_PAD" in (tmp_path / "fast" / "demo.v").read_text()


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--board", "arty"), "Board must be one of icebreaker"),
        (("--board", "icebreaker", "--clock", "400"), "not 400"),
        (("--board", "icebreaker", "--clock", "nan"), "Clock must be between 0 and 4000 MHz"),
        (("--board", "upduino-v3", "--clock", "13"), "48, 24, 12 or 6 MHz"),
        (("--board", "tang-nano-9k", "--clock", "54"), "whose PLL is not supported"),
        (("--board", "icebreaker", "--lanes", "2000"), "Lanes of the demo must be between 1"),
        (("--board", "icebreaker", "--baud", "3000000"), "an eighth of the clock"),
    ],
)
def test_bad_input_is_told_before_any_work(
    words: tuple[str, ...], text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["build", "papers", *words, "-o", str(tmp_path / "out")]) == 2
    assert text in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_result_has_no_demo(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["build", "papers,boundary=result", "--board", "icebreaker"]
    assert main([*words, "-o", str(tmp_path / "out")]) == 2
    assert "Boundary of the demo must be decision or unit, not result" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_demo_that_is_too_large_says_what_fits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["build", "reference", "--board", "icestick", "-o", str(tmp_path / "out")]
    assert main(words) == 2
    assert "fits the 1280 ICESTORM_LC" in (err := capsys.readouterr().err)
    assert "try --lanes 4" in err
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"failed"}


@pytest.mark.slow
def test_ulx3s(tmp_path: Path) -> None:
    manifest = _build(tmp_path / "a", "papers", "--board", "ulx3s-12f", "--clock", "50")
    _complete(tmp_path / "a", manifest, BOARDS["ulx3s-12f"])
    assert "EHXPLLL" in (tmp_path / "a" / "demo.v").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("name", BOARDS)
def test_every_board_gets_its_bitstream(name: str, tmp_path: Path) -> None:
    manifest = _build(tmp_path / "a", "papers", "--board", name)
    _complete(tmp_path / "a", manifest, BOARDS[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ulx3s-12f", "tang-nano-9k"])
def test_other_families_give_the_same_bytes(name: str, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        _build(tmp_path / folder, "papers", "--board", name)
    (file,) = (tmp_path / "a").glob(f"*{BOARDS[name].suffix}")
    assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes()
