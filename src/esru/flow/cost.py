"""What a design costs per lane: its hardware, measured on a target at a boundary."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

from esru.design import Design
from esru.errors import InputError
from esru.flow import targets
from esru.flow.measure import Cells, Netlist, measure
from esru.hdl.emit import emit_rtlil, module_name
from esru.hdl.fabric import Fabric
from esru.hdl.structure import check_fabric

#: How lanes are built (`esru.hdl.structure`).
STRUCTURES = ("plain", "helped")


@dataclass(frozen=True)
class LaneCost:
    """A lane's share of its group: the counts of one source and its lanes over the lanes.

    Attributes
    ----------
    cells : float or None
        The target's headline count, `Target.counts` says of what.
    lut, ff, carry : float
        Yosys' own counts.
    area : float or None
        Cell area, where the target has one.
    fmax_mhz : float or None
        Clock frequency of the group, where something measured it.
    """

    cells: float | None
    lut: float
    ff: float
    carry: float
    area: float | None = None
    fmax_mhz: float | None = None

    def to_json(self) -> dict[str, float | None]:
        """Return the counts by name, shares rounded to 6 digits."""
        return {
            name: None if value is None else round(value, 6) for name, value in asdict(self).items()
        }


def fabric_of(target: str, structure: str) -> Fabric | None:
    """Return the cells that a structure is made of on a target; None: plain structure.

    Raises
    ------
    InputError
        If the target or the structure is unknown, or the target has no cells for it.
    """
    found = targets.target(target)
    if structure not in STRUCTURES:
        raise InputError.must("Structure", f"one of {', '.join(STRUCTURES)}", repr(structure))
    if structure == "plain":
        return None
    if found.fabric is None:
        rule = f"plain: target {target} names no cells to build it of"
        raise InputError.must("Structure", rule, structure)
    return found.fabric


def check_structure(structure: str, names: Sequence[str], designs: Sequence[Design]) -> None:
    """Raise unless each design can be built in a structure on each target.

    Raises
    ------
    InputError
        As `fabric_of`, and `esru.hdl.structure.check_fabric`.
    """
    if any([fabric_of(name, structure) is not None for name in names]):
        for design in designs:
            check_fabric(design)


def lane_costs(
    designs: Sequence[Design],
    target: str,
    boundary: str,
    progress: Callable[[int, int], None] | None = None,
    structure: str = "plain",
) -> list[LaneCost]:
    """Return the cost per lane of each design, in order; equal designs are built once.

    Each design is built as one group: its source and the lanes that share it. An array is made
    of such groups, whose sources differ in nothing but the state after reset.

    Parameters
    ----------
    designs : sequence of Design
        Their own boundaries do not matter.
    target : str
        A name that `esru.flow.targets.target` knows.
    boundary : str
        ``decision`` or ``unit``.
    progress : callable, optional
        Called with (modules done, modules in all).
    structure : {"plain", "helped"}
        Textbook structure, or given cell by cell for the target (`esru.hdl.structure`).

    Raises
    ------
    InputError
        If the target is unknown, or has no cells for that structure.
    ToolMissing, ToolFailed
        If a tool is not there or fails.
    """
    bounded = [replace(design, boundary=boundary) for design in designs]
    fabric = fabric_of(target, structure)
    netlists = {
        module_name(design): Netlist(module_name(design), emit_rtlil(design, fabric=fabric))
        for design in bounded
    }
    cells = measure(list(netlists.values()), target, progress=progress)
    return [lane_cost(cells[module_name(design)], design.lanes) for design in bounded]


def lane_cost(group: Cells, lanes: int) -> LaneCost:
    """Return a lane's share of a group's counts."""
    return LaneCost(
        cells=None if group.cells is None else group.cells / lanes,
        lut=group.lut / lanes,
        ff=group.ff / lanes,
        carry=group.carry / lanes,
        area=None if group.area is None else group.area / lanes,
        fmax_mhz=group.fmax_mhz,
    )
