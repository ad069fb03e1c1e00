"""The demo on a board: its clock, its start-up reset, its LEDs, as one module of plain ports.

The vendor's cells in it are only those that make the clock: a PLL or the chip's oscillator.
"""

from __future__ import annotations

from amaranth.hdl import ClockDomain, ClockSignal, Const, Instance, Module, ResetSignal, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from esru import __version__
from esru.demo.config import DemoConfig
from esru.errors import InputError
from esru.flow.boards import Board
from esru.flow.pins import LED_MEANING, Pin, hfosc_divisor, pins
from esru.flow.toolchain import bitstream_tool
from esru.hdl.demo import Demo
from esru.hdl.emit import convert, flat_verilog
from esru.hdl.pll import Ecp5Pll, Ice40Pll, ecp5_pll, ice40_pll

#: Clock cycles that the design is held in reset: flip-flops leave configuration at slightly
#: different times, and those of this counter are the only ones that could see it.
RESET_CYCLES = 16

#: What a UPduino's oscillator can be divided to, in hertz.
HFOSC_HZ = (48_000_000, 24_000_000, 12_000_000, 6_000_000)


def clock_settings(board: Board, clock_hz: int | None) -> tuple[int, Ice40Pll | Ecp5Pll | None]:
    """Return the clock that the demo gets, and the PLL that makes it or None.

    Parameters
    ----------
    board : Board
        The board.
    clock_hz : int or None
        What is asked for, in hertz; None: the board's default.

    Returns
    -------
    tuple
        The frequency in hertz, within 1 % of what was asked for, and the settings.

    Raises
    ------
    InputError
        If the board cannot make a clock within 1 % of that.
    """
    wanted = board.clock_hz if clock_hz is None else clock_hz
    if not any(pin.port == "clk" for pin in pins(board)):
        if wanted not in HFOSC_HZ:
            rule = f"48, 24, 12 or 6 MHz (the oscillator's divisors) on {board.name}"
            raise InputError.must("Clock", rule, f"{wanted / 1e6:g} MHz")
        return wanted, None
    if wanted == board.oscillator_hz:
        return wanted, None
    if board.family == "gowin":
        rule = f"{board.oscillator_hz / 1e6:g} MHz on {board.name}, whose PLL is not supported"
        raise InputError.must("Clock", rule, f"{wanted / 1e6:g} MHz")
    make = ice40_pll if board.family == "ice40" else ecp5_pll
    pll = make(board.oscillator_hz, wanted)
    return pll.hz, pll


def led_logic(port: str, demo: Demo):
    """Return what the LED of that port shows, 1 for light (`esru.flow.pins.LED_MEANING`)."""
    return {
        "led_blink": demo.blink,
        "led_passed": demo.passed,
        "led_failed": demo.failed,
        "led_mean": demo.mean,
        "led_green": demo.passed & demo.blink,
        "led_red": demo.failed & demo.blink,
        "led_blue": demo.mean,
        "led": (demo.passed & demo.blink) | (demo.failed & demo.hurry),
    }[port]


class BoardDemo(wiring.Component):
    """The demo with a board's pins for ports; no reset port.

    Parameters
    ----------
    config : DemoConfig
        The demo; its clock is the one that `clock_settings` returns.
    board : Board
        The board.
    pll : Ice40Pll, Ecp5Pll or None
        What makes the clock of the board's.

    Attributes
    ----------
    clk : In(1)
        The board's clock, unless the chip's own oscillator is used.
    rx, tx : In(1), Out(1)
        The UART, 1 when idle, where the board has pins for it.
    led... : Out(1)
        The LEDs, already inverted where 0 means light.
    """

    def __init__(self, config: DemoConfig, board: Board, pll: Ice40Pll | Ecp5Pll | None):
        self.config = config
        self.board = board
        self.pll = pll
        super().__init__({pin.port: (Out if pin.output else In)(1) for pin in pins(board)})

    def elaborate(self, platform) -> Module:
        """Return the clock, the reset, the demo and the LEDs."""
        m = Module()
        m.domains += [ClockDomain("start", reset_less=True), ClockDomain("sync")]
        locked = self._clock(m)
        m.d.comb += ClockSignal("sync").eq(ClockSignal("start"))
        # The PLL's lock is asynchronous. While there is none there may be no clock either: all
        # of these registers start at 0, which is reset.
        steady = Signal(2)
        count = Signal(range(RESET_CYCLES))
        ready = Signal()
        m.d.start += steady.eq((steady << 1) | locked)
        with m.If(~steady[1]):
            m.d.start += [count.eq(0), ready.eq(0)]
        with m.Elif(~ready):
            m.d.start += count.eq(count + 1)
            with m.If(count == RESET_CYCLES - 1):
                m.d.start += ready.eq(1)
        m.d.comb += ResetSignal("sync").eq(~ready)

        m.submodules.demo = demo = Demo(self.config)
        used = {pin.port: pin for pin in pins(self.board)}
        m.d.comb += demo.rx.eq(self.rx if "rx" in used else Const(1))
        for port, pin in used.items():
            if port == "tx":
                m.d.comb += self.tx.eq(demo.tx)
            elif pin.output:
                m.d.comb += getattr(self, port).eq(led_logic(port, demo) ^ pin.inverted)
        return m

    def _clock(self, m: Module):
        """Drive the domain `start`; return the lock of what drives it."""
        clock = ClockSignal("start")
        if not hasattr(self, "clk"):
            divisor = hfosc_divisor(self.config.clock_hz)
            m.submodules.oscillator = Instance(
                "SB_HFOSC",
                p_CLKHF_DIV=f"0b{divisor:02b}",
                i_CLKHFEN=Const(1),
                i_CLKHFPU=Const(1),
                o_CLKHF=clock,
            )
            return Const(1)
        if self.pll is None:
            m.d.comb += clock.eq(self.clk)
            return Const(1)
        lock = Signal()
        make = _ice40_instance if isinstance(self.pll, Ice40Pll) else _ecp5_instance
        m.submodules.pll = make(self.pll, self.board, self.clk, clock, lock)
        return lock


def _ice40_instance(pll: Ice40Pll, board: Board, source, clock, lock) -> Instance:
    """Return the PLL; on the UltraPlus boards the clock comes in at the PLL's own pin."""
    pad = "iCE40UP" in board.device
    return Instance(
        "SB_PLL40_PAD" if pad else "SB_PLL40_CORE",
        p_FEEDBACK_PATH="SIMPLE",
        p_DIVR=Const(pll.divr, 4),
        p_DIVF=Const(pll.divf, 7),
        p_DIVQ=Const(pll.divq, 3),
        p_FILTER_RANGE=Const(pll.filter_range, 3),
        i_RESETB=Const(1),
        i_BYPASS=Const(0),
        o_LOCK=lock,
        o_PLLOUTGLOBAL=clock,
        **{"i_PACKAGEPIN" if pad else "i_REFERENCECLK": source},
    )


def _ecp5_instance(pll: Ecp5Pll, board: Board, source, clock, lock) -> Instance:
    """Return the PLL, its feedback from the output that it drives."""
    return Instance(
        "EHXPLLL",
        # The loop filter as the vendor's own tool sets it for every integer ratio.
        a_ICP_CURRENT="12",
        a_LPF_RESISTOR="8",
        a_MFG_ENABLE_FILTEROPAMP="1",
        a_MFG_GMCREF_SEL="2",
        p_PLLRST_ENA="DISABLED",
        p_INTFB_WAKE="DISABLED",
        p_STDBY_ENABLE="DISABLED",
        p_DPHASE_SOURCE="DISABLED",
        p_OUTDIVIDER_MUXA="DIVA",
        p_CLKI_DIV=pll.clki_div,
        p_CLKFB_DIV=pll.clkfb_div,
        p_CLKOP_ENABLE="ENABLED",
        p_CLKOP_DIV=pll.clkop_div,
        p_CLKOP_CPHASE=pll.phase,
        p_CLKOP_FPHASE=0,
        p_FEEDBK_PATH="CLKOP",
        i_CLKI=source,
        i_CLKFB=clock,
        i_RST=Const(0),
        i_STDBY=Const(0),
        i_PHASESEL0=Const(0),
        i_PHASESEL1=Const(0),
        i_PHASEDIR=Const(1),
        i_PHASESTEP=Const(1),
        i_PHASELOADREG=Const(1),
        i_PLLWAKESYNC=Const(0),
        i_ENCLKOP=Const(0),
        o_CLKOP=clock,
        o_LOCK=lock,
    )


def board_verilog(config: DemoConfig, board: Board, pll: Ice40Pll | Ecp5Pll | None) -> str:
    """Return the module ``demo`` of a board as Verilog: its ports are those of the pin file.

    The text names no source paths, no dates and no tools.

    Raises
    ------
    ToolMissing, ToolFailed
        If there is no Yosys or no amaranth-boards, or Yosys fails.
    """
    text = convert(BoardDemo(config, board, pll), "demo", clocked=False)
    return _header(config, board, pll) + flat_verilog(text, bitstream_tool("yosys"))


def _header(config: DemoConfig, board: Board, pll: Ice40Pll | Ecp5Pll | None) -> str:
    """Return the comment above the Verilog."""
    made = f" made of {board.oscillator_hz / 1e6:g} MHz by the PLL" if pll else ""
    lines = [
        f"esru {__version__}: stochastic rounding unit {config.design} on {board.title}",
        f"id {config.design.id}, lanes {config.lanes}, clock {config.clock_hz / 1e6:g} MHz{made}, "
        f"{config.baud} baud",
        *(f"{pin.port}: pin {pin.site}{_said(pin)}" for pin in pins(board)),
    ]
    return "".join(f"// {line}\n" for line in lines)


def _said(pin: Pin) -> str:
    meaning = LED_MEANING.get(pin.port)
    return "" if meaning is None else f", {meaning}" + (" (0 is light)" if pin.inverted else "")
