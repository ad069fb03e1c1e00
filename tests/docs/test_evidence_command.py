"""benchmarks/evidence.py: rows that the result file has need not be measured again."""

from __future__ import annotations

import json
import platform
from contextlib import nullcontext
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from scripts import script

from esru.evidence.studies import Study, find_study


def _command() -> ModuleType:
    return script("benchmarks", "evidence")


def test_only_missing_rows_are_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = _command()
    result = json.loads(bench.RESULT.read_text(encoding="utf-8"))
    study = find_study("chars-transformer")
    out = tmp_path / "evidence.json"
    content = {**result, "studies": {study.name: dict(result["studies"][study.name])}}
    rows = content["studies"][study.name]["rows"]
    asked = []

    class Measured:
        def __init__(self, *_: Any) -> None:
            pass

        def rows(self, part: Study, progress: Any) -> list[Any]:
            asked.append(part.points)
            points = [(p.series, p.schedule) for p in part.points]
            return [row for row in rows if (row["series"], row["schedule"]) in points]

    monkeypatch.setattr(bench, "Measurer", Measured)
    monkeypatch.setattr(bench, "local_workers", lambda count: nullcontext())
    monkeypatch.setenv("ESRU_CACHE", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["evidence.py", "--missing", f"--out={out}", study.name])
    versions = {"python": platform.python_version()}
    versions |= {name: version(name) for name in ("numpy", "scikit-learn", "torch")}
    # The first row, of two learning rates, and one of the last point's are not there.
    left = {**content["studies"][study.name], "rows": rows[2:-1]}
    for found, points in ((versions, (study.points[0], study.points[-1])), ({}, study.points)):
        old = {**content, "versions": found, "studies": {study.name: left}}
        out.write_text(json.dumps(old), encoding="utf-8")
        assert bench.main() == 0
        assert asked.pop() == points
        assert json.loads(out.read_text())["studies"] == content["studies"]
    # All there; other seeds.
    assert bench.main() == 0 and not asked
    monkeypatch.setattr(bench, "find_study", lambda name: replace(study, seeds=3))
    assert bench.main() == 0 and asked.pop() == study.points
