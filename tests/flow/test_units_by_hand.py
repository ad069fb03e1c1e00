"""Units given cell by cell, checked for every input: what a bound must not be above."""

from __future__ import annotations

from itertools import product
from pathlib import Path

from esru.flow.targets import nand2


class _Netlist:
    """Cells that compute rows of values at once, and what they take."""

    def __init__(self, rows: int):
        self.ones = (1 << rows) - 1
        self.area = 0.0

    def cell(self, name: str, value: int) -> int:
        self.area += nand2.EQUIVALENTS[name]
        return ~value & self.ones


class _Unit(_Netlist):
    """Every input of a unit but the decision's, for every word, and what comes out."""

    def __init__(self, holds: bool):
        rows = list(product(range(256), (0, 0x55, 0xAA, 0xFF), (0, 1), (0, 1), (0, 1)))
        super().__init__(len(rows))

        def column(values: list[int]) -> int:
            return sum(value << at for at, value in enumerate(values))

        self.x = [column([row[0] >> bit & 1 for row in rows]) for bit in range(8)]
        self.y = [column([row[1] >> bit & 1 for row in rows]) for bit in range(8)]
        self.up, self.rst, self.en = (column([row[at] for row in rows]) for at in (2, 3, 4))
        self.expected = []
        for bit in range(8):
            following = []
            for word, held, add, reset, enable in rows:
                number = min((word ^ 128) - 128 + add, 127)
                value = 0 if reset else number & 255 if enable or not holds else held
                following.append(value >> bit & 1)
            self.expected.append(column(following))

    def unit(self, following: list[int]) -> float:
        """Return the area with flip-flops, once it is seen that these get what they should."""
        assert following == self.expected
        return self.area + 8 * nand2.EQUIVALENTS[nand2.FLIP_FLOP]


def unit_by_hand() -> float:
    """Return the area of a unit given cell by cell, without its decision; it is checked."""
    m = _Unit(holds=True)
    x, y, rst = m.x, m.y, m.rst
    hold = m.cell("NOR2", m.en | rst)
    load = m.cell("NOR2", rst | hold)
    idle = m.cell("INV", load)
    carry = m.cell("INV", m.cell("NAND2", m.up & load))
    same, none = [], 0
    for bit in range(7):
        if bit:
            carry = m.cell("INV", none)
        none = m.cell("NAND2", carry & x[bit])
        same.append(m.cell("OAI21", (x[bit] | carry) & none))
    over = m.cell("NOR2", none | x[7])
    found = [
        m.cell("OAI21", (same[bit] | idle) & m.cell("AOI21", y[bit] & hold | over))
        for bit in range(7)
    ]
    sign = m.cell("NAND3", x[7] & none & load)
    found.append(m.cell("NAND2", sign & m.cell("NAND2", y[7] & hold)))
    return m.unit(found)


def enabled_first_by_hand() -> float:
    """Return the same if reset and enable choose before the increment: every bit reads lower y."""
    m = _Unit(holds=True)
    hold = m.cell("NOR2", m.en | m.rst)
    load = m.cell("NOR2", m.rst | hold)
    chosen = [m.cell("AOI22", x & load | y & hold) for x, y in zip(m.x, m.y, strict=True)]
    low = m.cell("NOR4", chosen[0] | chosen[1] | chosen[2] | chosen[3])
    high = m.cell("NOR3", chosen[4] | chosen[5] | chosen[6])
    fits = m.cell("NAND3", low & high & m.cell("INV", m.x[7]))
    idle = m.cell("NAND3", m.up & load & fits)
    found = []
    for bit in range(7):
        carry = m.cell("NOR2", chosen[bit] | idle)
        found.append(m.cell("AOI21", chosen[bit] & idle | carry))
        if bit < 6:
            idle = m.cell("INV", carry)
    found.append(m.cell("NOR2", chosen[7] | carry))
    return m.unit(found)


def gated_unit_by_hand() -> float:
    """Return the same with a gated clock, which is no cell of the unit's own."""
    m = _Unit(holds=False)
    x, rst = m.x, m.rst
    same, passed, carries = [], [], [m.up]
    for bit in range(7):
        if bit % 2:
            # The carry comes inverted, and goes on as 1 in reset.
            other = m.cell("INV", x[bit])
            carries.append(m.cell("OAI21", (other | carries[bit]) & (rst ^ m.ones)))
            passed.append(other & carries[bit])
        else:
            carries.append(m.cell("NAND2", x[bit] & carries[bit]))
            same.append(m.cell("OAI21", (x[bit] | carries[bit]) & carries[bit + 1]))
    fits = m.cell("INV", m.cell("NOR3", carries[7] | x[7] | rst))
    found = [
        m.cell("AOI22", passed[bit // 2] | carries[bit + 1] & fits)
        if bit % 2
        else m.cell("AOI21", same[bit // 2] & fits | rst)
        for bit in range(7)
    ]
    found.append(m.cell("NOR2", rst | m.cell("NAND2", x[7] & carries[7])))
    return m.unit(found)


def test_what_the_page_says_of_units_by_hand() -> None:
    areas = unit_by_hand(), enabled_first_by_hand(), gated_unit_by_hand()
    assert areas == (82, 78.5, 64)
    page = (Path(__file__).parents[2] / "docs" / "ratio.md").read_text(encoding="utf-8")
    said = (
        f"takes {areas[0]:g} and its decision, {areas[1]:g} where reset and enable come first, "
        f"with a gated clock {areas[2]:g}"
    )
    assert said in " ".join(page.split())
