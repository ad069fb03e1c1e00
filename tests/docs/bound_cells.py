"""The cells that the bound on a unit of standard cells is from, for its tests."""

from __future__ import annotations

from esru.flow import unit_bound
from esru.flow.targets import asic, nand2

#: Ends the names of targets with a gated clock.
GATED = "-gated"

#: The gates of osu018 that are the smallest of their function, and its flip-flop.
OSU018: dict[str, tuple[float, str]] = {
    "AND2X1": (32, "(A*B)"),
    "AOI21X1": (32, "(!((A*B)+C))"),
    "AOI22X1": (40, "(!((A*B)+(C*D)))"),
    "INVX1": (16, "(!A)"),
    "MUX2X1": (48, "(!((S*A)+(!S*B)))"),
    "NAND2X1": (24, "(!(A*B))"),
    "NAND3X1": (36, "(!((A*B)*C))"),
    "NOR2X1": (24, "(!(A+B))"),
    "NOR3X1": (64, "(!((A+B)+C))"),
    "OAI21X1": (23, "(!((A+B)*C))"),
    "OAI22X1": (40, "(!((A+B)*(C+D)))"),
    "OR2X1": (32, "(A+B)"),
    "XNOR2X1": (56, "(!(A^B))"),
    "XOR2X1": (56, "(A^B)"),
}
OSU018_FLIP_FLOP = 96

#: Its half and its full adder, as two cells each that share its area: the carry, then the sum.
OSU018_ADDERS: dict[str, tuple[tuple[float, str], ...]] = {
    "HAX1": ((32, "(A*B)"), (48, "(A^B)")),
    "FAX1": ((39, "((A*B)+(A*C)+(B*C))"), (81, "(A^B^C)")),
}


def bound_cells(target: str) -> tuple[unit_bound.Cell, ...]:
    """Return the cells of a target, with a gated clock or without."""
    gates = dict(OSU018)
    for name, shares in OSU018_ADDERS.items():
        gates |= {f"{name} {number}": share for number, share in enumerate(shares)}
    if target.removesuffix(GATED) == "nand2":
        gates = {
            name: (nand2.EQUIVALENTS[name], function) for name, (_, function) in nand2.GATES.items()
        }
    return unit_bound.cells(
        asic.Gate(name, area, "Y", function) for name, (area, function) in gates.items()
    )
