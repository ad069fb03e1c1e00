"""Read finished iCE40 bitstreams back as netlists, with Project IceStorm's model of the chip."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from esru.errors import ToolFailed
from esru.flow import toolchain
from esru.flow.yosys import run_logged, run_script

#: The module in what `unpacked_verilog` returns.
MODULE = "chip"

_HX8K_CT256 = """\
A1 A2 A5 A6 A7 A9 A10 A11 A15 A16 B1 B2 B3 B4 B5 B6 B7 B8 B9 B10 B11 B12 B13 B14 B15 B16 C1
C2 C3 C4 C5 C6 C7 C8 C9 C10 C11 C12 C13 C14 C16 D1 D2 D3 D4 D5 D6 D7 D8 D9 D10 D11 D13 D14
D15 D16 E2 E3 E4 E5 E6 E9 E10 E11 E13 E14 E16 F1 F2 F3 F4 F5 F7 F9 F11 F12 F13 F14 F15 F16
G1 G2 G3 G4 G5 G10 G11 G12 G13 G14 G15 G16 H1 H2 H3 H4 H5 H6 H11 H12 H13 H14 H16 J1 J2 J3 J4
J5 J10 J11 J12 J13 J14 J15 J16 K1 K3 K4 K5 K9 K11 K12 K13 K14 K15 K16 L1 L3 L4 L5 L6 L7 L9
L10 L11 L12 L13 L14 L16 M1 M2 M3 M4 M5 M6 M7 M8 M9 M11 M12 M13 M14 M15 M16 N2 N3 N4 N5 N6 N7
N9 N10 N12 N16 P1 P2 P4 P5 P6 P7 P8 P9 P10 P11 P12 P13 P14 P15 P16 R1 R2 R3 R4 R5 R6 R9 R10
R11 R12 R14 R15 R16 T1 T2 T3 T5 T6 T7 T8 T9 T10 T11 T13 T14 T15 T16"""

_HX1K_TQ144 = """\
1 2 3 4 7 8 9 10 11 12 19 20 21 22 23 24 25 26 28 29 31 32 33 34 37 38 39 41 42 43 44 45 47
48 49 50 52 56 58 60 61 62 63 64 67 68 70 71 73 74 75 76 78 79 80 81 87 88 90 91 93 94 95 96
97 98 99 101 102 104 105 106 107 112 113 114 115 116 117 118 119 120 121 122 128 129 134 135
136 137 138 139 141 142 143 144"""


@dataclass(frozen=True)
class Chip:
    """A chip in a package: nextpnr's names, and the pins that a design can use."""

    device: str
    package: str
    pins: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.device}-{self.package}"


HX8K = Chip("hx8k", "ct256", tuple(_HX8K_CT256.split()))
HX1K = Chip("hx1k", "tq144", tuple(_HX1K_TQ144.split()))

# `check` sees drivers that fight only before anything is optimised.
_READ = """\
read_verilog chip.v
hierarchy -check -top chip
proc
tee -q -o check.txt check
flatten
opt_expr
opt_clean
write_json chip.json
write_rtlil chip.il
"""

_LOGIC = frozenset(("$not", "$and", "$or", "$xor", "$mux", "$logic_not", "$logic_and", "$logic_or"))

_FIGHT = re.compile(r"conflicting|found logic loop")


def pack(folder: Path, text: str, binary: str) -> None:
    """Write ``text``, a configuration in a file of `folder`, as a bitstream file ``binary``.

    Raises
    ------
    ToolMissing, ToolFailed
        If icepack is missing or fails.
    """
    run_logged(
        toolchain.bitstream_tool("icepack"), [text, binary], cwd=folder, log=folder / "icepack.log"
    )


def unpacked_verilog(folder: Path, binary: str, package: str, pins: str) -> str:
    """Read a bitstream back as Verilog.

    Parameters
    ----------
    folder : Path
        Holds the files; ``unpacked.asc``, ``chip.v`` and the logs are written to it.
    binary : str
        Name of the bitstream file.
    package : str
        nextpnr's name of the package, such as ``ct256``.
    pins : str
        Name of the pin file (``.pcf``), for the port names.

    Returns
    -------
    str
        The module ``chip``: assignments, registers that start at 0, and vendor cells for what is
        neither LUT, carry nor flip-flop.

    Raises
    ------
    ToolMissing, ToolFailed
        If iceunpack or icebox_vlog is missing or fails.
    """
    run_logged(
        toolchain.bitstream_tool("iceunpack"),
        [binary, "unpacked.asc"],
        cwd=folder,
        log=folder / "iceunpack.log",
    )
    tool = toolchain.icebox_vlog()
    arguments = ["-s", "-c", "-n", MODULE, "-d", package, "-p", pins, "unpacked.asc"]
    log = folder / "icebox_vlog.log"
    with log.open("wb") as sink:
        done = subprocess.run(
            [*tool.command, *arguments],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=sink,
            check=False,
        )
    if done.returncode != 0:
        raise ToolFailed(tool.identity, f"exit status {done.returncode}", log)
    text = done.stdout.decode()
    (folder / "chip.v").write_text(text, encoding="utf-8")
    return text


def read_netlist(folder: Path) -> dict[str, Any]:
    """Read ``chip.v`` with Yosys, write it flat as ``chip.il``, and return it as JSON gives it.

    Raises
    ------
    ToolMissing, ToolFailed
        If there is no Yosys, or the netlist is none that it can read.
    """
    run_script(_READ, cwd=folder, log=folder / "read.log")
    netlist = json.loads((folder / "chip.json").read_text(encoding="utf-8"))
    return dict(netlist["modules"][MODULE])


def unfit(
    netlist: Mapping[str, Any], ports: Mapping[str, tuple[str, int]], messages: str, clock: str
) -> str:
    """Return why a netlist cannot be compared cycle by cycle, or an empty text.

    A comparison by cycles takes for granted what this checks: nothing on the chip drives against
    something else, every register changes with the rising clock and only then, and the ports are
    those of the design. Further inputs are allowed; the comparison leaves them free.

    Parameters
    ----------
    netlist : mapping
        As `read_netlist` returns it.
    ports : mapping of str to tuple
        The design's ports: direction and width.
    messages : str
        What Yosys' `check` said.
    clock : str
        The port that is the clock.
    """
    if (found := _FIGHT.search(messages)) is not None:
        return "two drivers on one net" if found[0] == "conflicting" else "a loop of logic"
    there = netlist["ports"]
    for name, (direction, width) in ports.items():
        if name not in there:
            return f"no port {name}"
        got = there[name]["direction"], len(there[name]["bits"])
        if got != (direction, width):
            return f"port {name} is an {got[0]} of {got[1]} bits"
    for name in sorted(there.keys() - ports.keys()):
        if there[name]["direction"] != "input":
            return f"pin {name} of the chip is driven too"
    clocks = there[clock]["bits"]
    for cell in netlist["cells"].values():
        kind = cell["type"]
        if kind == "$dff":
            rising = int(str(cell["parameters"]["CLK_POLARITY"]), 2) == 1
            if cell["connections"]["CLK"] != clocks:
                return "a register with another clock"
            if not rising:
                return "a register on the falling clock"
        elif kind in ("$adff", "$aldff", "$dffsr"):
            return "a register with an asynchronous reset"
        elif kind not in _LOGIC:
            return f"a cell {kind.lstrip('$')}"
    return ""
