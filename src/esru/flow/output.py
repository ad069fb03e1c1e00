"""Folders that are written whole or not at all, and never over what is there unasked."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from esru.errors import InputError


def unusable(folder: Path, value: str) -> InputError:
    """Return the error of a folder that cannot be written."""
    return InputError.must("Folder", "one that can be written", f"{folder} ({value})")


def refuse(folder: Path, names: Sequence[str], force: bool) -> None:
    """Raise unless files of these names can be written to a folder, which need not exist.

    Raises
    ------
    InputError
        If one of them is there and `force` is not given, or the folder cannot be written.
    """
    if folder.exists():
        if not folder.is_dir():
            raise unusable(folder, "not a folder")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise unusable(folder, "permission denied")
        there = [name for name in names if (folder / name).exists()]
        if there and not force:
            rule = "free of the files to be written, or --force given"
            raise InputError.must("Folder", rule, f"{folder} with {', '.join(there)}")
        return
    parent = next(parent for parent in folder.absolute().parents if parent.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        raise unusable(folder, f"{parent} is not a folder that can be written")


@contextmanager
def beside(folder: Path, names: Sequence[str] = (), force: bool = True) -> Iterator[Path]:
    """Yield an empty folder next to where its files will go; at the end, move them there.

    Files and folders replace those of the same name, ``manifest.json`` last; others are left
    alone. If the block raises, nothing is moved and no new folder stays.

    Parameters
    ----------
    folder : Path
        Where the files go.
    names : sequence of str
        As `refuse` takes them; looked at again before anything is moved, for another program may
        have written there meanwhile.
    force : bool
        Replace files of these names.

    Raises
    ------
    InputError
        If the folder cannot be written, or holds one of the files by now.
    """
    new = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        near = folder if folder.exists() else folder.parent
        place = Path(tempfile.mkdtemp(prefix=".esru-", dir=near))
    except OSError as error:
        _drop(new)
        raise unusable(folder, error.strerror or str(error)) from None
    try:
        yield place
        try:
            with _alone(folder.parent):
                refuse(folder, names, force)
                _move(place, folder)
        except OSError as error:
            raise unusable(folder, error.strerror or str(error)) from None
    finally:
        shutil.rmtree(place, ignore_errors=True)
        _drop(new)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold a lock on a folder, which the system takes back if the program ends."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _drop(folders: Sequence[Path]) -> None:
    """Remove folders that are empty, innermost first."""
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def _move(place: Path, folder: Path) -> None:
    if not folder.exists():
        # A temporary folder is its owner's alone; what is made of it is as the umask says.
        mask = os.umask(0)
        os.umask(mask)
        place.chmod(0o777 & ~mask)
        place.rename(folder)
        return
    for made in sorted(place.iterdir(), key=lambda made: (made.name == "manifest.json", made.name)):
        there = folder / made.name
        if there.is_dir() and not there.is_symlink():
            shutil.rmtree(there)
        made.replace(there)
