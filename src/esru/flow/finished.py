"""What `esru build` has left in a folder: read back and checked before anything is proved of it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from esru.demo.config import DemoConfig
from esru.design import parse
from esru.errors import InputError
from esru.flow.bitstream import MANIFEST_SCHEMA
from esru.flow.boards import Board, board
from esru.flow.netlist import Ports
from esru.flow.pins import pins


@dataclass(frozen=True)
class Finished:
    """A finished bitstream and what it was made from.

    Attributes
    ----------
    folder : Path
        Where `esru.flow.bitstream.build` put it.
    board : Board
        The board.
    config : DemoConfig
        The demo.
    bitstream : bytes
        The bitstream file's content.
    verilog, pins : str
        ``demo.v`` and the pin file's text.
    """

    folder: Path
    board: Board
    config: DemoConfig
    bitstream: bytes
    verilog: str
    pins: str

    @property
    def ports(self) -> Ports:
        """The ports of ``demo.v``."""
        return {pin.port: ("output" if pin.output else "input", 1) for pin in pins(self.board)}

    @property
    def clock(self) -> str | None:
        """The clock's port; None if the chip's own oscillator makes the clock."""
        return "clk" if "clk" in self.ports else None


def read_finished(folder: Path) -> Finished:
    """Read a folder that `esru.flow.bitstream.build` has written.

    Raises
    ------
    InputError
        If there is no such build in it, or a file is not the one that its manifest names.
    """
    path = folder / "manifest.json"
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        if told["schema"] != MANIFEST_SCHEMA:
            raise ValueError
        names = [told["bitstream"], "demo.v", told["pins"]]
        contents = {name: (folder / name).read_bytes() for name in names}
        for name, content in contents.items():
            if hashlib.sha256(content).hexdigest() != told["files"][name]:
                raise InputError.must("File", "the one that its manifest names", folder / name)
        config = DemoConfig(
            parse(told["design"]), told["lanes"], clock_hz=told["clock_hz"], baud=told["baud"]
        )
        chosen = board(told["board"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError.must("Folder", "one that esru build has written", folder) from None
    bitstream, verilog, pin_text = contents.values()
    return Finished(folder, chosen, config, bitstream, verilog.decode(), pin_text.decode())
