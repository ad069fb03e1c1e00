"""Floors: exact cells per lane of the structure that is given cell by cell, and their bounds."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from marks import slow_where

from esru.design import parse
from esru.flow.cost import fabric_of
from esru.flow.floors import least_select, least_sum
from esru.flow.mapped import synthesise
from esru.flow.measure import Cells, Netlist, measure
from esru.flow.targets import TARGETS
from esru.hdl.emit import emit_rtlil, emit_verilog, module_name
from esru.hdl.helped import select_chain

#: Two or one of the decision; the increment, its saturation and its register take the rest.
_UNIT = {"ice40": 2 + 9, "ecp5": 2 + 12, "lut4": 2 + 12, "xc7": 1 + 10, "lut6": 1 + 10}

#: Cells that one lane more takes.
LANE = {
    "4:3:select:lfsr5,leap=3": {"ice40": 2, "ecp5": 2, "lut4": 2, "xc7": 1, "lut6": 1},
    "7:6:select:lfsr7,leap=6": {"ice40": 4, "ecp5": 4, "lut4": 4, "xc7": 2, "lut6": 2},
    "8:7:select:lfsr13,leap=7": {"ice40": 4, "ecp5": 4, "lut4": 4, "xc7": 2, "lut6": 3},
    "3:3:zero:lfsr5,leap=3": {"ice40": 2, "ecp5": 2, "lut4": 2, "xc7": 1, "lut6": 1},
    "5:5:zero:lfsr7,leap=5": {"ice40": 4, "ecp5": 4, "lut4": 4, "xc7": 2, "lut6": 2},
    "4:3:select:lfsr5,leap=3,boundary=unit": _UNIT,
    # The register's flip-flops stand behind LUTs that are there anyway.
    "4:3:select:lfsr5,leap=3,boundary=result": _UNIT,
}

#: The reference with the same help: cells of its one lane, source included.
REFERENCE = {"ice40": 27, "ecp5": 24, "lut4": 24, "xc7": 13, "lut6": 13}

#: Flip-flops of a whole group: the source's length, and what else there has to be.
REGISTERS = {
    "24:24:zero:lfsr24": 24,
    "4:3:select:lfsr24,lanes=4": 24 + 2,
    "4:3:select:lfsr24,leap=4,lanes=4": 24 + 2,
    "4:3:select:lfsr24,leap=22,lanes=4": 24 + 2,
    "8:3:replicate:plateau3": 3 + 1,
    "8:3:replicate:plateau3,lanes=4,boundary=unit": 3 + 1 + 4 * 8,
    "8:3:replicate:plateau3,lanes=4,boundary=result": 3 + 1,
    "24:24:zero:lfsr24,boundary=result": 24,
}

#: Targets of which the counts are another's.
_LIKE = {"gowin": "lut4"}

MORE = ("ice40", "ecp5", "gowin", "lut4", "xc7")


def counted(texts: list[str], target: str) -> dict[str, Cells]:
    """Return the counts of each design's group, by its text."""
    fabric = fabric_of(target, "helped")
    designs = [parse(text) for text in texts]
    netlists = [Netlist(module_name(d), emit_rtlil(d, fabric=fabric)) for d in designs]
    found = measure(netlists, target)
    return {text: found[net.name] for text, net in zip(texts, netlists, strict=True)}


def shared(text: str, lanes: int) -> str:
    """Return a design whose source serves some lanes."""
    return str(replace(parse(text), lanes=lanes))


@pytest.mark.parametrize("target", slow_where(MORE, ["lut6", *MORE]))
def test_the_floors_are_reached(target: str) -> None:
    groups = [shared(text, lanes) for text in LANE for lanes in (4, 8)]
    found = counted([*groups, *REGISTERS], target)
    for text, floors in LANE.items():
        four, eight = (found[shared(text, lanes)].cells for lanes in (4, 8))
        assert four is not None and eight is not None
        assert (eight - four) / 4 == floors[_LIKE.get(target, target)], (text, target)
    assert found["24:24:zero:lfsr24"].cells == REFERENCE[_LIKE.get(target, target)]
    assert {text: found[text].ff for text in REGISTERS} == REGISTERS


@pytest.mark.slow
def test_eight_bits_are_two_lut6_and_a_multiplexer(tmp_path: Path) -> None:
    """What synthesis leaves of a 7-series lane, cell by cell: its LUTs are the chain's two."""
    design = parse("8:7:select:lfsr13,leap=7,lanes=8")
    one, two = (
        Counter(re.findall(r"cell \\(LUT6|MUXF7) ", synthesise(d, tmp_path, "xc7", None, "helped")))
        for d in (design, replace(design, lanes=16))
    )
    assert two - one == {"LUT6": 16, "MUXF7": 8}


def test_what_a_sharing_lane_pays_for_the_source_falls_as_one_over_the_lanes() -> None:
    text = "4:3:select:lfsr24,leap=4"
    found = counted([shared(text, lanes) for lanes in (2, 8, 32)], "lut4")
    sources = [
        (cells.cells or 0) - 2 * n for n, cells in zip((2, 8, 32), found.values(), strict=True)
    ]
    assert sources == [sources[0]] * 3


@pytest.mark.parametrize(
    ("tied", "cells"), [({}, 27), ({"rst": 0}, 26), ({"en": 1}, 26), ({"en": 1, "rst": 0}, 26)]
)
def test_the_reference_on_ice40(tied: dict[str, int], cells: int) -> None:
    """24 carry cells with all flip-flops but one in them, that one, and the carry's way out.

    One cell more makes the clock enable of `en` and `rst`, as the enable holds back a reset.
    """
    design = parse("reference")
    text = emit_rtlil(design, fabric=fabric_of("ice40", "helped"))
    name = module_name(design)
    ports = re.findall(r"wire width (\d+) (input|output) (\d+)  ?\\(\S+)", text)
    assert {port for *_, port in ports} == {"clk", "rst", "en", "frac", "up"}
    lines = [f"module \\{name}"]
    lines += [f"  wire width {width} {way} {place} \\{port}" for width, way, place, port in ports]
    lines += ["  cell \\inner \\lane"]
    for *_, port in ports:
        value = f"1'{tied[port]}" if port in tied else f"\\{port}"
        lines.append(f"    connect \\{port} {value}")
    lines += ["  end", "end", ""]
    inner = text.replace(f"module \\{name}\n", "module \\inner\n")
    found = measure([Netlist(name, "\n".join(lines) + inner)], "ice40")[name]
    assert (found.cells, found.ff, found.carry) == (cells, 24, 24)


@pytest.mark.parametrize("target", ["ice40", "ecp5", "xc7"])
def test_a_result_is_given_the_units_cells(target: str) -> None:
    """On the iCE40 the increment goes on where the register's carry cells end: no LUT between."""
    fabric = fabric_of(target, "helped")
    for text in ("reference", "8:7:select:lfsr13,leap=7,lanes=2"):
        designs = [parse(f"{text},boundary={name}") for name in ("unit", "result")]
        texts = [emit_rtlil(design, fabric=fabric) for design in designs]
        unit, result = (Counter(re.findall(r"^  cell \\(\S+)", found, re.M)) for found in texts)
        assert result == unit and sum(unit.values()) > 8


def test_verilog_costs_what_its_rtlil_costs() -> None:
    design = parse("4:3:select:lfsr5,leap=3,boundary=unit")
    fabric = fabric_of("ice40", "helped")
    texts = emit_rtlil(design, fabric=fabric), emit_verilog(design, fabric=fabric)
    name = module_name(design)
    rtlil, verilog = (
        measure([Netlist(name, text, language)], "ice40")[name]
        for text, language in zip(texts, ("rtlil", "verilog"), strict=True)
    )
    assert rtlil == verilog


@pytest.mark.parametrize(("target", "width"), [("lut4", 4), ("lut6", 6)])
def test_select_is_at_its_bound(target: str, width: int) -> None:
    fabric = TARGETS[target].fabric
    assert fabric is not None
    reached = [len(select_chain(n, fabric).cells) for n in range(2, 11)]
    assert reached == [least_select(n, width) for n in range(2, 11)]


def test_bounds() -> None:
    # 7 fraction bits and 3 controls are the ten pins of three LUT4; the cases ask for a fourth.
    assert [least_select(n, 4) for n in (2, 4, 7, 8)] == [1, 2, 4, 4]
    # A multiplexer of four is one LUT6, of eight three, though two have the 11 pins.
    assert [least_select(n, 6) for n in (2, 4, 7, 8)] == [1, 1, 2, 3]
    assert [least_sum(k, 6) for k in (1, 3, 5, 24)] == [1, 1, 2, 10]
    assert [least_sum(k, 4) for k in (1, 3, 5, 24)] == [1, 2, 3, 16]


def test_four_control_bits_choose_one_of_seven_in_two_luts() -> None:
    fabric = TARGETS["lut6"].fabric
    assert fabric is not None
    chain = select_chain(7, fabric)
    assert [cell.data for cell in chain.cells] == [(0, 1, 2, 3), (4, 5, 6)]
    assert len(chain.columns) == 4
    assert len(set(chain.codes())) == 7
