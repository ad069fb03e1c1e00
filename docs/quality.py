"""Generate the example of docs/quality.md, its picture and its times.

Run as ``python docs/quality.py`` to rewrite them, ``--check`` to see whether they are fresh. The
times are what ``benchmarks/show.py --write`` wrote.
"""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

from esru.cli import main as esru
from esru.design import parse
from esru.report.curve import curve, draw_curve
from esru.report.fresh import fill, refresh

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "quality.md"
PICTURE = ROOT / "docs" / "quality-papers.svg"
TIMES = ROOT / "docs" / "results" / "benchmark-show.json"

EXAMPLE = "8:3:zero:lfsr5,lanes=4,map=rotate"


def _shown() -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        if esru(["show", EXAMPLE]):
            raise SystemExit("esru show failed")
    return f"```text\n$ esru show {EXAMPLE}\n{out.getvalue().rstrip()}\n```"


def _times() -> str:
    found = json.loads(TIMES.read_text(encoding="utf-8"))
    rows = [
        f"| `{row['design']}` | {row['period']} | {row['gcds']} | {row['cpu_seconds']:.1f} s | "
        f"{row['cpu_seconds_json']:.1f} s |"
        for row in found["rows"]
    ]
    head = f"| `esru show` on {found['machine']} | period | gcds | processor time | with `--json` |"
    return "\n".join([head, "|---|---|---|---|---|", *rows])


def generated() -> dict[Path, str]:
    """Return every generated file with its content."""
    page = fill(PAGE, {"show": _shown(), "times": _times()})
    return {PAGE: page, PICTURE: draw_curve(curve(parse("papers"))).decode()}


if __name__ == "__main__":
    raise SystemExit(refresh(__doc__, generated))
