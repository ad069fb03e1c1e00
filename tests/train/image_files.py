"""Folders of small images, in every layout that is read."""

from __future__ import annotations

import gzip
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np

RECORDS = 4
BATCHES = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]


def pixels(count: int, *shape: int) -> np.ndarray[Any, Any]:
    """Return different bytes for every place."""
    size = count * int(np.prod(shape))
    return (np.arange(size) * 7 % 251).astype(np.uint8).reshape(count, *shape)


def idx(array: np.ndarray[Any, Any]) -> bytes:
    """Return an IDX file, by the format's description."""
    return b"\0\0\x08" + struct.pack(f">B{array.ndim}I", array.ndim, *array.shape) + array.tobytes()


def write_idx(folder: Path, packed: bool = False) -> None:
    for part, count in (("train", 6), ("t10k", 3)):
        files = {
            f"{part}-images-idx3-ubyte": idx(pixels(count, 5, 4)),
            f"{part}-labels-idx1-ubyte": idx(np.arange(count, dtype=np.uint8) % 3),
        }
        for name, content in files.items():
            if packed:
                (folder / f"{name}.gz").write_bytes(gzip.compress(content))
            else:
                (folder / name).write_bytes(content)


def python2(data: bytes, labels: list[int]) -> bytes:
    """Return the pickle that Python 2 makes of {"data": array, "labels": labels}, protocol 2."""
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85U\x01b\x87R"
        b"(K\x01K" + bytes([RECORDS]) + b"M" + struct.pack("<H", 3072) + b"\x86"
        b"cnumpy\ndtype\nU\x02u1K\0K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb"
        b"\x89T" + struct.pack("<I", len(data)) + data + b"tb"
    )
    listed = b"](" + b"".join(b"K" + bytes([label]) for label in labels) + b"e"
    return b"\x80\x02}(U\x04data" + array + b"U\x06labels" + listed + b"u."


def write_cifar(folder: Path, layout: str) -> None:
    for number, name in enumerate(BATCHES):
        data = pixels(RECORDS, 3072) ^ np.uint8(number)
        labels = [number + 1 + i for i in range(RECORDS)]
        if layout == "binary":
            column = np.array(labels, np.uint8)[:, None]
            (folder / f"{name}.bin").write_bytes(np.hstack([column, data]).tobytes())
        elif layout == "python2":
            (folder / name).write_bytes(python2(data.tobytes(), labels))
        else:
            content = {"batch_label": name, "data": data, "labels": labels, "filenames": ["a"]}
            (folder / name).write_bytes(pickle.dumps(content, int(layout)))


def write_npz(folder: Path, **change: Any) -> None:
    arrays: dict[str, Any] = {
        "x_train": pixels(4, 8, 6, 3),
        "y_train": np.array([[0], [1], [2], [1]]),
        "x_test": pixels(2, 8, 6, 3),
        "y_test": np.array([0, 1]),
    }
    np.savez(folder / "images.npz", **{k: v for k, v in (arrays | change).items() if v is not None})
