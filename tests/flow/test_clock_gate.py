"""Enables that gate the clock: what the netlist does, that nothing glitches, what is counted."""

from __future__ import annotations

import copy
from functools import cache
from pathlib import Path
from typing import Any

import gated_bench
import pytest
from marks import skip_without_library, slow_where

from esru.boundaries import ROUNDINGS
from esru.design import parse
from esru.flow import targets
from esru.flow.measure import Netlist, measure
from esru.flow.targets import clock_gate, nand2, osu018

pytestmark = pytest.mark.library

#: A source that lanes share, one in every lane, and one too short for a gate of its own.
WINNER = "4:3:select:lfsr24,leap=4,lanes=4"
DESIGNS = (WINNER, "6:5:half:lfsr7,leap=5", "8:3:replicate:plateau3")

#: By target, the AND of a clock gate and the flip-flops of both edges, with their clock's pin.
CELLS = {
    "nand2-gated": ("AND2", "$_DFF_P_", "$_DFF_N_", "C"),
    "osu018-gated": ("AND2X1", "DFFPOSX1", "DFFNEGX1", "CLK"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gated")


@cache
def _mapped(text: str, target: str, folder: Path) -> dict[str, Any]:
    skip_without_library(target)
    return gated_bench.mapped(parse(text), target, folder)


def _of(module: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [cell["connections"] for cell in module["cells"].values() if cell["type"] == kind]


def _gates(module: dict[str, Any], target: str) -> list[dict[str, Any]]:
    """Return the pins of the ANDs whose output is a clock."""
    both, rising, _, clock = CELLS[target]
    clocks = {tuple(pins[clock]) for pins in _of(module, rising)}
    return [pins for pins in _of(module, both) if tuple(pins["Y"]) in clocks]


SHOWN = [(text, boundary, target) for target in CELLS for text in DESIGNS for boundary in ROUNDINGS]
#: Without the register there is the decision's gate: one of them in a default run.
SELDOM = [one for one in SHOWN if one[1] == "result"][1:]


@pytest.mark.parametrize(("text", "boundary", "target"), slow_where(SELDOM, SHOWN))
def test_the_netlist_does_what_the_model_says(
    text: str, boundary: str, target: str, folder: Path
) -> None:
    """With en and rst at random, of which a reset while en is 0 is a part."""
    design = parse(f"{text},boundary={boundary}")
    seen = {(reset, enable) for reset, enable, *_ in gated_bench.cycles(design, 400)}
    assert len(seen) == 4
    module = _mapped(str(design), target, folder)
    assert gated_bench.failures(design, module, target, folder) == 0


@pytest.mark.parametrize("target", CELLS)
@pytest.mark.parametrize("boundary", ["decision", "unit"])
def test_a_wrong_gate_is_seen(boundary: str, target: str, folder: Path) -> None:
    design = parse(f"{WINNER},boundary={boundary}")
    module = _mapped(str(design), target, folder)
    both, rising, falling, clock = CELLS[target]
    (gate,) = _gates(module, target)

    def failures(change: dict[str, Any]) -> int:
        spoilt = copy.deepcopy(module)
        for cell in spoilt["cells"].values():
            if cell["type"] in change and (cell["type"] != both or cell["connections"] == gate):
                change[cell["type"]](cell)
        assert spoilt != module
        return gated_bench.failures(design, spoilt, target, folder)

    enable = module["ports"]["en"]["bits"]
    # The gate is an OR; the enable forgets the reset; the flip-flop has the wrong edge.
    assert failures({both: lambda cell: cell.update(type="OR2")}) > 0
    assert failures({falling: lambda cell: cell["connections"].update(D=enable)}) > 0
    assert failures({falling: lambda cell: cell.update(type=rising)}) > 0
    # And the model of both does see a clock that is never gated, or never open.
    assert failures({rising: lambda cell: cell["connections"].update({clock: gate["A"]})}) > 0
    assert failures({falling: lambda cell: cell["connections"].update(D=["0"])}) > 0


@pytest.mark.parametrize("target", CELLS)
@pytest.mark.parametrize("boundary", ROUNDINGS)
def test_a_gated_clock_has_no_glitch(boundary: str, target: str, folder: Path) -> None:
    """An AND of the clock itself and what changes while it is low; it feeds clocks only."""
    module = _mapped(f"{WINNER},boundary={boundary}", target, folder)
    both, rising, falling, clock = CELLS[target]
    clk = module["ports"]["clk"]["bits"]
    (gate,) = _gates(module, target)
    (held,) = _of(module, falling)
    assert held[clock] == clk and [gate["A"], gate["B"]] == [clk, held["Q"]]
    assert {tuple(pins[clock]) for pins in _of(module, rising)} == {tuple(gate["Y"])}
    for output, pins in ((gate["Y"], {clock}), (held["Q"], {"B"}), (clk, {"A", clock})):
        fed = [
            (cell["type"], pin)
            for cell in module["cells"].values()
            for pin, bits in cell["connections"].items()
            if bits == output and pin not in ("Q", "Y")
        ]
        assert {pin for _, pin in fed} == pins
        assert {kind for kind, pin in fed} <= {both, rising, falling}


def _counted(registers: int, target: str) -> tuple[float, float]:
    """Return area and flip-flops of some with one enable, which the reset clears."""
    wide = f"[{registers - 1}:0]"
    text = f"module some(input clk, rst, en, input {wide} d, output reg {wide} q);"
    text += " always @(posedge clk) if (rst) q <= 0; else if (en) q <= d; endmodule"
    found = measure([Netlist("some", text, "verilog")], target)["some"]
    assert found.area is not None
    return found.area, found.ff


@pytest.mark.parametrize(("target", "least"), [("nand2", 5), ("osu018", 7)])
def test_from_how_many_on_the_clock_is_gated(target: str, least: int) -> None:
    skip_without_library(target)
    if target == "nand2":
        area, falling, both, aoi, inverter = (
            nand2.GATED_EQUIVALENTS,
            "$_DFF_N_",
            "AND2",
            "AOI22",
            "INV",
        )
        of_or = area["NOR2"] + area["INV"]
    else:
        area, falling, both = osu018._read(osu018.liberty())[1], "DFFNEGX1", "AND2X1"
        aoi, inverter, of_or = "AOI22X1", "INVX1", area["OR2X1"]
    gate, each = area[falling] + area[both], area[aoi] - area[inverter]
    takes = gate + of_or - area[inverter]
    assert (least - 1) * each <= takes < least * each
    # The figure that stands below every table.
    assert f"a clock gate {gate:g}" in targets.target(f"{target}-gated").counts
    for registers, gates in ((least - 1, 0), (least, 1)):
        plain, gated = _counted(registers, target), _counted(registers, f"{target}-gated")
        assert (plain[1], gated[1]) == (registers, registers + gates)
        assert plain[0] - gated[0] == gates * (registers * each - takes)


def test_flip_flops_without_an_enable_are_as_before() -> None:
    text = "module one(input clk, rst, output reg [7:0] q);"
    text += " always @(posedge clk) q <= rst ? 8'd1 : q + 8'd1; endmodule"
    found = [measure([Netlist("one", text, "verilog")], t) for t in ("nand2", "nand2-gated")]
    assert found[0] == found[1] and found[0]["one"].ff == 8


def test_two_enables_are_two_gates() -> None:
    """Without a reset there is no OR, and nothing in front of the flip-flops."""
    text = "module two(input clk, a, b, input [9:0] d, output reg [4:0] p, output reg [4:0] q);"
    text += " always @(posedge clk) begin if (a) p <= d[4:0]; if (~b) q <= d[9:5]; end endmodule"
    (found,) = measure([Netlist("two", text, "verilog")], "nand2-gated").values()
    gate = nand2.GATED_EQUIVALENTS[clock_gate.FALLING] + nand2.GATED_EQUIVALENTS["AND2"]
    assert (found.ff, found.area) == (12, 10 * 4 + 2 * gate + 0.5)
