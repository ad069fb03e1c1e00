"""Decide miters for all sequences of inputs: sequential sweeping and PDR in `yosys-abc`.

A question that gets neither a proof nor a counterexample is an error, never a pass.
"""

from __future__ import annotations

import re
import subprocess
import time
from pathlib import Path

from esru.errors import ToolFailed
from esru.flow import toolchain
from esru.flow.aiger import read_aiger

#: Seconds after which a proof is given up, as an error.
TIME_LIMIT = 300


def decide(folder: Path, other: str) -> str:
    """Decide whether the output of ``miter.aig`` is 0 in every cycle from the start-up state on.

    Parameters
    ----------
    folder : Path
        Holds ``miter.aig``, with one output; logs and the reduced graph go there too.
    other : str
        With what the design is compared, for the failure: ``the reference``.

    Returns
    -------
    str
        The failure, with the earliest cycle; an empty text if it is proved.

    Raises
    ------
    ToolMissing, ToolFailed
        If there is no yosys-abc, or it fails or comes to no conclusion within `TIME_LIMIT`.
    """
    deadline = time.monotonic() + TIME_LIMIT
    reduced = folder / "reduced.aig"
    # abc exits with 0 after errors; an older file must not speak for it.
    reduced.unlink(missing_ok=True)
    # Rewritten first: float units are then proved ten times sooner (measured).
    script = "read_aiger miter.aig; strash; dc2; scorr; write_aiger reduced.aig"
    _abc(script, folder, folder / "scorr.log", TIME_LIMIT)
    left = read_aiger(reduced)
    if not left.latches and not left.gates:
        # abc's pdr calls a constant miter undecided.
        if left.outputs == [0]:
            return ""
        if left.outputs == [1]:
            return f"differs from {other} in every cycle"
    log = folder / "pdr.log"
    limit = max(1, int(deadline - time.monotonic()))
    spoken = _abc(f"read_aiger reduced.aig; pdr -T {limit}", folder, log, limit + 30)
    if "Property proved." in spoken:
        return ""
    found = re.search(r"was asserted in frame (\d+)", spoken)
    if found is None:
        raise ToolFailed("yosys-abc pdr", f"no conclusion within {TIME_LIMIT} s", log)
    return f"differs from {other} in cycle {found[1]} after start-up, at the earliest"


def _abc(script: str, folder: Path, log: Path, limit: float) -> str:
    """Run abc commands and return what abc said."""
    tool = toolchain.yosys_abc()
    try:
        done = subprocess.run(
            [*tool.command, "-c", script],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=limit,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ToolFailed("yosys-abc", f"no conclusion within {limit:.0f} s", log) from None
    spoken = done.stdout + done.stderr
    log.write_text(spoken, encoding="utf-8")
    if done.returncode != 0 or "Error" in spoken or "failed" in spoken:
        raise ToolFailed("yosys-abc", f"exit status {done.returncode}", log)
    return spoken
