"""Verilog of a target's cells, simulated with models of them: right ones, and broken ones."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from esru.design import parse
from esru.errors import ToolFailed
from esru.flow.cocotb_run import run_cocotb
from esru.flow.mapped import GENERIC_MODELS, MODELS
from esru.flow.simulate_cells import cells_verilog, simulate_cells

#: On every target, with all kinds of cells: LUTs, multiplexers, carries, flip-flops in between.
DESIGNS = {
    "ice40": "reference,boundary=unit",
    "ecp5": "6:4:nearest:lfsr5,leap=4,lanes=2,boundary=unit",
    "gowin": "8:3:replicate:plateau3,lanes=2,boundary=result",
    "xc7": "9:8:select:lfsr9,leap=8,lanes=2,boundary=unit",
    "lut4": "5:3:half:debruijn4,leap=3,load=1",
    "lut6": "4:3:select:operand-own,in=s17.9,lanes=3",
}

SMALL = "4:3:select:lfsr5,leap=3,lanes=2"

_CONSTANT = re.compile(r"(INIT(?:_VALUE)?\()(\d+)'h([0-9a-f]+)(\))")


def broken(text: str, number: int) -> str:
    """Return Verilog in which one LUT's constant is inverted."""
    found = list(_CONSTANT.finditer(text))[number]
    width = int(found[2])
    inverted = int(found[3], 16) ^ ((1 << width) - 1)
    return f"{text[: found.start()]}{found[1]}{width}'h{inverted:x}{found[4]}{text[found.end() :]}"


@pytest.mark.parametrize("target", [*MODELS, *GENERIC_MODELS])
def test_cells_do_what_the_model_says(target: str, tmp_path: Path) -> None:
    design = parse(DESIGNS[target])
    check = simulate_cells(design, tmp_path, target)
    assert check.passed, check.detail
    assert check.level == "simulation" and target in check.name
    assert check.cases > 500 * design.lanes


def test_an_array_of_sources(tmp_path: Path) -> None:
    check = simulate_cells(parse(SMALL), tmp_path, "ice40", lanes=4)
    assert check.passed and "4 lanes" in check.detail


@pytest.mark.parametrize("target", ["ice40", "lut6"])
def test_every_broken_lut_is_seen(target: str, tmp_path: Path) -> None:
    text = cells_verilog(parse(SMALL), target)
    count = len(_CONSTANT.findall(text))
    assert count == {"ice40": 4, "lut6": 2}[target]
    for number in range(count):
        check = simulate_cells(parse(SMALL), tmp_path, target, verilog=broken(text, number))
        assert not check.passed, number
        assert re.match(r"check \d+: input \w+, expected \w, got \w", check.detail)


def test_cocotb_sees_a_broken_lut(tmp_path: Path) -> None:
    text = cells_verilog(parse(SMALL), "lut6")
    checks = run_cocotb(parse(SMALL), tmp_path, verilog=broken(text, 0))
    assert not all(check.passed for check in checks)


def test_verilog_that_does_not_compile_is_no_answer(tmp_path: Path) -> None:
    with pytest.raises(ToolFailed, match="did not compile"):
        simulate_cells(parse(SMALL), tmp_path, "lut6", verilog="module nothing; endmodule")
