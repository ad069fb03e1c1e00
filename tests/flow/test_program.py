"""`esru program`: each board with each of its programmers, and everything that can go wrong."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import stand_in_programmers as stand_in

from esru.cli import main
from esru.flow import programming, usb
from esru.flow.boards import BOARDS

PAIRS = [(board.name, name) for board in BOARDS.values() for name in board.programmers]

#: Each programmer with one board.
ONE_EACH = [(board, name) for name, board in {name: board for board, name in PAIRS}.items()]

#: What each programmer is given before the file, by board where that matters: written out by
#: hand, with the default memory.
FT2232, FT232H = ["-d", "i:0x0403:0x6010"], ["-d", "i:0x0403:0x6014"]
EXPECTED = {
    ("icebreaker", "iceprog"): FT2232,
    ("icebreaker", "openfpgaloader"): ["-b", "ice40_generic", "--write-flash"],
    ("icestick", "iceprog"): FT2232,
    ("icestick", "openfpgaloader"): ["-b", "ice40_generic", "--write-flash"],
    ("tinyfpga-bx", "tinyprog"): ["-p"],
    ("hx8k-b-evn", "iceprog"): FT2232,
    ("hx8k-b-evn", "openfpgaloader"): ["-b", "ice40_generic", "--write-flash"],
    ("upduino-v3", "iceprog"): FT232H,
    ("icesugar", "icesprog"): ["-w"],
    ("ulx3s-12f", "openfpgaloader"): ["-b", "ulx3s", "--write-sram"],
    ("ulx3s-12f", "fujprog"): ["-j", "sram"],
    ("ulx3s-85f", "openfpgaloader"): ["-b", "ulx3s", "--write-sram"],
    ("ulx3s-85f", "fujprog"): ["-j", "sram"],
    ("orangecrab", "dfu-util"): ["-d", "1209:5af0", "-a", "0", "-D"],
    ("orangecrab", "openfpgaloader"): ["-b", "orangeCrab"],
    ("ecpix5-45", "openfpgaloader"): ["-b", "ecpix5", "--write-sram"],
    ("ecpix5-85", "openfpgaloader"): ["-b", "ecpix5", "--write-sram"],
    ("colorlight-5a75b", "openfpgaloader"): ["-b", "colorlight", "-c", "ft232", "--write-sram"],
    ("tang-nano-9k", "openfpgaloader"): ["-b", "tangnano9k", "--write-sram"],
}


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A PATH that holds nothing yet, and a machine without USB devices."""
    folder = tmp_path / "tools"
    folder.mkdir()
    (tmp_path / "usb" / "sys").mkdir(parents=True)
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(usb, "_SYSFS", tmp_path / "usb" / "sys")
    monkeypatch.setattr(usb, "_DEV", tmp_path / "usb" / "dev")
    return folder


def _program(
    capsys: pytest.CaptureFixture[str], path: Path, *more: str
) -> tuple[int, str, list[str]]:
    code = main(["program", str(path), *more])
    said = capsys.readouterr()
    return code, said.out, said.err.splitlines()


def test_every_pair_is_expected() -> None:
    assert set(EXPECTED) == set(PAIRS)
    assert {name for _, name in PAIRS} == set(programming.PROGRAMMERS)


@pytest.mark.parametrize(("name", "programmer"), PAIRS)
def test_the_programmer_gets_the_bitstream(
    name: str, programmer: str, tools: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    board = BOARDS[name]
    path = stand_in.build_folder(tmp_path / "a build", board)
    built = path.read_bytes()
    record = stand_in.install(tools, programmer)
    chosen = () if programmer == board.programmers[0] else ("--programmer", programmer)
    wanted = [*EXPECTED[name, programmer], str(path)]
    command = [programming.PROGRAMMERS[programmer].program, *wanted]

    code, out, err = _program(capsys, path.parent, *chosen, "--dry-run")
    assert code == 0 and shlex.split(out) == command and out.count("\n") == 1
    assert not record.there()
    assert err[-1] == "nothing was run; next: the same without --dry-run"

    code, out, err = _program(capsys, path.parent, *chosen)
    assert code == 0, err
    assert shlex.split(out) == command
    assert record.arguments() == wanted
    assert record.beside("file") == built == path.read_bytes()
    assert record.beside("stdin") == b""
    text = stand_in.SAYS[programmer]["loaded"][1]
    assert (path.parent / "log" / "program.log").read_bytes() == text.encode()
    assert text.splitlines()[0] in err  # shown, too
    assert ("next: esru check-board --port PORT (" in err[-1]) == bool(board.serial)
    assert ("next: look at the board: led" in err[-1]) == (not board.serial)
    assert all(label in err[-1] for label in board.labels)
    if programmer in stand_in.VERSIONS:
        assert f": {stand_in.VERSIONS[programmer][2]}, " in err[0] + err[1]


@pytest.mark.parametrize(
    ("name", "programmer", "act"),
    [(*pair, act) for act in ("no-board", "no-permission") for pair in PAIRS]
    + [(*pair, act) for act in ("failed", "crash") for pair in ONE_EACH],
)
def test_failures_are_told_apart(
    name: str,
    programmer: str,
    act: str,
    tools: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    board = BOARDS[name]
    path = stand_in.build_folder(tmp_path / "build", board)
    stand_in.install(tools, programmer, act)
    code, _, err = _program(capsys, path.parent, "--programmer", programmer)
    assert code == 4
    log = path.parent / "log" / "program.log"
    program = programming.PROGRAMMERS[programmer].program
    assert err[-1].startswith(f"esru program: error: {program} failed: ")
    assert err[-1].endswith(f"; its log is {log}")
    ids = board.usb or ("0403:6014",)
    if act == "no-board":
        what = board.title if board.usb else f"JTAG adapter for the {board.title}"
        looked = f"no {what} is connected (USB device {' or '.join(ids)} was not found)"
        assert looked in err[-1]
        assert ("button" in err[-1]) == (name in ("orangecrab", "tinyfpga-bx"))
    elif act == "no-permission":
        assert f"you may not open the {board.title}" in err[-1]
    elif act == "crash":
        assert "ended by SIGSEGV" in err[-1]
    else:
        status, text = stand_in.SAYS[programmer]["failed"]
        assert f"exit status {status}, its last words: " in err[-1]
        assert "\x1b" not in err[-1]
        assert any(line.strip() and line.strip() in err[-1] for line in text.splitlines()) or (
            "\x1b" in text and "Parse file FAIL" in err[-1]
        )
    rules = "\n".join(err[:-1])
    assert (usb.RULES_FILE in rules) == (act == "no-permission")
    for found in ids if act == "no-permission" else ():
        vendor, product = found.split(":")
        assert f'ATTRS{{idVendor}}=="{vendor}", ATTRS{{idProduct}}=="{product}"' in rules
        assert usb.RELOAD in rules


@pytest.mark.parametrize(("name", "programmer"), PAIRS)
def test_a_missing_programmer(
    name: str, programmer: str, tools: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = stand_in.build_folder(tmp_path / "build", BOARDS[name])
    found = programming.PROGRAMMERS[programmer]
    for more in ((), ("--dry-run",)):
        code, out, err = _program(capsys, path.parent, "--programmer", programmer, *more)
        assert code == 3
        message = f"{found.program} was not found; install it with: {found.install}"
        assert err == [f"esru program: error: {message}"]
        assert shlex.split(out)[:1] == ([found.program] if more else [])


def test_json(tools: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = stand_in.build_folder(tmp_path / "build", BOARDS["ulx3s-12f"])
    results: dict[str, dict[str, Any]] = {}
    for act, code in (("loaded", 0), ("no-board", 4)):
        stand_in.install(tools, "openfpgaloader", act)
        assert _program_json(capsys, path.parent, results, act, "--json") == code
    assert _program_json(capsys, path.parent, results, "dry", "--json", "--dry-run") == 0
    (tools / "openFPGALoader").unlink()
    assert _program_json(capsys, path.parent, results, "missing", "--json", "--dry-run") == 3
    assert [found["result"] for found in results.values()] == [
        "loaded",
        "no-board",
        "not-run",
        "tool-missing",
    ]
    loaded = results["loaded"]
    assert list(loaded)[:2] == ["schema", "versions"] and loaded["schema"] == "esru.program/1"
    assert loaded["versions"]["openFPGALoader"] == "openFPGALoader 0.12.1"
    assert loaded["command"] == ["openFPGALoader", "-b", "ulx3s", "--write-sram", str(path)]
    assert loaded["memory"] == "sram" and loaded["board"] == "ulx3s-12f"
    assert Path(loaded["log"]).is_file()


def _program_json(
    capsys: pytest.CaptureFixture[str],
    folder: Path,
    results: dict[str, dict[str, Any]],
    key: str,
    *more: str,
) -> int:
    code = main(["program", str(folder), *more])
    results[key] = json.loads(capsys.readouterr().out)
    return code


@pytest.mark.parametrize(
    ("name", "programmer", "memory", "option"),
    [
        ("icebreaker", "iceprog", "--sram", "-S"),
        ("hx8k-b-evn", "openfpgaloader", "--sram", "--write-sram"),
        ("ulx3s-85f", "fujprog", "--flash", "flash"),
        ("tang-nano-9k", "openfpgaloader", "--flash", "--write-flash"),
        ("icestick", "iceprog", "--sram", None),
        ("icebreaker", "openfpgaloader", "--sram", None),
        ("tinyfpga-bx", "tinyprog", "--sram", None),
        ("orangecrab", "dfu-util", "--sram", None),
        ("orangecrab", "openfpgaloader", "--sram", None),
        ("icesugar", "icesprog", "--sram", None),
    ],
)
def test_the_other_memory(
    name: str,
    programmer: str,
    memory: str,
    option: str | None,
    tools: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = stand_in.build_folder(tmp_path / "build", BOARDS[name])
    record = stand_in.install(tools, programmer)
    code, _, err = _program(capsys, path.parent, "--programmer", programmer, memory)
    if option is None:
        assert code == 2 and not record.there()
        assert f"Memory must be --flash, all that {programmer}".lower() in err[-1].lower()
        return
    assert code == 0
    assert record.arguments()[-2] == option


def test_an_fpga_that_does_not_start(
    tools: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = stand_in.build_folder(tmp_path / "build", BOARDS["hx8k-b-evn"])
    stand_in.install(tools, "iceprog", "not-started")
    code, _, err = _program(capsys, path.parent)
    assert code == 4 and "the FPGA did not start (cdone: low); check the jumpers" in err[-1]


@pytest.mark.parametrize(
    ("name", "node"),
    [
        ("icebreaker", "bus/usb/001/007"),
        ("tinyfpga-bx", "ttyACM0"),
        ("icesugar", "hidraw0"),
        ("ulx3s-12f", "bus/usb/001/007"),
    ],
)
def test_a_board_that_may_not_be_opened(
    name: str,
    node: str,
    tools: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Some programmers say "not found" where it is the permission: the device file tells."""
    board = BOARDS[name]
    path = stand_in.build_folder(tmp_path / "build", board)
    stand_in.install(tools, board.programmers[0], "no-board")
    stand_in.usb_device(tmp_path / "usb", board.usb[0], node)
    monkeypatch.setattr("esru.flow.diagnosis.may_open", lambda found: found.name != Path(node).name)
    code, _, err = _program(capsys, path.parent)
    assert code == 4
    assert f"failed: you may not open {tmp_path / 'usb' / 'dev' / node}; " in err[-1]
    assert usb.RULES_FILE in "\n".join(err)
    # One that may be opened, and is still not found: not a matter of either.
    monkeypatch.setattr("esru.flow.diagnosis.may_open", lambda found: True)
    code, _, err = _program(capsys, path.parent)
    assert code == 4 and "exit status" in err[-1]
    assert usb.RULES_FILE not in "\n".join(err)


def test_cables(tools: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = stand_in.build_folder(tmp_path / "build", BOARDS["colorlight-5a75b"])
    record = stand_in.install(tools, "openfpgaloader", "no-board")
    code, _, err = _program(capsys, path.parent, "--cable", "ft2232")
    assert code == 4 and "USB device 0403:6010 was not found" in err[-1]
    assert record.arguments()[2:4] == ["-c", "ft2232"]
    code, _, err = _program(capsys, path.parent, "--cable", "jtag-something")
    assert code == 4 and "(the cable was not found)" in err[-1]
    other = stand_in.build_folder(tmp_path / "other", BOARDS["ecpix5-45"])
    code, _, err = _program(capsys, other.parent, "--cable", "ft232")
    assert code == 2 and "--cable must be left out" in err[-1]


def test_the_version_of_a_python_script(
    tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site" / "tinyprog-1.0.27.dist-info"
    package.mkdir(parents=True)
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: tinyprog\nVersion: 1.0.27\n")
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    script = tools / "tinyprog"
    script.write_text(f"#!{sys.executable}\n")
    tinyprog = programming.PROGRAMMERS["tinyprog"]
    assert programming.identity(tinyprog, script) == "tinyprog 1.0.27"
    script.write_text("#!/bin/sh\n")
    assert programming.identity(tinyprog, script) == "tinyprog of unknown version"


def test_a_programmer_that_cannot_start(
    tools: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = stand_in.build_folder(tmp_path / "build", BOARDS["icestick"])
    (tools / "iceprog").write_text("#!/nowhere/interpreter\n")
    (tools / "iceprog").chmod(0o755)
    code, _, err = _program(capsys, path.parent)
    assert code == 4 and "could not be started" in err[-1]


def test_a_question_gets_no_answer(tools: Path, tmp_path: Path) -> None:
    """`tinyprog` asks before it overwrites the bootloader: nobody's "yes" may reach it."""
    path = stand_in.build_folder(tmp_path / "build", BOARDS["tinyfpga-bx"])
    record = stand_in.install(tools, "tinyprog")
    command = [sys.executable, "-m", "esru", "program", str(path.parent)]
    done = subprocess.run(command, input=b"yes\n", capture_output=True)
    assert done.returncode == 0, done.stderr
    assert record.beside("stdin") == b""


def test_an_interrupt_ends_the_programmer(tools: Path, tmp_path: Path) -> None:
    path = stand_in.build_folder(tmp_path / "build", BOARDS["icestick"])
    script = tools / "iceprog"
    script.write_text(f"#!/bin/sh\necho $$\nexec {shutil.which('sleep', path='/bin')} 600\n")
    script.chmod(0o755)
    command = [sys.executable, "-m", "esru", "program", str(path.parent)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        # Its number is what the stand-in says, and is passed on as it comes.
        child = next(int(line) for line in process.stderr if line.strip().isdigit())
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
        assert process.wait() == 130, rest
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
    assert (path.parent / "log" / "program.log").read_text() == f"{child}\n"
