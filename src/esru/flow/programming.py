"""Which command loads a bitstream into a board, and what its failure means.

The options and the messages are those of the programs' own help, manuals and sources:
openFPGALoader (``--help``, its tables of boards and cables), iceprog (``--help``), tinyprog
(``--help``), dfu-util (dfu-util(1)), icesprog (wuxx/icesugar, tools/src/icesprog.c) and fujprog
(kost/fujprog, README). The defaults follow the platforms of amaranth-boards.
"""

from __future__ import annotations

import codecs
import hashlib
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from esru.errors import InputError, ToolFailed, ToolMissing
from esru.flow.boards import Board
from esru.flow.usb import Node

Memory = Literal["flash", "sram"]


@dataclass(frozen=True)
class Programmer:
    """A program that loads boards.

    Attributes
    ----------
    name, program : str
        For the command line of esru, and as it is found on PATH.
    install : str
        The command that installs it.
    version : str
        The option that prints its version; empty: it has none.
    node : {"usb", "tty", "hidraw"}
        Which file of the USB device it opens.
    """

    name: str
    program: str
    install: str
    version: str
    node: Node = "usb"


_ICESPROG = (
    "apt-get install gcc git make pkg-config libhidapi-dev libusb-1.0-0-dev && "
    "git clone https://github.com/wuxx/icesugar && make -C icesugar/tools/src && "
    "sudo install icesugar/tools/src/icesprog /usr/local/bin"
)
_FUJPROG = (
    "apt-get install cmake gcc git make pkg-config libftdi1-dev libusb-dev && "
    "git clone https://github.com/kost/fujprog && cmake -S fujprog -B fujprog/build && "
    "make -C fujprog/build && sudo make -C fujprog/build install"
)

PROGRAMMERS = {
    found.name: found
    for found in (
        Programmer("openfpgaloader", "openFPGALoader", "apt-get install openfpgaloader", "-V"),
        Programmer("iceprog", "iceprog", "apt-get install fpga-icestorm", ""),
        Programmer("tinyprog", "tinyprog", "pip install tinyprog", "", "tty"),
        Programmer("dfu-util", "dfu-util", "apt-get install dfu-util", "--version"),
        Programmer("icesprog", "icesprog", _ICESPROG, "-h", "hidraw"),
        Programmer("fujprog", "fujprog", _FUJPROG, "-V"),
    )
}

#: openFPGALoader's cable for a board that has no programmer of its own, as its platform has it.
DEFAULT_CABLE = "ft232"

#: USB ids of openFPGALoader's cables that people have most.
CABLES = {"ft232": "0403:6014", "ft2232": "0403:6010", "ft231X": "0403:6015"}

#: iCE40 boards whose chip can be loaded past the flash, and what their jumpers must be set to.
#: iceprog's help rules out the iCEstick; openFPGALoader's list of boards has only the HX8K.
_ICE40_SRAM = {"iceprog": ("icebreaker", "hx8k-b-evn"), "openfpgaloader": ("hx8k-b-evn",)}


def find_programmer(board: Board, name: str | None) -> Programmer:
    """Return a board's programmer: the one of that name, or its default.

    Raises
    ------
    InputError
        If the board cannot be loaded with it.
    """
    if name is not None and name not in board.programmers:
        rule = f"one that loads {board.name} ({', '.join(board.programmers)})"
        raise InputError.must("Programmer", rule, repr(name))
    return PROGRAMMERS[name or board.programmers[0]]


def memories(board: Board, programmer: Programmer) -> tuple[Memory, ...]:
    """Return where a programmer can load a board's bitstream to, the default first.

    SRAM where the platform does so over JTAG: quick, and the flash keeps what it held. Flash for
    iCE40: the chip loads itself from it, and the boards are made and jumpered for that.
    """
    if board.family == "ice40":
        both = board.name in _ICE40_SRAM.get(programmer.name, ())
        return ("flash", "sram") if both else ("flash",)
    if "dfu-util" in board.programmers:
        return ("flash",)  # the bootloader writes what it is sent to the flash
    return ("sram", "flash")


def choose_memory(board: Board, programmer: Programmer, asked: Memory | None) -> Memory:
    """Return where to load to.

    Raises
    ------
    InputError
        If that cannot be done.
    """
    there = memories(board, programmer)
    if asked is None:
        return there[0]
    if asked not in there:
        rule = f"--{there[0]}, all that {programmer.program} can load on {board.name}"
        raise InputError.must("Memory", rule, f"--{asked}")
    return asked


def cable_of(board: Board, programmer: Programmer, asked: str | None) -> str | None:
    """Return the cable to name to openFPGALoader; None: the board has its own.

    Raises
    ------
    InputError
        If a cable was asked for where none is needed.
    """
    if board.usb or programmer.name != "openfpgaloader":
        if asked is not None:
            rule = f"left out: {board.name} has its own programmer"
            raise InputError.must("--cable", rule, repr(asked))
        return None
    return asked or DEFAULT_CABLE


def usb_ids(board: Board, cable: str | None) -> tuple[str, ...]:
    """Return the USB ids that the programmer looks for; none if we do not know the cable's."""
    if cable is None:
        return board.usb
    return (CABLES[cable],) if cable in CABLES else ()


def command(
    board: Board, programmer: Programmer, memory: Memory, path: Path, cable: str | None = None
) -> tuple[str, ...]:
    """Return the command that loads a file."""
    file = str(path)
    if file.startswith("-"):
        file = f"./{file}"
    sram = memory == "sram"
    arguments: tuple[str, ...]
    if programmer.name == "iceprog":
        vendor, product = board.usb[0].split(":")
        # Not left to its default, which takes any FTDI chip that it meets first.
        device = f"i:0x{vendor}:0x{product}"
        arguments = ("-d", device, *(("-S",) if sram else ()), file)
    elif programmer.name == "openfpgaloader":
        by_dfu = "dfu-util" in board.programmers
        mode = () if by_dfu else ("--write-sram" if sram else "--write-flash",)
        by_cable = () if cable is None else ("-c", cable)
        arguments = ("-b", board.loader, *by_cable, *mode, file)
    elif programmer.name == "tinyprog":
        arguments = ("-p", file)  # starts what it loaded by itself
    elif programmer.name == "dfu-util":
        arguments = ("-d", board.usb[0], "-a", "0", "-D", file)
    elif programmer.name == "icesprog":
        arguments = ("-w", file)
    else:
        arguments = ("-j", memory, file)
    return (programmer.program, *arguments)


def locate(programmer: Programmer) -> Path:
    """Return where a programmer is on PATH.

    Raises
    ------
    ToolMissing
        If it is not there.
    """
    found = shutil.which(programmer.program)
    if found is None:
        raise ToolMissing(programmer.program, programmer.install)
    return Path(found)


_VERSION = re.compile(r"(?<![\w.])v?(\d+\.\d[\w.+-]*)")


def identity(programmer: Programmer, path: Path) -> str:
    """Return a programmer's name and version, or what stands for it where it prints none."""
    if programmer.version:
        said = _ask([str(path), programmer.version])
    elif programmer.name == "tinyprog":
        said = _ask_python(path, "tinyprog")
    else:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        return f"{programmer.program} sha256 {digest[:12]}"
    found = _VERSION.search(said)
    return f"{programmer.program} {found.group(1) if found else 'of unknown version'}"


def _ask(arguments: list[str]) -> str:
    try:
        done = subprocess.run(
            arguments,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=60,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout + done.stderr


def _ask_python(script: Path, package: str) -> str:
    """Return the version of the package that a console script belongs to."""
    first = script.read_bytes()[:256].partition(b"\n")[0].decode("utf-8", "replace")
    words = first.removeprefix("#!").split()
    if not first.startswith("#!") or not any("python" in word for word in words):
        return ""
    program = f"import importlib.metadata as m; print(m.version({package!r}))"
    return _ask([*words, "-c", program])


def run(
    arguments: tuple[str, ...], path: Path, log: Path, show: Callable[[str], object]
) -> tuple[int, str]:
    """Run a programmer; what it prints is shown as it comes and kept in a log.

    Parameters
    ----------
    arguments : tuple of str
        The command.
    path : Path
        The program.
    log : Path
        Where to keep what it prints.
    show : Callable[[str], object]
        Called with every piece of it.

    Returns
    -------
    tuple of int and str
        Exit status, negative for a signal, and everything printed.

    Raises
    ------
    ToolFailed
        If it cannot be started.
    """
    output = ""
    # A piece may end inside a character, such as one of a progress bar.
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    with log.open("wb") as sink, _start(arguments, path) as process:
        assert process.stdout is not None
        try:
            while piece := process.stdout.read(65536):
                sink.write(piece)
                sink.flush()
                text = decoder.decode(piece)
                output += text
                show(text)
        except BaseException:
            process.terminate()
            raise
        status = process.wait()
    return status, output


def _start(arguments: tuple[str, ...], path: Path) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            arguments,
            executable=path,
            # A question gets no answer: tinyprog asks before it overwrites a bootloader.
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
        )
    except OSError as error:
        raise ToolFailed(arguments[0], f"{path} could not be started ({error})") from None
