"""Which pin of a board does what, and the pin files of nextpnr: facts from amaranth-boards."""

from __future__ import annotations

import functools
import importlib
from dataclasses import dataclass, field
from typing import Any

from esru.errors import ToolMissing
from esru.flow.boards import Board

#: What each LED shows, by the port's name. `passed` and `failed` are the self-test's result.
LED_MEANING = {
    "led_blink": "blinks once a second: the clock runs",
    "led_passed": "on: the self-test passed",
    "led_failed": "on: the self-test failed",
    "led_mean": "shines at 30 %: the mean of a rounding; off after the first request",
    "led_green": "blinks once a second: the self-test passed",
    "led_red": "blinks once a second: the self-test failed",
    "led_blue": "shines at 30 %: the mean of a rounding; off after the first request",
    "led": "blinks once a second: the self-test passed; eight times a second: it failed",
}


@dataclass(frozen=True)
class Pin:
    """One pin of a board that the demo uses.

    Attributes
    ----------
    port : str
        The port of ``demo.v``: ``clk``, ``rx``, ``tx`` or one of `LED_MEANING`.
    site : str
        The package's pin, as the FPGA's data sheet names it.
    resource : tuple
        Name and number of the resource in amaranth-boards, and the signal in it or an empty text;
        for a pin of a connector the connector, its number and the pin.
    output : bool
        Whether the FPGA drives it.
    inverted : bool
        Whether 1 on the pin means inactive: an LED that shines at 0.
    attributes : dict of str to str
        What amaranth-boards says of the pin's electrical side.
    """

    port: str
    site: str
    resource: tuple[str, int, str]
    output: bool
    inverted: bool
    attributes: dict[str, str] = field(default_factory=dict)


def platform(board: Board) -> Any:
    """Return a fresh platform object of amaranth-boards for a board.

    Raises
    ------
    ToolMissing
        If amaranth-boards is not installed.
    """
    try:
        module = importlib.import_module(f"amaranth_boards.{board.module}")
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "amaranth_boards":
            raise
        raise ToolMissing("amaranth-boards", "pip install esru") from None
    found = getattr(module, board.platform)()
    if found.default_clk == "SB_HFOSC":
        found.hfosc_div = hfosc_divisor(board.oscillator_hz)
    return found


def hfosc_divisor(hz: int) -> int:
    """Return the exponent d with which the iCE40UP's oscillator gives 48 MHz / 2^d = hz.

    Raises
    ------
    ValueError
        If there is none between 0 and 3.
    """
    return [48_000_000, 24_000_000, 12_000_000, 6_000_000].index(hz)


@functools.cache
def pins(board: Board) -> tuple[Pin, ...]:
    """Return the pins that the demo uses on a board, in the order of the pin file.

    Raises
    ------
    ToolMissing
        If amaranth-boards is not installed.
    """
    found = platform(board)
    wanted: list[tuple[str, tuple[str, int, str]]] = []
    if found.default_clk != "SB_HFOSC":
        wanted.append(("clk", (found.default_clk, 0, "")))
    if board.serial:
        wanted += [("rx", ("uart", 0, "rx")), ("tx", ("uart", 0, "tx"))]
    free = [_header_pin(found, board, index) for index in range(len(board.header))]
    wanted += _leds(set(found.resources))
    chosen = [_pin(found, port, resource) for port, resource in wanted]
    first = next(index for index, pin in enumerate(chosen) if pin.port.startswith("led"))
    return tuple(chosen[:first] + free + chosen[first:])


def _leds(resources: set[tuple[str, int]]) -> list[tuple[str, tuple[str, int, str]]]:
    """Choose LEDs: by their colours if the board names them, else four in a row, else the one."""
    if ("rgb_led", 0) in resources:
        colours = {"green": "g", "red": "r", "blue": "b"}
        return [(f"led_{name}", ("rgb_led", 0, key)) for name, key in colours.items()]
    if ("led_g", 0) in resources:
        colours = {"green": "led_g", "red": "led_r", "blue": "led_b"}
        return [
            (f"led_{name}", (resource, 0, ""))
            for name, resource in colours.items()
            if (resource, 0) in resources
        ]
    if ("led", 3) in resources:
        meanings = ("led_blink", "led_passed", "led_failed", "led_mean")
        return [(port, ("led", number, "")) for number, port in enumerate(meanings)]
    return [("led", ("led", 0, ""))]


def _pin(found: Any, port: str, resource: tuple[str, int, str]) -> Pin:
    name, number, signal = resource
    entry = found.lookup(name, number)
    attributes = dict(entry.attrs)
    if signal:
        (entry,) = (sub for sub in entry.ios if sub.name == signal)
        attributes |= entry.attrs
    physical = entry.ios[0]
    (site,) = physical.map_names(found._conn_pins, entry)
    plain = {key: str(value) for key, value in attributes.items()}
    return Pin(port, site, resource, physical.dir == "o", physical.invert, plain)


def _header_pin(found: Any, board: Board, index: int) -> Pin:
    """Return the pin of an adapter's serial port: rx or tx, idle at 1 with nothing connected."""
    connector, _, label = board.header[index].partition(":")
    name, _, number = connector.rpartition("_")
    attributes = {
        "ice40": {"IO_STANDARD": "SB_LVCMOS", "PULLUP": "1"},
        "ecp5": {"IO_TYPE": "LVCMOS33", "PULLMODE": "UP"},
    }[board.family]
    site = found._conn_pins[board.header[index]]
    return Pin(("rx", "tx")[index], site, (name, int(number), label), index == 1, False, attributes)


def pin_file_name(board: Board) -> str:
    """Return the name of a board's pin file: ``<board>.pcf``, ``.lpf`` or ``.cst``."""
    return f"{board.name}.{ {'ice40': 'pcf', 'ecp5': 'lpf', 'gowin': 'cst'}[board.family] }"


def pin_file(board: Board) -> str:
    """Return a board's pin file, for nextpnr, with the frequency of the clock pin.

    The Gowin format has no frequencies: there nextpnr takes ``--freq``.

    Raises
    ------
    ToolMissing
        If amaranth-boards is not installed.
    """
    mark = "//" if board.family == "gowin" else "#"
    head = [f"{mark} {board.title}, {board.device}: pins of demo.v, from amaranth-boards."]
    write = {"ice40": _pcf, "ecp5": _lpf, "gowin": _cst}[board.family]
    used = pins(board)
    lines = [line for pin in used for line in write(pin)]
    if any(pin.port == "clk" for pin in used):
        megahertz = board.oscillator_hz / 1e6
        if board.family == "ice40":
            lines.append(f"set_frequency clk {megahertz:g}")
        elif board.family == "ecp5":
            lines.append(f'FREQUENCY PORT "clk" {megahertz:g} MHZ;')
    return "\n".join([*head, *lines]) + "\n"


def _pcf(pin: Pin) -> list[str]:
    pull = "-pullup yes " if pin.attributes.get("PULLUP") == "1" and not pin.output else ""
    return [f"set_io {pull}{pin.port} {pin.site}"]


def _lpf(pin: Pin) -> list[str]:
    settings = "".join(f" {key}={value}" for key, value in pin.attributes.items())
    return [
        f'LOCATE COMP "{pin.port}" SITE "{pin.site}";',
        f'IOBUF PORT "{pin.port}"{settings};',
    ]


def _cst(pin: Pin) -> list[str]:
    lines = [f'IO_LOC "{pin.port}" {pin.site};']
    return lines + [f'IO_PORT "{pin.port}" {k}={v};' for k, v in pin.attributes.items()]
