"""A stand-in for a board: the protocol in Python on a pseudo-terminal, with bugs on request."""

from __future__ import annotations

import os
import pty
import select
import threading
import tty
from collections.abc import Callable
from types import TracebackType

import numpy as np

from esru.demo.config import DemoConfig
from esru.demo.model import DemoModel, Patterns, pack_bits, unpack_bits
from esru.demo.protocol import REPLY_MARK, REQUEST_MARK, Command, Status, crc16, sealed

#: Seconds without a byte after which an unfinished frame is forgotten (4096 bits at 115200 baud).
FORGET = 4096 / 115200

Bug = Callable[[int, Patterns], Patterns]


class StandIn:
    """A chip; a context manager.

    Parameters
    ----------
    config : DemoConfig
        What it holds.
    info : bytes or None
        What it says that it holds; None: the truth.
    bug : callable or None
        Given the phase of the first block and the answers of ROUND, returns wrong ones.
    self_test : int
        The byte that STATS ends with.
    silent : bool
        Never answers.
    """

    def __init__(
        self,
        config: DemoConfig,
        *,
        info: bytes | None = None,
        bug: Bug | None = None,
        self_test: int = 3,
        silent: bool = False,
    ) -> None:
        self.config = config
        self.model = DemoModel(config)
        self.info = config.info if info is None else info
        self.bug = bug
        self.self_test = self_test
        self.silent = silent
        self.end, self.slave = pty.openpty()
        tty.setraw(self.slave)
        self.port = os.ttyname(self.slave)
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> StandIn:
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
        os.close(self.slave)
        os.close(self.end)

    def _serve(self) -> None:
        while not self.stop.is_set():
            try:
                if self._read(1, 0.05) == bytes((REQUEST_MARK,)):
                    self._answer(self._read(6))
            except TimeoutError:
                continue

    def _read(self, size: int, patience: float = FORGET) -> bytes:
        found = b""
        while len(found) < size:
            if not select.select([self.end], [], [], patience)[0]:
                raise TimeoutError
            found += os.read(self.end, size - len(found))
        return found

    def _reply(self, command: int, payload: bytes = b"", status: int = Status.OK) -> None:
        if not self.silent:
            body = bytes((command,)) + payload + bytes((status,))
            os.write(self.end, bytes((REPLY_MARK,)) + sealed(body))

    def _answer(self, frame: bytes) -> None:
        if sealed(frame[:4]) != frame:
            self._reply(0, status=Status.REQUEST_CHECKSUM)
            return
        command, count, model = frame[0], int.from_bytes(frame[1:4], "little"), self.model
        if command == Command.INFO:
            self._reply(command, self.info)
        elif command == Command.STATS:
            told = model.statistics
            numbers = (told.cycles, told.sum, told.signature)
            payload = b"".join(number.to_bytes(4, "little") for number in numbers)
            self._reply(command, payload + bytes((self.self_test,)))
        elif command == Command.ROUND:
            self._round(count)
        else:
            if command == Command.SEED:
                model.seed()
            elif command == Command.STEP:
                model.step(count)
            elif command == Command.HELD:
                model.run_held(count)
            elif command == Command.STREAM:
                model.run_stream(count)
            self._reply(command)

    def _round(self, count: int) -> None:
        config, phase = self.config, self.model.phase
        data, told = self._read(count * config.block_bytes), self._read(2)
        rows = np.frombuffer(data, np.uint8).reshape(count, config.block_bytes)
        answers = self.model.round_blocks(unpack_bits(rows, config.operand_bits, config.lanes))
        if self.bug is not None:
            answers = self.bug(phase, answers)
        right = crc16(data) == int.from_bytes(told, "little")
        payload = pack_bits(answers, config.answer_bits, config.answer_bytes).tobytes()
        self._reply(Command.ROUND, payload, Status.OK if right else Status.DATA_CHECKSUM)
