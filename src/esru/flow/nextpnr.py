"""Pack many mapped modules with one nextpnr call, and count each one's cells apart."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from pathlib import Path

from esru.flow import toolchain, yosys
from esru.flow.registered import PORT, registered
from esru.flow.targets import Json, Register
from esru.flow.toolchain import Tool

#: nextpnr's drivers of constant nets: one of each on a chip, however many users there are.
CONSTANT_DRIVERS = ("$PACKER_GND", "$PACKER_VCC", "$PACKER_GND_DRV", "$PACKER_VCC_DRV")

#: What nextpnr calls their nets. On iCE40 the cell of a carry may drive one besides, under its own
#: name.
_CONSTANT_NETS = ("$PACKER_GND_NET", "$PACKER_VCC_NET")

#: What nextpnr puts on every chip, and what stands at the ports: nobody's cells.
_NOBODYS = ("GSR",)

_TOP = "esru_chip"

#: nextpnr's arguments that name the chip of `write_chip`.
CHIP_ARGUMENTS = ("--json", "chip.json", "--top", _TOP)


@dataclass(frozen=True)
class Packed:
    """What one packing run found.

    Attributes
    ----------
    cells : tuple of Counter
        Packed cells by type, one Counter per module, in the order given.
    constants : Counter
        The drivers of constant nets by type, which the modules share.
    """

    cells: tuple[Counter[str], ...]
    constants: Counter[str]


def pack(
    modules: Sequence[Json],
    family: str,
    device: Sequence[str],
    *,
    cwd: Path,
    tool: Tool | None = None,
    register: Register | None = None,
) -> Packed:
    """Pack mapped modules side by side on one imagined chip.

    Every module gets top-level ports of its own, the clock included: nothing is shared, so
    nothing can be merged. With ``--pack-only`` the chip's number of pins and cells is no limit.

    Parameters
    ----------
    modules : sequence of dict
        Modules as Yosys writes them (``write_json``), mapped to the family's cells.
    family : {"ice40", "ecp5", "gowin"}
        nextpnr's family.
    device : sequence of str
        nextpnr's arguments that name the device.
    cwd : Path
        Where the netlists and the log ``pack.log`` are written.
    tool : Tool, optional
        The nextpnr to use; default `toolchain.nextpnr`.
    register : Register, optional
        What stands in the place of the ports, for packers that want a pin for each.

    Raises
    ------
    ToolMissing
        If there is no nextpnr for the family.
    ToolFailed
        If it fails.
    """
    tool = toolchain.nextpnr(family) if tool is None else tool
    chip = side_by_side(modules)
    write_chip(chip if register is None else registered(chip, register), cwd)
    arguments = [*device, *CHIP_ARGUMENTS, "--pack-only", "--write", "packed.json"]
    yosys.run_logged(tool, arguments, cwd=cwd, log=cwd / "pack.log")
    packed = json.loads((cwd / "packed.json").read_text(encoding="utf-8"))
    # nextpnr calls the top `top` in what it writes, whatever it was called in what it read.
    (top,) = packed["modules"].values()
    named = (top["netnames"].get(name, {"bits": ()}) for name in _CONSTANT_NETS)
    nets = {bit for net in named for bit in net["bits"]}
    return count(top["cells"], len(modules), nets)


def write_chip(chip: Json, cwd: Path) -> None:
    """Write a chip where nextpnr finds it by `CHIP_ARGUMENTS`."""
    text = json.dumps({"modules": {_TOP: chip}}, separators=(",", ":"))
    (cwd / "chip.json").write_text(text, encoding="utf-8")


def side_by_side(modules: Sequence[Json]) -> Json:
    """Return one flat module that holds all the given ones, joined nowhere.

    Cells and ports of module i are called ``i/...``. Net names are left out: nextpnr makes
    its own, and only what it packs is wanted.
    """
    ports: Json = {}
    cells: Json = {}
    offset = 2  # 0 and 1 are no net numbers in Yosys' JSON
    for index, module in enumerate(modules):
        shift = _Shift(offset)
        for name, port in module["ports"].items():
            bits = [shift(bit) for bit in port["bits"]]
            ports[f"{index}/{name}"] = {"direction": port["direction"], "bits": bits}
        for name, cell in module["cells"].items():
            connections = {pin: [shift(b) for b in c] for pin, c in cell["connections"].items()}
            cells[f"{index}/{name}"] = {
                "type": cell["type"],
                "parameters": cell["parameters"],
                "attributes": {},
                "port_directions": cell["port_directions"],
                "connections": connections,
            }
        offset = shift.highest + 1
    return {"attributes": {"top": "1"}, "ports": ports, "cells": cells, "netnames": {}}


class _Shift:
    """Adds an offset to net numbers, leaves constants alone, and remembers the highest."""

    def __init__(self, offset: int) -> None:
        self.offset = offset
        self.highest = offset

    def __call__(self, bit: int | str) -> int | str:
        if isinstance(bit, str):
            return bit
        shifted = bit + self.offset
        self.highest = max(self.highest, shifted)
        return shifted


def count(
    cells: Mapping[str, Json], modules: int, constant_nets: AbstractSet[int] = frozenset()
) -> Packed:
    """Count packed cells by the module that they belong to.

    A cell that came from a module has its number in its name. One that nextpnr added (to get
    a carry out of its chain, say) has not: it belongs to whom its nets lead to, where the
    constant nets lead nowhere: those given, and those of the constants' own drivers.
    """
    constants = {name for name in cells if name in CONSTANT_DRIVERS}
    constant_nets = {*constant_nets, *(bit for name in constants for bit in _nets(cells[name]))}
    owner: dict[str, int] = {}
    net_owner: dict[int, int] = {}
    unowned = []
    for name, cell in cells.items():
        head = name.partition("/")[0]
        if name in constants or name in _NOBODYS or head == PORT:
            continue
        if head.isdigit():
            owner[name] = int(head)
            net_owner.update(dict.fromkeys(_nets(cell) - constant_nets, int(head)))
        else:
            unowned.append(name)
    while unowned:
        waiting = []
        for name in unowned:
            nets = _nets(cells[name]) - constant_nets
            found = {net_owner[net] for net in nets if net in net_owner}
            if not found:
                waiting.append(name)
                continue
            (owner[name],) = found  # two owners would mean that modules were joined
            net_owner.update(dict.fromkeys(nets, owner[name]))
        if len(waiting) == len(unowned):
            raise AssertionError(f"packed cells that lead to no module: {waiting[:5]}")
        unowned = waiting
    counts: list[Counter[str]] = [Counter() for _ in range(modules)]
    for name, index in owner.items():
        counts[index][cells[name]["type"]] += 1
    return Packed(tuple(counts), Counter(cells[name]["type"] for name in constants))


def _nets(cell: Json) -> set[int]:
    return {b for bits in cell["connections"].values() for b in bits if isinstance(b, int)}
