"""Run a program so that it and its children end with us."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from esru.errors import ToolMissing


def run(
    command: Sequence[str], *, cwd: Path, log: Path, environment: Mapping[str, str] | None = None
) -> int:
    """Run a program to its end with its output going to a file, and return its exit status.

    It gets a process group of its own, which is killed if this program is interrupted: a compiler
    started by a script would otherwise work on for nobody.

    Parameters
    ----------
    command : sequence of str
        Program and arguments.
    cwd : Path
        Its working directory.
    log : Path
        Receives everything that it prints.
    environment : mapping or None
        Its environment; None: ours.

    Raises
    ------
    ToolMissing
        If the program is not there.
    """
    with log.open("wb") as sink:
        try:
            process = subprocess.Popen(
                command,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
        except FileNotFoundError:
            raise ToolMissing(command[0], f"put {Path(command[0]).name} on PATH") from None
    try:
        return process.wait()
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
