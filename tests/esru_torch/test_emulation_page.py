"""docs/emulation.md: numbers from the result file, code that runs, bars that are met."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest

from esru.report.fresh import stale

torch = pytest.importorskip("torch")

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "docs" / "emulation.md").read_text(encoding="utf-8")
FIGURES = json.loads((ROOT / "docs" / "results" / "benchmark-emulation.json").read_text())


def page() -> ModuleType:
    spec = importlib.util.spec_from_file_location("emulation_page", ROOT / "docs" / "emulation.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_is_fresh() -> None:
    assert not stale(page().generated()), "run python docs/emulation.py"


def test_the_code_runs() -> None:
    torch.set_num_threads(1)
    names: dict[str, object] = {}
    for code in re.findall(r"```python\n(.*?)```", TEXT, re.S):
        exec(code, names)
    assert names["phase"] == 2
    phases = [key for key in names["checkpoint"]["model"] if key.endswith("phase")]
    assert len(phases) == 4
    assert names["checkpoint"]["optimizer"]["rounding"]["phase"] == 3 * (32 + 1 + 5 + 1)


def test_every_kind_of_tensor_is_in_the_table() -> None:
    from esru.torch.config import KINDS

    rows = re.findall(r"^\| `(\w+)` \| (?:forward|backward|in the)", TEXT, re.MULTILINE)
    assert rows == list(KINDS)


def test_the_bars_of_speed() -> None:
    """300 M elements a second with a short or a 24-bit LFSR, in NumPy; 10 and 5 times gfloat."""
    rates = FIGURES["elements_per_second"]
    for design in ("8:8:zero:lfsr8", "papers", "24:24:zero:lfsr24", "8:8:zero:lfsr8,out=ocp_e4m3"):
        assert rates[design]["numpy"] >= 300e6
    assert FIGURES["ratios"]["gfloat, numpy"] >= 10
    assert FIGURES["ratios"]["gfloat, compiled by torch"] >= 5
