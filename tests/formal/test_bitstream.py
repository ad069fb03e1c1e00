"""Finished bitstreams and mapped netlists against the hardware; faults that must be caught."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from marks import slow_where
from scripts import script

from esru.design import parse
from esru.errors import InputError, ToolFailed
from esru.flow import decide, icebox
from esru.flow.bitflips import HARMLESS, OUTCOMES, Bit, FlipStudy, flipped
from esru.flow.bitproof import prove_board
from esru.flow.bitproof_board import clocked_verilog, pll_settings
from esru.flow.bitproof_unit import (
    compare_bitstream,
    compare_configuration,
    compare_mapped,
    compare_netlist,
    make_bitstream,
    most_lanes,
    prove_bitstream,
    prove_mapped,
    write_hardware,
)
from esru.flow.icebox import HX1K, HX8K, Chip

ROOT = Path(__file__).parents[2]
RESULT = ROOT / "docs" / "results" / "bitflips-papers.json"
PAPERS = parse("papers")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> FlipStudy:
    """A finished bitstream of `papers`, proved equal to its hardware."""
    return FlipStudy(PAPERS, tmp_path_factory.mktemp("papers"))


@pytest.fixture
def folder(study: FlipStudy, tmp_path: Path) -> Path:
    """Copy the study's files to a folder that a test may spoil."""
    for name in ("hardware.il", "pins.pcf", "unit.bin", "unpacked.asc"):
        shutil.copy(study.folder / name, tmp_path / name)
    (tmp_path / "unpacked.asc").write_text(study.text, encoding="utf-8")
    (tmp_path / "chip.v").write_text(study.netlist, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("chip", slow_where([HX8K], [HX1K, HX8K]), ids=str)
def test_papers_for_all_inputs(chip: Chip, tmp_path: Path) -> None:
    (check,) = prove_bitstream(PAPERS, tmp_path, chip=chip)
    assert check.passed, check.detail
    assert check.cases == 14 and f"every port on a pin of {chip};" in check.detail


@pytest.mark.slow
def test_pins_that_lead_nowhere(tmp_path: Path) -> None:
    """Only the fraction's highest bit matters; the other pins have no input buffers."""
    (check,) = prove_bitstream(parse("8:0:half:none"), tmp_path, chip=HX1K)
    assert check.passed, check.detail
    unused = icebox.unconnected((tmp_path / "chip.v").read_text(encoding="utf-8"))
    assert unused == {"clk", "rst", "en", *(f"frac[{bit}]" for bit in range(7))}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "lanes"),
    [
        ("reference", None),
        ("reference,boundary=unit", None),
        ("papers,boundary=unit", 4),
        ("reference,boundary=result", None),
        ("8:3:half:plateau5,lanes=4,map=rotate,boundary=result", None),
        ("8:7:select:lfsr13,leap=7,lanes=8", None),
        ("8:3:half:plateau5,lanes=4,map=rotate,boundary=unit", 8),
        ("8:6:zero:debruijn6,leap=7", 2),
        ("8:5:nearest:lfsr7,form=galois", None),
        ("8:0:half:none,boundary=unit", None),
    ],
)
def test_every_kind_for_all_inputs(text: str, lanes: int | None, tmp_path: Path) -> None:
    (check,) = prove_bitstream(parse(text), tmp_path, lanes)
    assert check.passed, check.detail


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ("papers", "ecp5"),
        ("reference,boundary=unit", "gowin"),
        pytest.param("papers", "gowin", marks=pytest.mark.slow),
        pytest.param("reference,boundary=unit", "ecp5", marks=pytest.mark.slow),
        pytest.param("reference,boundary=result", "ecp5", marks=pytest.mark.slow),
        pytest.param("reference,boundary=result", "gowin", marks=pytest.mark.slow),
    ],
)
def test_mapped_netlists_for_all_inputs(text: str, family: str, tmp_path: Path) -> None:
    design = parse(text)
    (check,) = prove_mapped(design, tmp_path, family)
    assert check.passed, check.detail
    # A LUT with another bit.
    path = tmp_path / "mapped.json"
    netlist = json.loads(path.read_text(encoding="utf-8"))
    (cells,) = (found["cells"] for name, found in netlist["modules"].items() if "esru" in name)
    lut = next(cell for cell in cells.values() if re.fullmatch(r"LUT\d", cell["type"]))
    init = lut["parameters"]["INIT"]
    lut["parameters"]["INIT"] = init.translate(str.maketrans("01", "10"))
    path.write_text(json.dumps(netlist), encoding="utf-8")
    assert "differs from the hardware in" in compare_mapped(design, tmp_path, family, None)


def test_the_same_bitstream_again_anywhere(study: FlipStudy, tmp_path: Path) -> None:
    place = tmp_path / "another" / "place"
    place.mkdir(parents=True)
    write_hardware(PAPERS, place, None)
    make_bitstream(PAPERS, place, None, HX1K)
    assert (place / "unit.bin").read_bytes() == (study.folder / "unit.bin").read_bytes()


def _inverted_lut(text: str) -> str:
    return re.sub(r"(assign (\w+) = /\* LUT [^*]*\*/ )(.*n\d+.*);", r"\1!(\3);", text, count=1)


def _other_reset(text: str) -> str:
    return text.replace("<= rst ? 1'b0", "<= rst ? 1'b1", 1)


def _other_start(text: str) -> str:
    return re.sub(r"reg (\w+) = 0", r"reg \1 = 1", text, count=1)


def _always_enabled(text: str) -> str:
    return re.sub(r"\) if \(\w+\) ", ") ", text, count=1)


@pytest.mark.parametrize(
    "fault", [_inverted_lut, _other_reset, _other_start, _always_enabled], ids=lambda f: f.__name__
)
def test_a_fault_in_the_netlist_is_caught(fault: Any, folder: Path, study: FlipStudy) -> None:
    assert compare_netlist(PAPERS, folder, None) == ""
    spoilt = fault(study.netlist)
    assert spoilt != study.netlist
    (folder / "chip.v").write_text(spoilt, encoding="utf-8")
    assert compare_netlist(PAPERS, folder, None).startswith("differs from the hardware in cycle")


@pytest.mark.parametrize(
    ("pattern", "new", "reason"),
    [
        (r"posedge clk", "negedge clk", "a register on the falling clock"),
        (r"posedge clk", "posedge en", "a register with another clock"),
        (r"@\(posedge clk\) if", "@(posedge clk, posedge rst) if (rst) n1 <= 0; else if", ""),
        (r"output up,? ?", "", "no port up"),
        (r"input en", "output en", "port en as an output of 1 bits"),
        (r"input rst", "inout rst", "a pin that works both ways"),
        (r"endmodule", "assign up = en;\nendmodule", "two drivers on one net"),
        (r"input en", "input en, output more", "pin more of the chip driven too"),
        (r"endmodule", "SB_RAM40_4K ram (.RE(en));\nendmodule", "a cell SB_RAM40_4K"),
        (r"endmodule", "wire l, m; assign l = !m, m = l & en;\nendmodule", "a loop of logic"),
    ],
)
def test_a_netlist_that_cycles_cannot_describe(
    pattern: str, new: str, reason: str, folder: Path, study: FlipStudy
) -> None:
    spoilt = re.sub(pattern, lambda _: new, study.netlist, count=1)
    if "posedge rst" in new:
        name = re.search(r"posedge rst\) if \(rst\) n1 <= 0; else if \(\w+\) (\w+)", spoilt)
        assert name is not None
        spoilt = spoilt.replace("n1 <= 0;", f"{name[1]} <= 0;", 1)
        reason = "a register with an asynchronous reset"
    (folder / "chip.v").write_text(spoilt, encoding="utf-8")
    assert compare_netlist(PAPERS, folder, None) == f"the bitstream's netlist has {reason}"


def _faults(study: FlipStudy, folder: Path, function: str, was: int) -> list[str]:
    """Flip every bit of a function, and return what is then found."""
    text = study.text
    chosen = [bit for bit in study.bits if (bit.function, bit.was) == (function, was)]
    assert chosen
    for bit in chosen:
        text = flipped(text, bit)
    (folder / "unpacked.asc").write_text(text, encoding="utf-8")
    why = compare_configuration(PAPERS, folder, None, study.chip)
    found = icebox.faults(folder, study.chip.package, study.chip.pins[:11])
    assert why == f"the bitstream has {found[0]}"
    return found


def test_pins_without_their_input_buffers_are_caught(study: FlipStudy, folder: Path) -> None:
    # The bit is set where the buffer is off, on this chip. The output is the twelfth pin.
    found = _faults(study, folder, "IoCtrl IE", 0)
    assert found == [f"the input buffer of pin {pin} off" for pin in study.chip.pins[:11]]


def test_pins_of_another_kind_are_caught(study: FlipStudy, folder: Path) -> None:
    found = _faults(study, folder, "IoCtrl LVDS", 0)
    assert found == [f"LVDS on at pin {pin}" for pin in study.chip.pins[:11]]


def test_a_column_without_its_clock_is_caught(study: FlipStudy, folder: Path) -> None:
    found = _faults(study, folder, "ColBufCtrl", 1)
    assert all(re.fullmatch(r"no glb_netwk_\d in tile .* buffer is off", text) for text in found)


def test_the_bitstream_of_another_unit_is_caught(folder: Path) -> None:
    other = parse("papers-zero")
    write_hardware(other, folder, None)
    why = compare_bitstream(other, folder, None, HX1K)
    assert why.startswith("differs from the hardware in cycle")


def test_more_lanes_than_pins_are_refused(tmp_path: Path) -> None:
    design = parse("reference,boundary=unit")
    assert most_lanes(design) == 5
    rule = r"at most 206 bits, the pins of hx8k-ct256 \(take at most 5 lanes\), not 323"
    with pytest.raises(InputError, match=rule):
        prove_bitstream(design, tmp_path / "none", 8)
    assert not (tmp_path / "none").exists()
    with pytest.raises(InputError, match="take fewer lanes per source"):
        prove_bitstream(parse("8:7:select:lfsr13,leap=7,lanes=64"), tmp_path / "none")
    assert len(set(HX8K.pins)) == 206 and len(set(HX1K.pins)) == 96


def test_a_proof_without_an_answer_is_an_error(
    folder: Path, study: FlipStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "chip.v").write_text(_inverted_lut(study.netlist), encoding="utf-8")
    real = decide._abc

    def silent(script: str, folder: Path, log: Path, limit: float) -> str:
        return real(script, folder, log, limit) if "scorr" in script else "Property UNDECIDED."

    monkeypatch.setattr(decide, "_abc", silent)
    with pytest.raises(ToolFailed, match="no conclusion within 300 s"):
        compare_netlist(PAPERS, folder, None)


def test_folders_without_a_build_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Folder must be one that esru build has written"):
        prove_board(tmp_path)
    (tmp_path / "manifest.json").write_text('{"schema": "another"}', encoding="utf-8")
    with pytest.raises(InputError, match="Folder must be one that esru build has written"):
        prove_board(tmp_path)
    told = {
        "schema": "esru.bitstream/1",
        "bitstream": "a.bin",
        "pins": "a.pcf",
        "files": {"a.bin": "0" * 64},
    }
    (tmp_path / "manifest.json").write_text(json.dumps(told), encoding="utf-8")
    for name in ("a.bin", "demo.v", "a.pcf"):
        (tmp_path / name).write_text("", encoding="utf-8")
    with pytest.raises(InputError, match="File must be the one that its manifest names, not"):
        prove_board(tmp_path)


def test_a_clock_that_nothing_drives_gets_a_port() -> None:
    text = "\nmodule chip (input rx);\nwire n4;\nalways @(posedge n4) n5 <= rx;\nendmodule\n"
    assert clocked_verilog(text) == (text.replace("(input rx", "(input n4, input rx"), "n4")
    for spoilt in (
        text.replace("n4)", "rx)"),
        text.replace("endmodule", "assign n4 = rx;\nendmodule"),
        text.replace("endmodule", "always @(negedge n9) n6 <= rx;\nendmodule"),
    ):
        with pytest.raises(ToolFailed, match="The netlist failed"):
            clocked_verilog(spoilt)


def test_settings_of_a_pll_are_read_in_either_form() -> None:
    ours = "SB_PLL40_CORE #(\n .DIVF(7'h3f),\n .DIVR(4'h0),\n .X(\"SIMPLE\")\n ) pll (\n .A(a) );"
    theirs = "SB_PLL40_CORE #(\n  .DIVR(4'b0000),\n  .DIVF(7'b0111111)\n) PLL_1_2 (\n .A(a) );"
    assert pll_settings(ours) == pll_settings(theirs) == {"DIVR": 0, "DIVF": 63}
    assert pll_settings(theirs.replace("0111", "0110")) != pll_settings(ours)
    assert pll_settings("module demo(); endmodule") == {}


def _benchmark() -> ModuleType:
    return script("benchmarks", "bitflips")


def _recorded() -> dict[str, Any]:
    return dict(json.loads(RESULT.read_text(encoding="utf-8")))


def test_the_recorded_flips_are_all_decided() -> None:
    result = _recorded()
    flips = result["flips"]
    assert len(flips) == len({(flip["tile"], flip["bit"]) for flip in flips}) >= 50
    assert result["counts"] == {
        outcome: sum(flip["outcome"] == outcome for flip in flips) for outcome in OUTCOMES
    }
    assert sum(result["counts"].values()) == len(flips)
    assert result["counts"]["caught"] >= 10 and result["counts"]["equal"] >= 1
    assert {flip["was"] for flip in flips} == {0, 1}
    for flip in flips:
        assert bool(flip["detail"]) == (flip["outcome"] not in HARMLESS), flip


def _same_tools(result: dict[str, Any]) -> bool:
    here = _benchmark().versions()
    decisive = ("yosys", "nextpnr-ice40", "icepack", "iceunpack", "icebox_vlog", "yosys-abc")
    return all(result["versions"][name] == here[name] for name in decisive)


@pytest.mark.parametrize("outcome", slow_where({*OUTCOMES} - {"caught"}, OUTCOMES))
def test_a_recorded_flip_again(outcome: str, study: FlipStudy) -> None:
    """Other tools place the unit elsewhere: then the flips are others, and decided all the same."""
    result = _recorded()
    told = next((flip for flip in result["flips"] if flip["outcome"] == outcome), None)
    if told is None:
        assert not result["counts"][outcome]
        return
    chosen = study.choose(len(result["flips"]), result["seed"])
    got = study.flip(chosen[result["flips"].index(told)]).to_json()
    if _same_tools(result):
        assert {**got, "seconds": 0} == {**told, "seconds": 0}
    assert got["outcome"] in OUTCOMES


def test_bits_that_cannot_be_flipped(study: FlipStudy) -> None:
    bit = study.bits[0]
    with pytest.raises(InputError, match="Bit must be one that the configuration holds"):
        flipped(study.text, Bit(**(vars(bit) | {"was": 1 - bit.was})))
    with pytest.raises(InputError, match="Bit must be one that the configuration holds"):
        flipped(study.text, Bit(**(vars(bit) | {"x": 99})))
    with pytest.raises(InputError, match="Number of flips must be at most"):
        study.choose(10**6, 0)
    assert study.choose(8, 1) == study.choose(8, 1) != study.choose(8, 2)


@pytest.mark.slow
def test_the_whole_study_again(tmp_path: Path) -> None:
    result = _recorded()
    again = _benchmark().study(PAPERS, len(result["flips"]), result["seed"], tmp_path)
    if _same_tools(result):
        for got, told in zip(again["flips"], result["flips"], strict=True):
            assert {**got, "seconds": 0} == {**told, "seconds": 0}
    assert sum(again["counts"].values()) == len(result["flips"])
