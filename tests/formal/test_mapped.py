"""The mapped level: the netlist of every target against the hardware, and netlists that differ."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from esru.design import parse
from esru.flow.mapped import GENERIC_MODELS, MODELS, prove_cells, synthesise
from esru.flow.targets import TARGETS
from esru.flow.verify import verify

LEAN = "6:5:select:debruijn6,form=galois,leap=7,lanes=3"
MORE = [
    "reference,boundary=unit",
    "8:7:select:lfsr13,leap=7,lanes=64",
    "32:32:replicate:plateau32,form=galois,leap=37",
    "8:3:nearest:lfsr5,in=s20.12,out=u6.4,boundary=unit",
    "8:0:half:none,boundary=unit",
    "reference,boundary=result",
    "8:3:nearest:lfsr5,in=s20.12,out=u6.4,lanes=2,boundary=result",
    "8:0:zero:none",
]


def test_every_target_with_vendor_cells_is_proved() -> None:
    families = {target.packer or name for name, target in TARGETS.items() if target.library}
    assert set(MODELS) | set(GENERIC_MODELS) == families


@pytest.mark.parametrize("target", MODELS)
@pytest.mark.parametrize("text", [LEAN, *(pytest.param(m, marks=pytest.mark.slow) for m in MORE)])
def test_the_mapped_netlist_is_the_hardware(text: str, target: str, tmp_path: Path) -> None:
    check = prove_cells(parse(text), tmp_path, target)
    assert check.passed, check.detail
    assert check.level == "mapped" and target in check.name


def test_an_array(tmp_path: Path) -> None:
    check = prove_cells(parse("4:3:zero:lfsr4,lanes=2"), tmp_path, "ice40", lanes=4)
    assert check.passed, check.detail
    assert check.cases == 15 * 4 and "4 lanes" in check.detail


def test_a_netlist_that_differs(tmp_path: Path) -> None:
    """A LUT's table, a register on the falling clock, a driver too many, a missing port."""
    design = parse("papers,boundary=unit")
    text = synthesise(design, tmp_path, "ice40")

    def outcome(spoilt: str) -> str:
        assert spoilt != text
        check = prove_cells(design, tmp_path, "ice40", netlist=spoilt)
        assert not check.passed
        return check.detail

    table = re.search(r"parameter \\LUT_INIT 16'([01]{16})", text)
    assert table is not None
    inverted = "".join("10"[int(bit)] for bit in table[1])
    assert "after start-up" in outcome(text.replace(table[1], inverted, 1))
    assert outcome(text.replace("cell \\SB_DFFESR ", "cell \\SB_DFFNESR ", 1)) == (
        "the mapped netlist has a register on the falling clock"
    )
    assert "two drivers" in outcome(re.sub(r"end\n$", r"  connect \\y [0] \\en\nend\n", text))
    assert "no port en" in outcome(re.sub(r"(wire input \d+) \\en\b", r"wire \\en", text))


def test_the_level_proves_all_targets() -> None:
    checks = verify(parse("papers,boundary=unit"), levels=["mapped"])
    assert [check.name for check in checks] == [
        f"module == {name} netlist (PDR)" for name in MODELS
    ]
    assert all(check.passed for check in checks)
