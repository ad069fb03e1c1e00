"""`measure` from outside: input errors, tool errors, what it leaves behind; and its counters."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
import textbook

from esru.errors import InputError, ToolFailed
from esru.flow import batches, nextpnr
from esru.flow.measure import Netlist, measure
from esru.flow.targets.xc7 import sites as xc7_sites


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_nothing_is_left_behind_after_success(temporary: Path) -> None:
    assert measure([textbook.decision(8, 3, 3)], "lut4")["decision_8_3_3"].ff == 3
    assert list(temporary.iterdir()) == []


def test_no_netlists_is_no_work(temporary: Path) -> None:
    assert measure([], "ice40") == {}
    assert list(temporary.iterdir()) == []


def test_a_broken_netlist_names_the_error_and_keeps_its_log(temporary: Path) -> None:
    broken = Netlist("broken", "module broken(input a output b);\nendmodule\n", "verilog")
    with pytest.raises(ToolFailed, match=r"ERROR: .*log is ") as caught:
        measure([textbook.decision(8, 3, 3), broken], "ice40")
    assert caught.value.exit_code == 4
    assert caught.value.log is not None and caught.value.log.is_relative_to(temporary)
    assert "-broken.v" in caught.value.log.read_text(encoding="utf-8")


def test_a_missing_submodule_fails(temporary: Path) -> None:
    holed = Netlist("holed", "module holed(input a);\n  absent x(a);\nendmodule\n", "verilog")
    with pytest.raises(ToolFailed, match="absent"):
        measure([holed], "lut6")


def test_a_top_that_is_not_there_fails(temporary: Path) -> None:
    renamed = Netlist("other", textbook.decision(8, 3, 3).source, "verilog")
    with pytest.raises(ToolFailed, match="other"):
        measure([renamed], "lut6")


def test_a_memory_fails_where_block_ram_is_left_out(temporary: Path) -> None:
    text = """module store(input clk, input [7:0] a, input [7:0] d, output reg [7:0] q);
  reg [7:0] words [0:255];
  always @(posedge clk) begin
    words[a] <= d;
    q <= words[a];
  end
endmodule
"""
    with pytest.raises(ToolFailed, match="mem"):
        measure([Netlist("store", text, "verilog")], "ice40")


def test_unknown_target() -> None:
    with pytest.raises(InputError, match=r"Target must be one of ice40, .*, xc7, .*, not 'ic'"):
        measure([], "ic")


def test_names_must_be_plain_and_unique() -> None:
    one = textbook.decision(8, 3, 3)
    with pytest.raises(InputError, match="unique"):
        measure([one, one], "lut6")
    with pytest.raises(InputError, match="letters"):
        measure([Netlist("a b", one.source, "verilog")], "lut6")


def test_batches_and_progress(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    netlists = [textbook.decision(8, k, 8) for k in (1, 2, 3, 4, 5)]
    longest = max(len(netlist.source) for netlist in netlists)
    monkeypatch.setattr(batches, "BATCH_WORK", 2 * 2 * longest)
    seen: list[tuple[int, int]] = []
    found = measure(
        netlists, "lut4", progress=lambda done, total: seen.append((done, total)), workdir=tmp_path
    )
    assert seen == [(2, 5), (4, 5), (5, 5)]
    assert list(found) == [netlist.name for netlist in netlists]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lut4-000", "lut4-001", "lut4-002"]


def cell(kind: str, **pins: list[int | str]) -> nextpnr.Json:
    outputs = ("O", "CO", "Q")
    return {
        "type": kind,
        "port_directions": {pin: "output" if pin in outputs else "input" for pin in pins},
        "connections": pins,
    }


def sites(*cells: nextpnr.Json, out: list[int]) -> int:
    module = {
        "ports": {"y": {"direction": "output", "bits": out}},
        "cells": {f"c{index}": one for index, one in enumerate(cells)},
    }
    return xc7_sites(module)


def test_xc7_counts_a_route_through_where_no_lut_drives_a_carry_bit() -> None:
    lut = cell("LUT2", I0=[2], I1=[3], O=[10])
    # Bit 0 has its LUT, bit 1 an input alone, bit 2 a constant; bit 3 has no output in use.
    carry = cell("CARRY4", S=[10, 4, "0", 5], O=[20, 21, 22, 23], CO=[30, 31, 32, 33])
    assert sites(lut, carry, out=[20, 21, 22]) == 2
    assert sites(lut, carry, out=[20]) == 1
    assert sites(lut, carry, out=[33]) == 3


def test_xc7_one_lut_stands_beside_one_carry_bit() -> None:
    lut = cell("LUT2", I0=[2], I1=[3], O=[10])
    carry = cell("CARRY4", S=[10, 10, "0", "0"], O=[20, 21, 22, 23], CO=[30, 31, 32, 33])
    assert sites(lut, carry, out=[20, 21]) == 2


def test_xc7_a_flip_flop_drives_a_carry_bit_through_a_lut() -> None:
    flip_flop = cell("FDRE", D=[2], Q=[10])
    carry = cell("CARRY4", S=[10, "0", "0", "0"], O=[20, 21, 22, 23], CO=[30, 31, 32, 33])
    assert sites(flip_flop, carry, out=[20]) == 1


def test_packed_cells_without_a_name_of_ours_belong_to_whom_their_nets_lead_to() -> None:
    cells = {
        "0/a": cell("LC", I=[2], O=[3]),
        "1/a": cell("LC", I=[4], O=[5]),
        "$added$1": cell("LC", I=[7], O=[8]),  # reached only through the next one
        "$added$0": cell("LC", I=[5, 1], O=[7]),
        "$PACKER_GND": cell("LC", O=[1]),
    }
    packed = nextpnr.count(cells, 2)
    assert [dict(counts) for counts in packed.cells] == [{"LC": 1}, {"LC": 3}]
    assert dict(packed.constants) == {"LC": 1}


def test_a_constant_net_that_a_modules_cell_drives_joins_no_modules() -> None:
    """On iCE40 UltraPlus a carry's cell drives the net of the constant 1 besides."""
    cells = {
        "0/a$CARRY": cell("LC", I=[2, 9], O=[9], COUT=[3]),
        "1/a": cell("LC", I=[4, 9], O=[5]),
        "$added$0": cell("LC", CIN=[3], I=[9], O=[6]),
        "$added$1": cell("LC", I=[5, 9], O=[7]),
    }
    packed = nextpnr.count(cells, 2, {9})
    assert [dict(counts) for counts in packed.cells] == [{"LC": 2}, {"LC": 2}]
