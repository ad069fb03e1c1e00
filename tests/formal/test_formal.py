"""Proofs against the independent Verilog, and what happens when they fail or do not end."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
from marks import slow_where

from esru.boundaries import ROUNDINGS
from esru.design import parse
from esru.errors import ToolFailed
from esru.flow import decide, formal
from esru.flow.aiger import read_aiger
from esru.flow.formal import prove_design, prove_rounder
from esru.hdl.emit import emit_rtlil, rounder_rtlil

SMALL = [
    "4:4:zero:lfsr5",
    "4:2:zero:lfsr5",
    "4:2:half:lfsr5",
    "4:2:nearest:lfsr5",
    "4:3:nearest:lfsr5",
    "5:3:replicate:lfsr5",
    "4:3:select:lfsr5",
    "2:1:select:lfsr2",
    "4:0:zero:none",
    "4:0:half:none",
    "4:0:nearest:none",
    "4:4:table-ff00f0f0fc30fa5000000000ccccaaaa.1.2.1.0.0.0.4.8:lfsr5",
    "3:2:table-f0cceea8:lfsr5",
    "2:0:table-c:none",
]
FULL = [
    "32:32:zero:lfsr32",
    "32:31:half:lfsr32",
    "32:20:nearest:lfsr32",
    "32:31:nearest:lfsr32",
    "32:24:replicate:lfsr32",
    "32:31:select:lfsr32",
]
#: Sources of words from outside with boundaries; every third one, each source once, is quick.
OUTSIDE = [
    (source, boundary)
    for number, source in enumerate(
        (
            "port",
            "port,lanes=3,map=permute",
            "operand-own",
            "operand-prev",
            "operand-neighbour,lanes=3",
            "operand-xor,lanes=3",
        )
    )
    for boundary in (ROUNDINGS[number % 3 :] + ROUNDINGS[: number % 3])
]
#: Sources with lane maps; every second one has every map.
MAPPED = list(
    product(
        ("lfsr7,leap=5", "debruijn6,form=galois", "plateau7,leap=3"),
        ("rotate", "permute", "invert", "complement", "delay"),
    )
)


#: At `result` the bare rule is the unit's: some of them in a default run.
RULED = list(product(SMALL + FULL, ROUNDINGS))
SELDOM = {pair for pair in RULED if pair[1] == "result"} - {
    (text, "result") for text in (SMALL + FULL)[::4]
}


@pytest.mark.parametrize(("text", "boundary"), slow_where(SELDOM, RULED))
def test_every_rule_for_all_inputs(text: str, boundary: str, tmp_path: Path) -> None:
    design = parse(f"{text},boundary={boundary}")
    check = prove_rounder(design, tmp_path)
    assert check.passed, check.detail
    width = design.n if boundary == "decision" else design.input.width
    assert check.cases == 1 << (width + design.k)


@pytest.mark.parametrize("overflow", ["saturate", "wrap"])
@pytest.mark.parametrize(
    "formats",
    ["in=s20.12,out=u6.4", "in=u20.12,out=s4.0", "in=s64.40,out=int20", "in=s8.8", "in=u64.8"],
)
def test_ends_of_formats_for_all_inputs(formats: str, overflow: str, tmp_path: Path) -> None:
    for boundary in ("unit", "result"):
        design = parse(f"8:3:half:lfsr5,{formats},overflow={overflow},boundary={boundary}")
        check = prove_rounder(design, tmp_path)
        assert check.passed, check.detail


@pytest.mark.parametrize("form", ["fibonacci", "galois"])
@pytest.mark.parametrize("source", ["lfsr", "debruijn", "plateau"])
def test_every_source_with_reset_and_enable(source: str, form: str, tmp_path: Path) -> None:
    for leap in (1, 5):
        design = parse(f"6:5:select:{source}7,form={form},leap={leap},lanes=3")
        check = prove_design(design, tmp_path)
        assert check.passed, check.detail
        assert check.cases == 3 * {"lfsr": 127, "debruijn": 128, "plateau": 254}[source]


@pytest.mark.parametrize("text", ["cellular7", "cellular7,leap=5", "cellular7,leap=25", "counter5"])
def test_automata_and_counters_with_reset_and_enable(text: str, tmp_path: Path) -> None:
    check = prove_design(parse(f"6:5:select:{text},lanes=3"), tmp_path)
    assert check.passed, check.detail
    assert check.cases == 3 * (32 if text == "counter5" else 127)


@pytest.mark.parametrize(("source", "boundary"), slow_where({*OUTSIDE} - {*OUTSIDE[::3]}, OUTSIDE))
def test_words_from_outside(source: str, boundary: str, tmp_path: Path) -> None:
    for core in ("5:4:select", "5:3:replicate"):
        design = parse(f"{core}:{source},boundary={boundary}")
        check = prove_design(design, tmp_path, lanes=2 * design.lanes)
        assert check.passed, check.detail
        assert check.cases == 2 * design.lanes << design.k
        assert f"all {1 << design.k} words from outside" in check.detail


@pytest.mark.parametrize(("source", "name"), slow_where(MAPPED[1::2], MAPPED))
def test_every_lane_map(source: str, name: str, tmp_path: Path) -> None:
    for rule in ("zero", "select"):
        design = parse(f"6:5:{rule}:{source},lanes=4,map={name}")
        check = prove_design(design, tmp_path, lanes=8 if rule == "select" else None)
        assert check.passed, check.detail


@pytest.mark.parametrize(
    "text",
    [
        "reference",
        "reference,boundary=unit,leap=29",
        "papers,boundary=unit",
        "papers,boundary=result",
        "reference,boundary=result,leap=29",
        "32:32:replicate:plateau32,form=galois,leap=37",
        pytest.param("16:16:zero:lfsr32,form=galois,leap=1000003", marks=pytest.mark.slow),
        "16:16:zero:lfsr20,leap=1000003",
        "8:8:zero:debruijn20,leap=33",
        "8:7:select:lfsr13,leap=7,lanes=64",
        "8:0:half:none,boundary=unit",
        "8:0:half:none,boundary=result",
        pytest.param(
            "24:24:zero:lfsr24,leap=29,lanes=8,map=delay,boundary=unit", marks=pytest.mark.slow
        ),
        "24:24:zero:cellular24,leap=25",
        "16:16:zero:cellular20,leap=1000003",
        "32:31:half:cellular32",
        "32:32:zero:counter32,leap=1000003,boundary=unit",
        "24:24:replicate:plateau24,lanes=8,map=permute",
        "4:4:table-ff00f0f0fc30fa5000000000ccccaaaa.1.2.1.0.0.0.4.8:lfsr13,leap=4,lanes=3",
    ],
)
def test_whole_modules(text: str, tmp_path: Path) -> None:
    check = prove_design(parse(text), tmp_path)
    assert check.passed, check.detail


@pytest.mark.parametrize("boundary", ["unit", "result"])
def test_an_array_of_sources(boundary: str, tmp_path: Path) -> None:
    design = parse(f"8:3:half:plateau5,lanes=2,boundary={boundary}")
    check = prove_design(design, tmp_path, lanes=8)
    assert check.passed, check.detail
    assert check.cases == 62 * 8


def test_a_counterexample_is_named(tmp_path: Path) -> None:
    design = parse("8:0:half:none")
    text = rounder_rtlil(design)
    spoilt = text.replace("8'10000000", "8'01000000").replace("connect \\B 1'1", "connect \\B 1'0")
    assert spoilt != text
    check = prove_rounder(design, tmp_path, spoilt)
    assert not check.passed
    assert "frac " in check.detail and "expected 1" in check.detail and "got 0" in check.detail


def test_a_timeout_of_sat_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formal, "_SAT", "log interrupted SAT solver: TIMEOUT\n# {module} {limit}")
    with pytest.raises(ToolFailed, match="not conclusive"):
        prove_rounder(parse("papers"), tmp_path)


def test_a_pdr_without_an_answer_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    design = parse("reference")
    state = "\\lfsr [23:0]"
    text = emit_rtlil(design)
    spoilt = text.replace(f"connect \\B {state}", "connect \\B { \\lfsr [23:1] 1'0 }")
    assert spoilt != text
    assert not prove_design(design, tmp_path, text=spoilt).passed
    real = decide._abc

    def silent(script: str, folder: Path, log: Path, limit: float) -> str:
        return real(script, folder, log, limit) if "scorr" in script else "Property UNDECIDED."

    monkeypatch.setattr(decide, "_abc", silent)
    with pytest.raises(ToolFailed, match="no conclusion within 300 s"):
        prove_design(design, tmp_path, text=spoilt)


def test_abc_that_cannot_read_is_an_error(tmp_path: Path) -> None:
    assert prove_design(parse("papers"), tmp_path).passed
    assert (tmp_path / "reduced.aig").exists()
    (tmp_path / "miter.aig").unlink()
    with pytest.raises(ToolFailed, match="failed: "):
        decide.decide(tmp_path, "the reference")


def test_cones_in_aiger(tmp_path: Path) -> None:
    # q' = a & b; y = q, z = !b.
    path = tmp_path / "a.aag"
    path.write_text("aag 4 2 1 2 1\n2\n4\n6 8\n6\n5\n8 2 4\ni0 a\ni1 b\nl0 q\no0 y\no1 z\nc\n")
    graph = read_aiger(path)
    assert graph.cone(["y"]) == {"a", "b"}
    assert graph.cone(["z"]) == {"b"}
    path.write_text("nothing")
    with pytest.raises(ToolFailed, match="cannot be read"):
        read_aiger(path)
