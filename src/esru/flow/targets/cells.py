"""LUTs that synthesis leaves as they are, for lanes that are given cell by cell."""

from __future__ import annotations

from importlib import resources

#: Their file in `esru.flow`.
FILE = "cells_lut.v"

#: The command that reads them without what is in them.
READ = f"read_verilog -lib {FILE}"


def lut_cells() -> dict[str, str]:
    """Return the file that `READ` reads, name to text."""
    return {FILE: resources.files("esru.flow").joinpath(FILE).read_text(encoding="utf-8")}
