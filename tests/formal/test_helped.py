"""Lanes given cell by cell: proved, as they are and with seeded faults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from marks import slow_where

from esru.design import parse
from esru.errors import InputError
from esru.flow.cost import fabric_of
from esru.flow.formal import prove_design
from esru.flow.mapped import GENERIC_MODELS, MODELS, prove_cells, structure_reads
from esru.hdl import helped, helped_met, helped_result, helped_sum, structure
from esru.hdl.emit import emit_rtlil

TARGETS = [*MODELS, *GENERIC_MODELS]

#: With the netlist after synthesis.
QUICK = {
    "ice40": ["reference,boundary=unit", "7:6:select:lfsr7,leap=6,lanes=2,boundary=unit"],
    "ecp5": [
        "6:4:nearest:lfsr5,leap=4,lanes=2,boundary=unit",
        "4:2:table-ff00aaa0f8f8cccc:lfsr5,leap=2,lanes=2",  # two LUTs that a cell joins
    ],
    "xc7": ["9:8:select:lfsr9,leap=8,lanes=2,boundary=unit"],
    "gowin": ["8:7:select:lfsr9,leap=7,lanes=2,boundary=accumulator"],
    "lut4": ["5:3:half:debruijn4,leap=3,out=u5.0,in=u10.5,boundary=unit"],
    "lut6": ["8:3:replicate:plateau3,lanes=2,boundary=unit"],
}
#: Every rule, odd widths, other sources, maps and formats.
MORE = [
    "24:24:zero:lfsr24",
    "24:24:zero:lfsr24,lanes=2,boundary=unit",
    "2:1:select:lfsr3,lanes=3,map=delay",
    "3:2:select:lfsr4,form=galois,leap=2,lanes=2,boundary=unit",
    "5:4:select:operand-prev,in=s17.9,lanes=2,boundary=unit",
    "8:7:select:lfsr13,leap=7,lanes=3,map=rotate",
    "11:10:select:lfsr13,leap=10,lanes=2",
    "8:3:nearest:lfsr4,leap=4,overflow=wrap,boundary=unit",
    "6:6:nearest:port,boundary=unit",
    "4:4:table-ff00f0f0fc30fa50ffff0000ccccaaaa.1.2.1.0.0.0.4.8:lfsr5,lanes=2,boundary=unit",
    "3:2:table-f0cceea8:lfsr3",
    "8:0:half:none,boundary=unit",
    "8:0:zero:none,boundary=unit",
    "7:5:replicate:lfsr5,form=galois,in=u11.7,out=u4.0,boundary=unit",
    "4:4:zero:lfsr6,recover=1,in=s6.4,out=s2.0,boundary=unit",
    "8:8:zero:lfsr8,in=s20.8,boundary=unit",
    "papers,overflow=wrap,boundary=unit",
    "24:24:zero:lfsr24,boundary=result",
    "8:7:select:lfsr13,leap=7,lanes=3,boundary=result",
    "8:3:nearest:lfsr4,leap=4,overflow=wrap,boundary=result",
    "7:5:replicate:lfsr5,form=galois,in=u11.7,out=u4.0,boundary=result",
    "4:4:table-ff00f0f0fc30fa50ffff0000ccccaaaa.1.2.1.0.0.0.4.8:lfsr5,lanes=2,boundary=result",
]
#: Registers in the cells of a carry chain: all of it, words of a longer one, leaps, no shift.
SHARED = [
    "reference",
    "3:3:zero:lfsr8,boundary=unit",
    "24:24:zero:lfsr24,boundary=result",
    "3:3:zero:lfsr8,in=u7.3,out=u4.0,boundary=result",
    "9:9:zero:lfsr12,seed=1365,leap=11",
    "7:5:half:lfsr9,leap=2",
    "8:4:replicate:lfsr6",
    "6:6:zero:lfsr7,form=galois",
    "18:18:zero:lfsr25,seed=5",
]
#: Sums of accumulators, from the narrowest on: with and without a decision, and left to one adder.
SUMS = [
    "4:3:select:lfsr5,leap=3,lanes=2,boundary=accumulator",
    "2:1:select:lfsr3,lanes=2,in=s5.2,out=s3.0,boundary=accumulator",
    "5:4:select:lfsr5,leap=4,lanes=2,in=s8.5,out=s3.0,boundary=accumulator",
    "6:5:select:lfsr6,leap=5,lanes=2,in=s9.6,out=s3.0,boundary=accumulator",
    "8:7:select:lfsr8,leap=7,lanes=2,map=rotate,in=u12.9,out=u3.0,boundary=accumulator",
    "1:0:zero:none,in=s16.8,boundary=accumulator",
    "3:2:select:lfsr4,lanes=2,in=s5.3,out=s2.0,boundary=accumulator",
    "1:0:zero:none,in=s6.3,out=s3.0,boundary=accumulator",
    "1:0:zero:none,in=u5.3,out=u2.0,boundary=accumulator",
    "3:2:table-f0cceea8:lfsr3,in=u8.3,out=u5.0,boundary=accumulator",
    "8:0:half:none,in=s12.8,out=s4.0,boundary=accumulator",
    "3:2:select:lfsr4,in=s7.3,out=u4.0,boundary=accumulator",
    "3:2:select:lfsr4,in=s7.3,out=s4.0,overflow=wrap,boundary=accumulator",
]


def proved(text: str, target: str, folder: Path, lanes: int | None = None) -> bool:
    """Decide whether a design's cells are the independent reference."""
    folder.mkdir(exist_ok=True)
    design = parse(text)
    hardware = emit_rtlil(design, lanes, fabric_of(target, "helped"))
    return prove_design(design, folder, lanes, hardware, structure_reads(folder, target)).passed


@pytest.mark.parametrize(
    ("target", "text"),
    [
        pytest.param(target, text, marks=[] if "7:6" in text or "8:7" in text else pytest.mark.slow)
        for target, texts in QUICK.items()
        for text in texts
    ],
)
def test_cells_and_netlist_are_proved(target: str, text: str, tmp_path: Path) -> None:
    assert proved(text, target, tmp_path)
    check = prove_cells(parse(text), tmp_path / "mapped", target, structure="helped")
    assert check.passed and "given one by one" in check.name


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_more_cells_are_proved(target: str, tmp_path: Path) -> None:
    for number, text in enumerate(MORE):
        assert proved(text, target, tmp_path / str(number)), text


@pytest.mark.parametrize("target", slow_where({*TARGETS} - {"ecp5"}, TARGETS))
def test_results_without_a_register_are_proved(target: str, tmp_path: Path) -> None:
    """Increment and saturation cell by cell, and the netlist after synthesis."""
    text = "7:6:select:lfsr7,leap=6,lanes=2,boundary=result"
    assert proved(text, target, tmp_path / "cells")
    check = prove_cells(parse(text), tmp_path / "mapped", target, structure="helped")
    assert check.passed and "given one by one" in check.name


def test_registers_in_a_carry_chain_are_proved(tmp_path: Path) -> None:
    for number, text in enumerate(SHARED):
        assert proved(text, "ice40", tmp_path / str(number)), text


@pytest.mark.parametrize(
    ("target", "texts"),
    [("lut6", SUMS[:1])] + [pytest.param(name, SUMS, marks=pytest.mark.slow) for name in TARGETS],
)
def test_sums_of_accumulators_are_proved(target: str, texts: list[str], tmp_path: Path) -> None:
    for number, text in enumerate(texts):
        assert proved(text, target, tmp_path / str(number)), text


def test_an_array_of_sources(tmp_path: Path) -> None:
    """Each source's registers start at a phase of its own, the control bits too."""
    assert proved("4:3:select:lfsr5,leap=3,lanes=2", "ice40", tmp_path, lanes=4)
    assert proved("5:5:zero:lfsr5", "ice40", tmp_path / "sums", lanes=2)


def _swapped(monkeypatch: pytest.MonkeyPatch) -> None:
    true = structure.select_chain

    def chain(*args: Any) -> Any:
        found = true(*args)
        first, *rest = found.cells
        second = rest[0]._replace(data=rest[0].data[::-1])
        return found._replace(cells=(first, second, *rest[1:]))

    monkeypatch.setattr(structure, "select_chain", chain)


def _late(monkeypatch: pytest.MonkeyPatch) -> None:
    true = structure.Helped.drawn
    monkeypatch.setattr(
        structure.Helped, "drawn", lambda self, design, word: true(self, design, ~word & 127)
    )


def _wrong_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The flip-flop of the bit itself, not the next one's, takes what is at the cell's input."""
    true = helped._held

    def held(*args: Any) -> Any:
        return {number: (bit - 1, more) for number, (bit, more) in true(*args).items() if bit}

    monkeypatch.setattr(helped, "_held", held)


def _lost_carry(monkeypatch: pytest.MonkeyPatch) -> None:
    true = helped.add_lut

    def lut(m: Any, fabric: Any, inputs: Any, function: Any, name: str, *rest: Any) -> Any:
        if name.startswith("up"):
            return true(m, fabric, inputs, lambda carry, *bits: function(0, *bits), name, *rest)
        return true(m, fabric, inputs, function, name, *rest)

    monkeypatch.setattr(helped, "add_lut", lut)


def _no_saturation(monkeypatch: pytest.MonkeyPatch) -> None:
    true = helped_result.add_lut

    def lut(m: Any, fabric: Any, inputs: Any, function: Any, name: str, *rest: Any) -> Any:
        wrong = (lambda *bits: 0) if name.startswith("over") else function
        return true(m, fabric, inputs, wrong, name, *rest)

    monkeypatch.setattr(helped_result, "add_lut", lut)


def _one_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(helped_sum._Ends, "limited", lambda self, bit, ends: bit | ends[0])


def _carry_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The carry of a lower place in the place of the next."""
    monkeypatch.setattr(helped_sum.Carry, "found", lambda self, bits: bits[0])


def _met_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    true = helped_sum.add_lut

    def lut(m: Any, fabric: Any, inputs: Any, function: Any, name: str) -> Any:
        wrong = (lambda x, *bits: x) if name.startswith("met_3") else function
        return true(m, fabric, inputs, wrong, name)

    monkeypatch.setattr(helped_sum, "add_lut", lut)


def _low_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of the last LUTs of a decision without the update's lowest bit."""
    true = helped_met.add_lut

    def lut(m: Any, fabric: Any, inputs: Any, function: Any, name: str) -> Any:
        if name.startswith(("leaf_1", "met_0")):
            return true(m, fabric, inputs, lambda *bits: function(*bits[:-1], 0), name)
        return true(m, fabric, inputs, function, name)

    monkeypatch.setattr(helped_met, "add_lut", lut)


def _joined_backwards(monkeypatch: pytest.MonkeyPatch) -> None:
    true = helped_met.add_mux
    monkeypatch.setattr(
        helped_met, "add_mux", lambda m, mux, pair, *rest: true(m, mux, pair[::-1], *rest)
    )


EIGHT = "8:7:select:lfsr8,lanes=2,boundary=accumulator"
ACCUMULATOR = "4:3:select:lfsr5,lanes=2,boundary=accumulator"


@pytest.mark.parametrize(
    ("fault", "target", "text"),
    [
        (_one_end, "lut4", ACCUMULATOR),
        (_one_end, "lut6", ACCUMULATOR),
        (_met_lost, "lut4", ACCUMULATOR),
        (_low_lost, "lut4", "5:4:select:lfsr5,lanes=2,boundary=accumulator"),
        (_low_lost, "ecp5", ACCUMULATOR),
        (_low_lost, "gowin", EIGHT),
        (_joined_backwards, "ecp5", ACCUMULATOR),
        (_joined_backwards, "gowin", EIGHT),
        (_carry_kept, "lut6", ACCUMULATOR),
        (_swapped, "ice40", "8:7:select:lfsr13,leap=7,lanes=2"),
        (_late, "ice40", "8:7:select:lfsr13,leap=7,lanes=2"),
        (_lost_carry, "lut6", "5:5:zero:lfsr7,leap=5,lanes=2"),
        (_wrong_bit, "ice40", "5:5:zero:lfsr7,boundary=unit"),
        (_wrong_bit, "ice40", "5:5:zero:lfsr7,boundary=result"),
        (_no_saturation, "ice40", "3:3:zero:lfsr3,boundary=unit"),
        (_no_saturation, "ice40", "3:3:zero:lfsr3,boundary=result"),
        (_no_saturation, "lut6", "3:3:zero:lfsr3,boundary=unit"),
    ],
)
def test_seeded_faults_are_caught(
    fault: Any, target: str, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault(monkeypatch)
    assert not proved(text, target, tmp_path)


def test_units_without_that_structure() -> None:
    fabric = fabric_of("ice40", "helped")
    for boundary in ("unit", "result"):
        float_unit = parse(f"6:6:zero:lfsr7,in=bfloat16,out=ocp_e4m3,boundary={boundary}")
        with pytest.raises(InputError, match="plain for a float unit"):
            emit_rtlil(float_unit, fabric=fabric)
    with pytest.raises(InputError, match="names no cells"):
        fabric_of("nand2", "helped")
    with pytest.raises(InputError, match="Structure must be one of plain, helped"):
        fabric_of("ice40", "best")
