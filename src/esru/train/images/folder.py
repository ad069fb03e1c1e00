"""Which layout a folder has, what is missing of it, and its images."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from esru.errors import InputError
from esru.train.images.cifar import RECORDS, read_binary, read_pickle
from esru.train.images.idx import read_pair
from esru.train.images.npz import read_npz
from esru.train.images.parts import Images, Part, Reader, join

_BATCHES = tuple(f"data_batch_{number}" for number in range(1, 6))
_IDX = tuple(
    f"{part}-{kind}"
    for part in ("train", "t10k")
    for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")
)


@dataclass(frozen=True)
class Layout:
    """A way to lay data out in files.

    Parameters
    ----------
    name, summary : str
        What errors and the documentation call it.
    files : tuple of str
        Names of the files, each of which must be there.
    folder : str
        The subfolder that its archive unpacks to; empty if there is none.
    shape : tuple
        Height, width and channels of its images; None: any.
    """

    name: str
    summary: str
    files: tuple[str, ...]
    folder: str = ""
    shape: tuple[int | None, int | None, int | None] = (None, None, None)

    def holds(self, shape: tuple[int, ...]) -> bool:
        """Return whether images of a shape can be in its files."""
        return all(fixed in (None, size) for fixed, size in zip(self.shape, shape, strict=True))


LAYOUTS = (
    Layout("idx", "IDX files, as of MNIST; each may end in .gz", _IDX, shape=(None, None, 1)),
    Layout(
        "cifar10-python",
        "CIFAR-10, Python version",
        (*_BATCHES, "test_batch"),
        "cifar-10-batches-py",
        (32, 32, 3),
    ),
    Layout(
        "cifar10-binary",
        "CIFAR-10, binary version",
        tuple(f"{name}.bin" for name in (*_BATCHES, "test_batch")),
        "cifar-10-batches-bin",
        (32, 32, 3),
    ),
    Layout("npz", "one file with x_train, y_train, x_test, y_test", ("images.npz",)),
)


def load_images(
    folder: Path | str, *, records: int = RECORDS, shape: tuple[int, int, int] | None = None
) -> Images:
    """Return the images of a local folder; nothing is downloaded.

    Parameters
    ----------
    folder : Path or str
        Holds all the files of one of `LAYOUTS`, itself or in the layout's subfolder.
    records : int
        Images of each CIFAR-10 file: as published, unless you made them yourself.
    shape : tuple of int or None
        Height, width and channels of images that are of use to you: a message about a folder
        without images names only layouts that can have them. Images of any shape are returned.

    Raises
    ------
    InputError
        If the folder has no layout, part of one or several, or a file is not what its name says.
        The message says what to put there.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError.must("Data folder", "a folder", f"{str(folder)!r}")
    whole: list[tuple[Layout, list[Path]]] = []
    part: list[str] = []
    for layout in LAYOUTS:
        paths = _best(folder, layout)
        found = [path for path in paths if path is not None]
        if len(found) == len(paths):
            whole.append((layout, found))
        elif found:
            missing = [name for name, path in zip(layout.files, paths, strict=True) if path is None]
            part.append(f"part of {layout.name}: {', '.join(missing)} missing")
    if part and not whole:
        rule = "one that holds every file of its layout"
        raise InputError.must(f"Data folder {folder}", rule, "; ".join(part))
    if len(whole) != 1:
        names = " and ".join(layout.name for layout, _ in whole)
        rule, held = "one that holds the files of one layout", names or "none of any"
        error = InputError.must(f"Data folder {folder}", rule, held)
        raise InputError(f"{error}; the layouts are:\n{describe(shape)}")
    layout, files = whole[0]
    _check_twins(files)
    reader = Reader()
    train, test = _READERS[layout.name](reader, files, records)
    return Images(layout.name, train, test, reader.checksums)


def describe(shape: tuple[int, int, int] | None = None) -> str:
    """Return what to put into a data folder, a line a layout: of those for images of a shape.

    With a shape, a last line says what becomes of other images.
    """
    if shape is None:
        return "\n".join(map(_line, LAYOUTS))
    lines = []
    for layout in LAYOUTS:
        if layout.holds(shape):
            free = f"; images of shape {shape}" if None in layout.shape else ""
            lines.append(_line(layout) + free)
    lines.append(
        f"Images of another shape than {shape} can be loaded by esru.train.images.load_images, "
        "but not used here."
    )
    return "\n".join(lines)


def _line(layout: Layout) -> str:
    return f"  {layout.name}: {layout.summary}: {', '.join(layout.files)}"


def _best(folder: Path, layout: Layout) -> list[Path | None]:
    """Return the path of each file of a layout, from wherever more of them lie."""
    tried = [_paths(folder, layout)]
    if layout.folder:
        tried.append(_paths(folder / layout.folder, layout))
    return min(tried, key=lambda paths: paths.count(None))


def _paths(folder: Path, layout: Layout) -> list[Path | None]:
    endings = ("", ".gz") if layout.name == "idx" else ("",)
    found: list[Path | None] = []
    for name in layout.files:
        paths = (folder / (name + ending) for ending in endings)
        found.append(next((path for path in paths if path.is_file()), None))
    return found


def _check_twins(paths: Sequence[Path]) -> None:
    """Refuse a file that lies there packed as well: either may be the one that is meant."""
    for path in paths:
        twin = path.with_name(f"{path.name}.gz")
        if twin.is_file():
            raise InputError.must(f"File {path}", "there once, packed or not", f"{twin.name} too")


def _read_idx(reader: Reader, paths: Sequence[Path], _: int) -> tuple[Part, Part]:
    train, test = read_pair(reader, *paths[:2]), read_pair(reader, *paths[2:])
    if train.images.shape[1:] != test.images.shape[1:]:
        rule = f"shaped as the training images, {train.images.shape[1:]}"
        raise InputError.must(f"Images of {paths[2]}", rule, test.images.shape[1:])
    return train, test


def _read_python(reader: Reader, paths: Sequence[Path], records: int) -> tuple[Part, Part]:
    parts = [read_pickle(reader, path, records) for path in paths]
    return join(parts[:-1]), parts[-1]


def _read_binary(reader: Reader, paths: Sequence[Path], records: int) -> tuple[Part, Part]:
    parts = [read_binary(reader, path, records) for path in paths]
    return join(parts[:-1]), parts[-1]


def _read_npz(reader: Reader, paths: Sequence[Path], _: int) -> tuple[Part, Part]:
    return read_npz(reader, paths[0])


_READERS: dict[str, Callable[[Reader, Sequence[Path], int], tuple[Part, Part]]] = {
    "idx": _read_idx,
    "cifar10-python": _read_python,
    "cifar10-binary": _read_binary,
    "npz": _read_npz,
}
