"""The testbench of sim/ on emitted Verilog: every rule with every source."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from marks import slow_where

from esru.cli import main
from esru.design import parse
from esru.errors import ToolFailed, ToolMissing
from esru.flow import bench, toolchain
from esru.flow.bench import bench_folder
from esru.flow.cocotb_run import run_cocotb
from esru.flow.generate import generate
from esru.hdl.emit import emit_verilog
from esru.sources.lane_maps import MAPS
from esru.sources.settings import OPERANDS

TESTS = ["start up", "reset", "enable", "exact values", "ends", "stream"]
RULES = ["8:5:zero", "8:5:half", "8:5:nearest", "8:5:replicate", "6:5:select"]
SOURCES = ["lfsr6,leap=5", "debruijn5,form=galois", "plateau6,lanes=2,leap=5"]
#: The boundaries in turn: every rule and every source meets all.
PAIRS = [
    f"{rule}:{source}" + ("", ",boundary=unit", ",boundary=result")[(number + number // 3) % 3]
    for number, (rule, source) in enumerate(itertools.product(RULES, SOURCES))
]
#: Every rule and, with those below, every source in a default run; each takes a second.
OFTEN = [PAIRS[number] for number in (0, 4, 8, 9, 14)]

#: The other sources, lane maps, tables, no random bits, float units; with and without an adder.
OTHERS = [
    "8:5:half:lfsr6,lanes=7,map=rotate",
    "8:5:zero:port,lanes=2,map=rotate,boundary=unit",
    "8:5:half:plateau6,leap=5,recover=1",
    "8:5:nearest:operand-prev,overflow=wrap,boundary=result",
    "8:5:replicate:operand-xor,lanes=3,boundary=unit",
    "8:5:replicate:cellular6,leap=5",
    "8:5:nearest:counter5,leap=3,lanes=2",
    "6:5:select:debruijn5,lanes=4,map=delay",
    "4:4:table-ff00f0f0fc30fa5000000000ccccaaaa.1.2.1.0.0.0.4.8:lfsr5,lanes=3,boundary=unit",
    "8:0:nearest:none,boundary=unit,in=s20.12,out=u6.4",
    "12:5:nearest:debruijn6,leap=5,in=float16,out=bfloat16,boundary=unit",
    "6:5:select:lfsr7,lanes=4,leap=7,in=mx_bfloat16,out=ocp_e2m1,block=2,boundary=unit",
    "8:5:half:plateau6,lanes=7,map=permute,boundary=unit",
    "8:5:half:operand-own",
    "6:5:select:operand-neighbour,lanes=3",
    "6:5:select:lfsr6,lanes=4,map=invert",
    "6:6:zero:lfsr6,map=complement",
    "8:3:half:plateau5,leap=5,out=ocp_e4m3,overflow=nonsaturate,boundary=unit",
]

#: More of the same kinds.
MORE = [
    "6:5:select:port",
    "6:5:select:cellular7,lanes=3,boundary=unit",
    "3:2:table-f0cceea8:debruijn2",
    "8:0:zero:none,boundary=unit",
    "8:0:half:none",
    "6:5:select:lfsr7,lanes=2,leap=7,in=bfloat16,out=ocp_e2m1,boundary=unit",
    "8:3:half:plateau5,leap=5,in=mx_float32,out=ocp_e2m1,boundary=unit",
    "8:3:half:operand-xor,lanes=2,out=ocp_e4m3,boundary=unit",
    "8:5:nearest:operand-prev,boundary=unit",
    "8:5:zero:port,lanes=2,map=rotate,boundary=result",
    "8:5:half:plateau6,lanes=7,map=permute,in=s20.12,out=u6.4,boundary=result",
    "6:5:select:lfsr7,lanes=4,leap=7,in=mx_bfloat16,out=ocp_e2m1,block=2,boundary=result",
    "8:0:nearest:none,overflow=wrap,boundary=result",
]


def test_every_kind_is_there_often() -> None:
    designs = [parse(text) for text in OFTEN + OTHERS]
    pairs = [parse(text) for text in PAIRS]
    assert {design.rule for design in map(parse, OFTEN)} == {design.rule for design in pairs}
    every = [*pairs, *map(parse, MORE)]
    for kind in ("source", "map", "overflow"):
        found = {getattr(design, kind) for design in designs}
        assert found >= {getattr(design, kind) for design in every}, kind
    assert {design.map for design in designs} == set(MAPS)
    assert {design.source for design in designs} >= set(OPERANDS)
    assert {design.boundary for design in designs} == {design.boundary for design in pairs}


@pytest.mark.parametrize("text", slow_where({*PAIRS, *MORE} - {*OFTEN}, [*PAIRS, *OTHERS, *MORE]))
def test_every_pair(text: str, tmp_path: Path) -> None:
    checks = run_cocotb(parse(text), tmp_path)
    assert [check.name.removeprefix("Verilog: ") for check in checks] == TESTS
    for check in checks:
        assert check.passed, check.detail
        assert check.cases > 0


def test_an_array_of_sources(tmp_path: Path) -> None:
    xml = tmp_path / "kept.xml"
    checks = run_cocotb(parse("8:3:half:plateau5,lanes=2"), tmp_path, lanes=10, xml=xml)
    assert all(check.passed for check in checks)
    assert all(check.cases % 10 == 0 for check in checks)
    text = xml.read_text()
    assert len(list(ElementTree.fromstring(text).iter("testcase"))) == len(TESTS)
    assert "hostname" not in text and ".py" not in text and "timestamp" not in text


def test_arrays_of_words_from_outside(tmp_path: Path) -> None:
    for text in ("8:3:half:port,lanes=2,map=invert", "8:3:half:operand-xor,lanes=2"):
        checks = run_cocotb(parse(text), tmp_path, lanes=4)
        assert all(check.passed for check in checks)


def _spoilt(text: str, pattern: str, replacement: str) -> str:
    spoilt, count = re.subn(pattern, replacement, text, count=1)
    assert count == 1, f"no {pattern} in\n{text}"
    return spoilt


@pytest.mark.parametrize(
    ("text", "pattern", "replacement", "red"),
    [
        ("papers", r"initial lfsr = 3'h1;", "", "start up"),
        ("papers", r"lfsr <= 3'h1", "lfsr <= 3'h2", "reset"),
        ("papers", r"if \(en\)", "if (1'h1)", "enable"),
        ("papers", r"lfsr\[1\] \^ lfsr\[2\]", "lfsr[0] ^ lfsr[2]", "stream"),
        ("8:8:zero:lfsr8", r"frac } \+", "frac } + 9'h1 +", "exact values"),
        ("papers,boundary=unit", r"over \? 8'h7f", "over ? 8'h80", "ends"),
        ("papers,boundary=result", r"over \? 8'h7f", "over ? 8'h80", "ends"),
    ],
)
def test_a_fault_in_the_verilog_turns_its_test_red(
    text: str, pattern: str, replacement: str, red: str, tmp_path: Path
) -> None:
    design = parse(text)
    verilog = _spoilt(emit_verilog(design), pattern, replacement)
    failed = [check for check in run_cocotb(design, tmp_path, verilog=verilog) if not check.passed]
    assert f"Verilog: {red}" in [check.name for check in failed]
    if red == "exact values":
        assert any("expected 0x0, got 0x1" in check.detail for check in failed)


def test_a_build_that_fails_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ToolFailed, match=r"cocotb failed: .*its log is "):
        run_cocotb(parse("papers"), tmp_path, verilog="module broken(")


def test_icarus_missing_is_said_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolMissing, match="apt-get install iverilog"):
        run_cocotb(parse("papers"), tmp_path)


def test_a_python_without_its_library_is_said_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As on a fresh Debian, whose interpreter does not need it: no work, no log of cocotb's."""
    monkeypatch.setattr("find_libpython.find_libpython", lambda: None)
    toolchain._libpython.cache_clear()
    wanted = f"apt-get install libpython3.{sys.version_info.minor}"
    try:
        with pytest.raises(ToolMissing, match=wanted):
            run_cocotb(parse("papers"), tmp_path)
        assert not list(tmp_path.iterdir())
        for command in (["verify", "papers"], ["search", "--bits", "1", "--out", str(tmp_path)]):
            assert main(command) == 3 and wanted in capsys.readouterr().err
        assert main(["doctor"]) == 3 and f"MISSING: {wanted}" in capsys.readouterr().out
    finally:
        toolchain._libpython.cache_clear()


def test_the_testbench_stands_on_its_own(tmp_path: Path) -> None:
    folder = bench_folder()
    for file in folder.glob("*.py"):
        assert not re.search(r"^\s*(from|import) esru", file.read_text(), re.M), file
    generate(parse("papers,boundary=unit"), tmp_path / "made")
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, str(folder / "run.py"), str(tmp_path / "made")],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "6 of 6 tests passed"


def test_the_installed_testbench_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sim").mkdir()
    (tmp_path / "sim" / "run.py").touch()
    monkeypatch.setattr(bench.resources, "files", lambda _: tmp_path)
    assert bench_folder() == tmp_path / "sim"
