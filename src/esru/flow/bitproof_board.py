"""Hold a whole board's netlist, as read back from its bitstream or routed, to the demo's Verilog.

Two ways, both from power-up on: a simulation in which the netlist answers over its UART and
shows its LEDs, as on the board; and a proof that it equals ``demo.v`` whatever comes in.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import numpy as np

from esru.demo.check import Checker, read_config, same_design
from esru.demo.config import SELF_TEST_CYCLES
from esru.demo.link import BoardLost, Link
from esru.demo.operands import jumps
from esru.demo.protocol import Command
from esru.errors import InputError, ToolFailed
from esru.flow.bitproof_unit import model_reads
from esru.flow.checks import Check
from esru.flow.finished import Finished
from esru.flow.miter import compare
from esru.flow.netlist import read_netlist, unfit
from esru.flow.pins import pins
from esru.flow.simulated_board import Output, SimulatedBoard, compile_board
from esru.flow.yosys import run_script

#: Random blocks of the simulated check, the furthest phase, and cycles at full speed: seconds of
#: simulation at the board's own baud rate.
_BLOCKS = 64
_REACH = 1 << 16
_FULL_SPEED = 1 << 14

#: Clock cycles that the LEDs of a board with a UART are watched at most, and cycles at once.
_MOST_CYCLES = 1 << 23
_AT_ONCE = 1 << 20

#: Clock cycles after which the self-test is over: its own, the reset's and some.
_TESTED = SELF_TEST_CYCLES + 1000


_FLAT = """\
{reads}
hierarchy -check -top {module}
proc
flatten -noscopeinfo
opt -full
splitnets
clean -purge
write_verilog -noattr flat.v
"""


@dataclass(frozen=True)
class Whole:
    """A board's netlist.

    Attributes
    ----------
    level : str
        ``bitstream`` if it comes from the bitstream, else ``netlist``.
    name : str
        What it is, for people.
    reads : tuple of str
        The Yosys commands that read it.
    module : str
        Its module.
    models : str
        Verilog of its cells, a file of this package, or Yosys' own (from ``+``).
    rests : str
        What a proof about it rests on.
    """

    level: str
    name: str
    reads: tuple[str, ...]
    module: str
    models: str
    rests: str


def prove_whole(finished: Finished, whole: Whole, folder: Path) -> Check:
    """Prove that a netlist equals ``demo.v``, for every sequence of inputs.

    Parameters
    ----------
    finished : Finished
        What was built.
    whole : Whole
        The netlist; its files are in `folder`.
    folder : Path
        Where scripts and logs go.

    Raises
    ------
    ToolMissing, ToolFailed
        If a tool is missing, fails or comes to no conclusion.
    """
    began = time.monotonic()
    (folder / "demo.v").write_text(finished.verilog, encoding="utf-8")
    models = model_reads(folder, whole.models)
    demo = read_netlist(folder, ["read_verilog demo.v", *models], "demo", "hardware")
    netlist = read_netlist(folder, [*whole.reads, *models], whole.module, "chip")
    wanted = finished.ports
    failure = ""
    for side, name in ((demo, "demo.v"), (netlist, whole.name)):
        reason = unfit(side, wanted, finished.clock)
        failure = failure or (f"{name} has {reason}" if reason else "")
    if not failure:
        extra = [name for name in netlist.ports if name not in wanted]
        sides = [(f"read_rtlil {side.file}", side.module) for side in (demo, netlist)]
        failure = compare(folder, sides[0], sides[1], wanted, extra, "demo.v")
    proved = (
        f"every output pin in every cycle from power-up, whatever comes in: {demo.registers} "
        f"registers of demo.v, {netlist.registers} of {whole.name}; rests on {whole.rests}"
    )
    outputs = sum(way == "output" for way, _ in wanted.values())
    return Check(
        whole.level,
        f"demo.v == {whole.name} (PDR)",
        outputs,
        not failure,
        failure or proved,
        time.monotonic() - began,
    )


def clocked_verilog(text: str) -> tuple[str, str]:
    """Give a netlist whose clock the chip's oscillator makes a port for it.

    Parameters
    ----------
    text : str
        What `esru.flow.icebox.recover` returned.

    Returns
    -------
    tuple of str
        The netlist, and the port.

    Raises
    ------
    ToolFailed
        If its registers have not one clock, or something drives it.
    """
    clocks = set(re.findall(r"@\((?:pos|neg)edge (\w+)", text))
    if len(clocks) != 1:
        raise ToolFailed("The netlist", f"registers with {len(clocks)} clocks")
    (clock,) = clocks
    if re.search(rf"assign {clock} =|put {clock}[,)]", text):
        raise ToolFailed("The netlist", "a clock that something drives")
    return re.sub(r"\bmodule (\w+) \(", rf"module \1 (input {clock}, ", text, count=1), clock


def simulate(
    finished: Finished, whole: Whole, verilog: str, folder: Path, clock: str | None = None
) -> list[Check]:
    """Let a netlist answer over its UART and show its LEDs, in a simulation.

    Parameters
    ----------
    finished : Finished
        What was built.
    whole : Whole
        Whose netlist.
    verilog : str
        The netlist.
    folder : Path
        Where the simulator goes.
    clock : str or None
        Its clock's port; None: the board's.

    Returns
    -------
    list of Check
        The LEDs, and, where the board has pins for it, everything that was asked over the UART.

    Raises
    ------
    ToolMissing, ToolFailed
        If a tool is missing or fails.
    """
    began = time.monotonic()
    leds = {pin.port: pin.inverted for pin in pins(finished.board) if pin.port.startswith("led")}
    serial = "rx" in finished.ports
    text = resources.files("esru.flow").joinpath(whole.models).read_text(encoding="utf-8")
    rx, tx = "rx", "tx"
    if not serial:
        rx, tx = "no_rx", next(iter(leds))
        head = rf"\bmodule {whole.module} *\((.*?)\);"
        verilog = re.sub(head, rf"module {whole.module}(no_rx, \1); input no_rx;", verilog, count=1)
    try:
        program = compile_board(
            verilog,
            whole.module,
            folder,
            divisor=finished.config.divisor,
            clk=clock or "clk",
            rx=rx,
            tx=tx,
            outputs=tuple(leds),
            cells=(text,),
        )
    except InputError as error:
        # A pin that the netlist has lost.
        return [_simulated(whole, "LEDs", 1, False, str(error), began)]
    with SimulatedBoard(program) as board:
        checks = [_show(finished, whole, board, leds, began)]
        if serial:
            patience = board.patience(finished.config.clock_hz)
            checks.append(_talk(finished, whole, board.port, patience))
    return checks


def _simulated(
    whole: Whole, what: str, cases: int, passed: bool, detail: str, began: float
) -> Check:
    name = f"{whole.name}: {what} (simulation)"
    return Check(whole.level, name, cases, passed, detail, time.monotonic() - began)


def _show(
    finished: Finished, whole: Whole, board: SimulatedBoard, leds: dict[str, bool], began: float
) -> Check:
    """Look at the LEDs until they have said how the self-test ended."""
    # Where one LED both blinks and says it, it is first on after half a second.
    cycles, said = _TESTED, "led_passed" in leds
    half = finished.config.clock_hz * 9 // 16
    if not said and (half <= _MOST_CYCLES or "rx" not in finished.ports):
        cycles, said = max(half, cycles), True
    report = board.report()
    while report.cycles < cycles:
        report = board.run(min(cycles - report.cycles, _AT_ONCE))
    wrong = [
        text
        for port, output in report.outputs.items()
        if (text := _wrong_light(port, output, leds[port], report.cycles, said))
    ]
    lanes = finished.config.lanes
    shown = f"self-test of {SELF_TEST_CYCLES} cycles passed, as {', '.join(leds)} show"
    if not said:
        shown = f"{', '.join(leds)} show no failure; what blinks says so after half a second"
    detail = "; ".join(wrong) or shown
    return _simulated(whole, "LEDs", SELF_TEST_CYCLES * lanes, not wrong, detail, began)


def _wrong_light(port: str, output: Output, inverted: bool, cycles: int, said: bool) -> str:
    """Return what an LED shows that it should not after a self-test that passed."""
    lit = cycles - output.ones if inverted else output.ones
    on = bool(output.level) != inverted
    if port == "led_passed" and not on:
        return "led_passed is off"
    if port in ("led_failed", "led_red") and lit:
        return f"{port} was on"
    if port == "led_green" and said and not on:
        return "led_green is off after half a second"
    if port == "led" and said and (not on or output.toggles > 2):
        return "led does not blink once a second"
    return ""


def _talk(finished: Finished, whole: Whole, port: str, patience: float) -> Check:
    """Make the checks of `esru check-board` that a simulation has time for."""
    began = time.monotonic()
    config = finished.config
    try:
        with Link(port, config.baud, patience=patience) as link:
            same = same_design(config.design, read_config(link))
            checker = Checker(link, config)
            checker.outcome.checks.append(same)
            if same.passed:
                _stages(checker)
    except BoardLost as error:
        return _simulated(whole, "UART", 1, False, str(error), began)
    outcome = checker.outcome
    failed = [f"{check.name}: {check.detail}" for check in outcome.checks if not check.passed]
    failed += [str(mismatch) for mismatch in outcome.mismatches[:1]]
    cases = sum(check.cases for check in outcome.checks)
    shown = f"bit for bit: {', '.join(check.name for check in outcome.checks)}"
    return _simulated(whole, "UART", cases, not failed, "; ".join(failed) or shown, began)


def _stages(checker: Checker) -> None:
    """Make the stages that take a simulation seconds: not every operand, nor the clock's speed."""
    config = checker.config
    checker.self_test()
    checker.random(_BLOCKS)
    checker.far(jumps(config, _REACH))
    held = np.full(config.lanes, config.held, np.uint64)
    checker.full_speed(Command.STREAM, _FULL_SPEED, None, "known stream")
    checker.full_speed(Command.HELD, _FULL_SPEED, held, "held 0.3")


def flat_verilog(folder: Path, whole: Whole) -> str:
    """Return a netlist as Verilog of one module without cells, for `simulate`.

    Raises
    ------
    ToolMissing, ToolFailed
        If there is no Yosys, or it cannot read the netlist.
    """
    reads = "\n".join([*whole.reads, *model_reads(folder, whole.models)])
    script = _FLAT.format(reads=reads, module=whole.module)
    run_script(script, cwd=folder, log=folder / "flat.log")
    return (folder / "flat.v").read_text(encoding="utf-8")


def pll_settings(verilog: str) -> dict[str, int]:
    """Return the numbers that an iCE40 PLL in some Verilog is set to; none without a PLL."""
    found = re.search(r"SB_PLL40_\w+ #\((.*?)\)\s*[\w\\.]+ \(", verilog, re.DOTALL)
    if found is None:
        return {}
    values = re.findall(r"\.(DIV[RFQ]|FILTER_RANGE)\(\d+'([bh])([0-9a-f]+)\)", found[1])
    return {name: int(digits, {"b": 2, "h": 16}[base]) for name, base, digits in values}
