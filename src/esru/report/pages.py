"""The report of one run: Markdown, and one HTML page without anything from elsewhere."""

from __future__ import annotations

from html import escape
from typing import Any

from esru.flow.targets import caption
from esru.report.controls import task_controls
from esru.report.front import CAPTION, front_table
from esru.report.tables import (
    Table,
    comparison,
    comparison_caption,
    contenders,
    grid,
    markdown,
    summary,
    unit,
    verdicts,
)
from esru.train.tasks import unit_digits

Json = dict[str, Any]

_NOT_CLAIMED = (
    "That nothing cheaper would do is not claimed: these and other cheaper designs were dropped or "
    "stayed undecided on this evidence. All rows are in front.csv (truth tables whole), "
    "every test in evidence.jsonl."
)

_STYLE = """body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}
table{border-collapse:collapse;margin:1rem 0;font-size:.85rem;display:block;overflow-x:auto}
td,th{border:1px solid #ccc;padding:.2rem .5rem;text-align:left;vertical-align:top}
svg{max-width:100%;height:auto}code{background:#f2f2f2;padding:0 .2rem}"""


def title(result: Json) -> str:
    """Return the report's title."""
    return f"The cheapest stochastic rounding unit of up to {result['bits']} bits"


def _sections(result: Json) -> list[tuple[str, str, Table | None]]:
    """Return (heading, text, table) of each section."""
    cost = (
        f"{comparison_caption(result)}. Cells: "
        + "; ".join(caption(name for name, _ in grid(result)))
        + ". Plain RTL means a PRNG of its own in every lane and no structural help; "
        "the reference with such help was not measured."
    )
    found: list[tuple[str, str, Table | None]] = [
        ("Comparison", cost, comparison(result)),
        ("What became of them", "", verdicts(result)),
        ("Closest contenders", _NOT_CLAIMED, contenders(result)),
    ]
    if (measured := front_table(result)) is not None:
        found.append(("The front", CAPTION, measured))
    digits = unit_digits(unit(result))
    lost = "points of accuracy" if unit(result) == "points" else unit(result)
    tests: Table = (
        ["task", "lr", "schedule", "loss", "bound", "seeds"],
        [
            [
                t["task"],
                "-" if t["lr"] is None else f"{t['lr']:g}",
                t["schedule"],
                f"{t['diff']:+.{digits}f}",
                f"{t['bound']:+.{digits}f}",
                str(t["seeds"]),
            ]
            for t in (result["winner"] or {"tests": []})["tests"]
        ],
    )
    found.append(("The winner's cells", f"Loss and upper bound in {lost}.", tests))
    for controls in task_controls(result):
        said = f"{controls.text[0].upper()}{controls.text[1:]}. {controls.verdict}."
        found.append((controls.heading, said, controls.table))
    return found


def _proof(result: Json) -> Table | None:
    if not result["proof"]:
        return None
    rows = [
        [
            check["level"],
            check["name"],
            str(check["cases"]),
            "passed" if check["passed"] else "FAILED",
        ]
        for check in result["proof"]
    ]
    return ["level", "check", "cases", "result"], rows


def report_markdown(result: Json, versions: dict[str, str]) -> str:
    """Return the report as Markdown."""
    lines = [f"# {title(result)}", "", *(f"{line}  " for line in summary(result)), ""]
    lines += ["![Cost against loss](front.svg)", ""]
    for heading, text, table in _sections(result):
        lines += [f"## {heading}", "", *([text, ""] if text else [])]
        lines += [markdown(table), ""] if table is not None else []
    checks = _proof(result)
    if checks is not None:
        lines += ["## Proof of the winner's hardware", "", markdown(checks), ""]
    lines += ["## Made with", "", ", ".join(f"{k}: {v}" for k, v in versions.items()), ""]
    return "\n".join(lines)


def report_html(result: Json, versions: dict[str, str], svg: str) -> str:
    """Return the report as one HTML page; `svg` is the front's picture."""
    parts = [f"<h1>{escape(title(result))}</h1>"]
    parts += [f"<p>{escape(line)}</p>" for line in summary(result) if line]
    parts.append(svg[svg.index("<svg") :])
    for heading, text, table in _sections(result):
        parts.append(f"<h2>{escape(heading)}</h2>")
        parts += [f"<p>{escape(text)}</p>"] if text else []
        parts += [_html_table(table)] if table is not None else []
    checks = _proof(result)
    if checks is not None:
        parts += ["<h2>Proof of the winner's hardware</h2>", _html_table(checks)]
    made = ", ".join(f"{key}: {value}" for key, value in versions.items())
    parts.append(f"<h2>Made with</h2><p>{escape(made)}</p>")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title(result))}</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(parts)
        + "\n</body></html>\n"
    )


def _html_table(table: Table) -> str:
    header, rows = table
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><tr>{head}</tr>{body}</table>"
