"""Read netlists flat, down to gates and flip-flops, and see whether cycles say all about them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from esru.flow.yosys import run_script

#: Port names with direction and width.
Ports = dict[str, tuple[str, int]]

# `check` sees drivers that fight only before anything is optimised.
_READ = """\
{reads}
hierarchy -top {module}
proc
flatten -noscopeinfo
delete */t:$scopeinfo
tee -q -o {stem}_check.txt check
opt_expr
opt_clean
techmap
opt_expr
opt_clean
dffunmap
opt_clean
write_json {stem}.json
write_rtlil {stem}.il
"""

_NAMES = ("BUF", "NOT", "AND", "NAND", "OR", "NOR", "XOR", "XNOR", "ANDNOT", "ORNOT", "MUX", "NMUX")
_GATES = frozenset(f"$_{name}_" for name in _NAMES)

_FIGHT = re.compile(r"conflicting|found logic loop")


@dataclass(frozen=True)
class Netlist:
    """A flat netlist.

    Attributes
    ----------
    file : str
        The RTLIL file that holds it, and its module.
    module : str
        The module.
    content : dict
        The module as Yosys' JSON gives it.
    messages : str
        What Yosys' `check` said of it.
    """

    file: str
    module: str
    content: dict[str, Any]
    messages: str

    @property
    def ports(self) -> Ports:
        """Its ports."""
        return {
            name: (port["direction"], len(port["bits"]))
            for name, port in self.content["ports"].items()
        }

    @property
    def registers(self) -> int:
        """How many flip-flops of one bit it has."""
        kinds = (cell["type"] for cell in self.content["cells"].values())
        return sum("DFF" in kind for kind in kinds)

    def instances(self) -> list[dict[str, Any]]:
        """Return the cells that are neither gates nor flip-flops."""
        cells = self.content["cells"].values()
        return [cell for cell in cells if not cell["type"].startswith("$")]


def read_netlist(folder: Path, reads: Iterable[str], module: str, stem: str) -> Netlist:
    """Read a netlist with Yosys, and write it flat as ``<stem>.il``.

    Parameters
    ----------
    folder : Path
        Holds the files; scripts and logs go there too.
    reads : iterable of str
        Yosys commands that read the netlist and the models of its cells.
    module : str
        Its top module.
    stem : str
        Of the files that are written.

    Raises
    ------
    ToolMissing, ToolFailed
        If there is no Yosys, or the netlist is none that it can read.
    """
    script = _READ.format(reads="\n".join(reads), module=module, stem=stem)
    run_script(script, cwd=folder, log=folder / f"{stem}_read.log")
    content = json.loads((folder / f"{stem}.json").read_text(encoding="utf-8"))
    messages = (folder / f"{stem}_check.txt").read_text(encoding="utf-8")
    return Netlist(f"{stem}.il", module, dict(content["modules"][module]), messages)


def unfit(netlist: Netlist, ports: Mapping[str, tuple[str, int]], clock: str | None) -> str:
    """Return why a netlist cannot be compared cycle by cycle, or an empty text.

    A comparison by cycles takes for granted what this checks: nothing drives against something
    else, every register changes with the rising clock and only then, and the ports are those of
    the design. Further inputs are allowed; the comparison leaves them free.

    Parameters
    ----------
    netlist : Netlist
        The netlist.
    ports : mapping of str to tuple
        The design's ports: direction and width.
    clock : str or None
        The port that is the clock; None: one net that nothing in the netlist drives.
    """
    if (found := _FIGHT.search(netlist.messages)) is not None:
        return "two drivers on one net" if found[0] == "conflicting" else "a loop of logic"
    there = netlist.ports
    for name, wanted in ports.items():
        if name not in there:
            return f"no port {name}"
        if there[name] != wanted:
            direction, width = there[name]
            return f"port {name} as an {direction} of {width} bits"
    for name in sorted(there.keys() - ports.keys()):
        if there[name][0] != "input":
            return f"pin {name} of the chip driven too"
    cells = netlist.content["cells"].values()
    wanted_clock = None if clock is None else netlist.content["ports"][clock]["bits"][0]
    for cell in cells:
        kind = cell["type"]
        if kind in ("$_DFF_P_", "$_DFF_N_"):
            (bit,) = cell["connections"]["C"]
            wanted_clock = bit if wanted_clock is None else wanted_clock
            if bit != wanted_clock:
                return "a register with another clock"
            if kind == "$_DFF_N_":
                return "a register on the falling clock"
        elif "DFF" in kind:
            return "a register with an asynchronous reset"
        elif kind not in _GATES:
            return f"a cell {kind.lstrip('$')}"
    if clock is None and any(cell["connections"].get("Y") == [wanted_clock] for cell in cells):
        return "a clock made by logic"
    return ""
