"""Generated files of a repository: write them, or say which are not fresh.

Each page with figures has a generator beside it (`docs/*.py`). What it writes stands between two
marks of the page, ``<!-- begin: NAME -->`` and ``<!-- end: NAME -->``.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path


def fill(page: Path, parts: Mapping[str, str]) -> str:
    """Return a page's text with each of its generated parts replaced.

    Parameters
    ----------
    page : Path
        The page, Markdown.
    parts : mapping
        By name, what stands between the part's marks.

    Raises
    ------
    SystemExit
        If the page has not exactly one part of a name.
    """
    text = page.read_text(encoding="utf-8")
    for name, content in parts.items():
        begin, end = f"<!-- begin: {name} -->", f"<!-- end: {name} -->"
        pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        found = list(pattern.finditer(text))
        if len(found) != 1:
            raise SystemExit(f"{page.name} must have the part {name!r} once")
        first, last = found[0].span()
        text = f"{text[:first]}{begin}\n{content}\n{end}{text[last:]}"
    return text


def stale(wanted: Mapping[Path, str | None]) -> dict[Path, str | None]:
    """Return the files that are not what they should be, with what that is.

    Parameters
    ----------
    wanted : mapping
        By file, its content; None: there is no such file.
    """
    return {
        path: text
        for path, text in wanted.items()
        if (path.read_text(encoding="utf-8") if path.exists() else None) != text
    }


def refresh(
    description: str | None,
    wanted: Callable[[], Mapping[Path, str | None]],
    arguments: argparse.Namespace | None = None,
) -> int:
    """Rewrite what is not fresh, or with ``--check`` only say so: a generator's main.

    Parameters
    ----------
    description : str or None
        For ``--help``.
    wanted : callable
        Returns by file its content; None: there is no such file.
    arguments : Namespace, optional
        Of `parser`, where the generator has options of its own; else from the command line.

    Returns
    -------
    int
        The exit status: 1 if something is not fresh and only checked, else 0.
    """
    args = parser(description).parse_args() if arguments is None else arguments
    found = stale(wanted())
    for path, text in found.items():
        if args.check:
            done = "not fresh"
        elif text is None:
            path.unlink()
            done = "removed"
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
            done = "wrote"
        print(f"{done}: {path.name}", file=sys.stderr)
    return 1 if found and args.check else 0


def parser(description: str | None) -> argparse.ArgumentParser:
    """Return a generator's command line: ``--check``."""
    result = argparse.ArgumentParser(description=description)
    result.add_argument("--check", action="store_true", help="change nothing; 1 if not fresh")
    return result
