"""The component that a design's boundary asks for."""

from __future__ import annotations

from esru.design import Design
from esru.hdl.accumulator import (
    DitheredAccumulator,
    DitherLogic,
    StochasticAccumulator,
    UpdateLogic,
)
from esru.hdl.bank import Bank
from esru.hdl.fabric import Fabric
from esru.hdl.rounder import Rounder
from esru.hdl.unit import UnitLogic

_ARRAYS = {
    "decision": Bank,
    "result": Bank,
    "unit": Bank,
    "accumulator": StochasticAccumulator,
    "dither": DitheredAccumulator,
}

_LOGIC = {
    "decision": Rounder,
    "result": UnitLogic,
    "unit": UnitLogic,
    "accumulator": UpdateLogic,
    "dither": DitherLogic,
}


def array(design: Design, lanes: int | None = None, fabric: Fabric | None = None) -> Bank:
    """Return the array of a design; arguments and errors as `esru.hdl.bank.Bank`'s."""
    return _ARRAYS[design.boundary](design, lanes, fabric)


def bare_logic(design: Design) -> Rounder | UnitLogic | UpdateLogic | DitherLogic:
    """Return a lane without source and register, the random word as an input."""
    return _LOGIC[design.boundary](design)
