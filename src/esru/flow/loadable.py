"""What can be loaded into a board: a build folder or a bitstream, checked before it is used."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from esru.errors import InputError
from esru.flow.bitstream import MANIFEST_SCHEMA, clock_met
from esru.flow.boards import BOARDS, Board, board
from esru.flow.dfu import read_suffix

#: Bytes of a whole iCE40 bitstream as icepack writes it, by the part of the device's name.
ICE40_BYTES = {"1K": 32220, "5K": 104090, "8K": 135100}

_ICE40_PREAMBLE = bytes.fromhex("7eaa997e")
_ECP5_PREAMBLE = bytes.fromhex("ffffbdb3")
#: The tools write comments first; the preamble follows them.
_HEAD = 1024


@dataclass(frozen=True)
class Loadable:
    """A bitstream that was checked, and the board that it is for.

    Attributes
    ----------
    path : Path
        The file that a programmer is given.
    board : Board
        The board.
    sha256 : str
        Digest of the file.
    size : int
        Its bytes.
    manifest : dict or None
        What the build said of it; None for a bitstream of another origin.
    warnings : tuple of str
        What may be wrong with it all the same.
    """

    path: Path
    board: Board
    sha256: str
    size: int
    manifest: dict[str, Any] | None
    warnings: tuple[str, ...]


def read_loadable(path: Path, board_name: str | None = None) -> Loadable:
    """Read a folder of ``esru build``, or a bitstream, and check it.

    Parameters
    ----------
    path : Path
        The folder, or a bitstream; one that lies in a build folder is checked like the folder.
    board_name : str or None
        The board; None: the one in the manifest.

    Raises
    ------
    InputError
        If there is none, it is not what the build wrote, or it is not for that board.
    """
    named = None if board_name is None else board(board_name)
    manifest = None
    if path.is_dir():
        if not (path / "manifest.json").is_file():
            rule = "one that esru build wrote, with a manifest.json"
            raise InputError.must("Folder", rule, str(path))
        manifest = _manifest(path / "manifest.json")
        path = path / manifest["bitstream"]
    elif path.is_file():
        manifest = _manifest_beside(path)
    content = _read(path)
    digest = hashlib.sha256(content).hexdigest()
    if manifest is not None:
        wanted = manifest["files"][path.name]
        if digest != wanted:
            rule = f"the one that was built (sha256 {wanted[:12]}...)"
            raise InputError.must("Bitstream", rule, f"{path} with sha256 {digest[:12]}...")
        built_for = board(manifest["board"])
        if named is not None and named != built_for:
            rule = f"{built_for.name}, which {path} was built for"
            raise InputError.must("--board", rule, named.name)
        named = built_for
    if named is None:
        rule = f"given for a bitstream without its build folder (one of {', '.join(BOARDS)})"
        raise InputError.must("--board", rule, "left out")
    warnings = _check(path, content, named)
    if manifest is not None and not clock_met(manifest):
        warnings.append(
            f"the build missed its clock: Fmax {manifest['fmax_mhz']:g} MHz, "
            f"clock {manifest['clock_hz'] / 1e6:g} MHz; the board may give wrong answers"
        )
    return Loadable(path, named, digest, len(content), manifest, tuple(warnings))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        rule = "a bitstream, or a folder that esru build wrote"
        value = f"{path} ({error.strerror or error})"
        raise InputError.must("What to load", rule, value) from None


def _manifest_beside(path: Path) -> dict[str, Any] | None:
    """Return the manifest of the build that wrote a file; None if it is of no build."""
    beside = path.parent / "manifest.json"
    try:
        found = json.loads(beside.read_text(encoding="utf-8"))
        ours = found["schema"] == MANIFEST_SCHEMA and found["bitstream"] == path.name
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return _manifest(beside) if ours else None


def _manifest(path: Path) -> dict[str, Any]:
    """Return a build's manifest.

    Raises
    ------
    InputError
        If it is not one, or damaged.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError.must("Manifest", "readable JSON", f"{path} ({error})") from None
    if not isinstance(found, dict):
        raise InputError.must("Manifest", "a JSON object", str(path))
    manifest: dict[str, Any] = found
    if manifest.get("schema") != MANIFEST_SCHEMA:
        value = f"{path} of {manifest.get('schema')}"
        raise InputError.must("Manifest", f"of schema {MANIFEST_SCHEMA}", value)
    name = manifest.get("bitstream")
    files = manifest.get("files")
    plain = isinstance(name, str) and Path(name).name == name
    fmax, clock = manifest.get("fmax_mhz"), manifest.get("clock_hz")
    if (
        not plain
        or not isinstance(files, dict)
        or not isinstance(files.get(name), str)
        or not isinstance(manifest.get("board"), str)
        or manifest["board"] not in BOARDS
        or not isinstance(fmax, int | float | None)
        or not isinstance(clock, int)
    ):
        rule = "whole: bitstream and its sha256, a known board, clock_hz and fmax_mhz"
        raise InputError.must("Manifest", rule, str(path))
    return manifest


def _check(path: Path, content: bytes, chosen: Board) -> list[str]:
    """Raise if a file cannot be a bitstream for a board; return what is doubtful."""
    subject = f"Bitstream for {chosen.name}"
    by_dfu = "dfu-util" in chosen.programmers
    suffixes = (chosen.suffix, ".dfu") if by_dfu else (chosen.suffix,)
    if path.suffix not in suffixes:
        raise InputError.must(subject, f"a {' or '.join(suffixes)} file", str(path))
    found = read_suffix(content)
    if found is not None:
        usb = f"{found.vendor:04x}:{found.product:04x}"
        if not by_dfu or usb not in chosen.usb:
            rule = f"a DFU file for USB device {chosen.usb[0]}" if by_dfu else "no DFU file"
            raise InputError.must(subject, rule, f"{path}, a DFU file for {usb}")
    wrong = _foreign(content, chosen)
    if wrong:
        raise InputError.must(subject, f"one for {chosen.device}", f"{path}: {wrong}")
    if by_dfu and found is None:
        return [f"{path} has no DFU suffix: dfu-util cannot tell which device it is for"]
    return []


def _foreign(content: bytes, chosen: Board) -> str:
    """Return why a content is no bitstream for the board's FPGA; empty if it may be one."""
    head = content[:_HEAD]
    if chosen.family == "ice40":
        if _ICE40_PREAMBLE not in head:
            return "it does not begin like an iCE40 bitstream"
        sizes = {size: part for part, size in ICE40_BYTES.items()}
        part = sizes.get(len(content))
        # Other sizes are left alone: a bitstream for several boots, or padded.
        return "" if part is None or part in chosen.device else f"{len(content)} bytes are a {part}"
    if chosen.family == "ecp5":
        if _ECP5_PREAMBLE not in head:
            return "it does not begin like an ECP5 bitstream"
        comment = re.search(rb"Part: (LFE5U[A-Z0-9]*-\d+F)", head)
        part = "" if comment is None else comment.group(1).decode()
        return "" if part in chosen.device else f"it is for {part}"
    lines = [line for line in content[:4096].splitlines() if line and not line.startswith(b"//")]
    text = bool(lines) and all(set(line) <= set(b"01") for line in lines)
    return "" if text else "it does not begin like a Gowin bitstream"
