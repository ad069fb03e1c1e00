"""Seeds loaded at run time: proved for all sequences, simulated, and red where they are broken."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from amaranth.hdl import Cat, Module

from esru.cli import main
from esru.demo.config import DemoConfig
from esru.design import Design, parse
from esru.emulate.stream import Array
from esru.errors import InputError
from esru.flow.bitproof_unit import most_lanes, ports
from esru.flow.cocotb_run import run_cocotb
from esru.flow.formal import prove_design
from esru.flow.generate import interface
from esru.flow.icebox import HX8K
from esru.flow.loads import LoadedArray, load_cycles, simulate_loads
from esru.flow.mapped import prove_cells
from esru.flow.recovery import prove_recovery
from esru.flow.verify import verify
from esru.hdl.bank import Bank
from esru.hdl.emit import emit_rtlil, stream_verilog
from esru.rounding import round_up
from esru.sources import source_model
from esru.sources.register import RegisterModel
from esru.sources.settings import KEYS_OF, loaded_seed

#: Designs with lanes of an array: every family with a register, every map but `delay`.
ARRAYS = {
    "5:3:zero:lfsr5,leap=3,load=1": 1,
    "5:3:half:lfsr5,form=galois,load=1": 2,
    "6:5:select:lfsr7,leap=6,lanes=2,load=1,boundary=unit": 4,
    "5:3:zero:plateau5,leap=4,load=1": 2,
    "5:3:zero:plateau5,form=galois,recover=1,load=1": 3,
    "6:5:select:plateau6,lanes=3,map=invert,load=1": 6,
    "5:5:zero:cellular7,leap=2,recover=1,lanes=2,map=rotate,load=1": 4,
    "5:5:replicate:debruijn5,leap=3,lanes=2,map=permute,load=1": 2,
    "5:4:select:counter4,lanes=2,load=1": 4,
    "24:24:zero:lfsr24,leap=29,load=1": 1,
    "5:3:half:plateau5,load=1,boundary=result": 2,
    "6:5:select:lfsr7,leap=6,lanes=2,load=1,boundary=result": 4,
}


def test_every_family_with_a_register_is_here() -> None:
    families = {parse(text).source for text in ARRAYS}
    assert families == {family for family, keys in KEYS_OF.items() if "load" in keys}


@pytest.mark.parametrize("text", ARRAYS)
def test_loads_are_proved_and_simulated(text: str, tmp_path: Path) -> None:
    design = parse(text)
    check = simulate_loads(design, ARRAYS[text])
    assert check.passed, check.detail
    assert check.cases > 200 and re.match(r"\d\d loads, ", check.detail)
    check = prove_design(design, tmp_path, ARRAYS[text])
    assert check.passed, check.detail
    assert "en, rst, load and seed in every cycle" in check.detail
    if design.recover:
        assert prove_recovery(design, tmp_path).passed


def test_an_output_that_a_load_reaches_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the cycle of a load, too, a result without a register is its input's."""

    def inverted(self: Bank, platform: object) -> Module:
        m = Module()
        m.d.comb += self.y.eq(Cat(self.add_lanes(m)) ^ self.load)
        return m

    monkeypatch.setattr(Bank, "elaborate", inverted)
    check = simulate_loads(parse("5:3:half:plateau5,load=1,boundary=result"))
    assert not check.passed and ": expected " in check.detail


@pytest.mark.parametrize("boundary", ["decision", "result", "unit"])
def test_a_stream_says_what_must_stay_while_a_word_waits(boundary: str) -> None:
    said = {
        "8:3:zero:lfsr5": "",
        "8:3:zero:lfsr5,load=1": "load at 0",
        "8:3:zero:port": "keep r steady",
    }
    for text, wanted in said.items():
        lines = stream_verilog(parse(f"{text},boundary={boundary}")).splitlines()
        found = [line for line in lines if line.startswith("// While a word waits")]
        wait = "// While a word waits (o__valid = 1, o__ready = 0)"
        assert found == ([f"{wait} {wanted}."] if wanted and boundary != "unit" else [])


def test_after_a_load_the_words_are_those_of_a_design_with_that_seed() -> None:
    """The array after a load, word for word against registers stepped one by one."""
    for text, lanes in ARRAYS.items():
        design = replace(parse(text), lanes=1, map="same")
        length = design.length
        seeds = [(7 * lane + 1) % (1 << length) for lane in range(lanes - 1)] + [0]
        words = LoadedArray(design, lanes, seeds).lane_words(0, 9)
        for lane, seed in enumerate(seeds):
            assert loaded_seed(design, seed) == seed or seed == 0
            fresh = replace(design, seed=loaded_seed(design, seed))
            model = source_model(fresh)
            assert isinstance(model, RegisterModel)
            state, expected = fresh.seed, []
            for cycle in range(9):
                word = int(model.cut(np.array([state], np.uint32))[0])
                odd = design.source == "plateau" and cycle % 2
                expected.append(word ^ ((1 << design.k) - 1 if odd else 0))
                for _ in range(design.leap):
                    state = model.step(state)
            assert words[:, lane].tolist() == expected
            assert words[:, lane].tolist() == Array(fresh, 1).lane_words(0, 9)[:, 0].tolist()


def test_the_stimuli_hold_every_case() -> None:
    """Loads while idle, in a row, together with a reset, of 0, and a busy port without a load."""
    design = parse("5:3:zero:lfsr5,load=1")
    cycles = list(load_cycles(design, 2))
    loads = [cycle for cycle in cycles if cycle.load]
    assert any(not cycle.en for cycle in loads) and any(cycle.en for cycle in loads)
    assert any(cycle.rst for cycle in loads) and len(loads) > 50
    assert any(first.load and then.load for first, then in pairwise(cycles))
    for source in range(2):
        assert any(cycle.seed >> 5 * source & 31 == 0 for cycle in loads)
    assert any(cycle.seed and not cycle.load for cycle in cycles)
    for cycle in cycles:
        for lane in range(2):
            fraction = cycle.round.data >> 5 * lane & 31
            up = round_up(design.rule, 5, 3, fraction, cycle.round.words[lane])
            assert cycle.expected >> lane & 1 == up


@pytest.mark.parametrize("text", [*list(ARRAYS)[2:4], list(ARRAYS)[-1]])
def test_the_verilog_under_cocotb(text: str, tmp_path: Path) -> None:
    checks = run_cocotb(parse(text), tmp_path, ARRAYS[text])
    assert checks[-1].name == "Verilog: load" and len(checks) == 7
    for check in checks:
        assert check.passed and check.cases, check.detail


@pytest.mark.slow
def test_the_netlist_of_cells_is_proved(tmp_path: Path) -> None:
    assert prove_cells(parse(list(ARRAYS)[2]), tmp_path, "ice40").passed


def test_a_load_that_does_nothing_is_seen(tmp_path: Path) -> None:
    for text in list(ARRAYS)[:2]:
        design = parse(text)
        deaf = replace(design, load=0)
        rtlil = emit_rtlil(deaf).replace(deaf.id, design.id)
        width = design.length
        ends = "  wire width 1 input 90 \\load\n" + f"  wire width {width} input 91 \\seed\n"
        head, line, rest = rtlil.partition(f"module \\esru_{design.id}\n")
        check = prove_design(design, tmp_path, text=head + line + ends + rest)
        assert not check.passed and "in cycle" in check.detail


def test_the_design_says_so_and_behaves_the_same() -> None:
    for text in ARRAYS:
        design, plain = parse(text), parse(text.replace(",load=1", ""))
        assert parse(str(design)) == design and ",load=1" in str(design)
        assert Design.from_json(design.to_json()) == design
        assert design.to_json()["load"] == 1 and "load" not in plain.to_json()
        assert design.id != plain.id and design.behaviour == plain.behaviour


def test_refusals() -> None:
    for family in ("port", "operand-own"):
        with pytest.raises(InputError, match=f"Source {family} must be without load"):
            parse(f"5:3:zero:{family},load=1")
    with pytest.raises(InputError, match="Source none must be without settings"):
        parse("5:0:zero:none,load=1")
    with pytest.raises(InputError, match="Load must be between 0 and 1, not 2"):
        parse("5:3:zero:lfsr5,load=2")
    rule = "Lane map of a source that loads a seed must be any but delay"
    with pytest.raises(InputError, match=rule):
        parse("5:3:zero:lfsr5,lanes=2,map=delay,load=1")
    with pytest.raises(InputError, match="Design of the demo must be without load=1"):
        DemoConfig(parse("5:3:zero:lfsr5,load=1"), clock_hz=12_000_000)


def test_everything_knows_the_ports(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "6:5:select:lfsr7,lanes=2,load=1"
    out = tmp_path / "out"
    command = ["gen", text, "--lanes", "4", "-o", str(out)]
    assert main([*command, "--with", "stream,datasheet"]) == 0
    found = json.loads((out / "interface.json").read_text())
    for module in (found, found["stream"]):
        widths = {port["name"]: port["width"] for port in module["ports"]}
        assert (widths["load"], widths["seed"]) == (1, 14)
    assert "load; seed, 7 bits" in (out / "block.svg").read_text()
    sheet = (out / "datasheet.md").read_text()
    assert sheet.count("| `seed` | input | 14 |") == 2 and "seed at run time" in sheet
    assert "load: 1 makes seed[7 * sources]" in next(out.glob("*_stream.v")).read_text()
    capsys.readouterr()


def test_pins_are_counted_by_source() -> None:
    for text, lanes in ARRAYS.items():
        design = parse(text)
        described = interface(design, lanes)["ports"]
        assert ports(design, lanes) == {p["name"]: (p["direction"], p["width"]) for p in described}
        most = most_lanes(design)
        for count, fits in ((most, True), (most + design.lanes, False)):
            taken = sum(width for _, width in ports(design, count).values())
            assert (taken <= len(HX8K.pins)) == fits


def test_verify_has_a_check_more() -> None:
    names = [check.name for check in verify(parse(next(iter(ARRAYS))), levels=["simulation"])]
    assert names == ["Amaranth == model", "Amaranth == model, seeds loaded"]


def test_the_stream_has_the_ports_too() -> None:
    verilog = stream_verilog(parse("5:3:zero:lfsr5,load=1"))
    assert "input  wire load," in verilog and "input  wire [4:0] seed," in verilog
