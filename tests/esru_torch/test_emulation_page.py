"""docs/emulation.md: numbers from the result file, code that runs, bars that are met."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from scripts import script

from esru.report.fresh import stale

torch = pytest.importorskip("torch")

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "docs" / "emulation.md").read_text(encoding="utf-8")
FIGURES = json.loads((ROOT / "docs" / "results" / "benchmark-emulation.json").read_text())


def test_the_table_is_fresh() -> None:
    assert not stale(script("docs", "emulation").generated()), "run python docs/emulation.py"


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
    """300 M elements a second by every design, in both; 10 and 5 times gfloat, in both formats."""
    rates = FIGURES["elements_per_second"]
    assert {"8:8:zero:lfsr32,leap=11", "8:8:zero:lfsr8,out=ocp_e4m3"} < set(rates)
    for by_array in rates.values():
        assert min(by_array["numpy"], by_array["torch"]) >= 300e6
    found = {}
    for row in FIGURES["others"]:
        assert ("ratio" in row) != ("reason" in row)
        if "ratio" in row:
            own = rates[row["compared"]][row["array"]]
            assert row["ratio"] == pytest.approx(own / row["elements_per_second"], abs=0.06)
            found.setdefault(row["name"], []).append(row["ratio"])
    for name, bar in (("gfloat, numpy", 10), ("gfloat, compiled by torch", 5)):
        assert len(found[name]) == 2 and min(found[name]) >= bar
    assert {name.partition(",")[0] for name in found} == {"gfloat", "torchao", "qtorch"}


def test_the_gpu_is_measured_or_said_not_to_be(tmp_path: Path) -> None:
    """Without a device every row has no value; with one all rows have, and the page says which."""
    kept = json.loads((ROOT / "docs" / "results" / "benchmark-gpu.json").read_text())
    measured = [row["value"] is not None for row in kept["rows"]]
    assert all(measured) if kept["device"] else not any(measured)
    assert TEXT.count("not measured |") == measured.count(False)
    if not torch.cuda.is_available():
        found = tmp_path / "gpu.json"
        assert script("benchmarks", "gpu").main(["--write", str(found)]) == 0
        rows = json.loads(found.read_text())["rows"]
        assert [row["value"] for row in rows] == [None] * len(rows)
        assert [row["name"] for row in rows] == [row["name"] for row in kept["rows"]]


@pytest.mark.slow
def test_what_is_measured_on_a_gpu_runs() -> None:
    """On the CPU, in small: the figures say nothing, but every row without a kernel has one."""
    bench = script("benchmarks", "gpu")
    rows = bench.rows(torch.device("cpu"), bench.SMALL)
    fused = [row for row in rows if "fused" in row["name"]]
    assert len(rows) == 11 and len(fused) == 3
    assert all(row["value"] is None if row in fused else row["value"] > 0 for row in rows)
