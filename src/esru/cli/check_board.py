"""Compare a board with the exact model, bit for bit, over its serial port."""

from __future__ import annotations

import argparse
import importlib.metadata
import math
import shlex
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

from esru import __version__
from esru.cli.terminal import add_json, emit_json, note, progress, read_design
from esru.demo.check import check_board
from esru.demo.config import DEFAULT_BAUD, DemoConfig
from esru.demo.link import Link
from esru.demo.mean import DEFAULT_COUNT, MOST_COUNT, MeanOutcome, measure_mean, operand_for
from esru.demo.outcome import Outcome
from esru.demo.ports import require_port, serial_module
from esru.demo.record import (
    FILES,
    check_text,
    clock_note,
    markdown,
    mean_text,
    mean_to_json,
    to_json,
    verdict,
    write,
)
from esru.design import Design
from esru.design_text import copied_design
from esru.errors import InputError, ToolFailed
from esru.flow.output import refuse

#: Clock of the simulated board, as most boards have it, and its line's rate: 13 clock cycles a
#: bit, so that its time goes into roundings and not into bits.
SIMULATED_HZ = 12_000_000
SIMULATED_BAUD = 921_600

#: A value whose mean shows what stochastic rounding is for.
_SHOWN = "0.3"

_EXIT = {"passed": 0, "mismatch": 1, "lost": ToolFailed.exit_code}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument(
        "design",
        metavar="DESIGN",
        nargs="?",
        help="what should be on the board (default: whatever it says it holds)",
    )
    parser.add_argument("--port", metavar="P", help="the board's serial port, such as /dev/ttyUSB1")
    parser.add_argument(
        "--baud",
        type=int,
        help=f"bits a second (default {DEFAULT_BAUD}, with --simulate {SIMULATED_BAUD})",
    )
    parser.add_argument(
        "--simulate",
        action="store_true",
        help="no board: compile DESIGN's demo and check that, through a pseudo-terminal",
    )
    parser.add_argument(
        "--patience",
        metavar="X",
        type=float,
        default=1.0,
        help="wait X times as long for a slow line, such as ser2net or a virtual machine's",
    )
    parser.add_argument("--lanes", metavar="M", type=int, help="lanes of the simulated board")
    parser.add_argument(
        "--exhaustive", action="store_true", help="send every operand, however long it takes"
    )
    parser.add_argument(
        "--random", metavar="N", type=int, help="random blocks, a rounding in each lane"
    )
    parser.add_argument("--seed", type=int, help="of the random operands (default 0)")
    parser.add_argument(
        "--mean", metavar="V", help="only round V, in units of the output's last place, many times"
    )
    parser.add_argument(
        "--count", metavar="N", type=int, help=f"roundings of V (default {DEFAULT_COUNT})"
    )
    parser.add_argument(
        "-o", "--out", metavar="DIR", type=Path, help="write JSON and Markdown there"
    )
    parser.add_argument("--force", action="store_true", help="replace files that are there")
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Check the board, or measure a mean; 1 if anything differs."""
    asked = _checked(args)
    design = None if args.design is None else read_design(args.design)
    serial_module()
    if args.out is not None:
        refuse(args.out, FILES, args.force)
    with _link(args, design) as link:
        if asked is not None:
            with progress(f"round {args.mean}") as step:
                count = DEFAULT_COUNT if args.count is None else args.count
                mean = measure_mean(link, asked, count, design, step)
            return _finish(args, mean.outcome, mean)
        with progress("check the board") as step:
            outcome = check_board(
                link,
                design,
                exhaustive=args.exhaustive,
                blocks=args.random,
                seed=args.seed or 0,
                progress=step,
            )
        return _finish(args, outcome, None)


def _checked(args: argparse.Namespace) -> Fraction | None:
    """Raise for arguments that do not go together; return the value of --mean."""
    if args.simulate and args.port:
        raise InputError.must("--port", "left out with --simulate", args.port)
    if args.simulate and args.design is None:
        raise InputError.must("DESIGN", "given with --simulate", "left out")
    if args.lanes is not None and not args.simulate:
        raise InputError.must("--lanes", "left out without --simulate", args.lanes)
    if args.random is not None and args.random < 1:
        raise InputError.must("--random", "at least 1", args.random)
    if args.seed is not None and args.seed < 0:
        raise InputError.must("--seed", "at least 0", args.seed)
    if args.baud is None:
        args.baud = SIMULATED_BAUD if args.simulate else DEFAULT_BAUD
    if args.baud < 1:
        raise InputError.must("--baud", "at least 1", args.baud)
    if not 1 <= args.patience < math.inf:
        raise InputError.must("--patience", "a finite number of at least 1", args.patience)
    if args.mean is None:
        if args.count is not None:
            raise InputError.must("--count", "left out without --mean", args.count)
        return None
    if args.exhaustive:
        raise InputError.must("--exhaustive", "left out with --mean", "given")
    for name in ("random", "seed"):
        if getattr(args, name) is not None:
            raise InputError.must(f"--{name}", "left out with --mean", getattr(args, name))
    if args.count is not None and not 1 <= args.count <= MOST_COUNT:
        raise InputError.must("--count", f"between 1 and {MOST_COUNT}", args.count)
    try:
        return Fraction(args.mean)
    except (ValueError, ZeroDivisionError):
        raise InputError.must("--mean", "a number such as 0.3", repr(args.mean)) from None


@contextmanager
def _link(args: argparse.Namespace, design: Design | None) -> Iterator[Link]:
    """Open the line to the board, or to a simulated one made for this check."""
    if not args.simulate:
        with Link(require_port(args.port), args.baud, patience=args.patience) as link:
            yield link
        return
    from esru.flow.simulated_board import SimulatedBoard, compile_demo

    assert design is not None
    config = DemoConfig(design, lanes=args.lanes, clock_hz=SIMULATED_HZ, baud=args.baud)
    folder = Path(tempfile.mkdtemp(prefix="esru-board-"))
    try:
        with progress("compile the simulated board"):
            program = compile_demo(config, folder)
        with (
            SimulatedBoard(program) as board,
            Link(
                board.port,
                args.baud,
                patience=args.patience * board.patience(config.clock_hz),
                alive=board.alive,
            ) as link,
        ):
            yield link
    except ToolFailed as error:
        if error.log is not None:
            raise  # the log is in the folder
        shutil.rmtree(folder, ignore_errors=True)
        raise
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)


def _finish(args: argparse.Namespace, outcome: Outcome, mean: MeanOutcome | None) -> int:
    """Print and write what was found; return the exit code."""
    versions = {"esru": __version__, "pyserial": importlib.metadata.version("pyserial")}
    content: dict[str, Any] = {"simulated": args.simulate}
    content |= to_json(outcome) if mean is None else mean_to_json(mean)
    if args.simulate:
        # The simulator's speed is nobody's.
        content["rates"] |= {"chip_roundings_per_second": None, "clock_hz_measured": None}
    if args.json:
        emit_json("check-board", versions, content)
    else:
        simulated = args.simulate
        print(check_text(outcome, simulated) if mean is None else mean_text(mean, simulated))
    if args.out is not None:
        head: dict[str, Any] = {"schema": "esru.check-board/1", "versions": versions}
        for path in write(args.out, head | content, markdown(outcome, mean, args.simulate)):
            note(f"wrote {path}")
    for check in outcome.checks:
        if not check.passed:
            note(f"{check.name}: {check.detail}")
    if args.json and not args.simulate and (odd := clock_note(outcome)):
        note(odd)
    if outcome.lost:
        note(f"esru check-board: error: {outcome.lost}")
    ending = verdict(outcome)
    if ending == "passed":
        total = sum(check.cases for check in outcome.checks[1:]) if mean is None else mean.done
        words = _next(args, outcome.config, mean is None)
        note(f"{total:,} roundings are exactly the model's; next: {shlex.join(words)}")
    return _EXIT[ending]


def _next(args: argparse.Namespace, config: DemoConfig, show_mean: bool) -> list[str]:
    """Return the command that does the other thing with the same board."""
    words = ["esru", "check-board"]
    if args.design is not None:
        words.append(copied_design(args.design))
    words += ["--simulate"] if args.simulate else ["--port", args.port]
    if args.lanes is not None:
        words += ["--lanes", str(args.lanes)]
    if args.baud != (SIMULATED_BAUD if args.simulate else DEFAULT_BAUD):
        words += ["--baud", str(args.baud)]
    if args.patience != 1:
        words += ["--patience", f"{args.patience:g}"]
    if show_mean:
        try:
            operand_for(config, Fraction(_SHOWN))
        except InputError:  # not even one last place wide
            words += ["--mean", "0"]
        else:
            words += ["--mean", _SHOWN]
    return words
