"""RTLIL and Verilog: their form, not their function."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace

import pytest

from esru.design import parse
from esru.flow import toolchain
from esru.hdl.emit import emit_rtlil, emit_verilog, module_name, rounder_rtlil

DESIGNS = [
    "papers",
    "reference,boundary=unit",
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
    other = replace(design, boundary="decision" if design.boundary == "unit" else "unit")
    assert module_name(other) != module_name(design)


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
    ports = "frac, up" if "boundary=unit" not in text else "x, y"
    assert f"(clk, rst, en, {ports});" in verilog
    for register in re.findall(r"^  reg .*;", verilog, re.M):
        assert " = " in register, f"{register} has no initial value"


def test_verilog_says_lfsr_word_and_sum() -> None:
    verilog = emit_verilog(parse("papers"))
    for name in ("lfsr", "toggle", "word", "sum"):
        assert re.search(rf"\b{name}\b", verilog)
    assert "assign sum = frac + { lfsr, lfsr, lfsr[2:1] };" in verilog


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
