"""Make nextpnr's routed ECP5 netlist one that Yosys reads as the chip would behave.

nextpnr leaves inputs open and counts on what the chip does with them; for Yosys, what nothing
drives has no value.
"""

from __future__ import annotations

import json
from pathlib import Path

from esru.errors import ToolFailed

#: nextpnr's name of the top module of everything it writes.
TOP = "top"

#: What an open input reads, by cell and port. An open LUT input reads 1; open data of the carry
#: chain's or a memory's own kind is not used. A reset is off and an enable is on.
_OPEN = {
    "TRELLIS_COMB": dict.fromkeys(("A", "B", "C", "D", "M", "F1", "FXA", "FXB"), "1")
    | dict.fromkeys(("FCI", "WD", "DI0", "DI1", "WRE", "WCK"), "0")
    | dict.fromkeys(("WAD0", "WAD1", "WAD2", "WAD3"), "0"),
    "TRELLIS_FF": {"LSR": "0", "CE": "1", "DI": "0", "M": "0"},
    "TRELLIS_IO": {"I": "0", "T": "0", "IOLDO": "0", "IOLTO": "0"},
    "DCCA": {"CE": "1"},
}


def close_inputs(source: Path, target: Path) -> None:
    """Write a routed netlist with its open inputs connected to what they read.

    Raises
    ------
    ToolFailed
        If the file is missing or is no netlist of one module.
    """
    try:
        content = json.loads(source.read_text(encoding="utf-8"))
        cells = content["modules"][TOP]["cells"]
    except (OSError, ValueError, KeyError):
        raise ToolFailed("nextpnr-ecp5", "its netlist cannot be read", source) from None
    for cell in cells.values():
        links = cell["connections"]
        if cell["type"] == "TRELLIS_COMB":
            # Cells of the upper half of a slice, which is all that has these inputs, choose
            # between two other multiplexers; those of the lower half between two LUTs.
            upper = bool(links.get("FXA") or links.get("FXB"))
            cell["parameters"]["UPPER"] = f"{upper:032b}"
        for port, level in _OPEN.get(cell["type"], {}).items():
            if not links.get(port):
                links[port] = [level]
                cell["port_directions"][port] = "input"
    target.write_text(json.dumps(content), encoding="utf-8")
