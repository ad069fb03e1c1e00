"""docs/sources.md, "Adding a source": the places it names are enough, and they are all."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from esru.sources.settings import SOURCES, WITHOUT_LENGTH

ROOT = Path(__file__).parent.parent.parent

FAMILIES = SOURCES.keys() - set(WITHOUT_LENGTH)
#: What else code that looks at a family names.
NAMES = {"VISITS_ZERO", "LinearModel", "LfsrModel", "CellularModel", "CounterModel"}

#: A count in Gray code, L = k, as the page has it added: file, then what is put where.
GRAY = {
    "src/esru/sources/settings.py": [
        ('    "operand-own": "the', '    "gray": "a count in Gray code",\n    "operand-own": "the'),
        (
            '    "counter": _SHIFT',
            '    "gray": _SHIFT - {"form", "taps", "recover"},\n    "counter": _SHIFT',
        ),
        ('VISITS_ZERO = ("debruijn", "counter"', 'VISITS_ZERO = ("gray", "debruijn", "counter"'),
        (
            'if design.source == "counter":\n        if design.length != design.k',
            'if design.source in ("gray", "counter"):\n        if design.length != design.k',
        ),
    ],
    "src/esru/sources/__init__.py": [
        (
            "from esru.sources.given",
            "from esru.sources.gray import GrayModel\nfrom esru.sources.given",
        ),
        (
            '    if design.source == "counter":',
            '    if design.source == "gray":\n'
            "        return GrayModel(design.length, design.seed, design.leap, design.k)\n"
            '    if design.source == "counter":',
        ),
    ],
    "src/esru/hdl/sources.py": [
        ('if design.source == "counter":', 'if design.source in ("gray", "counter"):'),
        (
            "    m.d.comb += word.eq(count[::-1])\n",
            '    if design.source == "gray":\n'
            "        m.d.comb += word.eq(count ^ count[1:])\n"
            "        return Word(word, following ^ following[1:])\n"
            "    m.d.comb += word.eq(count[::-1])\n",
        ),
    ],
    "src/esru/flow/reference_sources.py": [
        (
            'if design.source == "counter":\n        body',
            'if design.source in ("gray", "counter"):\n        body',
        ),
        (
            '    if design.source == "plateau":\n',
            '    if design.source == "gray":\n'
            '        word = f"state{name} ^ (state{name} >> 1)"\n'
            '    if design.source == "plateau":\n',
        ),
    ],
    "sim/model.py": [
        ('int(self.family not in ("debruijn",', 'int(self.family not in ("gray", "debruijn",'),
        (
            '        if self.family == "counter":\n            return',
            '        if self.family == "gray":\n'
            "            return self.state ^ self.state // 2\n"
            '        if self.family == "counter":\n            return',
        ),
        (
            'if self.family == "counter":\n            self.state',
            'if self.family in ("gray", "counter"):\n            self.state',
        ),
        ("return self.family not in (", 'return self.family not in ("gray", '),
    ],
}

#: Every kind of hardware that has a source: lanes that remember words, seeds, sums.
DESIGNS = (
    "5:4:select:gray4,leap=3,lanes=2,map=delay,boundary=unit",
    "6:3:half:gray3,lanes=2,map=invert,load=1",
    "5:3:nearest:gray3,boundary=accumulator",
    "5:3:replicate:gray3,leap=3,boundary=result",
)


def _tables() -> tuple[set[str], set[str]]:
    """Return the files that the page's two tables name."""
    text = (ROOT / "docs" / "sources.md").read_text(encoding="utf-8")
    section = text.partition("\n## Adding a source\n")[2]
    tables = re.split(r"\n\| place \|[^\n]*\n\|---\|---\|\n", section)[1:]
    rows = [
        [line.split(" | ")[0] for line in table.splitlines() if line.startswith("| ")]
        for table in tables
    ]
    first, second = (set(re.findall(r"`([\w/]+\.py)`", "".join(row))) for row in rows)
    return first, second


def test_the_page_names_every_place_that_knows_a_family() -> None:
    found = set()
    for path in (*(ROOT / "src" / "esru").rglob("*.py"), *(ROOT / "sim").glob("*.py")):
        nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
        texts = {node.value for node in nodes if isinstance(node, ast.Constant)}
        names = {node.id for node in nodes if isinstance(node, ast.Name)}
        if texts & FAMILIES or names & NAMES:
            found.add(str(path.relative_to(ROOT)))
    first, second = _tables()
    assert not first & second
    assert found | {"src/esru/sources/counter.py"} == first | second


def test_the_first_table_is_what_the_added_source_takes() -> None:
    assert _tables()[0] == set(GRAY)


@pytest.mark.slow
def test_a_source_added_there_is_simulated_tested_and_proved(tmp_path: Path) -> None:
    for folder in ("src", "sim"):
        left_out = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=left_out)
    model = (tmp_path / "src/esru/sources/counter.py").read_text(encoding="utf-8")
    head, cut, _ = model.replace("CounterModel", "GrayModel").partition("    def cut(")
    assert cut
    body = "self, states: Words) -> Words:\n        return states ^ (states >> np.uint32(1))\n"
    (tmp_path / "src/esru/sources/gray.py").write_text(head + cut + body, encoding="utf-8")
    for name, changes in GRAY.items():
        text = (tmp_path / name).read_text(encoding="utf-8")
        for old, new in changes:
            assert text.count(old) == 1, (name, old)
            text = text.replace(old, new)
        (tmp_path / name).write_text(text, encoding="utf-8")
    program = (
        "import sys\nfrom esru.cli import main\n"
        "sys.exit(max(main(['verify', design]) for design in sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *DESIGNS],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path / "src")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("module == reference (PDR)") == len(DESIGNS)
    assert done.stdout.count("seeds loaded") == 1
