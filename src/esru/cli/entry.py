"""The program ``esru``: chooses the command, turns errors into one line and an exit code."""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from esru import __version__
from esru.errors import EsruError

#: Every command with the line that ``esru --help`` shows, in the order of a first session.
COMMANDS = {
    "search": "find the cheapest unit that trains as well as the 24-bit reference",
    "show": "exact properties of one design: period, bias, dead zone, P(up)",
    "gen": "write a design's Verilog, RTLIL and manifests",
    "verify": "check a design's hardware: simulation, cocotb on the Verilog, formal proof",
    "build": "build a design's demo for a board, to a bitstream",
    "program": "load a bitstream into a board",
    "check-board": "compare a board with the exact model, bit for bit, over its serial port",
    "cost": "count a design's cells on FPGA targets",
    "compare": "designs and published units side by side: cost, bias, training loss",
    "train": "train a low-bit network with exactly a design's rounding",
    "list": "what there is: sources, rules, formats, targets, boundaries, boards, tasks, ...",
    "doctor": "which tools are installed, and what to install for the rest",
}

EXIT_CODES = """exit codes:
  0 done   1 the answer is no   2 bad input   3 a tool is missing   4 a tool failed
  130 interrupted, results intact"""


class _Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are one line."""

    def error(self, message: str) -> None:  # type: ignore[override]  # never returns, as argparse's
        print(f"{self.prog}: error: {message} (see {self.prog} --help)", file=sys.stderr)
        raise SystemExit(2)


def _parser() -> tuple[_Parser, dict[str, _Parser]]:
    parser = _Parser(
        prog="esru",
        description="Find, build and prove the cheapest stochastic rounding unit.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"esru {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    return parser, {
        name: commands.add_parser(
            name,
            help=summary,
            description=summary[0].upper() + summary[1:] + ".",
            epilog=EXIT_CODES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        for name, summary in COMMANDS.items()
    }


@contextmanager
def _orderly_end() -> Iterator[None]:
    """Let a request to end (SIGTERM, SIGHUP) do what Ctrl-C does: tidy up, then end."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    owner = os.getpid()

    def end(number: int, frame: object) -> None:
        if os.getpid() == owner:
            raise KeyboardInterrupt(number)
        signal.signal(number, signal.SIG_DFL)  # a worker has nothing to tidy up
        os.kill(os.getpid(), number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    argv = sys.argv[1:] if argv is None else list(argv)
    parser, commands = _parser()
    name = next((word for word in argv if not word.startswith("-")), "")
    module = None
    if name in commands:
        module = importlib.import_module(f"esru.cli.{name.replace('-', '_')}")
        module.add_arguments(commands[name])
    args, unknown = parser.parse_known_args(argv)
    assert module is not None
    if unknown:
        commands[name].error(f"unrecognized arguments: {' '.join(unknown)}")
    try:
        with _orderly_end():
            return int(module.run(args))
    except EsruError as error:
        print(f"esru {name}: error: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt as interrupt:
        print(f"esru {name}: interrupted; finished results are kept", file=sys.stderr)
        return 128 + (interrupt.args[0] if interrupt.args else signal.SIGINT)
    except BrokenPipeError:
        # The reader of our output went away (esru list | head): not an error of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
