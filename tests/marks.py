"""Marks of tests: which of many parameters are slow, and which need the optional library."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import pytest

from esru.errors import ToolMissing
from esru.flow.targets import osu018


def slow_where(slow: Collection[Any], parameters: Iterable[Any]) -> list[Any]:
    """Return the parameters, those that are among `slow` marked so; several are in a tuple."""
    parameters = list(parameters)
    unknown = [one for one in slow if one not in parameters]
    assert not unknown, f"no parameters: {unknown}"
    return [
        pytest.param(*(one if isinstance(one, tuple) else (one,)), marks=pytest.mark.slow)
        if one in slow
        else one
        for one in parameters
    ]


def skip_without_library(target: str = "osu018") -> None:
    """Skip a test of a target whose Liberty file is not there; it has the mark `library`."""
    if not target.startswith("osu018"):
        return
    try:
        osu018.liberty()
    except ToolMissing as missing:
        pytest.skip(str(missing))
