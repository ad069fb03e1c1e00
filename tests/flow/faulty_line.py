"""A serial line that damages what goes through it, between a board's port and a new one."""

from __future__ import annotations

import os
import pty
import random
import select
import threading
import time
import tty
from collections.abc import Callable
from types import TracebackType

#: Damages a piece of what goes one way.
Damage = Callable[[bytes], bytes]


def noise(rate: float, seed: int) -> Damage:
    """Return damage to one byte in 1/`rate`: a bit flipped, the byte dropped, another before it."""
    rng = random.Random(seed)

    def damage(data: bytes) -> bytes:
        out = bytearray()
        for byte in data:
            if rng.random() >= rate:
                out.append(byte)
                continue
            kind = rng.randrange(3)
            if kind == 0:
                out.append(byte ^ 1 << rng.randrange(8))
            elif kind == 1:
                out += bytes((rng.randrange(256), byte))
        return bytes(out)

    return damage


def lose(first: int, count: int) -> Damage:
    """Return damage that loses `count` bytes, beginning with number `first` on the line."""
    seen = 0

    def damage(data: bytes) -> bytes:
        nonlocal seen
        start, seen = seen, seen + len(data)
        return bytes(b for i, b in enumerate(data, start) if not first <= i < first + count)

    return damage


def late(first: int, seconds: float) -> Damage:
    """Return damage that holds byte number `first`, and what follows, for a while."""
    seen = 0

    def damage(data: bytes) -> bytes:
        nonlocal seen
        if seen <= first < seen + len(data):
            time.sleep(seconds)
        seen += len(data)
        return data

    return damage


class FaultyLine:
    """A running line; a context manager.

    Parameters
    ----------
    port : str
        The board's port.
    to_board, to_host : callable or None
        Damage in each direction.
    pull_after : int or None
        The plug is pulled after so many bytes from the board.
    """

    def __init__(
        self,
        port: str,
        *,
        to_board: Damage | None = None,
        to_host: Damage | None = None,
        pull_after: int | None = None,
    ) -> None:
        self.far = os.open(port, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(self.far)
        self.near, slave = pty.openpty()
        tty.setraw(slave)
        self.port = os.ttyname(slave)
        # Held open until the host has opened it too: without anybody there, reading fails.
        self.slave = slave
        self.damages = {self.near: to_board, self.far: to_host}
        self.left = pull_after
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._carry, daemon=True)

    def __enter__(self) -> FaultyLine:
        self.thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop.set()
        self.thread.join()

    def _carry(self) -> None:
        other = {self.near: self.far, self.far: self.near}
        try:
            while not self.stop.is_set():
                for end in select.select([self.near, self.far], [], [], 0.05)[0]:
                    data = os.read(end, 4096)
                    if end == self.far and self.left is not None:
                        self.left -= len(data)
                        if self.left < 0:
                            return
                    damage = self.damages[end]
                    if damage is not None:
                        data = damage(data)
                    while data:
                        data = data[os.write(other[end], data) :]
        except OSError:
            pass  # an end is gone
        finally:
            for end in (self.slave, self.near, self.far):
                os.close(end)
