"""Float units against the independent Verilog, for all inputs and all random words."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest
from marks import slow_where

from esru.design import parse
from esru.float_formats import (
    FLOAT_FORMATS,
    FLOAT_INPUTS,
    FLOAT_OUTPUTS,
    MX_FORMATS,
    MX_OUTPUTS,
)
from esru.flow.formal import prove_design, prove_rounder

PAIRS = [
    (source, out)
    for source, out in itertools.product(FLOAT_INPUTS[:3], FLOAT_OUTPUTS)
    if FLOAT_FORMATS[source].fraction > FLOAT_FORMATS[out].fraction
]
#: Elements of MXFP8, MXFP6 and MXFP4 before they are divided by their block's scale.
SCALED = list(itertools.product(MX_FORMATS, MX_OUTPUTS))
#: Of every rule a narrow unit and one that sees more bits than most binades drop.
RULES = {
    "zero": ("3:3:zero:lfsr4", "24:24:zero:lfsr24"),
    "half": ("4:2:half:lfsr4", "24:8:half:lfsr9"),
    "nearest": ("4:2:nearest:lfsr4", "24:8:nearest:lfsr9"),
    "replicate": ("4:3:replicate:lfsr4", "24:8:replicate:lfsr9"),
    "select": ("4:3:select:lfsr4", "24:23:select:lfsr24"),
}


#: In a default run every pair of formats has one or two rules, every rule a third of the pairs.
EVERY = [(source, out, rule) for source, out in PAIRS for rule in RULES]
OFTEN = [
    (source, out, rule)
    for number, (source, out) in enumerate(PAIRS)
    for place, rule in enumerate(RULES)
    if place % 3 == number % 3
]


@pytest.mark.parametrize(("source", "out", "rule"), slow_where({*EVERY} - {*OFTEN}, EVERY))
def test_every_rule_on_every_pair_of_formats(
    source: str, out: str, rule: str, tmp_path: Path
) -> None:
    modes = ("saturate", "nonsaturate")[: 1 + (FLOAT_FORMATS[out].overflow is not None)]
    wide = (list(RULES).index(rule) + PAIRS.index((source, out))) % 2
    for mode, text in zip(modes, (RULES[rule][wide], RULES[rule][1 - wide]), strict=False):
        design = parse(f"{text},in={source},out={out},overflow={mode},boundary=unit")
        check = prove_rounder(design, tmp_path)
        assert check.passed, f"{design}: {check.detail}"
        assert check.cases == 1 << (design.input.width + design.k)


@pytest.mark.parametrize(("source", "out"), SCALED)
def test_every_scale_with_every_element(source: str, out: str, tmp_path: Path) -> None:
    rules = list(RULES.values())
    text = rules[SCALED.index((source, out)) % len(rules)][0]
    mode = "saturate" if FLOAT_FORMATS[out].overflow is None else "nonsaturate"
    design = parse(f"{text},in={source},out={out},overflow={mode},boundary=unit")
    check = prove_rounder(design, tmp_path)
    assert check.passed, f"{design}: {check.detail}"
    assert check.cases == 1 << (8 + FLOAT_FORMATS[source[3:]].width + design.k)


WHOLE = [
    "8:7:select:lfsr13,leap=7,in=mx_float32,out=ocp_e2m1",
    "reference,out=bfloat16",
    "reference,out=ocp_e4m3",
    "8:8:zero:lfsr24,out=ocp_e4m3,overflow=nonsaturate",
    "8:3:half:plateau5,in=bfloat16,out=ocp_e2m1,lanes=2",
    "8:7:select:lfsr13,leap=7,lanes=4,out=ocp_e5m2",
    "12:5:nearest:debruijn6,in=float16,out=bfloat16,form=galois,leap=5",
    "8:0:half:none,out=ocp_e2m3",
    "8:3:half:operand-own,out=ocp_e4m3",
    "8:7:select:operand-xor,lanes=2,out=bfloat16",
    "4:2:nearest:operand-prev,in=bfloat16,out=ocp_e2m1",
    "4:3:replicate:operand-neighbour,lanes=3,in=float16,out=ocp_e5m2,overflow=nonsaturate",
]
#: In a default run each at one of the boundaries, in turn.
PLACED = list(itertools.product(WHOLE, ("unit", "result")))
IN_TURN = [(text, ("unit", "result")[number % 2]) for number, text in enumerate(WHOLE)]


@pytest.mark.parametrize(("text", "boundary"), slow_where({*PLACED} - {*IN_TURN}, PLACED))
def test_whole_float_modules(text: str, boundary: str, tmp_path: Path) -> None:
    check = prove_design(parse(f"{text},boundary={boundary}"), tmp_path)
    assert check.passed, check.detail


def slow(text: str, lanes: int) -> Any:
    return pytest.param(text, lanes, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    ("text", "lanes"),
    [
        ("4:3:select:lfsr5,leap=4,lanes=2,in=mx_bfloat16,out=ocp_e2m1,block=2", 4),
        ("8:3:half:lfsr5,in=mx_float32,out=ocp_e2m1,block=32", None),
        slow("8:7:select:lfsr13,leap=7,lanes=16,in=mx_bfloat16,out=ocp_e2m1,block=16", 32),
        slow("3:2:zero:port,lanes=2,map=rotate,in=mx_bfloat16,out=ocp_e3m2,block=2", 4),
        slow("4:2:half:operand-xor,lanes=2,in=mx_bfloat16,out=ocp_e2m1,block=2", 4),
    ],
)
def test_blocks_with_a_scale(text: str, lanes: int | None, tmp_path: Path) -> None:
    for boundary in ("unit", "result"):
        design = parse(f"{text},boundary={boundary}")
        check = prove_design(design, tmp_path, lanes)
        assert check.passed, check.detail


def test_another_blocks_scale_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The scales of two blocks exchanged: all inputs alike do not show it, the netlist does."""
    from esru.hdl.bank import Bank

    offsets = Bank._offsets
    monkeypatch.setattr(Bank, "_offsets", lambda self, m: offsets(self, m)[::-1])
    for boundary in ("unit", "result"):
        text = f"3:2:zero:lfsr3,in=mx_bfloat16,out=ocp_e2m1,block=1,boundary={boundary}"
        check = prove_design(parse(text), tmp_path, lanes=2)
        assert not check.passed and "lane 0 depends on scale[" in check.detail
        assert "of block 1" in check.detail


def test_an_array_of_float_units(tmp_path: Path) -> None:
    design = parse("4:3:select:lfsr4,leap=7,in=bfloat16,out=ocp_e2m1,lanes=2,boundary=unit")
    check = prove_design(design, tmp_path, lanes=6)
    assert check.passed, check.detail
    assert check.cases == 15 * 6


def test_a_counterexample_is_a_pattern(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from amaranth.hdl import Mux

    from esru.hdl import float_unit

    def lost(condition: object, value: object, other: object) -> object:
        return other if condition.name == "nan" else Mux(condition, value, other)

    monkeypatch.setattr(float_unit, "Mux", lost)
    check = prove_rounder(parse("3:3:zero:lfsr4,out=ocp_e4m3,boundary=unit"), tmp_path)
    assert not check.passed
    found = dict(part.split() for part in check.detail.split(", "))
    x = int(found["x"])
    assert x & 0x7FFFFFFF > 0x7F800000, "only a NaN differs"
    assert int(found["expected"]) & 0x7F == 0x7F and int(found["got"]) & 0x7F == 0x7E
