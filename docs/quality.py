"""Generate the example of docs/quality.md, its picture and its times.

Run as ``python docs/quality.py`` to rewrite them, ``--check`` to see whether they are fresh. The
times are what ``benchmarks/show.py --write`` wrote.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import re
import sys
from pathlib import Path

from esru.cli import main as esru
from esru.design import parse
from esru.report.curve import curve, draw_curve

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "quality.md"
PICTURE = ROOT / "docs" / "quality-papers.svg"
TIMES = ROOT / "docs" / "results" / "benchmark-show.json"

EXAMPLE = "8:3:zero:lfsr5,lanes=4,map=rotate"


def _part(text: str, name: str, content: str) -> str:
    begin, end = f"<!-- begin: {name} -->", f"<!-- end: {name} -->"
    pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
    if len(pattern.findall(text)) != 1:
        raise SystemExit(f"quality.md must have the part {name!r} once")
    return pattern.sub(lambda _: f"{begin}\n{content}\n{end}", text)


def _shown() -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        if esru(["show", EXAMPLE]):
            raise SystemExit("esru show failed")
    return f"```text\n$ esru show {EXAMPLE}\n{out.getvalue().rstrip()}\n```"


def _times() -> str:
    found = json.loads(TIMES.read_text(encoding="utf-8"))
    rows = [
        f"| `{row['design']}` | {row['period']} | {row['gcds']} | {row['cpu_seconds']:.1f} s |"
        for row in found["rows"]
    ]
    head = f"| `esru show` on {found['machine']} | period | gcds | processor time |"
    return "\n".join([head, "|---|---|---|---|", *rows])


def generated() -> dict[Path, str]:
    """Return every generated file with its content."""
    page = _part(PAGE.read_text(encoding="utf-8"), "show", _shown())
    page = _part(page, "times", _times())
    return {PAGE: page, PICTURE: draw_curve(curve(parse("papers"))).decode()}


def main() -> int:
    """Rewrite the generated parts, or check them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; 1 if not fresh")
    args = parser.parse_args()
    stale = []
    for path, content in generated().items():
        if not path.exists() or path.read_text(encoding="utf-8") != content:
            stale.append(path.relative_to(ROOT))
            if not args.check:
                path.write_text(content, encoding="utf-8")
    for name in stale:
        print(f"{'not fresh' if args.check else 'wrote'}: {name}", file=sys.stderr)
    return 1 if stale and args.check else 0


if __name__ == "__main__":
    raise SystemExit(main())
