"""Pickles of plain data and arrays, read without executing anything that they name.

Before anything is loaded every opcode is held against a list of those that plain data and numpy
arrays need. The three names that an array's pickle calls stand for classes of this module, which
only record what they are given; no other name is ever looked up.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from math import prod
from pathlib import Path
from typing import Any, Literal

from esru.errors import InputError

#: What plain data and arrays are pickled with, by any protocol.
_OPCODES = frozenset({
    "MARK", "STOP", "POP", "PROTO", "FRAME", "NONE", "NEWTRUE", "NEWFALSE", "INT", "BININT",
    "BININT1", "BININT2", "LONG", "LONG1", "STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES",
    "SHORT_BINBYTES", "BINBYTES8", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8",
    "EMPTY_LIST", "LIST", "APPEND", "APPENDS", "EMPTY_TUPLE", "TUPLE", "TUPLE1", "TUPLE2",
    "TUPLE3", "EMPTY_DICT", "DICT", "SETITEM", "SETITEMS", "PUT", "BINPUT", "LONG_BINPUT",
    "MEMOIZE", "GET", "BINGET", "LONG_BINGET", "GLOBAL", "STACK_GLOBAL", "REDUCE", "BUILD",
})  # fmt: skip

#: The largest number that a pickle may keep a value under: the reader makes room up to it.
_MEMO = 1 << 20


class PickledArray:
    """An array as its pickle describes it; `content` is as long as shape and type say."""

    dtype: str = ""
    shape: tuple[int, ...] = ()
    order: Literal["C", "F"] = "C"
    content: bytes = b""

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        _, shape, dtype, fortran, content = state
        if not isinstance(dtype, _Dtype) or not isinstance(content, bytes):
            raise ValueError("an array without plain elements")
        if not all(type(size) is int and size >= 0 for size in shape):
            raise ValueError("an array without a shape")
        if dtype.name != "u1" or prod(shape) != len(content):
            raise ValueError("an array that is not as long as its unsigned bytes")
        self.dtype, self.shape, self.content = dtype.name, tuple(shape), content
        self.order = "F" if fortran else "C"


class _Class:
    """Stands for the class of the arrays, which is only ever an argument."""


class _Dtype:
    """Stands for an array's type."""

    def __init__(self, name: str, *_: object) -> None:
        self.name = name if isinstance(name, str) else str(name, "ascii")

    def __setstate__(self, state: Any) -> None:
        pass  # byte order, fields and alignment: nothing that unsigned bytes have


def _encode(text: str, encoding: str) -> bytes:
    """Stands for what Python 3 wrote bytes with in protocol 2."""
    if encoding != "latin1":
        raise ValueError("bytes in another encoding")
    return text.encode("latin1")


_NAMES: dict[tuple[str, str], Any] = {
    ("numpy.core.multiarray", "_reconstruct"): PickledArray,
    ("numpy._core.multiarray", "_reconstruct"): PickledArray,
    ("numpy", "ndarray"): _Class,
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): _encode,
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _NAMES:
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        return _NAMES[module, name]


def load_pickle(path: Path, content: bytes) -> object:
    """Return the data of a pickle.

    Parameters
    ----------
    path : Path
        What an error calls it.
    content : bytes
        The pickle; text of Python 2 is returned as bytes.

    Raises
    ------
    InputError
        If it holds anything but plain data and arrays of unsigned bytes, or is broken.
    """
    try:
        for opcode, argument, _ in pickletools.genops(content):
            if opcode.name not in _OPCODES:
                raise pickle.UnpicklingError(f"it uses {opcode.name}")
            if opcode.name in ("PUT", "LONG_BINPUT") and not 0 <= int(str(argument)) < _MEMO:
                raise pickle.UnpicklingError("it keeps too many values")
        return _Unpickler(io.BytesIO(content), encoding="bytes").load()
    # A broken pickle can fail in any of these ways; none of them has executed anything.
    except (
        pickle.UnpicklingError, ArithmeticError, AttributeError, EOFError, LookupError, MemoryError,
        RecursionError, TypeError, ValueError,
    ) as error:  # fmt: skip
        reason = f"one of which can be said: {error}"
        raise InputError.must(f"File {path}", "a pickle of plain data", reason) from None
