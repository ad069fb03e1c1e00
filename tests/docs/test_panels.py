"""Panels of lines: the same bytes for the same data, one colour for a group."""

from __future__ import annotations

from dataclasses import replace

from esru.report.panels import COLORS, Line, Panel, Picture, draw_panels

WITH = Line("natural", "a", (1, 2), (0.0, -3.0), (0.5, 1.0))
WITHOUT = Line("worst", "a", (1, 2), (-1.0, -30.0), (), dashed=True)
OTHER = Line("b", "b", (1, 2), (0.0, 1.0), (0.1, 0.1), joined=False)
PICTURE = Picture(
    [[Panel("first", [WITH, WITHOUT]), Panel("second", [OTHER])]],
    "across", "up", {1.0: "one", 2.0: "two"}, (-10, -1, 0, 1),
)  # fmt: skip


def test_the_same_bytes() -> None:
    assert draw_panels(PICTURE) == draw_panels(PICTURE)


def test_what_is_written_on_it() -> None:
    drawn = draw_panels(PICTURE)
    for text in ("first", "second", "across", "up", "one", "two", "natural", "worst", "-10"):
        assert f">{text.replace('-', '−')}<" in drawn or f">{text}<" in drawn, text


def test_a_group_has_one_colour() -> None:
    drawn = draw_panels(PICTURE)
    assert COLORS[0] in drawn and COLORS[1] in drawn and COLORS[2] not in drawn
    apart = replace(WITHOUT, group="c")
    panels = [[Panel("first", [WITH, apart]), Panel("second", [OTHER])]]
    assert COLORS[2] in draw_panels(replace(PICTURE, panels=panels))


def test_errors_and_scales_change_the_picture() -> None:
    bare = replace(WITH, errors=())
    panels = [[Panel("first", [bare, WITHOUT]), Panel("second", [OTHER])]]
    assert len(draw_panels(replace(PICTURE, panels=panels))) < len(draw_panels(PICTURE))
    assert draw_panels(replace(PICTURE, log_x=True)) != draw_panels(PICTURE)
    assert draw_panels(replace(PICTURE, linear=0.0)) != draw_panels(PICTURE)
