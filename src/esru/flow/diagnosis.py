"""What a programmer's exit status and words mean: loaded, no board, no permission, or else."""

from __future__ import annotations

import re
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from esru.flow.boards import Board
from esru.flow.programming import Programmer
from esru.flow.usb import may_open

Verdict = Literal["loaded", "no-board", "no-permission", "not-started", "failed"]


@dataclass(frozen=True)
class Diagnosis:
    """What became of a load.

    Attributes
    ----------
    verdict : {"loaded", "no-board", "no-permission", "not-started", "failed"}
        In one word; `not-started`: the program was content, but the FPGA did not start.
    reason : str
        One line for a person; empty if loaded.
    """

    verdict: Verdict
    reason: str = ""


#: Words of libusb, libftdi, pyserial and dfu-util.
_DENIED = re.compile(
    r"permission|access denied|LIBUSB_ERROR_ACCESS|errno 13|inappropriate permissions|"
    r"usb_open\(?\)? failed",
    re.IGNORECASE,
)

#: Words of iceprog, libftdi, dfu-util, openFPGALoader's DFU, tinyprog, icesprog and fujprog.
#: Some of them say the same where they only may not open the board.
_ABSENT = re.compile(
    r"can't find iCE FTDI USB device|usb device not found|\(device not found\)|"
    r"no DFU capable USB device|no DFU compatible device|no active bootloaders found|"
    r"iCELink open fail|cannot find JTAG cable",
    re.IGNORECASE,
)

#: Colours and cursor movements.
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")

_CDONE = re.compile(r"cdone: (low|high)")
_NO_CDONE = re.compile(r"CDONE\W+Fail", re.IGNORECASE)
_ICELINK = re.compile(r"\bfailed\b|error (writing|reading) data", re.IGNORECASE)


def diagnose(
    board: Board,
    programmer: Programmer,
    ids: Sequence[str],
    status: int,
    output: str,
    nodes: Sequence[Path] | None,
) -> Diagnosis:
    """Say what a programmer's end means.

    Parameters
    ----------
    board, programmer : Board, Programmer
        What was loaded by what.
    ids : sequence of str
        USB ids that the programmer looked for.
    status : int
        Its exit status, negative for a signal.
    output : str
        Everything it printed.
    nodes : sequence of Path or None
        Device files of the devices that are connected and have these ids; None: not known.
    """
    text = _ESCAPE.sub("", output)
    if status == 0:
        return _at_the_end(programmer, text)
    absent = _ABSENT.search(text) is not None
    shut = [node for node in nodes or () if not may_open(node)]
    if _DENIED.search(text) or (absent and shut):
        which = ", ".join(str(node) for node in shut) or f"the {board.title}"
        return Diagnosis("no-permission", f"you may not open {which}")
    if absent and not nodes:
        return Diagnosis("no-board", no_board(board, ids))
    if status < 0:
        try:
            ended = signal.Signals(-status).name
        except ValueError:
            ended = str(-status)
        return Diagnosis("failed", f"ended by {ended}")
    return Diagnosis("failed", f"exit status {status}{_last_words(text)}")


def no_board(board: Board, ids: Sequence[str]) -> str:
    """Return the line that says that no board is connected, and what would show it."""
    looked = f"USB device {' or '.join(ids)}" if ids else "the cable"
    what = board.title if board.usb else f"JTAG adapter for the {board.title}"
    line = f"no {what} is connected ({looked} was not found)"
    return f"{line}; {bootloader(board)}" if bootloader(board) else line


def bootloader(board: Board) -> str:
    """Return how to bring the board's bootloader up; empty where a board needs none."""
    if "dfu-util" in board.programmers:
        return "hold its button while you plug it in: the bootloader must run"
    if "tinyprog" in board.programmers:
        return "press its reset button: the bootloader must run"
    return ""


def _at_the_end(programmer: Programmer, text: str) -> Diagnosis:
    """Judge a program that ended well: some do so although the FPGA did not start."""
    done = _CDONE.findall(text)
    if programmer.name == "iceprog" and done and done[-1] == "low":
        return Diagnosis("not-started", "the FPGA did not start (cdone: low); check the jumpers")
    if programmer.name == "openfpgaloader" and _NO_CDONE.search(text):
        return Diagnosis("not-started", "the FPGA did not start (CDONE); check the jumpers")
    if programmer.name == "icesprog" and _ICELINK.search(text):
        return Diagnosis("failed", f"exit status 0{_last_words(text, _ICELINK)}")
    return Diagnosis("loaded")


def _last_words(text: str, wanted: re.Pattern[str] | None = None) -> str:
    lines = [line.strip() for line in re.split(r"[\r\n]+", text)]
    found = [line for line in lines if line and (wanted is None or wanted.search(line))]
    return f", its last words: {found[-1]}" if found else ""
