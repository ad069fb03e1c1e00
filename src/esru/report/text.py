"""Tables and answers as plain text, as a terminal shows them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from esru.flow.targets import caption
from esru.report import front, tables
from esru.report.controls import task_controls

_NUMBERS = re.compile(r"[-+0-9., x()\[\]<]*")


def plain_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table as lines of text: columns of numbers right, all others left."""
    widths = [max(len(str(row[i])) for row in [header, *rows]) for i in range(len(header))]
    right = [i > 0 and _numeric(rows, i) for i in range(len(header))]
    lines = []
    for row in [header, ["-" * width for width in widths], *rows]:
        cells = [
            str(cell).rjust(width) if to_the_right else str(cell).ljust(width)
            for cell, width, to_the_right in zip(row, widths, right, strict=True)
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _numeric(rows: Sequence[Sequence[str]], column: int) -> bool:
    """Return whether a column holds nothing but numbers, ratios and intervals."""
    return all(_NUMBERS.fullmatch(str(row[column])) for row in rows)


def counted_text(targets: Iterable[str]) -> str:
    """Return what the counts on some targets are, as it stands below their table."""
    return "\n".join(["Cells, per lane:", *(f"  {line}" for line in caption(targets))])


def search_text(result: dict[str, Any]) -> str:
    """Return a search's answer as the command prints it."""
    headline, *rest = tables.summary(result)
    lines = [headline if result["winner"] is None else f"Winner: {headline}"]
    lines += [f"  {line}" for line in rest]
    lines += ["", tables.comparison_caption(result), "", plain_table(*tables.comparison(result))]
    lines += ["", counted_text(name for name, _ in tables.grid(result))]
    for title, table in (
        ("What became of them", tables.verdicts(result)),
        ("Closest contenders", tables.contenders(result)),
    ):
        lines += ["", title, "", plain_table(*table)]
    for controls in task_controls(result):
        caption = f"{controls.heading}, {controls.text}"
        lines += ["", caption, "", plain_table(*controls.table), "", controls.verdict]
    if (measured := front.front_table(result)) is not None:
        lines += ["", front.CAPTION, "", plain_table(*measured)]
    return "\n".join(lines)
