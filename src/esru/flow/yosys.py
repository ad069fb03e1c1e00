"""Run Yosys scripts in a child process, whichever Yosys there is."""

from __future__ import annotations

import os
import re
from pathlib import Path

from esru.errors import ToolFailed
from esru.flow import toolchain
from esru.flow.process import run
from esru.flow.toolchain import Tool

_ERROR = re.compile(r"\bERROR: .*")


def run_script(script: str, *, cwd: Path, log: Path, tool: Tool | None = None) -> None:
    """Run Yosys commands, one a line, in a child process.

    Parameters
    ----------
    script : str
        Yosys commands. Paths in it are relative to `cwd` and lie below it: the yowasp
        flavour sees nothing else. It is left in `cwd` as ``<stem of log>.ys``, to replay.
    cwd : Path
        The working directory; the child's temporary files go there too.
    log : Path
        Receives everything that Yosys prints.
    tool : Tool, optional
        The Yosys to use; default `toolchain.yosys`.

    Raises
    ------
    ToolMissing
        If there is no Yosys.
    ToolFailed
        If Yosys fails; the message holds its first ERROR line and the log's path.
    """
    tool = toolchain.yosys() if tool is None else tool
    file = cwd / f"{log.stem}.ys"
    file.write_text(script, encoding="utf-8")
    arguments = [file.name] if tool.flavour == "pyosys" else ["-s", file.name]
    run_logged(tool, arguments, cwd=cwd, log=log)


def run_logged(tool: Tool, arguments: list[str], *, cwd: Path, log: Path) -> None:
    """Run a tool with its output going to `log`; raise ToolFailed unless it exits with 0."""
    # Yosys allocates much and small: with huge pages it takes a tenth less time (measured).
    environment = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1", **os.environ}
    environment["TMPDIR"] = str(cwd.resolve())
    status = run(tool.command + tuple(arguments), cwd=cwd, log=log, environment=environment)
    if status != 0:
        found = _ERROR.search(log.read_text(encoding="utf-8", errors="replace"))
        reason = f"exit status {status}" if found is None else found.group().strip()
        raise ToolFailed(tool.identity, reason, log)
