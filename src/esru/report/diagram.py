"""A unit's block diagram as SVG, drawn from the design."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from esru.decision_table import decision_table, is_table
from esru.design import Design
from esru.design_text import short_design
from esru.sources import source_model
from esru.sources.settings import structure

_TOP, _HEIGHT, _GAP = 70, 84, 74
_STYLE = (
    "text{font:12px sans-serif;text-anchor:middle;fill:#222}"
    ".title{font-size:14px;font-weight:bold}.small{font-size:10px;fill:#555}"
    ".box{fill:#eef4fa;stroke:#1f77b4;stroke-width:1.5}"
    ".register{fill:#fdf1e3;stroke:#c26a00;stroke-width:1.5}"
    ".line{fill:none;stroke:#222;stroke-width:1.3;marker-end:url(#tip)}"
)


@dataclass(frozen=True)
class _Box:
    """One block: its lines of text, whether it is a register, and the width of what it gives."""

    lines: tuple[str, ...]
    gives: str
    register: bool = False
    per_lane: bool = True
    takes: str = ""


def draw_blocks(design: Design, lanes: int | None = None) -> str:
    """Return the diagram as SVG text.

    Parameters
    ----------
    design : Design
        The unit.
    lanes : int or None
        Lanes of a whole array; None: the lanes of one source.
    """
    count = design.lanes if lanes is None else lanes
    boxes = _boxes(design, count)
    widths = [max(92, 14 + 7 * max(map(len, box.lines))) for box in boxes]
    starts = [40 + sum(widths[:i]) + _GAP * i for i in range(len(boxes))]
    width = starts[-1] + widths[-1] + _GAP + 30
    height = _TOP + _HEIGHT + 92
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img">',
        f"<title>{escape(f'Block diagram of {design}')}</title>",
        f"<style>{_STYLE}</style>",
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="#222"/></marker></defs>',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        _text(width // 2, 24, short_design(design), "title"),
        _text(width // 2, 42, _caption(design, count), "small"),
    ]
    middle = _TOP + _HEIGHT // 2
    for box, x, wide in zip(boxes, starts, widths, strict=True):
        parts += _block(box, x, wide, count)
        end = x + wide + _GAP - 6
        parts.append(_line(x + wide, middle, end, middle))
        parts.append(_text((x + wide + end) // 2 - 2, middle - 7, box.gives, "small"))
        if box.takes:
            base = _TOP + _HEIGHT
            parts.append(_line(x + wide // 2, base + 44, x + wide // 2, base + 2))
            parts.append(_text(x + wide // 2, base + 58, box.takes, "small"))
    parts.append(_text(width // 2, height - 8, "clk, rst and en reach every register", "small"))
    return "\n".join([*parts, "</svg>", ""])


def _caption(design: Design, count: int) -> str:
    lanes = "1 lane" if count == 1 else f"{count} lanes"
    sources = count // design.lanes
    shared = "" if not design.k else ", 1 source" if sources == 1 else f", {sources} sources"
    rate = f"latency {design.latency}, {count} a clock cycle"
    return f"boundary {design.boundary}, {lanes}{shared}, {rate}"


def _boxes(design: Design, count: int) -> list[_Box]:
    boxes = []
    if design.k:
        source = [design.source_name]
        if found := structure(design):
            source.append(found[1])
        period = source_model(design).period
        source.append(f"period {period}" if period else "words from outside")
        seeds = f"load; seed, {design.length} bits" if design.load else ""
        boxes.append(_Box(tuple(source), f"r, {design.k} bits", True, False, seeds))
        if design.map == "complement" or (design.map != "same" and design.lanes > 1):
            boxes.append(_Box(("lane map", design.map), f"{design.k} bits"))
    decision = design.boundary == "decision"
    if design.rule == "select":
        bits = max(1, (design.n - 1).bit_length())
        boxes.append(
            _Box(("index", "bit length of r"), f"{bits} bits", False, design.map != "same")
        )
    rule, how = design.rule, ("multiplexer",) if design.rule == "select" else ("adder's carry",)
    if is_table(design.rule):
        table = decision_table(design.rule, design.n, design.k)
        rule, how = "table", (f"{table.n} + {table.s} inputs",)
        if table.coded:
            text = (f"code by {len(table.weights)} weights",)
            boxes.append(_Box(text, f"{table.s} bits", False, design.map != "same"))
    dropped = f"x, {design.dropped} dropped bits"
    if design.floats:
        dropped = f"x, {design.n} bits below ulp"
    taken = f"frac, {design.fraction_bits} bits" if decision else dropped
    if design.boundary == "dither":
        return [*boxes, *_dithered(design)]
    boxes.append(_Box((rule, *how), "up", takes=taken))
    if decision:
        return boxes
    whole = design.input.width - design.dropped
    wide = f"{design.out_format.width} bits"
    if design.boundary == "accumulator":
        upper = f"w, x: {whole} upper bits"
        boxes.append(_Box(("w + x", "up is the carry in"), "sum", takes=upper))
        boxes.append(_Box((design.overflow,), wide))
        return [*boxes, _Box(("y", str(design.out_format)), "y", True)]
    if design.floats:
        whole = design.out_format.width - 2
    boxes.append(_Box(("increment",), f"{max(whole, design.out_format.width) + 1} bits",
                      takes=f"x, {whole} upper bits"))  # fmt: skip
    if design.boundary == "result":
        return [*boxes, _Box((design.overflow, str(design.out_format)), "y")]
    boxes.append(_Box((design.overflow,), wide))
    boxes.append(_Box(("y", str(design.out_format)), "y", True))
    return boxes


def _dithered(design: Design) -> list[_Box]:
    """Return the blocks of a sum that starts from the random word."""
    wide = f"{design.input.width} bits"
    return [
        _Box((design.rule, f"below ulp, {design.dropped} bits"), "start", per_lane=False),
        _Box(("first ?", "start : total"), wide, takes="first"),
        _Box(("+",), wide, takes=f"x, {wide}"),
        _Box(("total", str(design.input)), wide, True),
        _Box((design.overflow, f"without {design.dropped} bits"), "y"),
    ]


def _block(box: _Box, x: int, wide: int, count: int) -> list[str]:
    kind = "register" if box.register else "box"
    shape = '<rect class="{}" x="{}" y="{}" width="{}" height="{}" rx="6"/>'
    parts = []
    if box.per_lane and count > 1:
        # Lanes behind the first.
        for step in (8, 4):
            parts.append(shape.format(kind, x + step, _TOP - step, wide, _HEIGHT))
    parts.append(shape.format(kind, x, _TOP, wide, _HEIGHT))
    first = _TOP + _HEIGHT // 2 + 4 - 8 * (len(box.lines) - 1)
    for index, line in enumerate(box.lines):
        parts.append(_text(x + wide // 2, first + 16 * index, line, "" if not index else "small"))
    return parts


def _line(x1: int, y1: int, x2: int, y2: int) -> str:
    return f'<path class="line" d="M{x1} {y1}L{x2} {y2}"/>'


def _text(x: int, y: int, text: str, kind: str) -> str:
    style = f' class="{kind}"' if kind else ""
    return f'<text{style} x="{x}" y="{y}">{escape(text)}</text>'
