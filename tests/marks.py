"""Marks of tests: which of many parameters are slow."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import pytest


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
