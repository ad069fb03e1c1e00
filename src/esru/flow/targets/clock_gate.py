"""Standard cells whose enables gate the clock, as a synthesis for chips does it.

A flip-flop with an enable keeps its value by a multiplexer that gives it back to itself. Where many
have one enable, one gate on their clock does the same: no edge, no new value. A reset must reach
them while `en` is 0, so what opens the gate is the enable or the reset.

The gate is made of the library's own cells. A flip-flop on the falling edge takes the enable, and
an AND of the clock and its output is the gated clock: the output changes only while the clock is
low, when the AND is 0 whatever it is, so there is no glitch. That AND is a cell of its own before
ABC sees anything, which might merge it with other logic. A latch would do, too, and leave the
enable a whole cycle; but the library of 180 nm gives its latch no area.
"""

from __future__ import annotations

from dataclasses import replace

from esru.flow.targets import asic
from esru.flow.targets.target import Target

#: The flip-flop that takes the enable.
FALLING = "$_DFF_N_"

#: Where a gated clock is weaker than a chip's, beside what is weak in any standard cells.
_WEAKER = "the enable has half a cycle; one gate drives every flip-flop of its enable"

#: What Yosys puts in for a gate, before it is made of cells.
_GATE = "esru_clock_gate"

_MAP = """\
module {gate}(input clk, input en, output gclk);
  wire held;
  \\{falling} hold(.C(clk), .D(en), .Q(held));
  {cell} open(.A(clk), .B(held), .Y(gclk));
endmodule
"""

_CELL = """\
module {cell}(input A, input B, output Y);
endmodule
"""


def gated(target: Target, cell: str, least: int) -> Target:
    """Return a target of standard cells with gated clocks; what it counts is still the same.

    Parameters
    ----------
    target : Target
        One whose `synthesis` is that of `asic`.
    cell : str
        The library's AND, with inputs A and B and output Y.
    least : int
        From how many flip-flops of one enable on it gates their clock.
    """
    ungated = target.files
    assert ungated is not None
    gate = _MAP.format(gate=_GATE, falling=FALLING, cell=cell)
    own = {"clock_gate.v": gate, "clock_and.v": _CELL.format(cell=cell)}
    return replace(
        target,
        name=f"{target.name}-gated",
        summary=f"{target.summary}; enables gate the clock",
        synthesis=synthesis(least),
        weaker=f"{target.weaker}; {_WEAKER}",
        files=lambda: {**ungated(), **own},
    )


def synthesis(least: int) -> tuple[str, ...]:
    """Return `asic.SYNTHESIS` with gated clocks.

    Parameters
    ----------
    least : int
        From how many flip-flops of one enable on it gates their clock. Fewer keep multiplexers.
    """
    return (
        *asic.GATES_AND_REGISTERS,
        # An enable of fewer is a multiplexer, here and not below, where the reset is in it. Of the
        # others the reset gets under the enable, which then is the OR of both, and to gates.
        f"dfflegalize -cell $_SDFFCE_PP?P_ x -mince {least}",
        "dfflegalize -cell $_DFFE_PP_ x",
        # Each flip-flop has an OR of its own here; they must be one for the clock to be one.
        "opt_merge",
        "opt_expr",
        "opt_clean",
        f"clockgate -pos {_GATE} en:clk:gclk -min_net_size {least}",
        "techmap -map clock_gate.v",
        "read_verilog -lib clock_and.v",
        f"dfflegalize -cell {asic.FLIP_FLOP} x -cell {FALLING} x",
        *asic.CLEANED,
    )
