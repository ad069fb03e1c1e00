"""Proofs of the accumulators: all inputs, whole modules, and the netlists that are counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from esru.design import parse
from esru.errors import InputError
from esru.flow.formal import prove_design, prove_rounder
from esru.flow.mapped import MODELS, prove_cells
from esru.hdl.emit import emit_rtlil, rounder_rtlil
from esru.hdl.structure import check_fabric

DESIGNS = [
    "reference,boundary=accumulator",
    "4:3:select:lfsr5,lanes=3,in=s10.6,out=uint4,boundary=accumulator",
    "4:2:nearest:operand-neighbour,lanes=2,in=s11.7,overflow=wrap,boundary=accumulator",
    "3:2:table-f0cceea8:lfsr3,boundary=accumulator",
    "reference,boundary=dither",
    "4:2:half:lfsr3,in=s9.6,out=int4,map=delay,lanes=3,boundary=dither",
    "4:2:replicate:port,in=u9.6,out=uint2,lanes=2,boundary=dither",
    "4:0:half:none,in=s9.6,out=uint2,overflow=wrap,boundary=dither",
]


@pytest.mark.parametrize("text", DESIGNS)
def test_for_all_inputs(text: str, tmp_path: Path) -> None:
    design = parse(text)
    bare, whole = prove_rounder(design, tmp_path), prove_design(design, tmp_path)
    stored = design.out_format.width if design.boundary == "accumulator" else 0
    assert bare.passed and bare.cases == 1 << (design.input.width + stored + design.k)
    assert whole.passed, whole.detail


def test_an_array_and_its_neighbours(tmp_path: Path) -> None:
    """A lane that looks at another lane's stored word is seen."""
    design = parse("3:2:half:lfsr3,lanes=2,boundary=accumulator")
    assert prove_design(design, tmp_path, 4).passed
    text = emit_rtlil(design, 4)
    crossed = text.replace("\\w [7:0]", "\\w [15:8]", 1)
    assert crossed != text
    check = prove_design(design, tmp_path, 4, crossed)
    assert not check.passed and "depends on w[" in check.detail


def test_a_difference_is_named(tmp_path: Path) -> None:
    other = parse("4:2:zero:lfsr3,overflow=wrap,boundary=accumulator")
    design = parse("4:2:zero:lfsr3,boundary=accumulator")
    text = rounder_rtlil(other).replace(other.id, design.id)
    check = prove_rounder(design, tmp_path, text)
    assert not check.passed
    assert all(name in check.detail for name in ("w ", "x ", "word ", "expected ", "got "))


@pytest.mark.parametrize(
    "target", ["ice40", *(pytest.param(n, marks=pytest.mark.slow) for n in MODELS if n != "ice40")]
)
@pytest.mark.parametrize("boundary", ["accumulator", "dither"])
def test_the_counted_netlist(boundary: str, target: str, tmp_path: Path) -> None:
    design = parse(f"4:3:half:lfsr5,lanes=2,boundary={boundary}")
    check = prove_cells(design, tmp_path, target)
    assert check.passed, check.detail


@pytest.mark.parametrize("target", ["ice40", "lut4"])
def test_what_is_given_cell_by_cell(target: str, tmp_path: Path) -> None:
    design = parse("4:3:select:lfsr5,lanes=2,boundary=accumulator")
    check = prove_cells(design, tmp_path, target, structure="helped")
    assert check.passed, check.detail


@pytest.mark.parametrize(
    "text, said",
    [
        ("4:2:half:lfsr3,boundary=dither", "plain at the boundary dither"),
        ("4:2:half:lfsr3,boundary=accumulator", "which has one adder with the rule half"),
    ],
)
def test_no_structure_where_the_rule_has_no_circuit_of_its_own(text: str, said: str) -> None:
    with pytest.raises(InputError, match=f"Structure must be .*{said}.*, not helped"):
        check_fabric(parse(text))
