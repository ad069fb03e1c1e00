"""What the loaders share: the images, a file's bytes, and the checks of what was read."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from esru.errors import InputError

#: No file of these layouts is larger; one that is, is refused unread.
MAX_BYTES = 1 << 30


@dataclass(frozen=True)
class Part:
    """Images, uint8 of shape (examples, height, width, channels), and their labels, int64."""

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Images:
    """What a folder holds.

    Attributes
    ----------
    layout : str
        Name of the layout that the files have.
    train, test : Part
        The two parts of the data.
    checksums : dict of str to str
        SHA-256 of each file by its name, the files as they lie in the folder.
    """

    layout: str
    train: Part
    test: Part
    checksums: dict[str, str]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of an image."""
        height, width, channels = self.train.images.shape[1:]
        return height, width, channels

    @property
    def classes(self) -> int:
        """The largest label and one more."""
        return int(max(self.train.labels.max(), self.test.labels.max())) + 1


class Reader:
    """Reads files whole and remembers the SHA-256 of each."""

    def __init__(self) -> None:
        self.checksums: dict[str, str] = {}

    def read(self, path: Path) -> bytes:
        """Return a file's bytes.

        Raises
        ------
        InputError
            If it cannot be read or is too large.
        """
        try:
            size = path.stat().st_size
            if size > MAX_BYTES:
                raise InputError.must(f"Size of {path}", f"at most {MAX_BYTES} bytes", size)
            content = path.read_bytes()
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise InputError.must(f"File {path}", "one that can be read", reason) from None
        self.checksums[path.name] = hashlib.sha256(content).hexdigest()
        return content


def make_part(
    source: Path,
    images: npt.NDArray[np.uint8],
    labels: npt.NDArray[np.int64],
    labels_source: Path | None = None,
) -> Part:
    """Check that images and labels belong together.

    Parameters
    ----------
    source : Path
        The file of the images, as errors name it.
    images, labels : array
        What was read.
    labels_source : Path, optional
        The file of the labels, where it is another one.

    Raises
    ------
    InputError
        If there are none, their numbers differ, or a label is negative.
    """
    if not len(images):
        raise InputError.must(f"Images of {source}", "at least one", "none")
    where = f"Labels of {labels_source or source}"
    if len(images) != len(labels):
        raise InputError.must(where, f"{len(images)}, one an image", len(labels))
    if labels.min() < 0:
        raise InputError.must(where, "at least 0", int(labels.min()))
    return Part(images, labels)


def join(parts: Sequence[Part]) -> Part:
    """Return several parts as one."""
    return Part(
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.labels for part in parts]),
    )
