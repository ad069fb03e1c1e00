"""The targets by name: esru's own, and those that installed packages add."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import re
import sys
from pathlib import Path

from esru.errors import InputError
from esru.flow.targets import ecp5, generic, gowin, ice40, nand2, osu018, xc7
from esru.flow.targets.target import Target

#: The group of entry points by which other packages add targets.
GROUP = "esru.targets"

#: esru's own targets.
TARGETS: dict[str, Target] = {
    target.name: target
    for module in (ice40, ecp5, gowin, xc7, generic, nand2, osu018)
    for target in module.TARGETS
}

_NAME = re.compile(r"[a-z][a-z0-9-]*")


def target(name: str) -> Target:
    """Return the target of that name; of other packages only the one asked for is imported.

    Raises
    ------
    InputError
        If there is none, two packages offer one of that name, or its package is broken.
    """
    added = _entry_points()
    if name in TARGETS and name not in added:
        return TARGETS[name]
    if name in added:
        return _load(name, added[name])
    known = ", ".join((*TARGETS, *added))
    raise InputError.must("Target", f"one of {known}", repr(name))


def all_targets() -> dict[str, Target]:
    """Return every target, esru's own first.

    Raises
    ------
    InputError
        If a package that adds one is broken; the message names it.
    """
    added = _entry_points()
    return TARGETS | {name: _load(name, offers) for name, offers in added.items()}


def origin(name: str) -> str:
    """Return what a count rests on beyond esru's own files and the tools, as a digest.

    That is the package that brings the target, and the files that its commands read.

    Raises
    ------
    InputError
        As `target`.
    ToolMissing
        If a file is not there.
    """
    recipe = target(name)
    files = {} if recipe.files is None else recipe.files()
    content = {file: text.encode() for file, text in files.items()}
    offers = _entry_points().get(name, [])
    for offer in offers:
        content |= {path.name: path.read_bytes() for path in _sources(offer.module)}
    found = hashlib.sha256("".join(offer.value for offer in offers).encode())
    for file, data in sorted(content.items()):
        found.update(f"{file}:{len(data)}:".encode())
        found.update(data)
    return found.hexdigest()[:16]


def _sources(module: str) -> set[Path]:
    """Return the source files of a module that is imported, and of the package around it."""
    file = sys.modules[module].__file__
    found = {Path(file)} if file else set()
    for root in getattr(sys.modules[module.partition(".")[0]], "__path__", ()):
        found.update(Path(root).rglob("*.py"))
    return found


Offers = list[importlib.metadata.EntryPoint]


def _entry_points() -> dict[str, Offers]:
    """Return what packages offer by name; nothing is imported."""
    return _scan(tuple(sys.path))


@functools.cache
def _scan(path: tuple[str, ...]) -> dict[str, Offers]:
    """Look through the packages on a path, once: there may be hundreds."""
    added: dict[str, Offers] = {}
    for found in importlib.metadata.entry_points(group=GROUP):
        offers = added.setdefault(found.name, [])
        # The same package may be found twice: an installation beside its source.
        if found not in offers:
            offers.append(found)
    return added


def _load(name: str, offers: Offers) -> Target:
    subject = f"Target {name} of {_packages(offers)}"
    if name in TARGETS:
        raise InputError.must(subject, "named otherwise than esru's own", repr(name))
    if len(offers) > 1:
        raise InputError.must(subject, "offered by one package", f"by {len(offers)}")
    (offer,) = offers
    try:
        found = offer.load()
    except Exception as error:  # a module of theirs may raise anything while it is imported
        reason = f"{offer.value} ({type(error).__name__}: {error})"
        raise InputError.must(subject, "importable", reason) from None
    if not isinstance(found, Target):
        raise InputError.must(subject, "an esru.flow.targets.Target", type(found).__name__)
    if found.name != name or _NAME.fullmatch(name) is None:
        rule = "of small letters, digits and hyphens, the same in both places"
        raise InputError.must(f"{subject}: its name", rule, f"{found.name!r} in {name!r}")
    if found.headline == "packed" and (found.packer is None or not found.packed_cells):
        raise InputError.must(subject, "given a packer and packed_cells", "packed without them")
    return found


def _packages(offers: Offers) -> str:
    return " and ".join(
        sorted({offer.dist.name if offer.dist else offer.value for offer in offers})
    )
