"""What a design costs per lane: its hardware, measured on a target at a boundary."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from esru.boundaries import ACCUMULATORS, TRUNCATING, truncating_text
from esru.design import Design, parse
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
    truncating : LaneCost or None
        Where the counts are a difference, what was taken off: the accumulator that truncates.
    """

    cells: float | None
    lut: float
    ff: float
    carry: float
    area: float | None = None
    fmax_mhz: float | None = None
    truncating: LaneCost | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the counts by name, shares rounded to 6 digits."""
        counts: dict[str, Any] = {
            name: None if value is None else round(value, 6)
            for name, value in asdict(self).items()
            if name != TRUNCATING
        }
        if self.truncating is not None:
            counts[TRUNCATING] = self.truncating.to_json()
        return counts

    def less(self, other: LaneCost) -> LaneCost:
        """Return what this costs beyond another; no clock frequency, which is no sum."""
        return LaneCost(
            cells=_difference(self.cells, other.cells),
            lut=self.lut - other.lut,
            ff=self.ff - other.ff,
            carry=self.carry - other.carry,
            area=_difference(self.area, other.area),
            truncating=other,
        )


def _difference(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a - b


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
    of such groups, whose sources differ in nothing but the state after reset. At an
    accumulator's boundary the cost is that of rounding: less the same group truncating.

    Parameters
    ----------
    designs : sequence of Design
        Their own boundaries do not matter.
    target : str
        A name of `esru.flow.targets.TARGETS`.
    boundary : str
        One of `esru.design.BOUNDARIES`.
    progress : callable, optional
        Called with (modules done, modules in all).
    structure : {"plain", "helped"}
        Textbook structure, or given cell by cell for the target (`esru.hdl.structure`).

    Raises
    ------
    InputError
        If the target is unknown, or has no cells for that structure; if a design has no such
        boundary.
    ToolMissing, ToolFailed
        If a tool is not there or fails.
    """
    bounded = [replace(design, boundary=boundary) for design in designs]
    fabric = fabric_of(target, structure)
    netlists = {}
    for design in bounded:
        for module, built, lanes in _modules(design):
            if module not in netlists:
                netlists[module] = Netlist(module, emit_rtlil(built, lanes, fabric=fabric))
    cells = measure(list(netlists.values()), target, progress=progress)
    costs = []
    for design in bounded:
        cost, *less = [lane_cost(cells[module], design.lanes) for module, *_ in _modules(design)]
        costs.append(cost.less(less[0]) if less else cost)
    return costs


def _modules(design: Design) -> list[tuple[str, Design, int | None]]:
    """Return names, designs and lanes of the modules to be measured: the group itself first."""
    found: list[tuple[str, Design, int | None]] = [(module_name(design), design, None)]
    if design.boundary in ACCUMULATORS:
        truncating = parse(truncating_text(design))
        found.append((module_name(truncating, design.lanes), truncating, design.lanes))
    return found


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
