"""`esru list boards`, recorded hardware runs, and what `esru doctor` says of tools for boards."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from esru.cli import main
from esru.errors import InputError
from esru.flow import hardware_runs
from esru.flow.boards import BOARDS
from esru.flow.hardware_runs import recorded_runs
from esru.flow.programming import PROGRAMMERS

RUN: dict[str, Any] = {
    "schema": "esru.check-board/1",
    "versions": {"esru": "0.1.0"},
    "board": "icebreaker",
    "simulated": False,
    "design": "8:3:zero:plateau3",
    "verdict": "passed",
}


def _boards(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, Any]]:
    assert main(["list", "boards", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["kind"] == "boards"
    return {row["name"]: row for row in found["rows"]}


def test_list_boards_says_everything(capsys: pytest.CaptureFixture[str]) -> None:
    rows = _boards(capsys)
    assert list(rows) == list(BOARDS)
    for name, board in BOARDS.items():
        row = rows[name]
        assert row["summary"] == f"{board.title}: {board.device}"
        assert row["device"] == board.device and row["built_in_ci"] is board.ci
        assert row["programmers"] == list(board.programmers)
        assert (row["serial"] is None) == (not board.serial)
    assert rows["upduino-v3"]["serial_by_adapter"] == ["23", "25"]
    assert main(["list", "boards"]) == 0
    header, _, *lines = capsys.readouterr().out.splitlines()
    wanted = ["name", "device", "serial port", "built in CI", "hardware runs", "programmed by"]
    assert re.split(r"  +", header) == wanted
    assert len(lines) == len(BOARDS)
    for line, board in zip(lines, BOARDS.values(), strict=True):
        cells = re.split(r"  +", line)
        assert cells[:2] == [board.name, board.device]
        assert cells[3] == ("yes" if board.ci else "no")
        assert cells[5] == ", ".join(board.programmers)


def test_the_recorded_runs_are_whole_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Those in the repository; none so far."""
    folder = hardware_runs.runs_folder()
    assert (folder / "README.md").is_file()
    runs = recorded_runs()
    assert sum(map(len, runs.values())) == len(list(folder.glob("*.json")))
    for name, row in _boards(capsys).items():
        assert row["hardware_runs"] == len(runs[name])
    assert main(["list", "boards"]) == 0
    lines = capsys.readouterr().out.splitlines()[2:]
    none = sum("none yet" in line for line in lines)
    assert none == sum(not found for found in runs.values())


def test_recorded_runs_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, verdict in enumerate(("passed", "mismatch", "passed")):
        text = json.dumps(RUN | {"verdict": verdict})
        (tmp_path / f"icebreaker-{number}.json").write_text(text)
    monkeypatch.setattr(hardware_runs, "runs_folder", lambda: tmp_path)
    row = _boards(capsys)["icebreaker"]
    assert (row["hardware_runs"], row["hardware_runs_passed"]) == (3, 2)
    assert main(["list", "boards"]) == 0
    assert "3 (2 passed)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"simulated": True}, "must be of a real board"),
        ({"board": "arty"}, "must be one of icebreaker, "),
        ({"board": ["icebreaker"]}, "must be one of icebreaker, "),
        ({"schema": "esru.verify/1"}, "must be of schema esru.check-board/1"),
        ({"verdict": "fine"}, "must be whole"),
        ({"design": None}, "must be whole"),
    ],
)
def test_what_is_no_recorded_run(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(json.dumps(RUN | change))
    with pytest.raises(InputError, match=r"x\.json") as caught:
        recorded_runs(tmp_path)
    assert message in str(caught.value)
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(InputError, match="must be readable JSON"):
        recorded_runs(tmp_path)


def test_doctor_wants_no_tools_for_boards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With Icarus alone on PATH, everything for boards is missing; that is no failure."""
    icarus = tmp_path / "iverilog"
    icarus.write_text("#!/bin/sh\necho Icarus Verilog version 11.0\n")
    icarus.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    code = main(["doctor", "--json"])
    tools = {tool["name"]: tool for tool in json.loads(capsys.readouterr().out)["tools"]}
    lacking = [name for name, t in tools.items() if not t["found"] and not t["optional"]]
    assert set(lacking) <= {"torch", "scikit-learn"}  # of the extra train
    assert code == (3 if lacking else 0)
    installs = {found.program: found.install for found in PROGRAMMERS.values()}
    installs |= {"icebox_vlog": "apt-get install fpga-icestorm", "g++": "apt-get install g++"}
    for name, install in installs.items():
        assert tools[name] == {
            "name": name,
            "for": tools[name]["for"],
            "found": None,
            "install": install,
            "optional": True,
        }
    main(["doctor"])
    text = capsys.readouterr().out
    for name, install in installs.items():
        assert f"to install {name}: {install}\n" in text


def test_doctor_names_the_extras(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from importlib.metadata import PackageNotFoundError, version

    def hide(package: str) -> str:
        if package in ("pyserial", "apycula", "amaranth-boards", "scipy"):
            raise PackageNotFoundError(package)
        return version(package)

    monkeypatch.setattr("importlib.metadata.version", hide)
    assert main(["doctor", "--json"]) == 3  # for scipy alone
    tools = {tool["name"]: tool for tool in json.loads(capsys.readouterr().out)["tools"]}
    assert tools["pyserial"]["install"] == "pip install 'esru[board]'"
    assert tools["apycula"]["install"] == "pip install 'esru[gowin]'"
    assert tools["amaranth-boards"]["install"] == tools["scipy"]["install"] == "pip install esru"
    assert tools["pyserial"]["optional"] and not tools["scipy"]["optional"]
