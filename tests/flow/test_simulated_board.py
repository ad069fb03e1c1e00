"""The simulated board on a small design: an echo over a serial port, outputs, a clock at rest."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import serial

from esru.errors import InputError, ToolFailed, ToolMissing
from esru.flow import simulated_board
from esru.flow.simulated_board import SimulatedBoard, compile_board

DIVISOR = 16

#: Sends every byte back plus one, a bit time later; beat is 1 in one cycle of four.
ECHO = """
module echo_1(input clk, input rst, input \\rx.0 , output tx, output led_a, output beat);
    reg [7:0] count = 0, data = 0;
    reg [3:0] left = 0, sending = 0;
    reg [9:0] frame = 10'h3ff;
    reg [7:0] pace = 0;
    reg [1:0] quarter = 0;
    reg seen = 0;
    assign tx = frame[0];
    assign beat = quarter == 3;
    assign led_a = seen;
    always @(posedge clk) begin
        quarter <= quarter + 1;
        if (left == 0 && !\\rx.0 ) begin left <= 10; count <= 8; end
        else if (left != 0) begin
            if (count == 0) begin
                count <= 15;
                left <= left - 1;
                if (left != 1) data <= {\\rx.0 , data[7:1]};
            end else count <= count - 1;
        end
        if (left == 1 && count == 0 && !rst) begin
            frame <= {1'b1, data + 8'd1, 1'b0};
            pace <= 15;
            seen <= 1;
        end else if (pace == 0) begin frame <= {1'b1, frame[9:1]}; pace <= 15; end
        else pace <= pace - 1;
    end
endmodule
"""

#: The same pins around a cell of its own and a derived clock, as in a netlist.
NETLIST = ECHO.replace("posedge clk", "posedge gated").replace(
    "reg seen = 0;", "reg seen = 0; wire gated; BUFFER clock (.i(clk), .o(gated));"
)
BUFFER = "module BUFFER(input i, output o); assign o = i; endmodule"


def _compile(folder: Path, verilog: str = ECHO, *cells: str) -> Path:
    return compile_board(
        verilog,
        "echo_1",
        folder,
        divisor=DIVISOR,
        rx="rx.0",
        outputs=("led_a", "beat"),
        constants={"rst": 0},
        cells=cells,
    )


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _compile(tmp_path_factory.mktemp("echo"))


def _exchange(board: SimulatedBoard, sent: bytes) -> bytes:
    with serial.Serial(board.port, 115200, timeout=10) as link:
        link.write(sent)
        return link.read(len(sent))


def test_bytes_go_through_the_pins_and_back(program: Path) -> None:
    sent = bytes(range(256)) * 4
    with SimulatedBoard(program) as board:
        assert board.report().outputs["led_a"].level == 0
        assert _exchange(board, sent) == bytes((byte + 1) % 256 for byte in sent)
        report = board.report()
        assert (report.received, report.sent, report.framing) == (len(sent), len(sent), 0)
        assert report.outputs["led_a"].level == 1
        assert report.outputs["led_a"].toggles == 1


def test_outputs_are_counted_cycle_by_cycle(program: Path) -> None:
    with SimulatedBoard(program, linger=0) as board:
        before = board.run(8)
        after = board.run(4000)
        assert after.cycles - before.cycles == 4000
        assert after.outputs["beat"].ones - before.outputs["beat"].ones == 1000
        assert after.outputs["beat"].toggles - before.outputs["beat"].toggles == 2000


def test_the_clock_stands_still_when_nothing_happens(program: Path) -> None:
    """Else a forgotten board would keep a processor busy; a byte starts it again."""
    with SimulatedBoard(program, linger=100_000) as board:
        while board.report().cycles < 100_000:
            time.sleep(0.01)
        first = board.report().cycles
        time.sleep(0.1)
        assert board.report().cycles == first
        assert _exchange(board, b"again") == b"bhbjo"
        assert board.report().cycles > first


def test_another_baud_rate_is_noise(program: Path) -> None:
    with (
        SimulatedBoard(program, divisor=3 * DIVISOR) as board,
        serial.Serial(board.port, 115200, timeout=0.5) as link,
    ):
        link.write(b"0123456789")
        assert link.read(10) != b"123456789:"


def test_a_netlist_with_cells_and_a_derived_clock(tmp_path: Path) -> None:
    with SimulatedBoard(_compile(tmp_path, NETLIST, BUFFER)) as board:
        assert _exchange(board, b"netlist") == b"ofumjtu"


def test_a_board_that_is_switched_off(program: Path) -> None:
    with SimulatedBoard(program) as board:
        board.pull()
        with pytest.raises(ToolFailed, match="switched off"):
            board.report()
    with SimulatedBoard(program) as board:
        assert board._process is not None
        board._process.kill()
        board._process.wait()  # so that the command below finds no reader
        with pytest.raises(ToolFailed, match="ended"):
            board.report()


def test_pins_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"Pin must be a port of echo_1, not 'led_b'"):
        compile_board(ECHO, "echo_1", tmp_path, divisor=8, rx="rx.0", outputs=("led_b",))
    with pytest.raises(InputError, match="at least 2"):
        compile_board(ECHO, "echo_1", tmp_path, divisor=1)
    with pytest.raises(ToolFailed, match="ERROR"):
        compile_board("module broken", "broken", tmp_path, divisor=8)


def test_a_machine_without_a_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulated_board.shutil, "which", lambda _: None)
    with pytest.raises(ToolMissing, match=r"apt-get install g\+\+"):
        _compile(tmp_path)
