"""The FPGA boards that a design can be built for: facts that no tool can tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from esru.errors import InputError

Family = Literal["ice40", "ecp5", "gowin"]

_FTDI = "0403:6010"


@dataclass(frozen=True)
class Board:
    """One board.

    Pins, LEDs, package and speed grade come from the board's platform in amaranth-boards.

    Attributes
    ----------
    name, title : str
        For the command line, and as its maker calls it.
    module, platform : str
        The module of ``amaranth_boards`` and the platform class in it.
    family : {"ice40", "ecp5", "gowin"}
        Which tools build for it.
    device : str
        The FPGA as people name it.
    oscillator_hz : int
        Frequency of the clock that the board itself delivers, in hertz; where that is the
        chip's own oscillator (UPduino), the frequency that we divide it to.
    clock_hz : int
        Frequency that the demo runs at unless another is asked for, in hertz.
    serial : str
        How the board's USB serial port is made; empty: it has none that reaches the FPGA.
    programmers : tuple of str
        Programs that can load it, the default first.
    loader : str
        openFPGALoader's name of the board; empty: it has none.
    usb : tuple of str
        USB ids ``vendor:product`` of the board's programmer, for access rules.
    url : str
        The maker's page.
    suffix : {".bin", ".bit", ".fs"}
        What its bitstreams end in.
    ci : bool
        Whether the tests build a bitstream for it.
    header : tuple of str
        Connector pins of amaranth-boards for an adapter's serial port, where the board has no
        port of its own: those of the FPGA's rx and tx, 3.3 V. Empty: none are free both ways.
    labels : tuple of str
        What is printed beside these two pins.
    """

    name: str
    title: str
    module: str
    platform: str
    family: Family
    device: str
    oscillator_hz: int
    clock_hz: int
    serial: str
    programmers: tuple[str, ...]
    loader: str
    usb: tuple[str, ...]
    url: str
    suffix: str
    ci: bool = True
    header: tuple[str, str] | tuple[()] = ()
    labels: tuple[str, str] | tuple[()] = ()


def _lattice(
    family: Family,
    name: str,
    title: str,
    source: tuple[str, str],
    device: str,
    megahertz: tuple[int, int],
    serial: str,
    programmers: tuple[str, ...],
    loader: str,
    usb: tuple[str, ...],
    url: str,
    header: tuple[str, str] | tuple[()] = (),
    labels: tuple[str, str] | tuple[()] = (),
) -> Board:
    """Return a board with an iCE40 or ECP5; the clocks are the oscillator's and the demo's."""
    oscillator, clock = (value * 1_000_000 for value in megahertz)
    return Board(
        name,
        title,
        *source,
        family,
        device,
        oscillator,
        clock,
        serial,
        programmers,
        loader,
        usb,
        url,
        ".bin" if family == "ice40" else ".bit",
        header=header,
        labels=labels,
    )


_ECPIX5 = "https://docs.lambdaconcept.com/ecpix-5/"
_ULX3S = "https://radiona.org/ulx3s/"

BOARDS: dict[str, Board] = {
    board.name: board
    for board in (
        _lattice(
            "ice40",
            "icebreaker",
            "1BitSquared iCEBreaker",
            ("icebreaker", "ICEBreakerPlatform"),
            "Lattice iCE40UP5K-SG48",
            (12, 12),
            "FTDI FT2232H, second interface",
            ("iceprog", "openfpgaloader"),
            "ice40_generic",
            (_FTDI,),
            "https://github.com/icebreaker-fpga/icebreaker",
        ),
        _lattice(
            "ice40",
            "icestick",
            "Lattice iCEstick",
            ("icestick", "ICEStickPlatform"),
            "Lattice iCE40HX1K-TQ144",
            (12, 12),
            "FTDI FT2232H, second interface",
            ("iceprog", "openfpgaloader"),
            "ice40_generic",
            (_FTDI,),
            "https://www.latticesemi.com/icestick",
        ),
        _lattice(
            "ice40",
            "tinyfpga-bx",
            "TinyFPGA BX",
            ("tinyfpga_bx", "TinyFPGABXPlatform"),
            "Lattice iCE40LP8K-CM81",
            (16, 16),
            "",
            ("tinyprog",),
            "",
            ("1d50:6130",),
            "https://tinyfpga.com/bx/guide.html",
            ("gpio_0:1", "gpio_0:2"),
            ("1", "2"),
        ),
        _lattice(
            "ice40",
            "hx8k-b-evn",
            "Lattice iCE40-HX8K Breakout Board",
            ("ice40_hx8k_b_evn", "ICE40HX8KBEVNPlatform"),
            "Lattice iCE40HX8K-CT256",
            (12, 12),
            "FTDI FT2232H, second interface",
            ("iceprog", "openfpgaloader"),
            "ice40_generic",
            (_FTDI,),
            "https://www.latticesemi.com/Products/DevelopmentBoardsAndKits/iCE40HX8KBreakoutBoard",
        ),
        _lattice(
            "ice40",
            "upduino-v3",
            "UPduino v3",
            ("upduino_v3", "UpduinoV3Platform"),
            "Lattice iCE40UP5K-SG48",
            (12, 12),
            "",
            ("iceprog",),
            "",
            ("0403:6014",),
            "https://github.com/tinyvision-ai-inc/UPduino-v3.0",
            ("j_0:7", "j_0:8"),
            ("23", "25"),
        ),
        _lattice(
            "ice40",
            "icesugar",
            "MuseLab iCESugar",
            ("icesugar", "ICESugarPlatform"),
            "Lattice iCE40UP5K-SG48",
            (12, 12),
            "iCELink debugger",
            ("icesprog",),
            "",
            ("1d50:602b",),
            "https://github.com/wuxx/icesugar",
        ),
        _lattice(
            "ecp5",
            "ulx3s-12f",
            "Radiona ULX3S 12F",
            ("ulx3s", "ULX3S_12F_Platform"),
            "Lattice LFE5U-12F-6BG381C",
            (25, 25),
            "FTDI FT231X",
            ("openfpgaloader", "fujprog"),
            "ulx3s",
            ("0403:6015",),
            _ULX3S,
        ),
        _lattice(
            "ecp5",
            "ulx3s-85f",
            "Radiona ULX3S 85F",
            ("ulx3s", "ULX3S_85F_Platform"),
            "Lattice LFE5U-85F-6BG381C",
            (25, 25),
            "FTDI FT231X",
            ("openfpgaloader", "fujprog"),
            "ulx3s",
            ("0403:6015",),
            _ULX3S,
        ),
        _lattice(
            "ecp5",
            "orangecrab",
            "OrangeCrab r0.2 (25F)",
            ("orangecrab_r0_2", "OrangeCrabR0_2_25FPlatform"),
            "Lattice LFE5U-25F-8MG285C",
            (48, 48),
            "",
            ("dfu-util", "openfpgaloader"),
            "orangeCrab",
            ("1209:5af0",),
            "https://github.com/orangecrab-fpga/orangecrab-hardware",
            ("io_0:0", "io_0:1"),
            ("0", "1"),
        ),
        _lattice(
            "ecp5",
            "ecpix5-45",
            "LambdaConcept ECPIX-5 45F",
            ("ecpix5", "ECPIX545Platform"),
            "Lattice LFE5UM5G-45F-8BG554C",
            (100, 50),
            "FTDI FT2232H, second interface",
            ("openfpgaloader",),
            "ecpix5",
            (_FTDI,),
            _ECPIX5,
        ),
        _lattice(
            "ecp5",
            "ecpix5-85",
            "LambdaConcept ECPIX-5 85F",
            ("ecpix5", "ECPIX585Platform"),
            "Lattice LFE5UM5G-85F-8BG554C",
            (100, 50),
            "FTDI FT2232H, second interface",
            ("openfpgaloader",),
            "ecpix5",
            (_FTDI,),
            _ECPIX5,
        ),
        _lattice(
            "ecp5",
            "colorlight-5a75b",
            "Colorlight 5A-75B (V7.0)",
            ("colorlight_5a75b_r7_0", "Colorlight_5A75B_R70Platform"),
            "Lattice LFE5U-25F-6BG256C",
            (25, 25),
            # The pins that its platform calls a UART are those of the LED and the button, and
            # its connectors have buffers that only drive outwards.
            "",
            ("openfpgaloader",),
            "colorlight",
            (),
            "https://github.com/q3k/chubby75/tree/master/5a-75b",
        ),
        Board(
            name="tang-nano-9k",
            title="Sipeed Tang Nano 9K",
            module="tang_nano_9k",
            platform="TangNano9kPlatform",
            family="gowin",
            device="Gowin GW1NR-LV9QN88PC6/I5",
            oscillator_hz=27_000_000,
            clock_hz=27_000_000,
            serial="BL702 debugger, second interface",
            programmers=("openfpgaloader",),
            loader="tangnano9k",
            usb=(_FTDI,),
            url="https://wiki.sipeed.com/hardware/en/tang/Tang-Nano-9K/Nano-9K.html",
            suffix=".fs",
        ),
    )
}


def board(name: str) -> Board:
    """Return the board of that name.

    Raises
    ------
    InputError
        If there is none.
    """
    try:
        return BOARDS[name]
    except KeyError:
        raise InputError.must("Board", "one of " + ", ".join(BOARDS), repr(name)) from None
