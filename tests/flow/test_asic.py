"""Standard cells: what a gate counts, what the Liberty file says, and what is missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import textbook
from marks import skip_without_library

from esru.cli import main
from esru.errors import InputError, ToolFailed
from esru.flow import toolchain, yosys
from esru.flow.measure import Cells, Netlist, measure
from esru.flow.targets import asic, nand2, osu018, target


@pytest.mark.library
def test_area_is_what_yosys_finds_in_the_liberty_file(tmp_path: Path) -> None:
    skip_without_library()
    netlist = textbook.unit(8, 8, 8)
    found = measure([netlist], "osu018", workdir=tmp_path)[netlist.name]
    folder = tmp_path / "osu018-000"
    script = "read_json cells.json\ntee -q -o stat.json stat -json -liberty cells.lib\n"
    yosys.run_script(script, cwd=folder, log=folder / "stat.log")
    modules = json.loads((folder / "stat.json").read_text())["modules"]
    both = [modules[f"\\{name}_0"] for name in ("forwards", "backwards")]
    smaller = min(both, key=lambda module: module["area"])
    assert (smaller["area"], smaller["num_cells"]) == (found.area, found.cells)


def test_gates_are_those_of_the_liberty_file(tmp_path: Path) -> None:
    text = """library (x) {
  cell (MAJ) { area : 9; pin (A) { direction : input; } pin (Z) {
    function : "(A B) + (B !C) + ( C  A )"; } }
  cell ("PAIR") { area : 5; pin (S) { function : "A^B"; } pin (T) { function : "A B"; } }
  cell (REG) {
    ff (q, n) { next_state : "D"; }
    area : 3; pin (Q) { function : "q"; } }
  cell (BUS) { area : 4; pin (Y) { function : "A"; three_state : "!E"; } }
}
"""
    (tmp_path / "some.lib").write_text(text)
    _, areas, gates = osu018._read(tmp_path / "some.lib")
    assert areas == {"MAJ": 9, "PAIR": 5, "REG": 3, "BUS": 4}
    assert gates == (asic.Gate("MAJ", 9, "Z", "(A*B)+(B*!C)+(C*A)"),)


def test_no_two_gates_have_one_area() -> None:
    """What `qsort` does with equal ones depends on the C library."""
    gates = [asic.Gate(name, area, "Y", "A") for name, area in (("b", 1), ("a", 1), ("c", 0.5))]
    lines = [line.split()[1:3] for line in asic.genlib(gates).splitlines()]
    assert [name for name, _ in lines] == ["c", "b", "a"]
    areas = [float(area) for _, area in lines]
    assert areas == sorted(set(areas)) and areas == pytest.approx([0.5, 1, 1], abs=1e-3)


def test_gates_are_counted_by_their_transistors() -> None:
    text = "module one(input a, b, c, clk, output x, output reg q);"
    text += " assign x = ~((a & b) | c); always @(posedge clk) q <= a; endmodule"
    found = measure([Netlist("one", text, "verilog")], "nand2")["one"]
    # An AOI21 of six transistors and a flip-flop of sixteen, over the four of a NAND2.
    assert found == Cells(cells=5.5, lut=0, ff=1, carry=0, area=5.5)


def test_carries_ripple() -> None:
    """A stage is a NAND, a NOR and an AOI21 or OAI21; looking ahead would take more gates."""
    text = "module sum(input [15:0] a, b, output y); wire [16:0] s = a + b; assign y = s[16];"
    found = measure([Netlist("sum", text + " endmodule", "verilog")], "nand2")["sum"]
    assert found.cells is not None and found.cells <= 16 * (1 + 1 + 1.5)


def test_initial_values_are_dropped_and_the_reset_is_built() -> None:
    """A toggle that starts at 1: without its reset it would start at random."""
    body = "reg q = 1; always @(posedge clk) {}; endmodule"
    ports = "input clk, input rst, output y); assign y = q; "
    with_reset = "module one(" + ports + body.format("if (rst) q <= 1; else q <= ~q")
    without = "module two(" + ports + body.format("q <= ~q")
    some = [Netlist("one", with_reset, "verilog"), Netlist("two", without, "verilog")]
    found = measure(some, "nand2")
    assert found["one"].ff == found["two"].ff == 1
    # An inverter, or a NAND that the reset forces to 1 (and an inverter of the reset).
    assert (found["two"].cells, found["one"].cells) == (4.5, 5.5)


def test_an_unknown_cell_is_no_zero() -> None:
    module = {"cells": {"a": {"type": "INV"}, "b": {"type": "$_DLATCH_P_"}}}
    with pytest.raises(ToolFailed, match=r"DLATCH"):
        nand2.equivalents(module)


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.delenv("ESRU_OSU018", raising=False)
    monkeypatch.setattr(osu018, "PLACES", ())
    return monkeypatch


def test_without_the_liberty_file(
    nowhere: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["cost", "papers", "--target", "osu018"]) == 3
    assert "apt-get install qflow-tech-osu018" in capsys.readouterr().err
    assert target("osu018").name == "osu018"


def test_a_liberty_file_that_is_named(nowhere: pytest.MonkeyPatch, tmp_path: Path) -> None:
    nowhere.setenv("ESRU_OSU018", str(tmp_path / "none.lib"))
    with pytest.raises(InputError, match="ESRU_OSU018 must be the path of a Liberty file"):
        osu018.liberty()
    (tmp_path / "none.lib").write_text("library(x) {}")
    assert osu018.liberty() == tmp_path / "none.lib"


def test_without_the_packer_of_gowin(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = toolchain._importable
    monkeypatch.setattr(toolchain, "_importable", lambda name: "gowin" not in name and found(name))
    assert main(["cost", "papers", "--target", "gowin"]) == 3
    assert "pip install 'esru[gowin]'" in capsys.readouterr().err
