"""The cells of a target that structure can be given for: LUTs, carries, multiplexers behind LUTs.

A `Fabric` is plain data. Which target has which is said in the target's file; nothing here knows
of a tool.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from amaranth.hdl import Const, Instance, Module, Signal, Value


class Mux(NamedTuple):
    """A cell that joins two LUTs, or what two such cells join, at no LUT's cost.

    Attributes
    ----------
    cell : str
        Its type.
    pins : tuple of str
        Data while the select is 0, data while it is 1, select, output.
    """

    cell: str
    pins: tuple[str, str, str, str]


@dataclass(frozen=True)
class Fabric:
    """A target's cells.

    Attributes
    ----------
    luts : tuple of str
        Cell types that hold a LUT of 1, 2, .. inputs, as many as the widest has; a cell may
        have more pins than inputs are asked for.
    pins : tuple of str
        Input pins of a LUT, the table's lowest index bit first.
    output, table : str
        A LUT's output pin and the parameter that holds its table.
    carry : {"", "ice40"}
        Whose carry cells are used; empty: none, LUTs take as few.
    muxes : tuple of Mux
        The cell that joins two of the widest LUTs; behind it the one that joins two such cells.
    opaque : str
        Cell like the widest LUT into which synthesis does not look; empty: none.
    """

    luts: tuple[str, ...]
    pins: tuple[str, ...]
    output: str = "O"
    table: str = "INIT"
    carry: Literal["", "ice40"] = ""
    muxes: tuple[Mux, ...] = ()
    opaque: str = ""

    @property
    def width(self) -> int:
        """Inputs of the widest LUT."""
        return len(self.luts)

    def cell_pins(self, inputs: int) -> int:
        """Return how many pins the cell for a LUT of some inputs has."""
        return max(i for i, name in enumerate(self.luts, 1) if name == self.luts[inputs - 1])


def add_lut(
    m: Module,
    fabric: Fabric,
    inputs: Sequence[Value],
    function: Callable[..., int],
    name: str,
    keep: bool = False,
) -> Signal:
    """Add a LUT and return its output.

    Parameters
    ----------
    m : Module
        Gets the cell.
    fabric : Fabric
        Whose cell.
    inputs : sequence of Value
        1 bit each, at least one and at most `fabric.width`.
    function : callable
        From that many integers, 0 or 1, to the output.
    name : str
        Of the output and of the cell (with ``_lut``).
    keep : bool
        Whether it is to stay, though it does nothing that a wire could not.
    """
    count = len(inputs)
    pins = fabric.cell_pins(count)
    table = 0
    for index in range(1 << pins):
        bits = [index >> i & 1 for i in range(count)]
        table |= (function(*bits) & 1) << index
    wires: dict[str, object] = {
        f"i_{pin}": inputs[i] if i < count else Const(0, 1)
        for i, pin in enumerate(fabric.pins[:pins])
    }
    output = Signal(name=name)
    wires[f"o_{fabric.output}"] = output
    wires[f"p_{fabric.table}"] = Const(table, 1 << pins)
    cell = fabric.opaque if keep else fabric.luts[count - 1]
    m.submodules[f"{name}_lut"] = Instance(cell, **wires)
    return output


def add_mux(m: Module, mux: Mux, halves: Sequence[Value], select: Value, name: str) -> Signal:
    """Add a cell that joins two others and return its output: the second's if `select` is 1."""
    out = Signal(name=name)
    low, high, chosen, joined = mux.pins
    wires: dict[str, object] = {f"i_{low}": halves[0], f"i_{high}": halves[1]}
    m.submodules[f"{name}_mux"] = Instance(
        mux.cell, **wires, **{f"i_{chosen}": select, f"o_{joined}": out}
    )
    return out


def add_ice40_carry(m: Module, a: Value, b: Value, carry: Value, name: str) -> Signal:
    """Add a carry cell of the iCE40 and return its carry out: at least two of three."""
    out = Signal(name=name)
    m.submodules[f"{name}_cell"] = Instance("SB_CARRY", i_I0=a, i_I1=b, i_CI=carry, o_CO=out)
    return out
