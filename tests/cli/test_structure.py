"""``--structure helped``: what is counted, written and proved, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from esru.cli import main
from esru.design import parse
from esru.hdl.emit import emit_verilog

DESIGN = "4:3:select:lfsr5,leap=3,lanes=2"


def _json(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    assert main([*arguments, "--json"]) == 0
    return dict(json.loads(capsys.readouterr().out))


def test_cost_says_which_structure_it_counted(capsys: pytest.CaptureFixture[str]) -> None:
    where = ("--target", "lut4", "--boundary", "decision")
    plain = _json(capsys, "cost", "7:6:select:lfsr7,leap=6,lanes=8", *where)
    helped = _json(
        capsys, "cost", "7:6:select:lfsr7,leap=6,lanes=8", *where, "--structure", "helped"
    )
    assert (plain["structure"], helped["structure"]) == ("plain", "helped")
    counts = [found["cost"]["lut4"]["decision"]["cells"] for found in (plain, helped)]  # type: ignore[index]
    assert counts[1] < counts[0]
    assert main(["cost", DESIGN, *where, "--structure", "helped"]) == 0
    assert "structure helped" in capsys.readouterr().out


def test_gen_writes_a_targets_cells(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "ice40"
    found = _json(
        capsys, "gen", DESIGN, "-o", str(out), "--structure", "helped", "--target", "ice40"
    )
    assert (found["structure"], found["target"]) == ("helped", "ice40")
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["target"] == "ice40" and manifest["id"] == found["id"]
    (verilog,) = out.glob("*.v")
    text = verilog.read_text()
    assert text.count("SB_LUT4 #(") == 4 and "esru_sb_lut4" not in text
    heading = [line for line in text.splitlines() if line.startswith("// ")]
    assert DESIGN in heading[0]
    assert heading[1] == "// structure helped: cells of target ice40"

    out = tmp_path / "lut6"
    assert main(["gen", DESIGN, "-o", str(out), "--structure", "helped", "--target", "lut6"]) == 0
    (verilog,) = out.glob("*.v")
    text = verilog.read_text()
    assert text.count("  esru_lut6 #(") == 2
    assert text.count("(* keep_hierarchy *)\nmodule esru_lut6 ") == 1


def test_plain_verilog_names_no_structure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["gen", DESIGN, "-o", str(tmp_path / "plain")]) == 0
    (verilog,) = (tmp_path / "plain").glob("*.v")
    assert verilog.read_text() == emit_verilog(parse(DESIGN))


def test_verify_simulates_and_proves_it(capsys: pytest.CaptureFixture[str]) -> None:
    found = _json(capsys, "verify", DESIGN, "--structure", "helped", "--target", "lut6")
    checks = found["checks"]
    assert isinstance(checks, list)
    levels = ["simulation", *["cocotb"] * 6, "formal", "mapped"]
    assert [check["level"] for check in checks] == levels
    assert all("lut6 cells" in check["name"] for check in checks[:7])
    assert found["passed"] and found["structure"] == "helped"


@pytest.mark.parametrize(
    ("said", "arguments"),
    [
        ("Target must be given with --structure helped: whose cells, not none",
         ["gen", DESIGN, "--structure", "helped"]),
        ("Target must be given with --structure helped (plain", ["gen", DESIGN, "--target", "xc7"]),
        ("Target must be given with --structure helped (plain",
         ["verify", DESIGN, "--target", "xc7"]),
        ("Structure must be plain: target nand2 names no cells",
         ["cost", DESIGN, "--target", "nand2", "--structure", "helped"]),
        ("Structure must be plain for --activity",
         ["cost", DESIGN, "--activity", "--structure", "helped"]),
        ("Extras must be asked for with the plain structure",
         ["gen", DESIGN, "--structure", "helped", "--target", "xc7", "--with", "core"]),
        ("Structure must be plain for a float unit",
         ["cost", "6:6:zero:lfsr7,in=bfloat16,out=ocp_e4m3", "--structure", "helped"]),
    ],
)  # fmt: skip
def test_what_is_refused(
    said: str, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert said in printed.err and not printed.out
