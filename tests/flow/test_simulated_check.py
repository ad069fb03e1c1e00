"""`esru check-board --simulate`: what it says of itself, and simulators that are slow or stop.

The simulator is a stand-in chip behind the program's own interface, so that nothing is compiled.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from faulty_line import FaultyLine, lose
from stand_in import StandIn

from esru.cli import main
from esru.demo.config import DemoConfig
from esru.demo.link import BoardLost, Link
from esru.design import parse
from esru.flow import simulated_board
from esru.flow.simulated_board import SimulatedBoard

DESIGN = "8:3:replicate:plateau3,lanes=4"

#: Answers like a compiled board; its clock runs on, or stands still after the first report.
PROGRAM = """\
#!{python}
import json, sys
sys.path.insert(0, {here!r})
from faulty_line import FaultyLine, late
from stand_in import StandIn
from esru.demo.config import DemoConfig
from esru.design import parse
config = DemoConfig(parse({design!r}), clock_hz=12_000_000, baud=921_600)
with StandIn(config) as chip, FaultyLine(chip.port, to_host=late(0, {late})) as line:
    print(json.dumps({{"port": line.port}}), flush=True)
    cycles = 1
    for _ in sys.stdin:
        told = dict(cycles=cycles, seconds=0.0, received=0, sent=0, framing=0, outputs={{}})
        print(json.dumps(told), flush=True)
        cycles += {pace}
"""


@pytest.fixture
def simulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[float, int], Path]:
    """Return what makes a program whose first reply is late and whose clock has a pace."""

    def make(seconds: float, pace: int) -> Path:
        program, here = tmp_path / "board", str(Path(__file__).parent)
        program.write_text(
            PROGRAM.format(python=sys.executable, here=here, design=DESIGN, late=seconds, pace=pace)
        )
        program.chmod(0o755)
        monkeypatch.setattr(simulated_board, "compile_demo", lambda *_: program)
        return program

    return make


def test_a_simulated_check_says_so(
    simulator: Callable[[float, int], Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    simulator(0.0, 1)
    words = ["check-board", DESIGN, "--simulate", "-o", str(tmp_path / "out"), "--force"]
    for more in (["--random", "16"], ["--mean", "0.3"]):
        assert main([*words, *more]) == 0
        out, err = capsys.readouterr()
        page = (tmp_path / "out" / "check-board.md").read_text()
        assert page.startswith("# Simulated board check: passed\n")
        for text in (page, out):
            assert "roundings/s, each compared (simulated)" in text
            assert "on the chip" not in text and "MHz, measured" not in text
            assert "the clock is" not in text + err
        last = err.splitlines()[-1].split("; next: ")[1]
        again = ["esru", "check-board", DESIGN, "--simulate"]
        assert shlex.split(last) == again + (["--mean", "0.3"] if "--random" in more else [])
        written = json.loads((tmp_path / "out" / "check-board.json").read_text())
        assert written["simulated"] is True
        assert written["rates"]["chip_roundings_per_second"] is None


@pytest.mark.parametrize(("pace", "retries"), [(1, 0), (0, 1)])
def test_a_slow_simulator_is_waited_for(
    pace: int,
    retries: int,
    simulator: Callable[[float, int], Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The first reply comes after 2.5 s, and the host's patience is 1.1 s."""
    simulator(2.5, pace)
    assert main(["check-board", DESIGN, "--simulate", "--mean", "0.3", "--json"]) == 0
    assert (json.loads(capsys.readouterr().out)["line"]["retries"] > 0) == (retries > 0)


def test_a_reply_that_is_lost_is_asked_for_again() -> None:
    """A simulator's clock stands still some time after the last byte: that ends the wait."""
    left = [True, True, True, False]
    config = DemoConfig(parse(DESIGN), clock_hz=12_000_000)
    with (
        StandIn(config) as chip,
        FaultyLine(chip.port, to_host=lose(3, 4)) as line,
        Link(line.port, 115200, alive=lambda: left.pop(0)) as link,
    ):
        assert link.info() == config.info
    assert link.retries == 1 and not left


def test_a_simulator_that_has_stopped(simulator: Callable[[float, int], Path]) -> None:
    with SimulatedBoard(simulator(1e3, 0)) as board:
        assert board.alive() and not board.alive()
        with (
            Link(board.port, 921_600, patience=0.2, alive=board.alive) as link,
            pytest.raises(BoardLost, match="the simulator is too slow or has stopped"),
        ):
            link.info()


def test_a_simulator_that_hangs_is_switched_off(
    simulator: Callable[[float, int], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        SimulatedBoard(simulator(0.0, 1)) as board,
        Link(board.port, 921_600, alive=board.alive) as link,
    ):
        assert board.alive() and board.alive()
        monkeypatch.setattr(simulated_board, "_PATIENCE", 0.2)
        assert board._process is not None
        os.kill(board._process.pid, signal.SIGSTOP)
        assert not board.alive()
        assert board._process is None
        with pytest.raises(BoardLost, match="the simulator has stopped"):
            link.info()
