"""Compare a netlist with the hardware that it was made from, for all sequences of inputs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from esru.flow.decide import decide
from esru.flow.netlist import Ports
from esru.flow.yosys import run_script

# From a module `top` that compares two others to gates. No pass here may use one side's knowledge
# for the other: the proof itself is abc's.
TO_GATES = """\
hierarchy -top top
flatten
opt_expr
opt_clean
techmap
opt_expr
opt_clean
dffunmap
setundef -anyseq
aigmap
write_aiger -zinit miter.aig
"""

# Nets that nothing drives, and inputs that only one side has, are free.
MITER = (
    """\
{hardware}
rename {module} hardware
{netlist}
rename {other} netlist
read_verilog top.v
proc
opt_clean
"""
    + TO_GATES
)


def compare(
    folder: Path,
    hardware: tuple[str, str],
    netlist: tuple[str, str],
    wanted: Ports,
    extra: Iterable[str] = (),
    name: str = "the hardware",
) -> str:
    """Decide whether two modules can ever differ; return the difference or an empty text.

    Parameters
    ----------
    folder : Path
        Holds the files; scripts and logs go there too.
    hardware, netlist : tuple of str
        The Yosys command that reads each side, and its module.
    wanted : dict
        The ports of both sides: equal inputs, compared outputs.
    extra : iterable of str
        Inputs of one bit that only the netlist has; they are free.
    name : str
        With what the netlist is compared, for the difference.

    Raises
    ------
    ToolMissing, ToolFailed
        If a tool is missing, fails or comes to no conclusion.
    """
    (folder / "top.v").write_text(_top(wanted, list(extra)), encoding="utf-8")
    # An older miter must not be what is decided.
    (folder / "miter.aig").unlink(missing_ok=True)
    script = MITER.format(
        hardware=hardware[0], module=hardware[1], netlist=netlist[0], other=netlist[1]
    )
    run_script(script, cwd=folder, log=folder / "miter.log")
    return decide(folder, name)


def _top(wanted: Ports, extra: list[str]) -> str:
    """Return the miter: both sides with equal inputs, and whether their outputs differ."""
    ins = {name: width for name, (way, width) in wanted.items() if way == "input"}
    outs = {name: width for name, (way, width) in wanted.items() if way == "output"}
    free = [f"\\{name} " for name in extra]
    head = [f"input [{width - 1}:0] {name}" for name, width in ins.items()]
    head += [f"input {name}" for name in free]
    lines = [f"module top({', '.join(head)}, output trigger);"]
    for side in ("netlist", "hardware"):
        links = [f".{name}({name})" for name in ins]
        links += [f".{name}({side}_{name})" for name in outs]
        links += [f".{name}({name})" for name in free if side == "netlist"]
        lines += [f"  wire [{width - 1}:0] {side}_{name};" for name, width in outs.items()]
        lines.append(f"  {side} the_{side}({', '.join(links)});")
    differ = " || ".join(f"netlist_{name} != hardware_{name}" for name in outs)
    lines += [f"  assign trigger = {differ};", "endmodule", ""]
    return "\n".join(lines)
