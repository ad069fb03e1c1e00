"""Files kept by hand stay short enough to be read in one go."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parent.parent.parent

FOLDERS = ("src", "tests", "benchmarks", "examples", "docs")

#: Lines that a file may have.
MOST = 400

#: Pages, texts, pictures and recorded figures may be longer.
KINDS = {".py", ".v", ".cpp"}


def test_no_file_is_longer_than_it_may_be() -> None:
    lengths = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*")
        if path.suffix in KINDS
    }
    assert {"src/esru/design.py", "docs/proof.py", "tests/unit/test_floats.py"} <= set(lengths)
    assert {name: lines for name, lines in lengths.items() if lines > MOST} == {}
