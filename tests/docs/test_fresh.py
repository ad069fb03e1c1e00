"""Generated files: what is not fresh is found, and only then written."""

from __future__ import annotations

from pathlib import Path

import pytest

from esru.report.fresh import fill, parser, refresh, stale


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.md"
    path.write_text("a\n<!-- begin: x -->\nold\n<!-- end: x -->\nb\n", encoding="utf-8")
    return path


def test_a_part_is_replaced_and_nothing_else(page: Path) -> None:
    assert fill(page, {"x": r"new \1"}) == ("a\n<!-- begin: x -->\nnew \\1\n<!-- end: x -->\nb\n")


def test_a_page_without_the_part_or_with_two_is_refused(page: Path) -> None:
    with pytest.raises(SystemExit, match=r"page\.md must have the part 'y' once"):
        fill(page, {"y": ""})
    page.write_text(page.read_text(encoding="utf-8") * 2, encoding="utf-8")
    with pytest.raises(SystemExit, match="once"):
        fill(page, {"x": ""})


def test_check_writes_nothing_and_says_what_is_old(
    page: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new, gone = page.read_text(encoding="utf-8"), page.parent / "sub" / "new", page
    wanted = {gone: None, new: "text"}
    assert stale(wanted) == wanted
    assert refresh("x", lambda: wanted, parser("x").parse_args(["--check"])) == 1
    assert page.read_text(encoding="utf-8") == old and not new.exists()
    assert capsys.readouterr().err == "not fresh: page.md\nnot fresh: new\n"
    assert refresh("x", lambda: wanted, parser("x").parse_args([])) == 0
    assert not page.exists() and new.read_text(encoding="utf-8") == "text"
    assert capsys.readouterr().err == "removed: page.md\nwrote: new\n"
    assert not stale(wanted)
    assert refresh("x", lambda: wanted, parser("x").parse_args(["--check"])) == 0
