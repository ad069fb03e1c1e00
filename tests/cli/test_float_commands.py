"""Commands on float units, as a user runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from esru.cli import main
from esru.demo.config import DemoConfig
from esru.design import parse
from esru.errors import InputError
from esru.float_formats import FLOAT_FORMATS


def test_list_formats_has_every_float(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "formats", "--json"]) == 0
    rows = {row["name"]: row["summary"] for row in json.loads(capsys.readouterr().out)["rows"]}
    assert set(FLOAT_FORMATS) < set(rows)
    assert "bias 7, greatest 448, NaN; OCP 8-bit" in rows["ocp_e4m3"]
    assert rows["bfloat16"].startswith("float (in and out): 1 sign, 8 exponent, 7 fraction bits")


def test_show_says_what_each_binade_drops(capsys: pytest.CaptureFixture[str]) -> None:
    design = "8:8:zero:debruijn8,in=bfloat16,out=ocp_e2m1"
    assert main(["show", design, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["binades"]
    assert rows[0] == {"low": 0, "high": 2, "dropped": 6, "exact_k": 6, "bias": 0.0}
    assert rows[1] == {"low": -1, "high": -1, "dropped": 7, "exact_k": 7, "bias": 0.0}
    assert [row["dropped"] for row in rows] == list(range(6, 6 + len(rows)))
    assert main(["show", design]) == 0
    said = capsys.readouterr()
    assert "bfloat16 to ocp_e2m1: bits below the output's ulp" in said.out
    assert "2^-1 to 2^0   subnormal             7  k >= 7" in said.out
    assert "Below 2^-9 every magnitude becomes 0: the unit looks at 8 bits." in said.out
    assert "esru train" not in said.err


@pytest.mark.parametrize(
    ("design", "lines"),
    [
        (
            "8:8:zero:debruijn8,in=bfloat16,out=ocp_e2m1",
            ["here n = 8, k = 8: from 2^-2 to 2^3."],
        ),
        (
            "8:3:half:operand-xor,lanes=2,out=bfloat16",
            [
                "2^-137 to 2^128   normal, subnormal            16  k >= 16",
                "here n = 8, k = 3: in no binade above.",
                "The random word is made of the 3 lowest bits of the input word.",
            ],
        ),
        ("8:4:zero:debruijn4,in=float16,out=bfloat16", ["n = 8, k = 4: in every binade above."]),
        (
            "8:3:half:lfsr5,in=mx_bfloat16,out=ocp_e2m1,block=32",
            ["Of an input that is subnormal before the division fewer bits are dropped."],
        ),
    ],
)
def test_show_says_where_this_design_is_exact(
    design: str, lines: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", design]) == 0
    said = capsys.readouterr().out
    for line in lines:
        assert line in said


def test_show_of_fixed_point_has_no_binades(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "papers", "--json"]) == 0
    assert "binades" not in json.loads(capsys.readouterr().out)


def test_gen_and_verify_a_float_unit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    design = "8:3:half:lfsr5,out=ocp_e4m3,overflow=nonsaturate,boundary=unit"
    assert main(["gen", design, "-o", str(tmp_path), "--lanes", "2"]) == 0
    interface = json.loads((tmp_path / "interface.json").read_text())
    ports = {port["name"]: (port["width"], port["meaning"]) for port in interface["ports"]}
    assert ports["x"] == (64, "float32 word of each lane, lane 0 lowest")
    assert ports["y"] == (16, "ocp_e4m3 word of each lane, lane 0 lowest; registered")
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["parameters"]["in"] == "float32"
    assert manifest["parameters"]["overflow"] == "nonsaturate"
    capsys.readouterr()
    assert main(["verify", design, "--level", "simulation", "--level", "formal", "--json"]) == 0
    checks = json.loads(capsys.readouterr().out)["checks"]
    assert [check["passed"] for check in checks] == [True] * 3
    assert checks[1]["cases"] == 1 << 35


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (
            ["train", "8:3:zero:lfsr5,out=bfloat16"],
            "Output format of the design must be one of at most 8 bits in digits-mlp, not bfloat16",
        ),
        (["show", "8:3:zero:lfsr5,out=e4m3"], "Format must be sW.F, uW.F, intW, uintW or one of"),
    ],
)
def test_what_floats_cannot_do_yet_is_said_at_once(
    command: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command) == 2
    said = capsys.readouterr()
    assert message in said.err
    assert not said.out


def test_the_demo_takes_no_float_words() -> None:
    with pytest.raises(InputError, match="must be fixed-point or at the boundary decision"):
        DemoConfig(parse("8:3:zero:lfsr5,out=ocp_e4m3,boundary=unit"), clock_hz=12_000_000)
    decision = DemoConfig(parse("8:3:zero:lfsr5,out=ocp_e4m3"), clock_hz=12_000_000)
    assert decision.operand_bits == 8 and decision.answer_bits == 1
