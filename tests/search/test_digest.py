"""What results depend on is in their digests."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import esru
from esru.search.digest import COST, TRAINING

ROOT = Path(esru.__file__).parent

#: Its messages change no result.
BESIDE = {"errors.py"}


def _imported(path: Path) -> set[str]:
    """Return the files of the package itself, no folders, that a module imports."""
    modules = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("esru."):
            modules.add((node.module or "").split(".")[1])
    return {f"{name}.py" for name in modules if (ROOT / f"{name}.py").exists()}


@pytest.mark.parametrize("names", [TRAINING, COST], ids=["training", "cost"])
def test_what_a_single_file_imports_is_digested_too(names: tuple[str, ...]) -> None:
    for name in names:
        if name.endswith(".py") and "/" not in name:
            assert _imported(ROOT / name) <= {*names, *BESIDE}, name
