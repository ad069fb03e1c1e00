"""Where the cocotb testbench is: it is shipped beside the package and imports nothing of it."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from esru.errors import ToolMissing


def bench_folder() -> Path:
    """Return the folder of the testbench: in the installed package, else in the repository.

    Raises
    ------
    ToolMissing
        If it is in neither.
    """
    package = Path(str(resources.files("esru")))
    for folder in (package / "sim", package.parents[1] / "sim"):
        if (folder / "run.py").is_file():
            return folder
    raise ToolMissing("The cocotb testbench (sim/)", "pip install --force-reinstall esru")
