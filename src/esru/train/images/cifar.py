"""CIFAR-10: five training files and a test file of 10,000 images, as pickles or as records.

A record is a label and 3072 pixels: red, green and blue planes of 32 rows. A pickle holds the
same as an array ``data`` and a list ``labels``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from esru.errors import InputError
from esru.train.images.parts import Part, Reader, make_part
from esru.train.images.restricted import PickledArray, load_pickle

#: Images of one file.
RECORDS = 10_000

_PIXELS = 3 * 32 * 32
_CLASSES = 10


def read_binary(reader: Reader, path: Path, records: int = RECORDS) -> Part:
    """Return the images of a file of records.

    Raises
    ------
    InputError
        If its size is not that of `records` images, or a label is above 9.
    """
    content = reader.read(path)
    wanted = records * (1 + _PIXELS)
    if len(content) != wanted:
        rule = f"{wanted} ({records} records of {1 + _PIXELS})"
        raise InputError.must(f"Bytes of {path}", rule, len(content))
    found = np.frombuffer(content, np.uint8).reshape(records, 1 + _PIXELS)
    return _part(path, found[:, 1:], found[:, 0].astype(np.int64))


def read_pickle(reader: Reader, path: Path, records: int = RECORDS) -> Part:
    """Return the images of a pickle; nothing in it is executed.

    Raises
    ------
    InputError
        If it is no such pickle, or has not `records` images.
    """
    found = load_pickle(path, reader.read(path))
    # Python 2 wrote the names as bytes.
    named = found if isinstance(found, dict) else {}
    data = named.get(b"data", named.get("data"))
    labels = named.get(b"labels", named.get("labels"))
    shape = (records, _PIXELS)
    if not isinstance(data, PickledArray) or data.dtype != "u1" or data.shape != shape:
        rule = f"unsigned bytes of shape {shape}"
        raise InputError.must(f"data of {path}", rule, _short(data))
    if not isinstance(labels, list) or not all(type(label) is int for label in labels):
        raise InputError.must(f"labels of {path}", "a list of integers", _short(labels))
    if len(labels) != records or not all(0 <= label < _CLASSES for label in labels):
        rule = f"{records} of 0 to {_CLASSES - 1}"
        raise InputError.must(f"labels of {path}", rule, f"{len(labels)}, or others")
    pixels = np.frombuffer(data.content, np.uint8).reshape(shape, order=data.order)
    return _part(path, pixels, np.array(labels, np.int64))


def _part(path: Path, pixels: npt.NDArray[np.uint8], labels: npt.NDArray[np.int64]) -> Part:
    if labels.max(initial=0) >= _CLASSES:
        rule = f"0 to {_CLASSES - 1}"
        raise InputError.must(f"Labels of {path}", rule, int(labels.max()))
    images = pixels.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
    return make_part(path, np.ascontiguousarray(images), labels)


def _short(value: object) -> str:
    if isinstance(value, PickledArray):
        return f"{value.dtype} of shape {value.shape}"
    return "missing" if value is None else f"a {type(value).__name__}"
