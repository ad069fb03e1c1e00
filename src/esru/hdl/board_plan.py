"""The build plan of a board, as Amaranth's platforms make it, around a demo in Verilog."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from amaranth.hdl import Instance, IOPort, Module

from esru.flow.boards import Board
from esru.flow.pins import pins

#: Options of synthesis: no memories, neither block nor distributed. The first could not be
#: recovered from a bitstream, and there is none in the design to lose.
SYNTHESIS = {"ice40": "-nobram", "ecp5": "-nobram -nolutram", "gowin": "-nobram -nolutram"}


def board_plan(platform: Any, board: Board, clock_hz: int, verilog: str) -> Any:
    """Return the plan that builds the module ``demo`` of some Verilog as ``board``.

    Parameters
    ----------
    platform : amaranth.build.Platform
        A fresh platform of the board.
    board : Board
        The board.
    clock_hz : int
        What nextpnr aims at where the pin file cannot say, in hertz.
    verilog : str
        The module ``demo`` with the ports of `esru.flow.pins.pins`.
    """
    ports = {}
    for pin in pins(board):
        metadata = [SimpleNamespace(name=pin.site, attrs=pin.attributes)]
        direction = "o" if pin.output else "i"
        ports[f"{direction}_{pin.port}"] = IOPort(1, name=pin.port, metadata=metadata)
    top = Module()
    top.submodules.demo = Instance("demo", **ports)
    platform.add_file("demo.v", verilog)
    # A missed clock is an answer, not a failure: the bitstream is wanted all the same.
    options = ["--timing-allow-fail", "--report", "report.json"]
    if board.family == "gowin" or not any(pin.port == "clk" for pin in pins(board)):
        options += ["--freq", f"{clock_hz / 1e6:g}"]
    if board.family == "ecp5":
        # The routed netlist, for `esru.flow.bitproof`: its bitstream cannot be read back as one.
        options += ["--write", "routed.json"]
    return platform.prepare(
        top, "board", synth_opts=SYNTHESIS[board.family], nextpnr_opts=" ".join(options)
    )
