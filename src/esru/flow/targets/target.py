"""What a target is: one recipe from modules to counted cells."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from esru.hdl.fabric import Fabric

#: A module as Yosys' `write_json` has it.
Json = dict[str, Any]


@dataclass(frozen=True)
class Register:
    """A flip-flop of a target's cells, clocked by the rising edge.

    Attributes
    ----------
    cell : str
        Its type.
    clock, data, output : str
        Its pins.
    parameters : tuple of tuple of str
        Its parameters, names with values.
    buffer : tuple of str or None
        The cell between the clock's pin and the flip-flops, with its input and output.
    """

    cell: str
    clock: str
    data: str
    output: str
    parameters: tuple[tuple[str, str], ...] = ()
    buffer: tuple[str, str, str] | None = None


@dataclass(frozen=True)
class Target:
    """How one target is synthesised, and what is counted there.

    Attributes
    ----------
    name, summary : str
        For the command line and `list targets`. Names are small letters, digits and hyphens.
    counts : str
        What `Cells.cells` is, in words.
    synthesis : tuple of str
        Yosys commands from flattened modules to mapped ones. They enter the vendor's script
        *after* its `begin` label, which would delete every module but one.
    mapping : tuple of str
        Yosys commands of a second run, on what `synthesis` has left as Yosys' gates: they get it
        in an order that nothing but the circuit decides (`esru.flow.gate_order`), and in its
        reverse. The netlist of less `area` is taken. Empty: there is no second run.
    library : tuple of str
        Yosys commands that read the vendor's cells, once for a whole batch.
    lut, ff, carry : tuple of str
        Cell types counted as such in the mapped netlist; a final ``*`` stands for any ending.
    headline : {"lut", "packed"} or callable
        Where `Cells.cells` comes from: the LUTs of the mapped netlist, nextpnr's packed cells, or
        a function of the mapped module.
    weaker : str
        Where the number is weaker than a vendor's own tool would give it; empty: nowhere known.
    packer : str or None
        The nextpnr family that packs it.
    device : tuple of str
        nextpnr's arguments for the device. Packing depends on it only through the length of
        a carry column or row: one that no unit fills.
    packed_cells : tuple of str
        The packed cell types that are counted.
    area : callable or None
        The area of a mapped module, where cells have one.
    files : callable or None
        Returns the files that the commands read, name to text. Raises ToolMissing if one comes
        from elsewhere and is not there.
    register : Register or None
        The flip-flop that stands at each port where the clock frequency is measured.
    place : tuple of str
        nextpnr's arguments to place and route with no constraints but `device`'s.
    pinless : bool
        Whether the packer wants a pin for each port, so that registers take their place.
    fabric : Fabric or None
        The cells that lanes can be built of one by one (`esru.hdl.structure`); None: only plain
        structure.
    """

    name: str
    summary: str
    counts: str
    synthesis: tuple[str, ...]
    mapping: tuple[str, ...] = ()
    library: tuple[str, ...] = ()
    lut: tuple[str, ...] = ()
    ff: tuple[str, ...] = ()
    carry: tuple[str, ...] = ()
    headline: Literal["lut", "packed"] | Callable[[Json], float] = "lut"
    weaker: str = ""
    packer: str | None = None
    device: tuple[str, ...] = ()
    packed_cells: tuple[str, ...] = ()
    area: Callable[[Json], float] | None = None
    files: Callable[[], Mapping[str, str]] | None = None
    register: Register | None = None
    place: tuple[str, ...] = ()
    pinless: bool = False
    fabric: Fabric | None = None


def matches(kind: str, patterns: Sequence[str]) -> bool:
    """Return whether a cell type is one of the patterns, whose final ``*`` is any ending."""
    return any(
        kind.startswith(pattern[:-1]) if pattern.endswith("*") else kind == pattern
        for pattern in patterns
    )
