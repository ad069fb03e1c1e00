"""The accumulators: simulation, what is emitted, and what is built only elsewhere."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from amaranth.hdl import Fragment

from esru.cli.entry import main
from esru.demo.config import DemoConfig
from esru.design import parse
from esru.errors import InputError
from esru.flow.simulate import simulate
from esru.flow.stimuli import plan
from esru.hdl.accumulator import DitheredAccumulator, StochasticAccumulator
from esru.hdl.array import array
from esru.hdl.stream import StreamBank

DESIGNS = [
    "4:3:select:lfsr5,lanes=3,out=uint4,in=s10.6,boundary=accumulator",
    "4:2:nearest:operand-prev,in=s11.7,out=uint2,boundary=accumulator",
    "4:2:half:lfsr3,map=delay,lanes=2,overflow=wrap,boundary=accumulator",
    "4:2:zero:lfsr3,in=s64.6,out=u64.0,boundary=accumulator",
    "3:2:table-f0cceea8:plateau2,boundary=accumulator",
    "4:2:half:lfsr3,in=s9.6,out=int4,lanes=3,boundary=dither",
    "4:2:replicate:port,in=u9.6,out=uint2,boundary=dither",
    "4:0:half:none,in=u64.8,out=uint4,boundary=dither",
]


@pytest.mark.parametrize("text", DESIGNS)
def test_the_hardware_is_the_models(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("esru.flow.stimuli.FEWEST_WORDS", 1024)
    check = simulate(parse(text))
    assert check.passed, check.detail


def test_an_array(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("esru.flow.stimuli.FEWEST_WORDS", 512)
    for boundary in ("accumulator", "dither"):
        check = simulate(parse(f"3:2:half:lfsr3,lanes=2,boundary={boundary}"), 6)
        assert check.passed and check.detail.endswith("6 lanes, en and rst")


def test_each_boundary_has_its_component() -> None:
    kinds = {"accumulator": StochasticAccumulator, "dither": DitheredAccumulator}
    for boundary, kind in kinds.items():
        built = array(parse(f"4:2:zero:lfsr3,boundary={boundary}"), 2)
        Fragment.get(built, None)  # Amaranth complains about what is never elaborated
        assert type(built) is kind


def test_a_plan_counts_roundings() -> None:
    found = plan(parse("4:2:zero:lfsr3,boundary=dither"), 1)
    assert not found.exhaustive and found.words % 7 == 0
    assert "sums of 1 to 8" in found.text


@pytest.mark.parametrize("boundary", ["accumulator", "dither"])
def test_what_is_not_built(boundary: str) -> None:
    design = parse(f"4:2:zero:lfsr3,boundary={boundary}")
    rule = f"Boundary of a stream must be one of decision, result, unit, not {boundary}"
    with pytest.raises(InputError, match=rule):
        StreamBank(design)


@pytest.mark.parametrize("boundary", ["result", "accumulator", "dither"])
def test_the_demo_is_of_a_decision_or_a_unit(boundary: str) -> None:
    design = parse(f"4:2:zero:lfsr3,boundary={boundary}")
    rule = f"Boundary of the demo must be decision or unit, not {boundary}"
    with pytest.raises(InputError, match=rule):
        DemoConfig(design, clock_hz=12_000_000)


@pytest.mark.parametrize(
    "text",
    ["4:3:select:lfsr5,lanes=2,boundary=accumulator", "4:2:half:lfsr3,in=s16.6,boundary=dither"],
)
def test_what_gen_writes(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Ports in the interface, a testbench that passes, Verilog that linters are silent about."""
    folder = tmp_path / "out"
    assert main(["gen", text, "-o", str(folder), "--with", "all"]) == 0
    design, stem = parse(text), parse(text).id
    described = json.loads((folder / "interface.json").read_text())
    names = [port["name"] for port in described["ports"]]
    more = ["w"] if design.boundary == "accumulator" else ["first"]
    assert names == ["clk", "rst", "en", *more, "x", "y"] and described["latency"] == 1
    assert not (folder / f"{stem}_stream.v").exists()
    assert f"boundary {design.boundary}" in (folder / f"{stem}.v").read_text()
    icarus = shutil.which("iverilog")
    assert icarus is not None
    sources = [str(folder / f"{stem}.v"), str(folder / f"{stem}_tb.v")]
    build = [icarus, "-Wall", "-g2005", "-o", str(tmp_path / "bench"), *sources[:1]]
    done = subprocess.run(build, capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr
    subprocess.run([icarus, "-g2005", "-o", str(tmp_path / "bench"), *sources], check=True)
    ran = subprocess.run(["vvp", "-n", str(tmp_path / "bench")], capture_output=True, text=True)
    assert ran.returncode == 0 and "PASS" in ran.stdout
    # A wrong hardware fails it.
    broken = (folder / f"{stem}.v").read_text().replace("7'h7f", "7'h7e").replace("8'h7f", "8'h7e")
    (folder / f"{stem}.v").write_text(broken)
    subprocess.run([icarus, "-g2005", "-o", str(tmp_path / "bench"), *sources], check=True)
    ran = subprocess.run(["vvp", "-n", str(tmp_path / "bench")], capture_output=True, text=True)
    assert ran.returncode == 1 and "FAIL" in ran.stdout
    assert main(["gen", text, "-o", str(tmp_path / "no"), "--with", "stream"]) == 2
    assert "Boundary of a stream must be one of decision, result, unit" in capsys.readouterr().err
