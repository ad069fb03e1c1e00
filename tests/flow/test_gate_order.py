"""The order of gates: the same whatever names, order and sides Yosys has given them."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
import textbook

from esru.errors import ToolFailed
from esru.flow import targets, toolchain
from esru.flow.gate_order import backwards, ordered
from esru.flow.measure import Netlist, measure, synthesised

COMMUTATIVE = ("$_AND_", "$_OR_", "$_XOR_")


@pytest.fixture(scope="module")
def gates(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Some modules of Yosys' gates."""
    folder = tmp_path_factory.mktemp("gates")
    some = [textbook.unit(8, 3, 3), textbook.decision(8, 8, 8, 4)]
    return synthesised(some, targets.target("nand2"), toolchain.yosys(), folder)


def shuffled(module: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """Return a module with other private names, another order, and inputs of gates swapped."""
    bits = sorted({bit for cell in module["cells"].values() for pin in cell["connections"].values()
                   for bit in pin if isinstance(bit, int)})  # fmt: skip
    numbers = dict(zip(bits, rng.sample(range(1000, 9000), len(bits)), strict=True))

    def other(found: list[Any]) -> list[Any]:
        return [numbers.get(bit, bit) for bit in found]

    cells = []
    for cell in module["cells"].values():
        pins = {pin: other(bits) for pin, bits in cell["connections"].items()}
        if cell["type"] in COMMUTATIVE and rng.random() < 0.5:
            pins["A"], pins["B"] = pins["B"], pins["A"]
        cells.append(cell | {"connections": pins})
    rng.shuffle(cells)
    ports = {name: port | {"bits": other(port["bits"])} for name, port in module["ports"].items()}
    nets = {(f"n{rng.random()}" if net["hide_name"] else name): net | {"bits": other(net["bits"])}
            for name, net in module["netnames"].items()}  # fmt: skip
    found = {f"c{rng.random()}": cell for cell in cells}
    return {**module, "ports": ports, "cells": found, "netnames": nets}


def test_only_the_circuit_decides(gates: list[dict[str, Any]]) -> None:
    rng = random.Random(1)
    for module in gates:
        first = json.dumps(_plain(ordered(module)))
        for _ in range(5):
            assert json.dumps(_plain(ordered(shuffled(module, rng)))) == first
        assert len(ordered(module)["cells"]) == len(module["cells"])


def _plain(module: dict[str, Any]) -> Any:
    cells = [(cell["type"], cell["connections"]) for cell in module["cells"].values()]
    return [[port["bits"] for port in module["ports"].values()], cells]


def test_another_circuit_is_another_order(gates: list[dict[str, Any]]) -> None:
    module = gates[0]
    name = next(name for name, cell in module["cells"].items() if cell["type"] == "$_AND_")
    changed = {**module, "cells": {**module["cells"]}}
    changed["cells"][name] = module["cells"][name] | {"type": "$_OR_"}
    assert _plain(ordered(changed)) != _plain(ordered(module))


def test_backwards_is_the_same_circuit(gates: list[dict[str, Any]]) -> None:
    first = ordered(gates[0])
    assert list(backwards(first)["cells"]) == list(first["cells"])[::-1]
    assert backwards(first)["cells"] == first["cells"]


def test_a_loop_of_gates_is_refused(tmp_path: Path) -> None:
    text = "module loop(input a, output y); assign y = ~(a & y); endmodule"
    with pytest.raises(ToolFailed, match="a loop of gates"):
        measure([Netlist("loop", text, "verilog")], "nand2", workdir=tmp_path)


@pytest.mark.parametrize("target", ["nand2", "nand2-gated"])
def test_a_count_does_not_depend_on_the_others(target: str) -> None:
    some = [textbook.decision(24, 24, 24), textbook.decision(8, 8, 8, 4), textbook.unit(8, 3, 3)]
    some.append(textbook.decision(16, 16, 16, enable=True))
    together = measure(some[::-1], target)
    for netlist in some:
        assert measure([netlist], target)[netlist.name] == together[netlist.name]
