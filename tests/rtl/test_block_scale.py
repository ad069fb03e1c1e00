"""Lanes that share a block's scale: text, ports, simulation, and faults that it sees."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from amaranth.hdl import Module, Value

from esru.design import Design, parse
from esru.errors import InputError
from esru.flow.generate import generate
from esru.flow.simulate import simulate
from esru.hdl.bank import Bank
from esru.hdl.emit import emit_rtlil

TEXT = "4:3:select:lfsr5,leap=4,lanes=4,in=mx_bfloat16,out=ocp_e2m1,block=2,boundary=unit"


def test_a_block_is_a_key_of_its_own() -> None:
    design = parse(TEXT)
    assert str(design) == TEXT and design.to_json()["block"] == 2
    assert Design.from_json(design.to_json()) == design
    packed = parse(TEXT.replace(",block=2", ""))
    assert "block" not in packed.to_json() and design.id != packed.id
    # Where the scale comes in changes no decision.
    assert design.behaviour == packed.behaviour
    assert (design.x_bits, packed.x_bits) == (16, 24)


def test_the_scales_are_a_port_where_there_are_words() -> None:
    design = parse(TEXT)
    assert design.side_inputs(8) == {"scale": 32}
    assert replace(design, boundary="result").side_inputs(8) == {"scale": 32}
    assert parse(TEXT.replace("block=2", "block=32")).side_inputs(8) == {"scale": 8}
    assert parse(TEXT.replace(",boundary=unit", "")).side_inputs(8) == {}
    given = parse("4:3:half:port,lanes=2,in=mx_float16,out=ocp_e4m3,block=2,boundary=unit")
    assert given.side_inputs(6) == {"r": 9, "scale": 24}


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("in=bfloat16,out=ocp_e2m1,block=2", "lanes with block= must be one of mx_float32, "),
        ("block=2", "Input format of lanes with block= must be one of mx_float32, .* not s12.4"),
        ("in=mx_float32,out=ocp_e2m1,block=1025", "Lanes of a block must be between 1 and 1024"),
        ("in=mx_float32,out=ocp_e2m1,block=x", "Lanes of a block must be an integer, not 'x'"),
        ("in=mx_float32,out=ocp_e2m1,block=-1", "Lanes of a block must be an integer, not '-1'"),
    ],
)
def test_blocks_that_cannot_be(keys: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse(f"4:3:zero:lfsr5,{keys}")


def test_an_array_is_whole_blocks_or_a_share_of_one() -> None:
    design = parse("4:3:zero:lfsr5,in=mx_bfloat16,out=ocp_e2m1,block=4,boundary=unit")
    for lanes in (1, 2, 4, 8, 12):
        width = re.search(r"wire width (\d+) input \d+ +\\scale\n", emit_rtlil(design, lanes))
        assert width is not None and int(width[1]) == 8 * max(lanes // 4, 1)
    for lanes in (3, 6):
        rule = r"a multiple of the lanes of a block \(4\) or a divisor of it"
        with pytest.raises(InputError, match=f"Lanes of the array must be {rule}, not {lanes}"):
            Bank(design, lanes)


def test_what_a_block_shares_is_computed_once() -> None:
    """One sum of scale and constant for each block; each lane subtracts its outcome."""
    for lanes, blocks in ((4, 2), (8, 4)):
        signals = re.findall(
            r"^  wire width \d+ signed \\(offset\w*)", emit_rtlil(parse(TEXT), lanes), re.M
        )
        assert len(set(signals)) == blocks
    packed = emit_rtlil(parse(TEXT.replace(",block=2", "")), 4)
    assert len(set(re.findall(r"\\(offset_\d+)\n", packed))) == 4


def slow(text: str, lanes: int) -> Any:
    return pytest.param(text, lanes, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    ("text", "lanes"),
    [
        (TEXT, 4),
        ("6:5:nearest:debruijn5,in=mx_float32,out=ocp_e2m1,block=32,boundary=unit", 2),
        slow("3:2:replicate:port,lanes=2,in=mx_bfloat16,out=ocp_e2m3,block=1,boundary=unit", 2),
        slow("4:3:zero:operand-prev,in=mx_float16,out=ocp_e2m1,block=1,boundary=unit", 2),
        (TEXT.replace(",boundary=unit", ""), 8),
        slow(TEXT.replace("unit", "result"), 4),
        ("3:2:zero:lfsr3,lanes=2,in=mx_bfloat16,out=ocp_e2m1,block=2,boundary=result", 2),
    ],
)
def test_blocks_simulated(text: str, lanes: int) -> None:
    check = simulate(parse(text), lanes)
    assert check.passed, check.detail


def test_a_scale_of_another_block_and_one_for_all_are_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    design = parse(TEXT)
    offsets = Bank._offsets

    def exchanged(self: Bank, m: Module) -> list[Value]:
        return offsets(self, m)[::-1]

    def one(self: Bank, m: Module) -> list[Value]:
        return offsets(self, m)[:1] * 2

    for fault, boundary in product((exchanged, one), ("result", "unit")):
        monkeypatch.setattr(Bank, "_offsets", fault)
        check = simulate(replace(design, boundary=boundary), 4)
        assert not check.passed
        assert re.search(r"lane \d, x 0x[0-9a-f]+, scale \d+, word \d+: expected", check.detail)


def test_what_gen_writes(tmp_path: Path) -> None:
    design = parse(TEXT)
    generate(design, tmp_path, lanes=8, extras=["testbench", "stream", "core"])
    ports = json.loads((tmp_path / "interface.json").read_text())["ports"]
    found = {port["name"]: (port["width"], port["meaning"]) for port in ports}
    assert found["scale"] == (32, "E8M0 scale of each block of 2 lanes, 8 bits, block 0 lowest")
    assert found["x"] == (128, "bfloat16 word of each lane, lane 0 lowest")
    stem = f"{design.id}_x8"
    command = ["iverilog", "-g2001", "-Wall", "-o", "bench", f"{stem}.v", f"{stem}_tb.v"]
    subprocess.run(command, cwd=tmp_path, check=True)
    done = subprocess.run(["vvp", "-n", "bench"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and "PASS" in done.stdout
    # The vectors see a scale that goes to the wrong block.
    verilog = (tmp_path / f"{stem}.v").read_text()
    spoilt = verilog.replace("scale[7:0]", "scale[15:8]")
    assert spoilt != verilog
    (tmp_path / f"{stem}.v").write_text(spoilt)
    subprocess.run(command, cwd=tmp_path, check=True)
    done = subprocess.run(["vvp", "-n", "bench"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode != 0 and "FAIL" in done.stdout
