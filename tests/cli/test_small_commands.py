"""`esru`, `list`, `show`, `cost`, `doctor`: what they print, and what they refuse."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from esru.boundaries import BOUNDARIES
from esru.cli import COMMANDS, main
from esru.design import parse
from esru.report.curve import curve, draw_curve
from esru.report.diagram import draw_blocks


def _json(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    assert main([*arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert list(found)[:2] == ["schema", "versions"]
    assert found["schema"] == f"esru.{arguments[0]}/1"
    return dict(found)


def _refused(capsys: pytest.CaptureFixture[str], message: str, *arguments: str) -> None:
    assert main(list(arguments)) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"esru {arguments[0]}: error: ")
    assert message in said.err
    assert len(said.err.splitlines()) == 1


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    for name in COMMANDS:
        assert name in text
    assert "exit codes" in text


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([name, "--help"])
    assert end.value.code == 0
    assert "usage: esru " + name in capsys.readouterr().out


def test_help_of_search_names_every_boundary(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["search", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert f"{', '.join(BOUNDARIES)} (default decision)" in said


def test_help_imports_nothing_heavy() -> None:
    """What keeps `esru --help` fast; the time itself is in benchmarks/."""
    code = (
        "import sys; from esru.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'numpy', 'scipy', 'torch', 'amaranth', 'matplotlib', 'rich', 'sqlite3'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_an_unknown_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["fly"])
    assert end.value.code == 2
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_list_has_every_kind(capsys: pytest.CaptureFixture[str]) -> None:
    kinds = _json(capsys, "list")["rows"]
    assert isinstance(kinds, list)
    for kind in (entry["name"] for entry in kinds):
        found = _json(capsys, "list", kind)
        assert found["kind"] == kind
        rows = found["rows"]
        assert isinstance(rows, list) and rows
        assert all({"name", "summary"} <= set(row) for row in rows)
    _refused(capsys, "Kind must be one of", "list", "planets")


def test_show_is_exact(capsys: pytest.CaptureFixture[str]) -> None:
    found = _json(capsys, "show", "3:3:zero:plateau3")
    assert found["period"] == 14
    assert found["dead_zone"] == 0.125
    assert found["p_up"] == [i / 14 for i in (0, 1, 3, 5, 7, 9, 11, 13)]
    assert found["bias"] == {
        "mean": 0.0,
        "max": pytest.approx(3 / 56),
        "rms": pytest.approx((28 / 8) ** 0.5 / 56),
    }
    classes = found["classes"]
    assert isinstance(classes, list)
    assert [(entry["gcd"], entry["words"]) for entry in classes] == [
        (1, 14),
        (2, 7),
        (7, 2),
        (14, 1),
    ]
    whole, *_, last = classes
    assert [whole[key] for key in ("mean", "max", "rms")] == list(found["bias"].values())  # type: ignore[attr-defined]  # JSON
    assert last == {"gcd": 14, "words": 1, "mean": 0.4375, "max": 0.875, "rms": last["rms"],
                    "dead_zone": 1.0}  # the word 0: never up  # fmt: skip
    lags = found["lags"]
    assert isinstance(lags, list) and len(lags) == 16 and lags[13] == pytest.approx(1)
    lanes = found["lanes"]
    assert isinstance(lanes, dict) and lanes["lanes"] == len(lanes["correlation"]) == 8
    # Sources of one period of 14 in 8 lanes: phases 0, 1, 3, 5, ...; lag 7 between 0 and 4.
    assert lanes["correlation"][0][4] == pytest.approx(lags[6])
    assert main(["show", "nearest"]) == 0
    assert "1/2 ulp" in capsys.readouterr().out
    assert main(["show", "3:3:zero:debruijn3,lanes=2,map=invert"]) == 0
    assert "Correlation of 2 lanes, 2 to a source" in capsys.readouterr().out
    _refused(
        capsys, "Lanes of the array must be a multiple", "show", "papers,lanes=2", "--lanes", "3"
    )


def test_show_prints_the_first_classes(capsys: pytest.CaptureFixture[str]) -> None:
    """Of 24 classes a terminal has 16, with the figures of --json."""
    classes = _json(capsys, "show", "12:12:zero:lfsr12")["classes"]
    assert isinstance(classes, list) and len(classes) == 24
    assert main(["show", "12:12:zero:lfsr12"]) == 0
    text = capsys.readouterr().out
    assert "... and 8 more classes (--json has all)" in text
    rows = [line.split() for line in text.partition("gcd(C, period)")[2].splitlines()]
    shown = [row for row in rows if row and row[0].isdigit()]
    assert shown == [
        [
            str(entry["gcd"]),
            str(entry["words"]),
            f"{entry['mean']:+.3g}",
            *(f"{entry[key]:.3g}" for key in ("max", "rms", "dead_zone")),
        ]
        for entry in classes[:16]
    ]


def test_show_draws(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pictures = [tmp_path / "one.svg", tmp_path / "two.svg", tmp_path / "deep" / "three.png"]
    for picture in pictures:
        assert main(["show", "papers", "--plot", str(picture)]) == 0
        assert f"wrote {picture}" in capsys.readouterr().err
    assert pictures[0].read_bytes() == pictures[1].read_bytes()
    text = pictures[0].read_text()
    for said in ("8:3:replicate:plateau3", "period of 14 words", "ideal", "dead zone", "rms 0.041"):
        assert said in text
    assert pictures[2].read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["deep", "one.svg", "two.svg"]
    _refused(capsys, "or --force given", "show", "papers", "--plot", str(pictures[0]))
    assert main(["show", "papers-zero", "--plot", str(pictures[0]), "--force"]) == 0
    assert "8:3:zero:plateau3" in pictures[0].read_text()
    capsys.readouterr()
    _refused(capsys, "ends in .svg or .png", "show", "papers", "--plot", str(tmp_path / "p.pdf"))


def test_cost_counts(capsys: pytest.CaptureFixture[str]) -> None:
    found = _json(capsys, "cost", "3:3:zero:lfsr3", "--target", "ice40", "--boundary", "decision")
    cost = found["cost"]
    assert isinstance(cost, dict)
    assert list(cost) == ["ice40"]
    counts = cost["ice40"]["decision"]
    assert (counts["ff"], counts["carry"], counts["fmax_mhz"]) == (3, 3, None)
    assert counts["cells"] == 8
    _refused(capsys, "Target must be one of ice40", "cost", "papers", "--target", "z80")
    _refused(capsys, "Boundary must be one of", "cost", "papers", "--boundary", "die")


def test_bad_designs_are_refused_everywhere(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("show", "gen", "verify", "cost", "train"):
        _refused(
            capsys, "Random bits (k) must be between 0 and 8, not 9", command, "8:9:zero:lfsr9"
        )
        _refused(capsys, "a primitive polynomial", command, "3:3:zero:lfsr3,taps=0xf")


def test_a_long_table_is_not_repeated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    digits = "f0" * 31 + "00"
    design = f"6:6:table-{digits}.33.17.9.5:lfsr6"
    cut = "6:6:table-f0f0f0...f000.33.17.9.5:lfsr6"
    out = ["-o", str(tmp_path / "out")]
    compared = ["compare", "nearest", "--against", design, "--seeds", "0"]
    compared += ["--boundary", "decision", "--target", "lut4"]
    for arguments, told in (
        (["show", design], "next: esru gen DESIGN, esru cost DESIGN or esru train DESIGN"),
        (["gen", design, *out], "next: esru verify DESIGN"),
        (["verify", design, "--level", "simulation"], "next: esru cost DESIGN"),
        (["cost", design, "--target", "lut4", "--boundary", "decision"], ""),
        (compared, f"times that {cut} costs"),
    ):
        assert main(arguments) == 0
        said = "".join(capsys.readouterr())
        assert digits not in said and told in said, arguments
    assert main(["gen", "papers", "-o", str(tmp_path / "short")]) == 0
    assert "next: esru verify papers" in capsys.readouterr().err


def test_the_pictures_cut_a_long_table() -> None:
    digits = "f0" * 31 + "00"
    design = parse(f"6:6:table-{digits}.33.17.9.5:lfsr6")
    drawn = draw_curve(curve(design), "svg").decode()
    assert "6:6:table-f0f0f0...f000.33.17.9.5:lfsr6" in drawn and digits not in drawn
    blocks = draw_blocks(design)
    assert ">6:6:table-f0f0f0...f000.33.17.9.5:lfsr6<" in blocks


def test_warnings_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "3:3:zero:debruijn3,leap=2"]) == 0
    assert "warning: leap 2 shares the factor 2" in capsys.readouterr().err


def test_doctor_says_what_is_missing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "esru", "doctor"],
        env=os.environ | {"PATH": "/nowhere"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 3
    assert "MISSING: apt-get install iverilog" in done.stdout


def test_doctor_is_content_here(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) in (0, 3)  # 3 without the extra train
    assert "yosys" in capsys.readouterr().out
