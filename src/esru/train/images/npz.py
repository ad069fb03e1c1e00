"""One npz file with the arrays x_train, y_train, x_test and y_test."""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from esru.errors import InputError
from esru.train.images.parts import MAX_BYTES, Part, Reader, make_part

NAMES = ("x_train", "y_train", "x_test", "y_test")


def read_npz(reader: Reader, path: Path) -> tuple[Part, Part]:
    """Return the training and test parts of an npz file; pickled objects are refused.

    Images are uint8 of shape (examples, height, width) or (examples, height, width, channels),
    labels integers of shape (examples,) or (examples, 1).

    Raises
    ------
    InputError
        If it is no such file.
    """
    content = reader.read(path)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > MAX_BYTES:
            raise InputError.must(f"Unpacked size of {path}", f"at most {MAX_BYTES} bytes", size)
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            missing = [name for name in NAMES if name not in arrays]
            if missing:
                raise InputError.must(f"Arrays of {path}", ", ".join(NAMES), f"no {missing[0]}")
            x_train, y_train, x_test, y_test = (arrays[name] for name in NAMES)
    except InputError:
        raise
    except (OSError, ValueError, KeyError, EOFError, MemoryError, zipfile.BadZipFile, zlib.error,
            NotImplementedError, RuntimeError) as error:  # fmt: skip
        # What zipfile, zlib and numpy raise for a file that is cut, changed, encrypted or packed
        # in a way they do not know.
        raise InputError.must(f"File {path}", "a whole npz file", f"broken ({error})") from None
    train = make_part(path, _images(path, "x_train", x_train), _labels(path, "y_train", y_train))
    test = make_part(path, _images(path, "x_test", x_test), _labels(path, "y_test", y_test))
    if train.images.shape[1:] != test.images.shape[1:]:
        rule = f"shaped as the training images, {train.images.shape[1:]}"
        raise InputError.must(f"Test images of {path}", rule, test.images.shape[1:])
    return train, test


def _images(path: Path, name: str, array: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    if array.dtype != np.uint8 or array.ndim not in (3, 4):
        rule = "uint8 of shape (examples, height, width) or (examples, height, width, channels)"
        raise InputError.must(f"{name} of {path}", rule, f"{array.dtype} of shape {array.shape}")
    return array if array.ndim == 4 else array[..., None]


def _labels(path: Path, name: str, array: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    if array.dtype.kind not in "iu" or array.shape not in ((len(array),), (len(array), 1)):
        rule = "integers of shape (examples,) or (examples, 1)"
        raise InputError.must(f"{name} of {path}", rule, f"{array.dtype} of shape {array.shape}")
    return array.reshape(-1).astype(np.int64)
