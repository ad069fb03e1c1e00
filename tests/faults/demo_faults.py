"""Seeded faults in the demo on the chip: `esru.hdl.demo`, `esru.hdl.demo_array`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from fault import Fault, Plant, around

from esru.hdl import demo, demo_array

_DESIGN = "papers"
_LANES = 4


def _other(module: Any, name: str, value: int) -> Plant:
    """Plant another value of a constant."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        assert getattr(module, name) != value
        patch.setattr(module, name, value)

    return plant


def _never_seeded(true: Any, controls: Any) -> Callable[[Any], Any]:
    return lambda array: array


def _fault(name: str, what: str, plant: Plant) -> Fault:
    return Fault(name, "demo", what, _DESIGN, plant, ("board",), lanes=_LANES)


FAULTS = [
    _fault(
        "signature's polynomial",
        "the signature register has another tap",
        _other(demo_array, "SIGNATURE_POLYNOMIAL", demo_array.SIGNATURE_POLYNOMIAL ^ 2),
    ),
    _fault(
        "known stream's polynomial",
        "the stimulus register has another tap",
        _other(demo_array, "STIMULUS_POLYNOMIAL", demo_array.STIMULUS_POLYNOMIAL ^ 2),
    ),
    _fault(
        "known stream's start",
        "the stimulus register starts at another state",
        _other(demo_array, "STIMULUS_START", demo_array.STIMULUS_START ^ 6),
    ),
    _fault(
        "self-test a cycle short",
        "the self-test stops one rounding early",
        _other(demo, "SELF_TEST_CYCLES", demo.SELF_TEST_CYCLES - 1),
    ),
    _fault(
        "sources not seeded again",
        "a request to start again leaves sources and statistics as they are",
        around(demo, "ResetInserter", _never_seeded),
    ),
    _fault(
        "another seed on the board",
        "the lanes under test are of another design",
        around(demo_array, "Bank", lambda true, d, lanes: true(replace(d, seed=2), lanes)),
    ),
]
