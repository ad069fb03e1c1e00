"""The page on cost: its times are what the result file says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import ModuleType

import pytest
from scripts import script

from esru.flow.measure import synthesis_script
from esru.flow.targets import TARGETS, caption
from esru.report.fresh import stale
from esru.report.tables import counted_link

ROOT = Path(__file__).parent.parent.parent

#: Generated tables that name targets and show no counts, with what they show.
NO_COUNTS = {("docs/cost.md", "times"): "seconds", ("docs/faults.md", "faults"): "what turned red"}

#: The tables with counts, by page: none is forgotten by a change of what is found below.
WITH_COUNTS = {
    "README.md": ["search"],
    "docs/decisions-found.md": ["costs"],
    "docs/floors.md": ["sums", "sharing", "costs", "ratios"],
    "docs/ratio.md": [
        "spread",
        "hits",
        "columns",
        "gated",
        "formats",
        "unregistered",
        "alone",
        "fresh",
        "accumulators",
        "sharing",
    ],
    "docs/sources.md": ["cost"],
    "docs/training.md": ["search fp4"],
}

LINK = re.compile(re.escape(counted_link("ANCHOR")).replace("ANCHOR", "([a-z-]+)"))


def _page() -> ModuleType:
    return script("docs", "costs")


def test_the_times_are_fresh() -> None:
    page = _page()
    assert not stale(page.generated()), "run docs/costs.py"


def _named(text: str) -> set[str]:
    """Return the targets that a text names, but not as part of a tool's name."""
    return {name for name in TARGETS if re.search(rf"(?<![\w-]){name}(?![\w-])", text)}


def _tables(block: str) -> list[str]:
    """Return each table of a generated block with the text below it."""
    fences = re.findall(r"```text\n.*?```", block, re.DOTALL)
    # A command's output is a table where a line of it is one below a header.
    found = [fence for fence in fences if re.search(r"^-+(  -+)+$", fence, re.MULTILINE)]
    rest = re.sub(r"```.*?```", "", block, flags=re.DOTALL)
    return found + re.findall(r"(?:^\|.*\n)+(?:^(?!\|).*\n?)*", rest, re.MULTILINE)


def _listed(text: str) -> list[str]:
    """Return the lines of a text's only list of what is counted, and of which targets."""
    lines = [line.strip().removeprefix("- ") for line in text.splitlines()]
    every = caption(TARGETS)
    where = [i for i, line in enumerate(lines) if line in every]
    assert where == list(range(where[0], where[0] + len(where))), "one list"
    assert lines[where[0] - 1] == "" or lines[where[0] - 1] == "Cells, per lane:"
    assert sum("Cells:" in line or "Cells, per lane:" in line for line in lines) == 1
    return [lines[i] for i in where]


def _section(page: str, anchor: str) -> str:
    """Return what stands below a heading of a page, up to the next one."""
    parts = re.split(r"^#+ (.*)$", page, flags=re.MULTILINE)
    sections = dict(zip(parts[1::2], parts[2::2], strict=True))
    (found,) = [text for head, text in sections.items() if head.lower().replace(" ", "-") == anchor]
    return found


def _blocks() -> list[tuple[str, str, str]]:
    """Return the generated blocks of the pages: page, name, a table that names targets."""
    found = []
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        text = page.read_text(encoding="utf-8")
        pattern = r"<!-- begin: (.*?) -->\n(.*?)<!-- end: \1 -->"
        for name, block in re.findall(pattern, text, re.DOTALL):
            where = (page.relative_to(ROOT).as_posix(), name)
            tables = [table for table in _tables(block) if _named(table)]
            found += [(*where, table) for table in tables]
    return found


BLOCKS = _blocks()


def test_no_table_is_forgotten() -> None:
    found = {(page, name) for page, name, _ in BLOCKS}
    counted = {(page, name) for page, names in WITH_COUNTS.items() for name in names}
    assert found == counted | set(NO_COUNTS)


@pytest.mark.parametrize(
    ("page", "table"),
    [
        pytest.param(page, table, id=f"{page} {name}")
        for page, name, table in BLOCKS
        if (page, name) not in NO_COUNTS
    ],
)
def test_a_table_says_what_its_counts_are(page: str, table: str) -> None:
    """Each generated table that names targets has the list of their cells, or a link to it."""
    links = LINK.findall(table)
    if links:
        (anchor,) = links
        listed = _listed(_section((ROOT / page).read_text(encoding="utf-8"), anchor))
        assert set(caption(_named(table))) <= set(listed)
    else:
        listed = _listed(table)
        shown = table.partition("Cells:")[0].partition("Cells, per lane:")[0]
        assert sorted(listed) == sorted(caption(_named(shown))), "those of the table and no other"


def test_the_sums_are_those_of_the_rows() -> None:
    result = json.loads(_page().RESULT.read_text(encoding="utf-8"))
    for run in result["runs"]:
        rows = run["targets"].values()
        assert run["processor"] == pytest.approx(sum(row["processor"] for row in rows), abs=0.1)
        counts = run["designs"] * len(rows)
        assert run["processor_ms_per_count"] == pytest.approx(
            1e3 * run["processor"] / counts, abs=0.1
        )


@pytest.mark.parametrize("name", ["cost.md", "decisions/0002-what-is-counted.md"])
def test_the_first_number_of_yosys_names_is_the_scripts(name: str) -> None:
    (start,) = re.findall(r"^autoidx (\d+)$", synthesis_script([], TARGETS["lut4"]), re.MULTILINE)
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert re.findall(r"numbers begin at ([\d,]*\d)", text) == [f"{int(start):,}"]
