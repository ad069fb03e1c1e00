"""Amaranth simulation of float units against the vectorised model."""

from __future__ import annotations

import itertools
import re
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator
from marks import slow_where

from esru.design import parse
from esru.emulate import round_array
from esru.float_formats import FLOAT_FORMATS, FLOAT_INPUTS, FLOAT_OUTPUTS
from esru.flow.float_stimuli import float_inputs
from esru.flow.simulate import simulate
from esru.flow.stimuli import plan
from esru.hdl.emit import emit_verilog
from esru.hdl.unit import UnitLogic

PAIRS = [
    (source, out)
    for source, out in itertools.product(FLOAT_INPUTS[:3], FLOAT_OUTPUTS)
    if FLOAT_FORMATS[source].fraction > FLOAT_FORMATS[out].fraction
]


@pytest.mark.parametrize(("source", "out"), slow_where(PAIRS[1::2], PAIRS))
def test_units_of_every_pair_of_formats(
    source: str, out: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("esru.flow.stimuli.FEWEST_WORDS", 1 << 10)
    for overflow in ("saturate", "nonsaturate")[: 1 + (FLOAT_FORMATS[out].overflow is not None)]:
        text = f"8:3:half:lfsr4,in={source},out={out},overflow={overflow},boundary=unit"
        check = simulate(parse(text))
        assert check.passed, f"{text}: {check.detail}"


@pytest.mark.parametrize("source", ["mx_float32", "mx_bfloat16", "mx_float16"])
def test_units_with_a_scale(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("esru.flow.stimuli.FEWEST_WORDS", 1 << 11)
    for out in ("ocp_e2m1", "ocp_e4m3"):
        check = simulate(parse(f"8:3:half:lfsr4,in={source},out={out},boundary=unit,lanes=2"))
        assert check.passed, check.detail


@pytest.mark.parametrize("rule", ["4:4:zero", "6:3:nearest", "8:3:replicate", "6:5:select"])
@pytest.mark.parametrize("source", ["lfsr", "debruijn", "plateau"])
def test_rules_and_sources_on_lanes(
    rule: str, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("esru.flow.stimuli.FEWEST_WORDS", 1 << 9)
    settings = "leap=5,lanes=2,in=bfloat16,out=ocp_e2m1"
    for lanes, boundary in ((None, "result"), (4, "unit")):
        design = parse(f"{rule}:{source}6,{settings},boundary={boundary}")
        check = simulate(design, lanes)
        assert check.passed, check.detail
        assert not plan(design, 2).exhaustive
        assert plan(design, 2).text.endswith("chosen fractions")


def test_the_decision_is_the_same_hardware_for_every_format() -> None:
    check = simulate(parse("4:3:half:lfsr4,out=ocp_e4m3"))
    assert check.passed
    assert "all 15 words with all 16 fractions" in check.detail


@pytest.mark.parametrize(("source", "out"), PAIRS)
def test_stimuli_reach_every_output_and_every_fraction(source: str, out: str) -> None:
    """What the simulation feeds covers the output's patterns, NaN included, and the fractions."""
    design = parse(f"3:0:half:none,in={source},out={out},boundary=unit")
    fmt = FLOAT_FORMATS[out]
    rng = np.random.default_rng(1)
    fractions = rng.integers(0, 8, (4000, 4))
    patterns = float_inputs(design, fractions, np.zeros_like(fractions, np.uint64), rng)
    assert int(patterns.max()) < 1 << design.input.width
    made = set(round_array(design, patterns.astype(np.int64), np.zeros(1, np.int64)).ravel())
    if fmt.width <= 8:
        finite = {*range(fmt.highest + 1)}
        wanted = finite | {fmt.highest if fmt.nan is None else fmt.nan}
        assert {code & (1 << (fmt.width - 1)) - 1 for code in made} >= wanted
    # Wanted fractions arrive, but for special inputs and those with fewer bits than asked for.
    inner = FLOAT_FORMATS[source]
    values = np.array([inner.decode(int(bits)) for bits in patterns.ravel()])
    exponent = np.maximum(
        np.frexp(np.where(np.isfinite(values), values, 0))[1] - 1, fmt.least_exponent
    )
    with np.errstate(invalid="ignore", over="ignore"):
        scaled = np.abs(values) / np.exp2(exponent - fmt.fraction - 3.0)
        seen = np.floor(np.where(np.isfinite(scaled), scaled, 0)).astype(object)
    hits = np.array([int(a) % 8 == b for a, b in zip(seen, fractions.ravel(), strict=True)])
    assert hits.mean() > 0.6


@pytest.mark.parametrize("out", ["ocp_e2m1", "bfloat16"])
def test_bare_float_units_with_given_words(out: str) -> None:
    design = parse(f"9:8:select:lfsr9,out={out},boundary=unit")
    rng = np.random.default_rng(3)
    fractions = rng.integers(0, 1 << 9, (1, 200))
    x = float_inputs(design, fractions, fractions.astype(np.uint64), rng)[0].astype(np.int64)
    words = rng.integers(0, 1 << 8, 200)
    expected = round_array(design, x, words).tolist()
    component = UnitLogic(design)
    found = []

    async def bench(ctx: Any) -> None:
        for pattern, word in zip(x.tolist(), words.tolist(), strict=True):
            ctx.set(component.x, pattern)
            ctx.set(component.word, word)
            found.append(ctx.get(component.y))

    simulator = Simulator(component)
    simulator.add_testbench(bench)
    simulator.run()
    assert found == expected


def test_outputs_with_constant_bits_are_whole_in_verilog() -> None:
    """Yosys takes a register apart whose upper bits are constant; its parts keep one name."""
    verilog = emit_verilog(parse("4:3:half:lfsr5,in=u4.4,out=uint8,boundary=unit"))
    assert not re.search(r"\b_\d+_\b", verilog), "an undeclared name of Yosys' own"
    declared = re.findall(r"^  reg .*?(\w+);", verilog, re.M)
    assert set(re.findall(r"(\w+) <= ", verilog)) == set(declared)


def test_verilog_of_a_float_unit_is_readable() -> None:
    verilog = emit_verilog(parse("8:3:zero:lfsr5,out=ocp_e4m3,boundary=unit"))
    assert "// input float32, output ocp_e4m3, saturate" in verilog
    for name in ("normal", "shift", "aligned", "field", "sum", "code", "over", "nan"):
        assert f" {name};" in verilog, name
    assert "\\" not in verilog and "'hx" not in verilog
