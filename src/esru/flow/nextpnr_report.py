"""What nextpnr says about a placed and routed design: how fast, and how full."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: The cell that is counted, of the first of these that a chip has.
HEADLINE = ("ICESTORM_LC", "TRELLIS_COMB", "LUT4")

_MAX = re.compile(r"Max frequency for clock\s+'([^']*)': ([0-9.]+) MHz")
_USED = re.compile(r"^Info:\s+(\w+):\s+(\d+)/\s*(\d+)\s", re.MULTILINE)


@dataclass(frozen=True)
class Figures:
    """What nextpnr found.

    Attributes
    ----------
    fmax_mhz : float or None
        The slowest clock's highest frequency, in MHz; None: it says none.
    cell : str
        The cell type that is counted.
    cells, available : int
        How many are used, and how many the chip has.
    """

    fmax_mhz: float | None
    cell: str
    cells: int
    available: int


def read(folder: Path) -> Figures:
    """Read ``report.json``, and nextpnr's log ``board.tim`` for what is not in it."""
    report: dict[str, Any] = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    achieved = [clock["achieved"] for clock in report.get("fmax", {}).values()]
    if not achieved:
        achieved = list(_last_in_log(folder / "board.tim").values())
    used = report["utilization"]
    cell = next(name for name in HEADLINE if name in used)
    count = used[cell]
    fmax = round(min(achieved), 2) if achieved else None
    return Figures(fmax, cell, count["used"], count["available"])


def _last_in_log(log: Path) -> dict[str, float]:
    """Return each clock's frequency: those after routing, which come last in the log."""
    text = log.read_text(encoding="utf-8", errors="replace") if log.is_file() else ""
    return {name: float(value) for name, value in _MAX.findall(text)}


def overfull(folder: Path) -> tuple[str, int, int] | None:
    """Return the first cell type that the chip has too few of: name, wanted, there; or None."""
    log = folder / "board.tim"
    if not log.is_file():
        return None
    text = log.read_text(encoding="utf-8", errors="replace")
    for name, used, available in _USED.findall(text):
        if int(used) > int(available):
            return name, int(used), int(available)
    return None
