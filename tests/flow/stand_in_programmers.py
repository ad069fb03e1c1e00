"""Stand-ins for the programs that load boards: they record what they were given, and act."""

from __future__ import annotations

import hashlib
import json
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from esru.flow.bitstream import MANIFEST_SCHEMA
from esru.flow.boards import Board
from esru.flow.dfu import add_suffix
from esru.flow.loadable import ICE40_BYTES
from esru.flow.programming import PROGRAMMERS

#: Looked up before the tests leave nothing but stand-ins on PATH.
CP, CAT = shutil.which("cp"), shutil.which("cat")

#: What the real programs print, by what happens: exit status and text. From their sources, and
#: for iceprog and tinyprog from running them without a board.
SAYS: dict[str, dict[str, tuple[int, str]]] = {
    "openfpgaloader": {
        "loaded": (0, "Open file: DONE\nParse file: DONE\nLoading: [====] 100.00%\nDone\n"),
        "no-board": (
            1,
            "unable to open ftdi device: -3 (device not found)\n"
            "JTAG init failed with: unable to open ftdi device\n",
        ),
        "no-permission": (
            1,
            "unable to open ftdi device: -4 (usb_open failed)\n"
            "JTAG init failed with: unable to open ftdi device\n",
        ),
        "failed": (1, "\x1b[1mParse file \x1b[0m\x1b[31mFAIL\x1b[0m\n"),
    },
    "iceprog": {
        "loaded": (0, "init..\ncdone: high\nreset..\ncdone: low\nVERIFY OK\ncdone: high\nBye.\n"),
        "no-board": (
            2,
            "init..\nCan't find iCE FTDI USB device (device string i:0x0403:0x6010).\nABORT.\n",
        ),
        "no-permission": (2, "Failed to claim: inappropriate permissions on device!\nABORT.\n"),
        "failed": (3, "Found difference between flash and file!\nABORT.\n"),
        "not-started": (0, "init..\ncdone: high\nVERIFY OK\ncdone: low\nBye.\n"),
    },
    "tinyprog": {
        "loaded": (0, "    Programming at addr 028000\n    Success!\n"),
        "no-board": (
            1,
            "    No port was specified and no active bootloaders found.\n"
            "    Activate bootloader by pressing the reset button.\n",
        ),
        "no-permission": (
            1,
            "serial.serialutil.SerialException: [Errno 13] could not open port /dev/ttyACM0: "
            "[Errno 13] Permission denied: '/dev/ttyACM0'\n",
        ),
        "failed": (1, "    Bootloader not active\n"),
    },
    "dfu-util": {
        "loaded": (0, "Download\t[====] 100%\nDone!\n"),
        "no-board": (74, "dfu-util: No DFU capable USB device available\n"),
        "no-permission": (
            74,
            "dfu-util: Cannot open DFU device 1209:5af0 found on devnum 5 (LIBUSB_ERROR_ACCESS)\n"
            "dfu-util: No DFU capable USB device available\n",
        ),
        "failed": (74, "dfu-util: Error during download get_status (LIBUSB_ERROR_PIPE)\n"),
    },
    "icesprog": {
        "loaded": (0, "write flash (104090 (0x1969a) Bytes)\nwrite 0x00000000\r\ndone\n"),
        "no-board": (255, "iCELink open fail!\n"),
        "no-permission": (255, "open /dev/hidraw0: Permission denied\niCELink open fail!\n"),
        "failed": (0, "write 0x00000000\r\niCELink CMD_FLASH_READ_SECTOR failed.\ndone\n"),
    },
    "fujprog": {
        "loaded": (0, "Using USB cable: ULX3S FPGA 12K v3.0.3\nProgramming: 100%\nCompleted\n"),
        "no-board": (1, "ULX2S / ULX3S JTAG programmer v4.8\nCannot find JTAG cable.\n"),
        "no-permission": (1, "libusb_open() failed\nCannot find JTAG cable.\n"),
        "failed": (1, "Found LFE5U-85F device, but the bitstream is for LFE5U-12F.\nFailed.\n"),
    },
}

#: What they print when asked for their version.
VERSIONS = {
    "openfpgaloader": ("-V", "openFPGALoader v0.12.1", "openFPGALoader 0.12.1"),
    "dfu-util": ("--version", "dfu-util 0.11\n\nCopyright 2005-2009", "dfu-util 0.11"),
    "icesprog": ("-h", "usage: icesprog\n -- version 1.1b --", "icesprog 1.1b"),
    "fujprog": ("-V", "ULX2S / ULX3S JTAG programmer v4.8 (git cc3ea93)", "fujprog 4.8"),
}

#: In the shell, for a Python starts slowly. The arguments are kept a line each.
_SCRIPT = """#!/bin/sh
if [ "$*" = {ask} ]; then
  printf '%s' {version}
  exit
fi
printf '%s\\n' "$@" > {record}
for last do :; done
{cp} "$last" {record}.file
{cat} > {record}.stdin
printf '%s' {text} >&2
{end}
"""


@dataclass(frozen=True)
class Record:
    """Where a stand-in records what it is given."""

    path: Path

    def there(self) -> bool:
        """Return whether the stand-in ran."""
        return self.path.exists()

    def arguments(self) -> list[str]:
        """Return the arguments that it got."""
        return self.path.read_text(encoding="utf-8").splitlines()

    def beside(self, what: str) -> bytes:
        """Return its ``file``, or what came to its ``stdin``."""
        return Path(f"{self.path}.{what}").read_bytes()


def install(folder: Path, name: str, act: str = "loaded") -> Record:
    """Write a stand-in for a programmer that acts; return where it records what it is given."""
    status, text = (0, "Segmentation") if act == "crash" else SAYS[name][act]
    ask, version, _ = VERSIONS.get(name, ("--nothing-asks-this", "", ""))
    record = folder / f"{name}.record"
    script = folder / PROGRAMMERS[name].program
    script.write_text(
        _SCRIPT.format(
            ask=shlex.quote(ask),
            version=shlex.quote(version),
            record=shlex.quote(str(record)),
            text=shlex.quote(text),
            cp=CP,
            cat=CAT,
            end="kill -SEGV $$" if act == "crash" else f"exit {status}",
        ),
        encoding="utf-8",
    )
    script.chmod(0o755)
    return Record(record)


def bitstream(board: Board, seed: int = 0) -> bytes:
    """Return bytes that look like a bitstream for a board, with a body of noise."""
    noise = hashlib.shake_256(f"{board.name} {seed}".encode()).digest(150_000)
    if board.family == "ice40":
        size = next(size for part, size in ICE40_BYTES.items() if part in board.device)
        return (bytes.fromhex("ff0000ff7eaa997e") + noise)[:size]
    if board.family == "gowin":
        bits = "".join(f"{byte:08b}" for byte in noise[:4096])
        return ("//File made by a test\n" + bits + "\n").encode()
    part = board.device.split()[-1].rpartition("-")[0]
    content = b"\xff\x00Part: " + part.encode() + b"-6CABGA381\x00\xff\xff\xff\xbd\xb3" + noise
    if board.programmers[0] == "dfu-util":
        vendor, product = (int(half, 16) for half in board.usb[0].split(":"))
        content = add_suffix(content, vendor, product)
    return content


def build_folder(folder: Path, board: Board, /, **changes: Any) -> Path:
    """Write what `esru build` writes, as far as it matters here; return the bitstream."""
    folder.joinpath("log").mkdir(parents=True)
    path = folder / f"0123456789{board.suffix}"
    path.write_bytes(bitstream(board))
    manifest = {
        "schema": MANIFEST_SCHEMA,
        "board": board.name,
        "clock_hz": board.clock_hz,
        "baud": 115200,
        "fmax_mhz": board.clock_hz / 1e6 + 1,
        "bitstream": path.name,
        "files": {path.name: hashlib.sha256(path.read_bytes()).hexdigest()},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest | changes), encoding="utf-8")
    return path


def usb_device(root: Path, usb: str, node: str) -> None:
    """Make a file system like Linux' for one connected device with a device file."""
    vendor, product = usb.split(":")
    folder = root / "sys" / "1-2"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in (
        ("idVendor", vendor),
        ("idProduct", product),
        ("busnum", "1"),
        ("devnum", "7"),
    ):
        (folder / name).write_text(text + "\n")
    device = root / "dev" / node
    device.parent.mkdir(parents=True)
    device.write_text("")
    if node.startswith("tty"):
        (folder / "1-2:1.0" / "tty" / node).mkdir(parents=True)
    elif node.startswith("hidraw"):
        (folder / "1-2:1.0" / "0003:1D50:602B.0001" / "hidraw" / node).mkdir(parents=True)
