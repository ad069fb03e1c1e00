"""`esru cost`: sharing, clock frequencies, activity; what is kept, and what is refused."""

from __future__ import annotations

import json

import pytest

from esru.cli import main
from esru.flow import measure


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["cost", *arguments])
    return code, *capsys.readouterr()


def found(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    code, out, _ = run(capsys, *arguments, "--json")
    assert code == 0
    return dict(json.loads(out))


def test_a_sources_cost_falls_with_the_lanes(capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--target", "lut4", "--boundary", "decision", "--lanes", "1,2,8", "--activity")
    content = found(capsys, "3:3:zero:lfsr8", *options)
    assert "cost" not in content
    sweep = content["sweep"]
    assert isinstance(sweep, list)
    assert [entry["lanes"] for entry in sweep] == [1, 2, 8]
    assert [entry["cost"]["lut4"]["decision"]["ff"] for entry in sweep] == [8, 4, 1]
    registers = [entry["activity"]["decision"]["registers"] for entry in sweep]
    assert registers[0] == pytest.approx(8 * registers[2], rel=0.01)
    code, out, _ = run(capsys, "3:3:zero:lfsr8", *options)
    assert code == 0
    assert "lut4    decision      8" in out
    assert "lut4: 4-input LUTs after synthesis; weaker: no carry chains" in out
    assert "A proxy for energy" in out


def test_fmax_is_the_median_of_what_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    options = ("--target", "ice40,lut4", "--boundary", "decision", "--fmax")
    content = found(capsys, "3:3:zero:lfsr3", *options)
    fmax, cost = content["fmax"], content["cost"]
    assert isinstance(fmax, dict) and isinstance(cost, dict)
    assert list(fmax) == ["ice40"]
    seeds = fmax["ice40"]["decision"]["seeds"]
    assert list(seeds) == ["1", "2", "3", "4", "5"]
    assert sorted(seeds.values())[2] == cost["ice40"]["decision"]["fmax_mhz"] > 50
    assert cost["lut4"]["decision"]["fmax_mhz"] is None
    _, out, _ = run(capsys, "3:3:zero:lfsr3", *options)
    assert f"{sorted(seeds.values())[2]:.2f}" in out and "seeds 1, 2, 3, 4, 5" in out


def test_what_is_known_is_not_measured_again(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("3:2:zero:lfsr5", "--target", "lut6", "--boundary", "decision", "--activity")
    before = found(capsys, *options)
    monkeypatch.setattr(measure.yosys, "run_script", None)
    assert found(capsys, *options) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--lanes", "0"), "Lanes must be integers of at least 1"),
        (("--lanes", "2,2"), "Lanes must be named once"),
        (("--lanes", "two"), "Lanes must be integers"),
        (("--target", "xc7", "--fmax"), "one that nextpnr places, for --fmax"),
        (("--target", "xc7,xc7"), "named once"),
    ],
)
def test_refused(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    code, out, err = run(capsys, "papers", *arguments)
    assert (code, out) == (2, "")
    assert message in err
