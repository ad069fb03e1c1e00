"""The netlists that are counted are of the kind that the bound of docs/decisions/0014 is about."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import gated_bench
import pytest
from recorded import require_recorded_tools
from upward import Lane, Netlist, Wire, netlist

from esru.design import Design, parse
from esru.flow import measure

RESULTS = Path(__file__).parents[2] / "docs" / "results"

#: The targets of standard cells, with what has the counts of units on them.
TARGETS = {"nand2": "ratio", "nand2-gated": "gated", "osu018": "ratio", "osu018-gated": "gated"}

pytestmark = pytest.mark.library

WINNER = replace(parse("winner"), lanes=1, boundary="unit")


def mapped(design: Design, target: str, folder: Path) -> Netlist:
    """Return what is counted of a design at a target."""
    require_recorded_tools(target)
    return netlist(gated_bench.mapped(design, target, folder), target)


def strangers(design: Design, whole: Netlist, cut: bool = False) -> Iterator[set[Wire]]:
    """Return what no flip-flop of an upward unit has in front of it, bit by bit."""
    assert whole.in_order()
    for number in range(design.lanes):
        lane = Lane(design, whole, number)
        yield from (lane.strangers(bit, cut) for bit in range(len(lane.y)))


@pytest.mark.parametrize("target", TARGETS)
def test_the_winner_is_upward(target: str, tmp_path: Path) -> None:
    whole = mapped(WINNER, target, tmp_path)
    assert list(strangers(WINNER, whole)) == [set()] * 8
    # All that the bits read was looked at; no bit reads the output of another.
    lane = Lane(WINNER, whole, 0)
    assert not any(lane.lower(bit) for bit in range(8))
    assert all(lane.strangers(bit, cut=True) == set() for bit in range(8))
    # What finds the overflow reads a carry, and so the fraction.
    assert lane.spent() == []
    assert not any(lane.settled(wire) for wire in (*lane.x[:-1], *lane.y))
    assert lane.settled(lane.x[-1])


def test_a_unit_that_is_not_upward_is_seen(tmp_path: Path) -> None:
    """Where the enable meets the overflow, a cell is no constant but as good as the enable."""
    whole = mapped(WINNER, "nand2", tmp_path)
    lane = Lane(WINNER, whole, 0)
    lane.controls = set()
    assert lane.strangers(0) == set(lane.x[1:-1])
    # With the enable's cells in it and the number not negative, it is in none.
    lane = Lane(WINNER, whole, 0)
    del lane.values[lane.x[-1]]
    assert lane.strangers(0) == set(lane.x[1:])
    whole.following[lane.y[2]] = whole.following[lane.y[3]]
    assert Lane(WINNER, whole, 0).strangers(2) == {lane.x[3], lane.y[3]}


#: Reset and enable choose first, then the increment comes: each bit reads all lower y.
ENABLED_FIRST = """\
module enabled_first(input clk, rst, en, input [11:0] x, input [3:0] r, output reg [7:0] y);
  wire load = en & ~rst, hold = ~en & ~rst;
  wire [4:0] sum = x[3:0] + r;
  wire [7:0] m = (x[11:4] & {8{load}}) | (y & {8{hold}});
  wire fits = ~(&m[6:0] & ~x[11]);
  wire [7:0] carry;
  assign carry[0] = sum[4] & load & fits;
  genvar i;
  generate
    for (i = 0; i < 7; i = i + 1) begin : bits
      assign carry[i+1] = carry[i] & m[i];
    end
  endgenerate
  always @(posedge clk) y <= m ^ carry;
endmodule
"""


def following(whole: Netlist, known: dict[Wire, int]) -> int:
    """Return the next word; `known` has what is there before, and wires that are forced."""
    found = [whole.value(whole.following[wire], known) for wire in whole.ports["y"]]
    return sum(value << bit for bit, value in enumerate(found))


@pytest.mark.parametrize("target", ["nand2", "osu018"])
def test_a_unit_that_enables_first_is_upward(target: str, tmp_path: Path) -> None:
    require_recorded_tools(target)
    design = parse("4:4:zero:port,boundary=unit")
    text = measure.Netlist("enabled_first", ENABLED_FIRST, "verilog")
    whole = netlist(gated_bench.mapped_text(text, target, tmp_path), target)
    # Saturation is a pin that does not matter once x_7 is 1, and cells that nothing else reads.
    assert list(strangers(design, whole, cut=True)) == [set()] * 8
    lane = Lane(design, whole, 0)
    assert lane.strangers(0) > set()
    assert lane.spent()
    assert [lane.lower(bit) for bit in range(8)] == [set(lane.y[:bit]) for bit in range(8)]
    # It is a unit.
    rng = random.Random(20261130)
    seen: dict[Wire, set[int]] = {wire: set() for wire in lane.spent()}
    matters = dict.fromkeys(lane.spent(), False)
    for _ in range(400):
        values = {
            name: rng.getrandbits(len(bits)) | (0x7F0 if name == "x" and rng.random() < 0.3 else 0)
            for name, bits in whole.ports.items()
        }
        number = (values["x"] ^ 0x800) - 0x800 + values["r"] >> 4
        loaded = min(number, 127) & 255 if values["en"] else values["y"]
        expected = 0 if values["rst"] else loaded
        wires = {
            wire: values[name] >> bit & 1
            for name, bits in whole.ports.items()
            for bit, wire in enumerate(bits)
        }
        assert following(whole, dict(wires)) == expected
        # Once x_7 is 1 what is spent is constant, or nothing to any next value.
        wires[lane.x[-1]] = 1
        for wire in lane.spent():
            seen[wire].add(whole.value(wire, dict(wires)))
            forced = {following(whole, {**wires, wire: value}) for value in (0, 1)}
            matters[wire] = matters[wire] or len(forced) > 1
    assert all(len(seen[wire]) == 1 or not matters[wire] for wire in lane.spent())


def test_other_lanes_are_strangers_too(tmp_path: Path) -> None:
    design = replace(WINNER, lanes=2)
    whole = mapped(design, "nand2", tmp_path)
    here, there = (Lane(design, whole, number) for number in range(2))
    assert here.strangers(2) == set()
    whole.following[here.y[2]] = there.y[2]
    assert Lane(design, whole, 0).strangers(2) == {there.y[2]}
    whole.following[here.y[2]] = there.x[0]
    assert Lane(design, whole, 0).strangers(2) == {there.x[0]}


@pytest.mark.parametrize("target", ["nand2", "nand2-gated"])
def test_data_in_a_source_or_on_a_clock_is_seen(target: str, tmp_path: Path) -> None:
    whole = mapped(WINNER, target, tmp_path)
    source = next(output for output in whole.following if output not in whole.ports["y"])
    for wire in (whole.ports["x"][0], whole.ports["y"][0]):
        kept = whole.following[source]
        whole.following[source] = wire
        assert not whole.in_order()
        whole.following[source] = kept
        output = whole.ports["y"][3]
        kept = whole.clocks[output]
        whole.clocks[output] = wire
        assert not whole.in_order()
        whole.clocks[output] = kept
    assert whole.in_order()


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_every_unit_of_the_page_is_upward(target: str, tmp_path: Path) -> None:
    rows = json.loads((RESULTS / f"{TARGETS[target]}.json").read_text(encoding="utf-8"))["rows"]
    designs = {
        replace(parse(row["design"]), boundary="unit")
        for row in rows
        if (row["target"], row["boundary"]) == (target, "unit")
    }
    assert len(designs) >= 8
    for number, design in enumerate(sorted(designs, key=str)):
        folder = tmp_path / str(number)
        folder.mkdir()
        found = list(strangers(design, mapped(design, target, folder)))
        assert found == [set()] * 8 * design.lanes, design
