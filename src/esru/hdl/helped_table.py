"""Tables cell by cell: a lane as one LUT of the target, one that feeds another, or two joined."""

from __future__ import annotations

from collections.abc import Sequence

from amaranth.hdl import Module, Value

from esru.decision_table import decision_table
from esru.design import Design
from esru.hdl.fabric import Fabric, add_lut, add_mux
from esru.hdl.table import Joined, Truth, find_joined, find_pair, narrowed


def add_helped_table(
    m: Module, fabric: Fabric, design: Design, fraction: Value, draw: Value, suffix: str
) -> Value | None:
    """Add one lane's decision and return it; None: two LUTs of the target do not hold it.

    Parameters
    ----------
    m : Module
        Gets the LUTs, if there are any.
    fabric : Fabric
        The target's cells.
    design : Design
        Its rule is a table.
    fraction, draw : Value
        As `esru.hdl.rounder.add_round_up` takes them.
    suffix : str
        Ends the names of cells and signals.
    """
    table = decision_table(design.rule, design.n, design.k)
    truth: Truth = tuple(bool(up) for up in table.ups().reshape(-1))
    inputs: list[Value] = [*fraction, *draw]
    seen, part = narrowed(truth)
    if not seen:
        return None
    if len(seen) <= fabric.width:
        return _lut(m, fabric, part, [inputs[i] for i in seen], f"looked_up{suffix}")
    pair = find_pair(truth, fabric.width)
    if pair is None:
        joined = find_joined(truth, fabric.width) if fabric.muxes else None
        return None if joined is None else _add_joined(m, fabric, joined, inputs, suffix)
    inner = _lut(m, fabric, pair.inner, [inputs[i] for i in pair.first], f"inner{suffix}")
    chosen = [inner, *(inputs[i] for i in pair.second)]
    return _lut(m, fabric, pair.outer, chosen, f"looked_up{suffix}")


def _add_joined(
    m: Module, fabric: Fabric, joined: Joined, inputs: Sequence[Value], suffix: str
) -> Value:
    """Add two LUTs and the multiplexer behind them."""
    halves = [
        _lut(m, fabric, truth, [inputs[i] for i in seen], f"half_{number}{suffix}")
        for number, (seen, truth) in enumerate(joined.halves)
    ]
    return add_mux(m, fabric.muxes[0], halves, inputs[joined.select], f"looked_up{suffix}")


def _lut(m: Module, fabric: Fabric, truth: Truth, inputs: Sequence[Value], name: str) -> Value:
    """Add a LUT with a truth table, its first input the fastest."""

    def function(*bits: int) -> int:
        return int(truth[sum(bit << i for i, bit in enumerate(bits))])

    return add_lut(m, fabric, inputs, function, name)
