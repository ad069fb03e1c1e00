"""Formal proof that a source leaves its lockup state.

The lockup state never comes by itself: the proofs of the whole module, which start at the seed,
cannot see what happens there. So the bare source is started in it, and compared with the
reference's: the word of state zero, then, one step on, the words from state 1.
"""

from __future__ import annotations

import time
from pathlib import Path

from esru.design import Design
from esru.errors import InputError
from esru.flow.checks import Check, controls
from esru.flow.decide import decide
from esru.flow.formal import MITER
from esru.flow.reference_sources import locked_verilog
from esru.flow.yosys import run_script
from esru.hdl.emit import locked_rtlil, module_name

_TOP = """\
module top(input clk, input rst, input en, {ports}output trigger);
  wire [{high}:0] expected, got;
  reference wanted(.clk(clk), .rst(rst), .en(en), {links}.word(expected));
  hardware found(.clk(clk), .rst(rst), .en(en), {links}.word(got));
  assign trigger = got != expected;
endmodule
"""


def prove_recovery(design: Design, folder: Path, texts: list[str] | None = None) -> Check:
    """Prove that the source leaves its lockup state at the first step, whenever that comes.

    Parameters
    ----------
    design : Design
        The unit; its ``recover`` is 1.
    folder : Path
        Where scripts and logs go.
    texts : list of str or None
        RTLIL for each phase to prove instead of `esru.hdl.emit.locked_rtlil`'s, for tests with
        seeded faults.

    Raises
    ------
    InputError
        If the design does not recover.
    ToolMissing, ToolFailed
        If there is no Yosys or yosys-abc, or a proof comes to no conclusion.
    """
    if not design.recover:
        raise InputError.must("Recover", "1 for a proof of recovery", design.recover)
    began = time.monotonic()
    # An alternating source can be locked while its words are inverted, and while they are not.
    phases = (0, 1) if design.source == "plateau" else (0,)
    failure = ""
    for phase in phases:
        text = locked_rtlil(design, phase) if texts is None else texts[phase]
        (folder / "hardware.il").write_text(text, encoding="utf-8")
        (folder / "reference.v").write_text(locked_verilog(design, phase), encoding="utf-8")
        (folder / "top.v").write_text(_top(design), encoding="utf-8")
        script = MITER.format(module=f"{module_name(design)}_source", models="")
        run_script(script, cwd=folder, log=folder / "recovery.log")
        failure = failure or decide(folder, "the reference, from the lockup state on,")
    return Check(
        "formal",
        "recovery == reference (PDR)",
        len(phases),
        not failure,
        failure
        or f"from the lockup state to state 1 in one step, and on; every {controls(design)}",
        time.monotonic() - began,
    )


def _top(design: Design) -> str:
    ports = links = ""
    if design.load:
        ports = f"input load, input [{design.length - 1}:0] seed, "
        links = ".load(load), .seed(seed), "
    return _TOP.format(high=design.k - 1, ports=ports, links=links)
