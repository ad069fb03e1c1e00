"""Run one Yosys script file with pyosys: ``python pyosys_child.py SCRIPT``.

Runs as a program of its own, because an error in pyosys exits the interpreter without
raising anything, and because pyosys writes its log to file descriptor 1.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    from pyosys import libyosys

    libyosys.run_pass("script " + sys.argv[1], libyosys.Design())
