"""`esru gen --with`: what a designer takes away works by itself."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
import yaml

from esru.cli import main
from esru.design import parse
from esru.flow.takeaway import EXTRAS
from esru.flow.verilog_bench import verilog_bench
from esru.hdl.emit import emit_verilog
from esru.report.datasheet import datasheet
from esru.report.diagram import draw_blocks

DESIGN = "papers,boundary=unit"

_PORT = re.compile(r"^  (input|output) +(?:wire|reg) +(?:\[(\d+):0\] )?(\w+),?$", re.M)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything that there is for one design."""
    out = tmp_path_factory.mktemp("gen") / "all"
    assert main(["gen", DESIGN, "-o", str(out), "--with", "all"]) == 0
    return out


def _stem(folder: Path) -> str:
    manifest = json.loads((folder / "manifest.json").read_text())
    return str(manifest["module"]).removeprefix("esru_")


def test_all_files_are_there_and_in_the_manifest(folder: Path) -> None:
    stem = _stem(folder)
    names = {path.name for path in folder.iterdir()}
    assert names == {
        *(f"{stem}{end}" for end in (".v", ".il", "_stream.v", "_tb.v", ".core")),
        *("interface.json", "manifest.json", "datasheet.md", "p_up.svg", "block.svg", "sim"),
    }
    files = json.loads((folder / "manifest.json").read_text())["files"]
    for name, digest in files.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    there = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert there == {*files, "manifest.json"}
    for path in folder.rglob("*.v"):
        assert str(folder) not in path.read_text()


def test_one_extra_and_no_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "one"
    assert main(["gen", "papers", "-o", str(out), "--with", "testbench,core"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 6 == len(list(out.iterdir()))
    core = yaml.safe_load(next(out.glob("*.core")).read_text())
    assert core["filesets"]["rtl"]["files"] == [f"{_stem(out)}.v"]
    for wrong in (
        ["--with", "pony"],
        ["--cost", "ice40"],
        ["--with", "datasheet", "--cost", "z80"],
    ):
        assert main(["gen", "papers", "-o", str(tmp_path / "no"), *wrong]) == 2
        assert " must be " in capsys.readouterr().err
    assert not (tmp_path / "no").exists()
    # What is there already is kept, whatever extra it belongs to.
    assert main(["gen", "papers", "-o", str(out), "--with", "testbench"]) == 2
    assert "_tb.v" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text",
    [
        "papers",
        DESIGN,
        "6:5:select:debruijn6,lanes=3,map=rotate,boundary=unit",
        "8:3:nearest:lfsr5,in=s20.12,out=u6.4,boundary=unit",
        "nearest",
        "papers,boundary=result",
        "6:5:select:lfsr7,lanes=2,load=1,boundary=result",
        "6:3:zero:port,lanes=2,boundary=unit",
        "5:3:zero:operand-prev",
        "6:5:select:lfsr7,lanes=2,load=1,boundary=unit",
        "5:3:zero:plateau3,load=1",
    ],
)
def test_the_plain_testbench_passes_and_bites(text: str, tmp_path: Path) -> None:
    design = parse(text)
    verilog = emit_verilog(design)
    (tmp_path / "bench.v").write_text(verilog_bench(design))
    assert _vvp(verilog, tmp_path)[0] == 0
    bitten = 0
    for old, new in (
        ("else if (en)", "else if (1'b1)"),
        ("if (rst)", "if (1'b0)"),
        (" } + ", " } - "),
        ("{ 8'h00, chosen", "{ 8'h00, ~chosen"),
        (" ? ", " ? ~"),
        ("en | load", "en"),
        ("load ? ", "1'b0 ? "),
        ("else if (load) toggle <= 1'h0;", ""),
    ):
        head, split, body = verilog.partition("  assign ")
        if old in body:
            spoilt = head + split + body.replace(old, new)
            status, said = _vvp(spoilt, tmp_path)
            assert status == 1 and "FAIL" in said and "PASS" not in said, (old, said)
            bitten += 1
    assert bitten


def test_the_interface_has_the_ports_of_both_modules(folder: Path) -> None:
    found = json.loads((folder / "interface.json").read_text())
    for module, name in (
        (found, f"{_stem(folder)}.v"),
        (found["stream"], f"{_stem(folder)}_stream.v"),
    ):
        verilog = (folder / name).read_text()
        assert f"module {module['module']} (" in verilog
        declared = _PORT.findall(verilog)
        # In Verilog the inputs stand first.
        assert sorted((way, int(high or 0) + 1, name) for way, high, name in declared) == sorted(
            (port["direction"], port["width"], port["name"]) for port in module["ports"]
        )


def _vvp(verilog: str, folder: Path) -> tuple[int, str]:
    (folder / "module.v").write_text(verilog)
    build = ["iverilog", "-g2001", "-Wall", "-o", "bench", "module.v", "bench.v"]
    built = subprocess.run(build, cwd=folder, capture_output=True, text=True)
    assert (built.returncode, built.stdout + built.stderr) == (0, "")
    done = subprocess.run(["vvp", "-n", "bench"], cwd=folder, capture_output=True, text=True)
    return done.returncode, done.stdout


def test_a_result_without_a_register_says_so(tmp_path: Path) -> None:
    """Latency 0 in the interface of both modules, on the datasheet and in the picture."""
    out = tmp_path / "out"
    assert main(["gen", "papers,boundary=result", "-o", str(out), "--with", "all"]) == 0
    found = json.loads((out / "interface.json").read_text())
    assert (found["boundary"], found["latency"], found["stream"]["latency"]) == ("result", 0, 0)
    assert [port["name"] for port in found["ports"]] == ["clk", "rst", "en", "x", "y"]
    for module, name in ((found, "y"), (found["stream"], "o__payload")):
        (given,) = (port for port in module["ports"] if port["name"] == name)
        assert given["meaning"] == "int8 word of each lane, lane 0 lowest; combinational"
    (en,) = (port for port in found["ports"] if port["name"] == "en")
    assert en["meaning"] == "1: a rounding happens in this cycle; 0: the sources hold"
    stem = _stem(out)
    assert (
        "boundary=result as a valid/ready stream, lanes 1, latency 0"
        in ((out / f"{stem}_stream.v").read_text().splitlines()[0])
    )
    assert "falling edge; y is there at once." in (out / f"{stem}_tb.v").read_text()
    sheet = (out / "datasheet.md").read_text()
    for said in (
        "It rounds one word in each clock cycle: s16.8 to int8",
        "| boundary | result |",
        "| latency | 0 (combinational) |",
        "| throughput | 1 rounding a clock cycle |",
    ):
        assert said in sheet
    picture = (out / "block.svg").read_text()
    assert "boundary result, 1 lane, 1 source, latency 0, 1 a clock cycle" in picture
    # The source is a register, and nothing else; the last box saturates and gives y.
    assert picture.count('class="register"') == 1
    assert ">saturate<" in picture and picture.index(">saturate<") < picture.index(">y<")
    floats = draw_blocks(parse("4:3:zero:lfsr5,in=float32,out=ocp_e4m3,boundary=result"))
    assert floats.count('class="register"') == 1 and ">y<" in floats
    unit = draw_blocks(parse("papers,boundary=unit"))
    assert unit.count('class="register"') == 2
    build = ["iverilog", "-g2001", "-Wall", "-o", "bench", f"{stem}.v", f"{stem}_tb.v"]
    subprocess.run(build, cwd=out, check=True)
    done = subprocess.run(["vvp", "-n", "bench"], cwd=out, capture_output=True, text=True)
    assert done.returncode == 0 and "PASS" in done.stdout


def test_the_core_file_has_its_structure(folder: Path) -> None:
    stem = _stem(folder)
    path = folder / f"{stem}.core"
    assert path.read_text().startswith("CAPI=2:\n")
    core = yaml.safe_load(path.read_text())
    assert core["name"].split(":")[:3] == ["esru", "rounding", stem]
    for files in core["filesets"].values():
        assert files["file_type"] == "verilogSource-2005"
        assert all((folder / name).is_file() for name in files["files"])
    for target in core["targets"].values():
        assert set(target["filesets"]) <= set(core["filesets"])
    assert core["targets"]["default"]["toplevel"] == f"esru_{stem}"
    assert core["targets"]["sim"]["toplevel"] == f"esru_{stem}_tb"


@pytest.mark.slow
def test_fusesoc_runs_it(folder: Path, tmp_path: Path) -> None:
    assert shutil.which("fusesoc", path=_with_scripts()), "the extra test installs fusesoc"
    name = yaml.safe_load((folder / f"{_stem(folder)}.core").read_text())["name"]
    done = subprocess.run(
        [str(shutil.which("fusesoc", path=_with_scripts())), "--cores-root", str(folder),
         "run", "--target=sim", name],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PASS" in done.stdout


def _with_scripts() -> str:
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])


def test_the_pictures_are_svg(folder: Path) -> None:
    for name, said in (("p_up.svg", "P(up)"), ("block.svg", "saturate")):
        text = (folder / name).read_text()
        assert ElementTree.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"
        assert said in text and "8:3:replicate:plateau3" in text


def test_the_datasheet_says_what_the_interface_and_the_model_say(folder: Path) -> None:
    text = (folder / "datasheet.md").read_text()
    interface = json.loads((folder / "interface.json").read_text())
    for port in interface["ports"]:
        assert f"| `{port['name']}` | {port['direction']} | {port['width']} |" in text
    for said in ("14 words", "| rms bias | 0.041 |", "1/256", "(block.svg)", "(p_up.svg)"):
        assert said in text
    for name in EXTRAS:
        assert name == "datasheet" or EXTRAS[name] in text
    assert "## Cost" not in text
    counts = {"cells": 31.0, "lut": 21.0, "ff": 12.0, "carry": None, "area": None}
    priced = datasheet(parse(DESIGN), interface, {}, {"ice40": counts})
    assert "| ice40 | 31.00 | 21.00 | 12.00 | - |" in priced
    costs = {"ice40": counts, "osu018": counts | {"area": 2910.0}}
    priced = datasheet(parse(DESIGN), interface, {}, costs)
    assert "| target | cells | LUT | FF | carry | area |" in priced
    assert "| ice40 | 31.00 | 21.00 | 12.00 | - | - |" in priced
    assert "| osu018 | 31.00 | 21.00 | 12.00 | - | 2910.00 |" in priced


def test_somebody_elses_pytest(folder: Path, tmp_path: Path) -> None:
    """The shipped folder `sim` finds the module beside it, and fails if it is broken."""
    copy = tmp_path / "theirs"
    shutil.copytree(folder, copy)
    xml = tmp_path / "results.xml"
    status, _ = _pytest(copy, xml)
    assert status == 0
    cases = list(ElementTree.parse(xml).getroot().iter("testcase"))
    assert len(cases) == 7
    assert {case.get("name", "").partition("[")[0] for case in cases} == {
        "test_verilog",
        "test_plain_verilog",
    }
    verilog = copy / f"{_stem(copy)}.v"
    verilog.write_text(verilog.read_text().replace("lfsr <= 3'h1", "lfsr <= 3'h2"))
    status, said = _pytest(copy, xml)
    assert status == 1
    assert "test_verilog[" in said and "test_plain_verilog[" in said and " failed" in said
    status, said = _pytest(copy, xml, "--generated", str(tmp_path / "nothing"))
    assert status != 0 and "esru gen wrote nothing below" in said


def _pytest(folder: Path, xml: Path, *more: str) -> tuple[int, str]:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "sim", "-q", "-p", "no:cacheprovider",
         "--junitxml", str(xml), *more],
        cwd=folder, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_words_too_many_to_be_summed_up_keep_all_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["gen", "32:32:zero:lfsr32", "--with", "all", "-o", str(tmp_path / "all")]) == 0
    written = {Path(line).name for line in capsys.readouterr().out.splitlines()}
    assert written == {path.name for path in (tmp_path / "all").iterdir()}
    assert "block.svg" in written and "p_up.svg" not in written
    text = (tmp_path / "all" / "datasheet.md").read_text()
    assert "not summed up: words of more than 26 bits" in text and "p_up.svg" not in text
    assert main(["show", "32:32:zero:lfsr32", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["bias"] == {"mean": None, "max": None, "rms": None}
    assert shown["p_up"] == [] and shown["period"] == 2**32 - 1
    assert main(["show", "32:32:zero:lfsr32"]) == 0
    assert "No bias and no P(up)" in capsys.readouterr().out


def test_all_says_what_a_boundary_has_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    design = "8:3:zero:lfsr5,boundary=dither"
    assert main(["gen", design, "--with", "all", "-o", str(tmp_path / "all")]) == 0
    assert "no stream at the boundary dither" in capsys.readouterr().err
