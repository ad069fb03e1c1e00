"""Which module may know which: no circles, and the arrows that CONTRIBUTING.md draws."""

from __future__ import annotations

import ast
from collections.abc import Set
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent.parent / "src"

#: How a module knows another: as it is imported, when a function runs, or for types alone.
MODULE, FUNCTION, TYPES = range(3)

Graph = dict[str, dict[str, int]]

#: Circles that are left, each with its reason. They are of types alone: nothing is imported.
LEFT = {
    frozenset(
        {
            "esru.boundaries",
            "esru.design",
            "esru.design_text",
            "esru.rules",
            "esru.sources.settings",
        }
    ): "a Design calls the checks of its fields, each beside what it is about; they take a Design",
}

#: The model: what a unit does, exactly.
MODEL = (
    *(
        "accumulate",
        "bias",
        "boundaries",
        "decision_table",
        "design",
        "design_text",
        "edges",
        "emulate",
    ),
    *("errors", "float_formats", "float_quality", "float_rounding", "formats", "lane_correlation"),
    *("operand_quality", "quality", "resonance", "rounding", "rules", "scalar_rules", "sources"),
)

#: Part of the package, and what it may not import, not even in a function.
FORBIDDEN = {
    **{part: ("hdl", "flow", "demo", "train", "search", "report", "torch") for part in MODEL},
    "hdl": ("train", "search", "report", "torch"),
    "flow": ("train", "search", "torch"),
    "demo": ("train", "search", "torch", "hdl"),
    "train": ("hdl", "flow", "demo", "search", "report"),
    "torch": ("hdl", "flow", "demo", "train", "search", "report"),
    "report": ("hdl", "search", "torch"),
}


def _graph(source: Path) -> Graph:
    """Return what each module of the packages below a folder imports, and how."""
    paths = {
        ".".join(path.relative_to(source).with_suffix("").parts).removesuffix(".__init__"): path
        for path in source.rglob("*.py")
    }
    graph: Graph = {}
    for name, path in paths.items():
        known: dict[str, int] = {}
        for found, how in _imports(ast.parse(path.read_text(encoding="utf-8")), MODULE):
            for module in _modules(found, paths.keys()):
                if module in paths and module != name:
                    known[module] = min(how, known.get(module, how))
        graph[name] = known
    return graph


def _modules(found: ast.Import | ast.ImportFrom, there: Set[str]) -> list[str]:
    """Return the modules that a statement imports; a module of a package is not the package."""
    if isinstance(found, ast.Import):
        return [alias.name for alias in found.names]
    assert found.module is not None and not found.level, "imports are absolute"
    names = (f"{found.module}.{alias.name}" for alias in found.names)
    return [name if name in there else found.module for name in names]


def _imports(node: ast.AST, how: int) -> list[tuple[ast.Import | ast.ImportFrom, int]]:
    """Return the statements below a node that import something, and how each does."""
    found: list[tuple[ast.Import | ast.ImportFrom, int]] = []
    for child in ast.iter_child_nodes(node):
        below = how
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            below = max(how, FUNCTION)
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            below = TYPES
        if isinstance(child, (ast.Import, ast.ImportFrom)):
            found.append((child, how))
        found += _imports(child, below)
    return found


def _circles(graph: Graph, most: int) -> set[frozenset[str]]:
    """Return the sets of modules that all know one another, by imports up to a kind."""
    reached: dict[str, set[str]] = {}
    for start in graph:
        seen: set[str] = set()
        todo = [start]
        while todo:
            for module, how in graph[todo.pop()].items():
                if how <= most and module not in seen:
                    seen.add(module)
                    todo.append(module)
        reached[start] = seen
    return {
        frozenset(other for other in reached[name] if name in reached[other])
        for name in graph
        if name in reached[name]
    }


def _part(module: str) -> str:
    """Return the part of the package that a module belongs to."""
    return [*module.split("."), ""][1]


@pytest.fixture(scope="module")
def graph() -> Graph:
    """What each module of esru imports."""
    found = _graph(SOURCE)
    assert found["esru.design"]["esru.boundaries"] == MODULE
    assert found["esru.emulate.dispatch"]["esru.emulate.straight"] == FUNCTION
    assert found["esru.boundaries"]["esru.design"] == TYPES
    return found


def test_there_are_no_circles_of_imports(graph: Graph) -> None:
    assert _circles(graph, FUNCTION) == set()


def test_circles_of_types_are_those_with_a_reason(graph: Graph) -> None:
    assert _circles(graph, TYPES) == set(LEFT)


def test_arrows_point_one_way(graph: Graph) -> None:
    wrong = [
        f"{name} imports {module}"
        for name, known in graph.items()
        for module, how in known.items()
        if how != TYPES and _part(module) in FORBIDDEN.get(_part(name), ())
    ]
    assert wrong == []
    assert FORBIDDEN.keys() <= {_part(name) for name in graph}


def test_nothing_but_its_start_knows_the_command_line(graph: Graph) -> None:
    knows = {name for name, known in graph.items() if any(_part(m) == "cli" for m in known)}
    assert {name for name in knows if _part(name) != "cli"} == {"esru.__main__"}


def test_a_circle_is_found(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    for name, text in (
        ("__init__", "from p.a import x"),
        ("a", "import p.b\nx = 1"),
        ("b", "def f():\n    from p import c, x"),
        ("c", "if TYPE_CHECKING:\n    from p.a import x\nelse:\n    import json"),
        ("d", "from p.a import x\nclass K:\n    import p.c"),
    ):
        (tmp_path / "p" / f"{name}.py").write_text(text)
    found = _graph(tmp_path)
    assert found["p.b"] == {"p": FUNCTION, "p.c": FUNCTION}
    assert _circles(found, MODULE) == set()
    assert _circles(found, FUNCTION) == {frozenset({"p", "p.a", "p.b"})}
    assert _circles(found, TYPES) == {frozenset({"p", "p.a", "p.b", "p.c"})}
