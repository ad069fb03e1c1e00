"""What is checked before a search does any work."""

from __future__ import annotations

import importlib.metadata
from contextlib import suppress

from esru import __version__
from esru.design import BOUNDARIES
from esru.errors import InputError
from esru.flow import targets, toolchain
from esru.flow.measure import require
from esru.search.controls import check_question
from esru.search.front_figures import check_figures
from esru.search.plugin import find_plugin
from esru.search.question import Question
from esru.search.workers import worker_count
from esru.train.needs import require_training
from esru.train.tasks import common_unit, find_task


def check(question: Question) -> dict[str, str]:
    """Check everything that a search needs, before any work.

    Returns
    -------
    dict of str
        Identities of esru and of the tools.

    Raises
    ------
    InputError
        If the question names something unknown.
    ToolMissing
        If a tool or package is missing; the message says what installs it.
    """
    recipe = targets.target(question.target)
    if question.objective == "area" and recipe.area is None:
        raise InputError.must("Target", "one with an area, such as nand2", repr(question.target))
    if question.boundary not in BOUNDARIES:
        rule = f"one of {', '.join(BOUNDARIES)}"
        raise InputError.must("Boundary", rule, repr(question.boundary))
    common_unit(question.tasks)
    for name in question.tasks:
        if find_task(name).gradients and question.boundary != "decision":
            rule = f"decision with {name}, the hardware that is the same for every format"
            raise InputError.must("Boundary", rule, repr(question.boundary))
    check_question(question)
    check_figures(question)
    plugin = None if question.evaluator is None else find_plugin(question.evaluator)
    toolchain.yosys()
    toolchain.nextpnr("ice40")
    toolchain.nextpnr("ecp5")
    require(recipe)
    toolchain.yosys_abc()
    toolchain.iverilog()
    toolchain.libpython()
    if question.tasks:
        require_training()
    worker_count()
    versions = {"esru": __version__, **toolchain.versions()}
    for package in ("amaranth", "cocotb", "numpy", "scipy", "scikit-learn", "torch"):
        # An evaluator may do without the packages of the training.
        with suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    if plugin is not None:
        versions["evaluator"] = f"{plugin.name} {plugin.digest}"
    return versions
