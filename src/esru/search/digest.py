"""Digests of the source files that a result depends on: a change of code is a new key."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

import esru

#: The model: what every result depends on, below the package's folder.
_MODEL = (
    "boundaries.py",
    "decision_table.py",
    "design.py",
    "design_text.py",
    "float_formats.py",
    "formats.py",
    "rounding.py",
    "rules.py",
    "scalar_rules.py",
    "sources",
)

#: What a training's result depends on.
TRAINING = (*_MODEL, "emulate", "train")

#: What the result of a user's evaluator may depend on, its own source apart.
EVALUATION = (*TRAINING, "torch")

#: What a cost depends on.
COST = (
    *_MODEL,
    "hdl",
    "flow/cells_lut.v",
    "flow/cost.py",
    "flow/gate_order.py",
    "flow/measure.py",
    "flow/nextpnr.py",
    "flow/own_names.py",
    "flow/targets",
    "flow/yosys.py",
)


@cache
def digest(names: tuple[str, ...]) -> str:
    """Return 16 hex digits over the names and contents of source files and folders."""
    root = Path(esru.__file__).parent
    found = hashlib.sha256()
    for name in names:
        path = root / name
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            content = file.read_bytes()
            found.update(f"{file.relative_to(root).as_posix()}:{len(content)}:".encode())
            found.update(content)
    return found.hexdigest()[:16]
