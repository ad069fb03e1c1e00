"""examples/train_your_model.py: twenty lines that show what a unit does to a training."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("sklearn")

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "train_your_model.py"


def accuracy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> float:
    monkeypatch.setattr(sys, "argv", [str(EXAMPLE), *arguments])
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    found = re.fullmatch(
        r"(\S+): (\d+\.\d) % of the test digits, weights in int8\n", capsys.readouterr().out
    )
    assert found is not None
    assert found[1] == (arguments or ("8:7:select:lfsr13,leap=7,lanes=64",))[0]
    return float(found[2])


def test_stochastic_rounding_trains(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert accuracy(monkeypatch, capsys) > 80


@pytest.mark.slow
def test_stochastic_rounding_trains_and_nearest_does_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    select = accuracy(monkeypatch, capsys)
    nearest = accuracy(monkeypatch, capsys, "nearest")
    assert select > 80
    assert nearest < select - 20


def test_the_example_is_short() -> None:
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    # Without the docstring, imports and empty lines.
    code = [line for line in lines if line and not line.startswith(("import", "from", '"""'))]
    assert len(code) <= 20
