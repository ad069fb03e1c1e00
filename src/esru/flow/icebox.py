"""Read finished iCE40 bitstreams back as netlists, with Project IceStorm's model of the chip."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from esru.errors import ToolFailed
from esru.flow import toolchain
from esru.flow.toolchain import Tool
from esru.flow.yosys import run_logged

#: The module in what `recover` returns.
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

#: The bit that connects the UltraPlus' oscillator to its global net.
_OSCILLATOR = ".extra_bit 1 690 174\n"

_CHILD = Path(__file__).with_name("icebox_child.py")


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


def unpack(folder: Path, binary: str) -> str:
    """Write the configuration in a bitstream file to ``unpacked.asc`` and return it.

    Raises
    ------
    ToolMissing, ToolFailed
        If iceunpack is missing or fails.
    """
    run_logged(
        toolchain.bitstream_tool("iceunpack"),
        [binary, "unpacked.asc"],
        cwd=folder,
        log=folder / "iceunpack.log",
    )
    return (folder / "unpacked.asc").read_text(encoding="utf-8")


def pin_numbers(text: str) -> dict[str, str]:
    """Return which port is on which pin, from a pin file's text."""
    lines = (line.partition("#")[0].split() for line in text.splitlines())
    return {words[-2]: words[-1] for words in lines if words[:1] == ["set_io"]}


def has_oscillator(folder: Path) -> bool:
    """Return whether the oscillator of an iCE40 UltraPlus drives a clock in ``unpacked.asc``."""
    text = (folder / "unpacked.asc").read_text(encoding="utf-8")
    return ".device 5k\n" in text and _OSCILLATOR in text


def recover(folder: Path, package: str, pins: str) -> str:
    """Turn ``unpacked.asc`` into a netlist in Verilog.

    Parameters
    ----------
    folder : Path
        Holds the file; ``plain.pcf``, ``wired.asc``, ``chip.v`` and logs are written to it.
    package : str
        nextpnr's name of the package, such as ``ct256``.
    pins : str
        A pin file's text (``.pcf``), for the port names.

    Returns
    -------
    str
        The module `MODULE`: assignments, registers that start at 0, and vendor cells for what is
        neither LUT, carry nor flip-flop. Nothing drives a clock that the chip's oscillator makes.

    Raises
    ------
    ToolMissing, ToolFailed
        If icebox_vlog is missing or fails.
    """
    text = (folder / "unpacked.asc").read_text(encoding="utf-8")
    if has_oscillator(folder):
        # icebox_vlog would connect its net to pin 23, for want of a pin that belongs to it.
        text = text.replace(_OSCILLATOR, "")
    (folder / "wired.asc").write_text(text, encoding="utf-8")
    # icebox_vlog reads no options such as -pullup.
    plain = "".join(f"set_io {port} {pin}\n" for port, pin in pin_numbers(pins).items())
    (folder / "plain.pcf").write_text(plain, encoding="utf-8")
    tool = toolchain.icebox_vlog()
    arguments = ["-s", "-c", "-n", MODULE, "-d", package, "-p", "plain.pcf", "wired.asc"]
    text = _spoken(tool, [*tool.command, *arguments], folder, folder / "icebox_vlog.log")
    (folder / "chip.v").write_text(text, encoding="utf-8")
    return text


def unconnected(verilog: str) -> set[str]:
    """Return the ports of the pin file that lead nowhere in what `recover` returned."""
    found = re.findall(r"^// Warning: unmatched port '(.*)'$", verilog, re.MULTILINE)
    return {name.strip("\\ ") for name in found}


def faults(folder: Path, package: str, pins: Sequence[str]) -> list[str]:
    """Return what `icebox_vlog` takes for granted and ``unpacked.asc`` does not hold.

    Parameters
    ----------
    folder : Path
        Holds the file.
    package : str
        nextpnr's name of the package.
    pins : sequence of str
        The pins of the design's inputs that lead somewhere.

    Raises
    ------
    ToolMissing, ToolFailed
        If Project IceStorm's modules are missing or fail.
    """
    return [str(text) for text in _asked(folder, "faults", package, *pins)]


def known_bits(folder: Path) -> list[dict[str, Any]]:
    """Return the bits of known function in the tiles that ``unpacked.asc`` uses.

    Each has the keys ``tile`` (kind), ``x``, ``y``, ``row``, ``column``, ``was`` (its value) and
    ``function``. A tile is used if it connects something to something.

    Raises
    ------
    ToolMissing, ToolFailed
        If Project IceStorm's modules are missing or fail.
    """
    return _asked(folder, "bits")


def _asked(folder: Path, question: str, *rest: str) -> list[Any]:
    tool = toolchain.icebox_vlog()
    modules = str(Path(tool.command[-1]).parent)
    command = [sys.executable, "-P", str(_CHILD), modules, question, "unpacked.asc", *rest]
    return list(json.loads(_spoken(tool, command, folder, folder / f"icebox_{question}.log")))


def _spoken(tool: Tool, command: Sequence[str], folder: Path, log: Path) -> str:
    """Run a program that prints its answer, and return it."""
    # icebox_vlog goes through sets of names.
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    with log.open("wb") as sink:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=sink,
            env=environment,
            check=False,
        )
    if done.returncode != 0:
        raise ToolFailed(tool.identity, f"exit status {done.returncode}", log)
    return done.stdout.decode()
