"""The committed text, its characters as small integers, and its fixed split into windows."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
import numpy.typing as npt

from esru.errors import InputError

#: The text (see data/README.md for its source and licence) and its SHA-256.
NAME = "alice.txt"
SHA256 = "bc255df4e4522fd20279e13068328c0a3390a995fa0fdee60b02bc3eb912895d"

#: Every character of the text in lower case; a character's number is its place here.
ALPHABET = "\n !\"'()*,-.:;?_`abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Windows:
    """Windows of the text: characters 0..41 and those that follow them, shapes (windows, length).

    The windows do not overlap and lie in the order of the text, the test windows last.
    """

    train: npt.NDArray[np.int64]
    train_next: npt.NDArray[np.int64]
    test: npt.NDArray[np.int64]
    test_next: npt.NDArray[np.int64]


def check(content: bytes) -> None:
    """Refuse a text that is not the committed one.

    Raises
    ------
    InputError
        If its SHA-256 is another.
    """
    found = hashlib.sha256(content).hexdigest()
    if found != SHA256:
        raise InputError.must(f"SHA-256 of {NAME}", SHA256, found)


@cache
def load(train_windows: int, test_windows: int, length: int) -> Windows:
    """Return the text as windows.

    Raises
    ------
    InputError
        If the file is not the committed one.
    """
    content = (resources.files("esru.train") / "data" / NAME).read_bytes()
    check(content)
    numbers = {character: number for number, character in enumerate(ALPHABET)}
    text = [numbers[character] for character in content.decode("ascii").lower()]
    count = train_windows + test_windows
    assert count * length < len(text)
    every = np.array(text[: count * length + 1], np.int64)
    now, following = every[:-1].reshape(count, length), every[1:].reshape(count, length)
    cut = train_windows
    return Windows(now[:cut], following[:cut], now[cut:], following[cut:])
