"""Evaluators of the user's own: a function that judges a design.

``f(design: Design, seed: int, schedule: Schedule) -> float``, higher is better, named as
``package.module:function`` or by an entry point of the group ``esru.tasks``. It may carry the
attributes ``resolution`` (the least standard deviation of its losses that is believed, such as
what one test example is worth) and ``schedules`` (the names of those it is to be run under).
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import inspect
import math
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from esru.design import Design, parse
from esru.errors import InputError, ToolFailed
from esru.train.schedule import SCHEDULES, Schedule

GROUP = "esru.tasks"

Function = Callable[[Design, int, Schedule], float]


@dataclass(frozen=True)
class Plugin:
    """An evaluator and what a search must know of it.

    Attributes
    ----------
    name : str
        As it was named.
    function : callable
        The function itself.
    digest : str
        16 hex digits over its source file; over all of its package, if it lies in one.
    resolution : float or None
        What the function's attribute says.
    schedules : tuple of str
        Likewise; both schedules if it says nothing.
    """

    name: str
    function: Function
    digest: str
    resolution: float | None
    schedules: tuple[str, ...]


def entry_points() -> dict[str, str]:
    """Return the evaluators that installed packages offer: names, each with module:function."""
    return {found.name: found.value for found in importlib.metadata.entry_points(group=GROUP)}


def find_plugin(name: str) -> Plugin:
    """Import an evaluator.

    The current folder is searched too, as ``python -m`` searches it.

    Raises
    ------
    InputError
        If there is no such module or function, it cannot be imported, it cannot be called with
        a design, a seed and a schedule, or its attributes make no sense.
    """
    place = name if ":" in name else entry_points().get(name, "")
    module_name, _, path = place.partition(":")
    if not module_name or not path:
        known = ", ".join(entry_points()) or "none is installed"
        rule = f"package.module:function or an entry point of {GROUP} ({known})"
        raise InputError.must("Evaluator", rule, repr(name))
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    importlib.invalidate_caches()
    try:
        found: Any = importlib.import_module(module_name)
    except Exception as error:  # a module of the user's may raise anything while it is imported
        reason = f"{type(error).__name__}: {error}"
        raise InputError.must("Evaluator", "importable", f"{name!r} ({reason})") from None
    module = found
    for part in path.split("."):
        found = getattr(found, part, None)
    if not callable(found):
        rule = f"a function of {module_name}"
        raise InputError.must("Evaluator", rule, repr(path))
    try:
        inspect.signature(found).bind(None, 0, None)
    except TypeError as error:
        rule = "a function of (design, seed, schedule)"
        raise InputError.must("Evaluator", rule, f"{name!r} ({error})") from None
    except ValueError:
        pass  # a function in C, which does not say what it takes
    resolution = getattr(found, "resolution", None)
    if resolution is not None and not (
        isinstance(resolution, (int, float)) and 0 < resolution < math.inf
    ):
        raise InputError.must("Evaluator's resolution", "a number above 0", repr(resolution))
    schedules = tuple(getattr(found, "schedules", SCHEDULES))
    if not schedules:
        raise InputError.must("Evaluator's schedules", "at least one", "none")
    for schedule in schedules:
        Schedule(schedule)
    return Plugin(name, found, _digest(module, path), resolution, schedules)


def _digest(module: Any, path: str) -> str:
    """Return the digest of everything in the module's package, or of the module alone."""
    file = getattr(module, "__file__", None)
    if file is None:
        raise InputError.must("Evaluator", "in a file of source text", module.__name__)
    found = hashlib.sha256(f"{module.__name__}:{path}".encode())
    top = module.__name__.partition(".")[0]
    roots = getattr(sys.modules.get(top), "__path__", None)
    files = [Path(file)]
    if roots is not None:
        files = sorted(child for root in roots for child in Path(root).rglob("*.py"))
    for child in files:
        content = child.read_bytes()
        found.update(f"{child.name}:{len(content)}:".encode())
        found.update(content)
    return found.hexdigest()[:16]


def evaluate_chunk(name: str, jobs: Sequence[tuple[str, int, str]]) -> list[dict[str, Any]]:
    """Judge some (design, seed, schedule) (in a worker); a failure is a result with ``error``.

    An exception of the user's may not survive its way out of a process, so words are sent.
    """
    function = _function(name)
    results: list[dict[str, Any]] = []
    for text, seed, schedule in jobs:
        where = f"design {text}, seed {seed}, schedule {schedule}"
        try:
            value = function(parse(text), seed, Schedule(schedule))
        except Exception as error:  # so may a function of theirs; it is told with its place
            frame = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{Path(frame.filename).name}:{frame.lineno}"
            reason = f"{type(error).__name__}: {error} ({place}; {where})"
            return [*results, {"error": reason}]
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        if not math.isfinite(number):
            return [*results, {"error": f"its result is {value!r}, no finite number ({where})"}]
        results.append({"score": number})
    return results


@cache
def _function(name: str) -> Function:
    """Return the function of an evaluator, imported once in a process."""
    return find_plugin(name).function


def check_results(name: str, results: Sequence[dict[str, Any]]) -> None:
    """Raise what an evaluator has reported.

    Raises
    ------
    ToolFailed
        If it failed or returned something that is no finite number.
    """
    for result in results:
        if "error" in result:
            raise ToolFailed(f"evaluator {name}", result["error"])
