"""Clock frequencies: of paths that are known to be long or short, and of what is timed at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from esru.errors import InputError
from esru.flow import nextpnr, targets
from esru.flow.fmax import Fmax, measure_fmax, placeable
from esru.flow.measure import Netlist
from esru.flow.registered import registered

PORTS = "input clk, input rst, input en, input [15:0] a, input [15:0] b"


def adder(width: int) -> Netlist:
    """Return a combinational adder: nothing in it is timed but for the harness."""
    text = f"module adder{width}({PORTS}, output [{width}:0] y);\n"
    text += f"assign y = a[{width - 1}:0] + b[{width - 1}:0];\nendmodule\n"
    return Netlist(f"adder{width}", text, "verilog")


@pytest.mark.parametrize(
    "target", ["ice40", *(pytest.param(t, marks=pytest.mark.slow) for t in ("ecp5", "gowin"))]
)
def test_a_longer_carry_chain_is_slower(target: str) -> None:
    seen: list[tuple[int, int]] = []
    long = measure_fmax(adder(16), target, (1, 2), progress=lambda *step: seen.append(step))
    short = measure_fmax(adder(2), target, (1,))
    assert list(long.by_seed) == [1, 2] and seen == [(1, 2), (2, 2)]
    assert long.median is not None and short.median is not None
    assert 1.3 * long.median < short.median


@pytest.mark.slow
def test_an_ultraplus_is_slower_than_an_hx() -> None:
    medians = [measure_fmax(adder(8), name, (1,)).median for name in ("ice40", "ice40-up5k")]
    assert medians[0] is not None and medians[1] is not None
    assert 1.5 * medians[1] < medians[0]


def test_the_median_of_seeds() -> None:
    assert Fmax({1: 100.0, 2: 90.0, 3: 120.0}).median == 100.0
    assert Fmax({1: 100.0, 2: None}).median is None


@pytest.mark.parametrize("target", ["xc7", "lut4", "nand2"])
def test_what_is_not_placed_has_none(target: str) -> None:
    assert not placeable(target)
    with pytest.raises(InputError, match="one that nextpnr places"):
        measure_fmax(adder(2), target)


def test_seeds_are_needed() -> None:
    with pytest.raises(InputError, match="Seeds must be at least one"):
        measure_fmax(adder(2), "ice40", ())


def module() -> nextpnr.Json:
    ports = {
        "clk": {"direction": "input", "bits": [2]},
        "a": {"direction": "input", "bits": [3, 4]},
        "y": {"direction": "output", "bits": [5]},
    }
    cell = {
        "type": "SB_DFF",
        "parameters": {},
        "attributes": {},
        "port_directions": {"C": "input", "D": "input", "Q": "output"},
        "connections": {"C": [2], "D": [3], "Q": [5]},
    }
    return {"ports": ports, "cells": {"q": cell}}


@pytest.mark.parametrize("target", ["ice40", "gowin"])
def test_every_port_becomes_a_register_of_the_modules_own_clock(target: str) -> None:
    register = targets.target(target).register
    assert register is not None
    chip = registered(nextpnr.side_by_side([module()]), register, "0/clk")
    assert list(chip["ports"]) == ["clk"]
    inner = chip["cells"]["0/q"]["connections"]
    ports = {name: cell for name, cell in chip["cells"].items() if cell["type"] == register.cell}
    ports.pop("0/q", None)
    assert sorted(ports) == ["port/0/a/0", "port/0/a/1", "port/0/y/0"]
    for cell in ports.values():
        assert cell["connections"][register.clock] == inner["C"]
    first, second, out = (ports[name]["connections"] for name in sorted(ports))
    assert first[register.output] == inner["D"]
    assert second[register.data] == first[register.output]  # one shift register
    assert out[register.data] == inner["Q"]
    assert (chip["ports"]["clk"]["bits"] == inner["C"]) == (register.buffer is None)


def test_without_a_clock_port_the_clocks_are_inputs(tmp_path: Path) -> None:
    register = targets.target("ice40").register
    assert register is not None
    chip = registered(nextpnr.side_by_side([module()]), register)
    assert "port/0/clk/0" in chip["cells"]
    assert chip["ports"]["clk"]["bits"] != chip["cells"]["0/q"]["connections"]["C"]
