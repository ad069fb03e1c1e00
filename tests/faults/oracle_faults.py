"""Seeded faults in what the hardware is compared with: each level's oracle, and what they share."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fault import Fault, Plant, around
from text_faults import Rewrite, replaced

from esru import edges
from esru.emulate import arrays, stream
from esru.flow import cocotb_run, formal
from esru.hdl import sources
from esru.sources import lfsr, register


def _decision_values(fault: Callable[[Any, Any], Any]) -> Plant:
    """Plant a fault in the vectorised model: `fault(values, design)`."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        true = arrays.decision_values
        for module in (arrays, edges):
            patch.setattr(module, "decision_values", lambda d, words: fault(true(d, words), d))

    return plant


def _clipped(true: Any, design: Any, y: Any) -> Any:
    return np.minimum(true(design, y), design.out_format.high - 1)


def _phases(patch: pytest.MonkeyPatch) -> None:
    def even(self: Any) -> tuple[int, ...]:
        groups = self.lanes // self.design.lanes
        return tuple(-(-g * self.period // groups) for g in range(groups))

    patch.setattr(stream.Array, "phases", property(even))


def _reference(name: str, rewrite: Rewrite) -> Plant:
    return around(formal, name, lambda true, *args: rewrite(true(*args)))


def _bench(rewrite: Rewrite) -> Plant:
    """Plant a fault in a copy of the testbench's model."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        folder = Path(tempfile.mkdtemp(prefix="esru-bench-"))
        shutil.copytree(cocotb_run.bench_folder(), folder, dirs_exist_ok=True)
        model = folder / "model.py"
        model.write_text(rewrite(model.read_text(encoding="utf-8")), encoding="utf-8")
        patch.setattr(cocotb_run, "bench_folder", lambda: folder)

    return plant


def _shared_power(patch: pytest.MonkeyPatch) -> None:
    """Plant a wrong leap of 3 steps where hardware and emulation share the matrix power."""
    true = register.power

    def power(columns: register.Columns, exponent: int) -> register.Columns:
        return true(columns, exponent + (exponent == 3))

    for module in (register, lfsr, sources):
        patch.setattr(module, "power", power)
    # Tables that are kept must not outlive the fault.
    patch.setattr(stream, "_small_table", lambda model: model.table)


def _fault(name: str, module: str, what: str, design: str, plant: Plant, *levels: str) -> Fault:
    return Fault(name, module, what, design, plant, levels)


FAULTS = [
    _fault(
        "emulation: > for >=",
        "emulation",
        "the model that training uses needs one more",
        "6:4:replicate:lfsr5",
        _decision_values(lambda values, d: values + 1),
        "simulation",
    ),
    _fault(
        "emulation: half step missing",
        "emulation",
        "half rounds as zero in training",
        "6:3:half:lfsr5",
        _decision_values(lambda values, d: values + (1 << (d.n - d.k - 1))),
        "simulation",
    ),
    _fault(
        "emulation: end off by one",
        "emulation",
        "training saturates one too early",
        "6:3:half:lfsr5,boundary=unit",
        around(arrays, "_finish", _clipped),
        "simulation",
    ),
    Fault(
        "emulation: phases rounded up",
        "emulation",
        "training spreads the sources of an array otherwise",
        "4:3:zero:lfsr5",
        _phases,
        ("simulation",),
        lanes=3,
    ),
    _fault(
        "testbench: > for >=",
        "testbench",
        "the testbench's model needs one more",
        "6:4:zero:lfsr5",
        _bench(replaced(r"f \+ addend >= 2\*\*n", "f + addend > 2**n")),
        "cocotb",
    ),
    _fault(
        "testbench: inversion forgotten",
        "testbench",
        "the testbench's plateau never inverts",
        "papers",
        _bench(replaced(r'self\.family == "plateau" and not', "False and not")),
        "cocotb",
    ),
    _fault(
        "reference: > for >=",
        "reference",
        "the independent rule needs one more",
        "6:4:zero:lfsr5",
        _reference("rounder_verilog", replaced("frac >=", "frac >")),
        "rounder",
    ),
    _fault(
        "reference: tap lost",
        "reference",
        "the independent source misses a tap",
        "6:6:zero:lfsr6",
        _reference("design_verilog", replaced(r"\{s\[4:0\], s\[\d\] \^ ", "{s[4:0], ")),
        "module",
    ),
    _fault(
        "leap-forward matrix",
        "source model",
        "the matrix power that hardware and emulation share is wrong",
        "8:5:zero:lfsr5,leap=3",
        _shared_power,
        "cocotb",
        "module",
    ),
]
