"""IDX files, the layout of MNIST and its relatives, plain or compressed by gzip.

Two zero bytes, the type of the elements (8: unsigned bytes), the number of dimensions, each
dimension in 32 bits, most significant byte first; then the elements, the last dimension fastest.
"""

from __future__ import annotations

import gzip
import io
import zlib
from math import prod
from pathlib import Path

import numpy as np
import numpy.typing as npt

from esru.errors import InputError
from esru.train.images.parts import MAX_BYTES, Part, Reader, make_part

_UNSIGNED_BYTE = 8


def read_idx(reader: Reader, path: Path, dimensions: int) -> npt.NDArray[np.uint8]:
    """Return the array of an IDX file of unsigned bytes.

    Parameters
    ----------
    reader : Reader
        Reads the file.
    path : Path
        The file; one whose name ends in .gz is unpacked.
    dimensions : int
        How many it must have.

    Raises
    ------
    InputError
        If it is no such file, or longer or shorter than its header says.
    """
    content = reader.read(path)
    if path.suffix == ".gz":
        content = _unpacked(path, content)
    start = 4 + 4 * dimensions
    wanted = bytes([0, 0, _UNSIGNED_BYTE, dimensions])
    if content[:4] != wanted or len(content) < start:
        rule = f"an IDX file of unsigned bytes in {dimensions} dimensions ({wanted.hex()})"
        raise InputError.must(f"File {path}", rule, f"one that begins with {content[:4].hex()!r}")
    shape = tuple(int(size) for size in np.frombuffer(content, ">u4", dimensions, 4))
    if len(content) != start + prod(shape):
        rule = f"the {start + prod(shape)} that its header says"
        raise InputError.must(f"Bytes of {path}", rule, len(content))
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)


def _unpacked(path: Path, content: bytes) -> bytes:
    try:
        with gzip.open(io.BytesIO(content)) as stream:
            found = stream.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError.must(f"File {path}", "a whole gzip file", f"broken ({error})") from None
    if len(found) > MAX_BYTES:
        raise InputError.must(f"Unpacked size of {path}", f"at most {MAX_BYTES} bytes", "more")
    return found


def read_pair(reader: Reader, images: Path, labels: Path) -> Part:
    """Return the images and labels of two IDX files."""
    pixels = read_idx(reader, images, 3)[..., None]
    return make_part(images, pixels, read_idx(reader, labels, 1).astype(np.int64), labels)
