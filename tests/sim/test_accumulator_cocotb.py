"""The cocotb testbench on accumulators."""

from __future__ import annotations

from pathlib import Path

import pytest

from esru.design import parse
from esru.flow.cocotb_run import run_cocotb


@pytest.mark.parametrize(
    "text",
    [
        "4:3:select:lfsr5,lanes=3,in=s10.6,out=uint4,boundary=accumulator",
        "4:2:replicate:lfsr3,in=u9.6,out=uint2,lanes=2,boundary=dither",
    ],
)
def test_every_test_passes(text: str, tmp_path: Path) -> None:
    checks = run_cocotb(parse(text), tmp_path)
    assert len(checks) >= 6 and all(check.passed and check.cases for check in checks)
