"""Run the cocotb testbench of ``sim/`` on emitted Verilog, in a child process."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from esru.design import Design
from esru.errors import ToolFailed, ToolMissing
from esru.flow import toolchain
from esru.flow.bench import bench_folder
from esru.flow.checks import Check
from esru.flow.generate import generate

#: Seconds after which a simulation is given up, as an error.
TIME_LIMIT = 600


def require_cocotb() -> None:
    """Raise unless cocotb, the library that it loads and Icarus are here.

    Raises
    ------
    ToolMissing
        If one is missing.
    """
    if importlib.util.find_spec("cocotb_tools") is None:
        raise ToolMissing("cocotb", "pip install 'cocotb>=2.1'")
    toolchain.iverilog()
    toolchain.libpython()


def run_cocotb(
    design: Design,
    folder: Path,
    lanes: int | None = None,
    xml: Path | None = None,
    verilog: str | None = None,
) -> list[Check]:
    """Generate a design's Verilog and run every cocotb test on it, in Icarus.

    Parameters
    ----------
    design : Design
        The unit.
    folder : Path
        Where the Verilog, the build and the logs go.
    lanes : int or None
        Lanes of a whole array; None: the lanes of one source.
    xml : Path or None
        Receives the JUnit results.
    verilog : str or None
        Verilog to test instead of what is generated, for tests with seeded faults.

    Returns
    -------
    list of Check
        One per test; `cases`: comparisons of one lane in one clock cycle.

    Raises
    ------
    ToolMissing, ToolFailed
        If a tool is missing, fails, or ends without results.
    """
    require_cocotb()
    generated = folder / "generated"
    manifest = generate(design, generated, lanes=lanes, force=True)
    if verilog is not None:
        name = manifest["module"].removeprefix("esru_")
        (generated / f"{name}.v").write_text(verilog, encoding="utf-8")
    results, counts, log = folder / "results.xml", folder / "counts.json", folder / "cocotb.log"
    began = time.monotonic()
    # -P: the script adds its own folder to sys.path, and nothing of this process's.
    command = [sys.executable, "-P", str(bench_folder() / "run.py"), str(generated)]
    command += ["--results", str(results), "--counts", str(counts)]
    command += ["--build", str(folder / "build")]
    results.unlink(missing_ok=True)
    counts.unlink(missing_ok=True)
    with log.open("wb") as sink:
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                env={**os.environ, "NO_COLOR": "1", "COCOTB_ANSI_OUTPUT": "0"},
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                timeout=TIME_LIMIT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise ToolFailed("cocotb", f"did not end within {TIME_LIMIT} s", log) from None
    if done.returncode not in (0, 1) or not results.is_file():
        raise ToolFailed("cocotb", f"exit status {done.returncode}, no results", log)
    tree = ElementTree.parse(results)
    suites = tree.getroot()
    checks = _checks(suites, counts, time.monotonic() - began)
    if not checks or all(check.passed for check in checks) != (done.returncode == 0):
        raise ToolFailed("cocotb", "its results and its exit status disagree", log)
    if xml is not None:
        _without_machine(suites)
        tree.write(xml, encoding="utf-8", xml_declaration=True)
    return checks


def _checks(suites: ElementTree.Element, counts: Path, seconds: float) -> list[Check]:
    """Return one check per test case; the wall-clock time is shared out by test time."""
    cases = json.loads(counts.read_text()) if counts.exists() else {}
    found = list(suites.iter("testcase"))
    times = [float(case.get("time", "0")) for case in found]
    whole = sum(times) or 1.0
    checks = []
    for case, taken in zip(found, times, strict=True):
        name = case.get("name", "")
        failure = case.find("failure")
        if failure is None:
            failure = case.find("error")
        text = "" if failure is None else _first_line(failure)
        passed = failure is None and case.find("skipped") is None
        # A test that ended early did not say how much it compared.
        compared = cases.get(name, 0)
        checks.append(
            Check(
                "cocotb",
                f"Verilog: {name.replace('_', ' ')}",
                compared,
                passed,
                f"{compared} comparisons in Icarus" if passed else text or "did not pass",
                seconds * taken / whole,
            )
        )
    return checks


def _first_line(failure: ElementTree.Element) -> str:
    """Return what a failed test said, without the traceback."""
    text = failure.get("error_msg") or failure.get("message") or failure.text or ""
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[0].strip() if lines else "failed"


def _without_machine(suites: ElementTree.Element) -> None:
    """Remove the machine's name and paths, and the time of day."""
    for suite in suites.iter("testsuite"):
        for key in ("hostname", "timestamp"):
            suite.attrib.pop(key, None)
    for properties in suites.iter("properties"):
        for entry in list(properties):
            if entry.get("name") == "file":
                properties.remove(entry)
