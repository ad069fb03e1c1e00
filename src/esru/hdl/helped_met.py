"""`select` for sums in LUTs of four inputs: not the decision, but what the sum begins with.

Such a sum hands on each update's bit XOR the carry into its place (`esru.hdl.helped_sum`), and the
carry into the lowest place is the decision. Where the decision's last LUTs have an input to spare,
they take the update's lowest bit too, and the sum begins a LUT later:

- n odd: the last fraction bit alone behind the chain of the others, ``(c ? d : p) ^ x``.
- n = 2: ``(c ? e : d) ^ x``.
- n = 4 or 8, with cells that join LUTs: two or four of these, and the one that is meant.

A LUT with two fraction bits and x has one input left for controls, so more fraction bits than two
in each are not to be had; the LUTs are as many as the bare decision's, (n + 1) / 2 or n / 2.
"""

from __future__ import annotations

from typing import NamedTuple

from amaranth.hdl import Module, Value

from esru.hdl.fabric import Fabric, add_lut, add_mux
from esru.hdl.helped import Column, SelectChain, add_helped_select, select_chain


class MetChain(NamedTuple):
    """The cells of one lane.

    Attributes
    ----------
    before : SelectChain
        The chain whose output the only leaf takes; without cells: none.
    leaves : tuple of tuple of int
        Positions of each last LUT's fraction bits; behind a chain one, else two.
    columns : tuple of Column
        The control bits: those of the chain, then the leaves', then the select of each level of
        joining cells.
    """

    before: SelectChain
    leaves: tuple[tuple[int, ...], ...]
    columns: tuple[Column, ...]

    def codes(self) -> list[int]:
        """Return the control bits by position of the deciding bit."""
        return SelectChain((), self.columns).codes()


def met_chain(n: int, fabric: Fabric) -> MetChain | None:
    """Return the cells that choose one of n fraction bits and take the update's lowest bit too.

    None: it takes a LUT more than the bare decision.
    """
    positions = range(n)
    if fabric.width != 4:
        return None
    if n % 2:
        before = select_chain(n - 1, fabric)
        # The last position's own controls do not matter to the chain.
        columns = [(*column, 0) for column in before.columns]
        last = tuple(int(p == n - 1) for p in positions)
        return MetChain(before, ((n - 1,),), (*columns, last))
    levels = n.bit_length() - 2
    if n != 2 << levels or levels > len(fabric.muxes):
        return None
    leaves = tuple((p, p + 1) for p in range(0, n, 2))
    bits = tuple(tuple(p >> bit & 1 for p in positions) for bit in range(levels + 1))
    return MetChain(SelectChain((), ()), leaves, bits)


def add_met(
    m: Module,
    fabric: Fabric,
    chain: MetChain,
    fraction: Value,
    controls: Value,
    low: Value,
    suffix: str,
) -> Value:
    """Add one lane's cells and return the deciding bit XOR `low`.

    Parameters
    ----------
    m : Module
        Gets the cells.
    fabric : Fabric
        The target's cells.
    chain : MetChain
        What `met_chain` returns.
    fraction : Value
        The lane's fraction bits.
    controls : Value
        The control bits that all lanes share, in the order of the chain's columns.
    low : Value
        The update's lowest bit above the fraction.
    suffix : str
        Ends the names.
    """
    first: list[Value] = []
    if chain.before.cells:
        first = [add_helped_select(m, fabric, chain.before, fraction, controls, suffix)]
    control, *selects = [controls[i] for i in range(len(chain.before.columns), len(chain.columns))]
    found: list[Value] = []
    for number, leaf in enumerate(chain.leaves):
        inputs = [*first, *(fraction[position] for position in leaf), control, low]
        name = f"met_0{suffix}" if len(chain.leaves) == 1 else f"leaf_{number}{suffix}"
        found.append(add_lut(m, fabric, inputs, lambda p, d, c, x: (d if c else p) ^ x, name))
    for level, select in enumerate(selects):
        pairs = zip(found[::2], found[1::2], strict=True)
        names = f"joined_{level}" if level + 1 < len(selects) else "met_0"
        found = [
            add_mux(m, fabric.muxes[level], pair, select, f"{names}_{number}{suffix}")
            for number, pair in enumerate(pairs)
        ]
    return found[0]
