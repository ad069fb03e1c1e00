"""Switching activity: exact where the period or the probability is known."""

from __future__ import annotations

import itertools
import re

import pytest

from esru.boundaries import ROUNDINGS
from esru.design import parse
from esru.errors import ToolFailed
from esru.flow import activity
from esru.flow.activity import count_changes, measure_activity
from esru.flow.measure import Netlist
from esru.flow.targets.nand2 import GATES
from esru.hdl.emit import emit_rtlil, module_name


def group(text: str) -> Netlist:
    design = parse(text)
    return Netlist(module_name(design), emit_rtlil(design))


@pytest.mark.parametrize("gate", GATES)
def test_a_gate_does_what_the_library_says(gate: str) -> None:
    """The library's function, read by another rule, against the one that is simulated."""
    text = GATES[gate][1]
    names = sorted(set(re.findall(r"\b[ABCDS]\b", text)))
    python = text.replace("CONST", "").replace("!", "1^").replace("*", "&").replace("+", "|")
    python = re.sub(r"1\^([ABCDS])", r"(1^\1)", python)
    for values in itertools.product((0, 1), repeat=len(names)):
        wanted = eval(python, {}, dict(zip(names, values, strict=True)))
        assert activity._FUNCTIONS[gate](1, *values) == wanted, (gate, values)


@pytest.mark.parametrize(("text", "length"), [("6:6:zero:lfsr6", 6), ("5:5:zero:debruijn5", 5)])
def test_over_a_period_a_shift_register_changes_half_the_time(text: str, length: int) -> None:
    """A bit of a maximal-length sequence changes 2^(L-1) times in a period."""
    period = 2**length - ("lfsr" in text)
    found = measure_activity(group(text), cycles=3 * period, streams=1)
    assert found.registers == pytest.approx(length * 2 ** (length - 1) / period)
    assert found.toggles > found.registers


def test_a_result_has_the_sources_registers_and_no_other() -> None:
    at = {
        name: measure_activity(group(f"4:4:zero:lfsr4,boundary={name}"), 60) for name in ROUNDINGS
    }
    assert at["result"].registers == at["decision"].registers < at["unit"].registers
    assert at["decision"].toggles < at["result"].toggles < at["unit"].toggles


def test_a_gate_of_random_inputs() -> None:
    """An AND of fresh bits is 1 a quarter of the time: 2/4 * 3/4 = 3/8 changes in a cycle.

    With N = 512 * 32 cycles the standard deviation of the mean is below 0.5/sqrt(N) * sqrt(2),
    since only neighbouring cycles are correlated: 0.006. Five of them are 0.03.
    """
    text = "module one(input clk, rst, en, a, b, output y); assign y = ~(a & b); endmodule"
    found = measure_activity(Netlist("one", text, "verilog"))
    assert found.registers == 0
    assert found.toggles == pytest.approx(3 / 8, abs=0.03)
    assert found == measure_activity(Netlist("one", text, "verilog"))


def test_a_shared_source_switches_once_for_all_lanes() -> None:
    alone = measure_activity(group("4:4:zero:lfsr4"), cycles=60)
    shared = measure_activity(group("4:4:zero:lfsr4,lanes=4"), cycles=60)
    assert shared.registers == alone.registers
    assert alone.toggles < shared.toggles < 4 * alone.toggles


def cell(kind: str, **pins: int) -> dict[str, object]:
    return {"type": kind, "connections": {name: [net] for name, net in pins.items()}}


def test_a_loop_of_gates_is_refused() -> None:
    loop = {"a": cell("INV", A=3, Y=2), "b": cell("INV", A=2, Y=3)}
    with pytest.raises(ToolFailed, match="loop"):
        count_changes({"ports": {}, "cells": loop}, 1)


def test_the_order_of_the_cells_does_not_matter() -> None:
    chain = {str(net): cell("INV", A=net - 1, Y=net) for net in range(3, 30)}
    ports = {"a": {"direction": "input", "bits": [2]}}
    counts = {
        count_changes({"ports": ports, "cells": dict(order)}, 50)
        for order in (list(chain.items()), list(chain.items())[::-1])
    }
    assert len(counts) == 1
    ((changes, registers),) = counts
    assert registers == 0 and changes % 27 == 0 and changes > 0
