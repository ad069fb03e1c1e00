"""The serial line to a board: requests, replies, and a way back after every fault.

A fault is a reply that does not come, is cut short or does not fit its checksum, or one in which
the board reports a broken request. After one, nothing is known of the board but its design: the
line is left alone until the board has forgotten any unfinished frame, then SEED and STEP take it
to the phase that the host has in mind, and the exchange is repeated.
"""

from __future__ import annotations

import termios
import time
from collections.abc import Callable
from types import TracebackType
from typing import TypeVar

from esru.demo import protocol
from esru.demo.ports import open_port, serial_module
from esru.demo.protocol import Command, Status
from esru.errors import ToolFailed

T = TypeVar("T")

#: How often an exchange is repeated before the line is given up.
RETRIES = 5

#: Seconds that driver, adapter and scheduler may add to any exchange.
_SLACK = 0.25

#: Seconds that a usual line adds to a reply: more than an FTDI adapter's 16 ms.
_DELAY = 0.02

#: Seconds between two looks at a simulated board's clock, and that a reply may be late at most.
_LOOK = 0.5
_LONGEST = 600.0

#: Bits of a byte on the line, start and stop included.
_BITS = 10

#: Bytes of a reply without its payload: mark, command, status, checksum.
_REPLY_BYTES = 5

_STATUS: dict[int, str] = {
    Status.REQUEST_CHECKSUM: "a request does not fit its checksum",
    Status.UNKNOWN_COMMAND: "unknown command",
    Status.COUNT: "count must be at least 1",
    Status.DATA_CHECKSUM: "the data does not fit its checksum",
    Status.OVERRUN: "it was overrun",
}


class BoardLost(ToolFailed):
    """The board or the line is gone: the port failed, or there is no usable answer."""

    def __init__(self, reason: str) -> None:
        super().__init__("The board's line", reason)


class Fault(Exception):
    """One exchange that failed; it may be repeated."""


class Link:
    """A serial line to the demo; a context manager that closes it.

    Parameters
    ----------
    port : str
        The port's name, such as ``/dev/ttyUSB1``.
    baud : int
        Bits per second.
    patience : float
        By how much the board may be slower than its clock says, and the line than its rate; 1
        for a real one.
    alive : callable or None
        Of a simulated board: whether its clock went on since the last call. While it does, a
        late reply is waited for; a simulator has no speed that it must keep.

    Attributes
    ----------
    retries : int
        Exchanges that were repeated so far.
    faults : list of str
        What happened each time.
    delay : float
        Seconds that the line may add to a reply.
    phase : int
        Where the host takes the board's sources to be, in cycles since SEED.
    sent, received : int
        Bytes on the line, repeated ones included.

    Raises
    ------
    InputError
        If the port does not exist, is busy, or may not be opened.
    ToolMissing
        If pyserial is not installed.
    """

    def __init__(
        self,
        port: str,
        baud: int,
        *,
        patience: float = 1.0,
        alive: Callable[[], bool] | None = None,
    ) -> None:
        self.port = port
        self.baud = baud
        self.patience = patience
        self.alive = alive
        self.delay = _DELAY * patience
        self.clock_hz = 0
        self.retries = 0
        self.faults: list[str] = []
        self.phase = 0
        self.sent = 0
        self.received = 0
        self._last = 0
        self._line = open_port(port, baud)

    def __enter__(self) -> Link:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._line.close()

    def info(self) -> bytes:
        """Return the information block: what is on the board, and the protocol's version."""
        return self.repeat(lambda: self._exchange(Command.INFO, 0, sized=True), restore=False)

    def round(self, data: bytes, blocks: int, answer_bytes: int) -> bytes:
        """Send blocks of operands from the present phase on, and return the answers.

        After a fault, the sources are taken back to the phase and the blocks sent again; the
        statistics are then lost.

        Parameters
        ----------
        data : bytes
            The blocks, one after the other.
        blocks : int
            How many. The reply is read after the last has been sent: no more than the system's
            buffers hold replies of.
        answer_bytes : int
            Bytes of an answer.

        Returns
        -------
        bytes
            The answers, one after the other.
        """

        def once() -> bytes:
            size = blocks * answer_bytes
            return self._exchange(Command.ROUND, blocks, data, size, cycles=blocks)

        answers = self.repeat(once)
        self.phase += blocks
        return answers

    def go_to(self, phase: int) -> None:
        """Take the sources to a phase, by SEED and STEP; the statistics begin anew."""

        def once() -> None:
            self._restore(phase)

        self.repeat(once, restore=False)
        self.phase = phase

    def statistics(self) -> bytes:
        """Return what STATS reports, as it comes."""
        return self.repeat(self._statistics, restore=False)

    def run(self, command: Command, cycles: int, block: bytes | None, answer_bytes: int) -> bytes:
        """Seed, round one block if given, run at full speed, and return what STATS reports.

        After a fault all of it is done again.

        Parameters
        ----------
        command : Command
            ``HELD`` or ``STREAM``.
        cycles : int
            How many, below 2^24.
        block : bytes or None
            Operands to hold.
        answer_bytes : int
            Bytes of an answer.
        """

        def once() -> bytes:
            self._restore(0)
            if block is not None:
                self._exchange(Command.ROUND, 1, block, answer_bytes, cycles=1)
            self._exchange(command, cycles, cycles=cycles)
            return self._statistics()

        result = self.repeat(once, restore=False)
        self.phase = cycles + (block is not None)
        return result

    def timed_step(self, cycles: int) -> float:
        """Step the sources, and return the seconds that it took beyond the bytes on the line.

        Parameters
        ----------
        cycles : int
            How many, below 2^24.
        """

        def once() -> float:
            began = time.monotonic()
            self._exchange(Command.STEP, cycles, cycles=cycles)
            taken = time.monotonic() - began
            return max(taken - (protocol.REQUEST_BYTES + _REPLY_BYTES) * _BITS / self.baud, 1e-9)

        seconds = self.repeat(once)
        self.phase += cycles
        return seconds

    def repeat(self, exchange: Callable[[], T], *, restore: bool = True) -> T:
        """Do an exchange, and again after a fault, at most `RETRIES` times.

        Parameters
        ----------
        exchange : callable
            Raises `Fault` if it failed.
        restore : bool
            Whether the sources must be at `phase` before it is done again.

        Raises
        ------
        BoardLost
            If it fails every time, or the port does.
        """
        again = False
        for attempt in range(RETRIES + 1):
            try:
                if again:
                    self._settle()
                    if restore:
                        self._restore(self.phase)
                return exchange()
            except Fault as fault:
                self.faults.append(str(fault))
                if attempt < RETRIES:
                    self.retries += 1
                again = True
            except (OSError, termios.error) as error:
                gone = f"{self.port} is gone" if self.alive is None else "the simulator has stopped"
                raise BoardLost(f"{gone} ({error})") from None
        hint = (
            "is the demo on the board, are port and baud rate right, "
            "or is the line a slow one (--patience)?"
        )
        if self.alive is not None:
            hint = "the simulator is too slow or has stopped"
        raise BoardLost(
            f"no usable answer on {self.port} at {self.baud} baud in {RETRIES + 1} attempts "
            f"({self.faults[-1]}); {hint}"
        )

    def _restore(self, phase: int) -> None:
        self._exchange(Command.SEED, 0)
        while phase:
            some = min(phase, protocol.MOST_COUNT)
            self._exchange(Command.STEP, some, cycles=some)
            phase -= some

    def _statistics(self) -> bytes:
        return self._exchange(Command.STATS, 0, size=protocol.STATISTICS_BYTES)

    def _settle(self) -> None:
        """Say nothing until the board has forgotten any unfinished frame; drop what it sent."""
        # A quarter more than the board waits, beginning when the last byte has left. Waiting for
        # that with a system call may take forever on a line that nobody empties.
        silence = 1.25 * protocol.FORGET_BITS / self.baud * self.patience
        leaving = 1.25 * self._last * _BITS / self.baud * self.patience
        end = time.monotonic() + leaving + silence
        limit = end + 20 * silence + 5
        while (left := end - time.monotonic()) > 0 and time.monotonic() < limit:
            self._line.timeout = left
            if self._line.read(4096):
                end = max(end, time.monotonic() + silence)
        self._line.reset_input_buffer()

    def _exchange(
        self,
        command: Command,
        count: int,
        data: bytes = b"",
        size: int = 0,
        *,
        cycles: int = 0,
        sized: bool = False,
    ) -> bytes:
        """Send one request and return the payload of its reply.

        Parameters
        ----------
        command : Command
            What to do.
        count : int
            0 to 2^24 - 1.
        data : bytes
            Follows the request, with its checksum.
        size : int
            Bytes of the payload.
        cycles : int
            Clock cycles that the board takes for it.
        sized : bool
            The payload's first byte is its length.

        Raises
        ------
        Fault
            If there is no such reply.
        """
        frame = protocol.request(command, count, data)
        self._line.reset_input_buffer()
        self._line.write_timeout = self._seconds(len(frame)) if self.alive is None else _LONGEST
        try:
            self._line.write(frame)
        except serial_module().SerialTimeoutException:
            raise Fault("the line takes no more bytes") from None
        self.sent += len(frame)
        self._last = len(frame)
        seconds = self._seconds(len(frame) + size + _REPLY_BYTES + 255 * sized)
        if self.clock_hz:
            seconds += 1.25 * cycles / self.clock_hz * self.patience
        deadline = time.monotonic() + seconds
        head = self._read(2, deadline)
        if head == bytes((protocol.REPLY_MARK, 0)):
            # A refused request is answered without a payload.
            self._check(head[1:] + self._read(3, deadline))
        if head != bytes((protocol.REPLY_MARK, command)):
            raise Fault(f"reply to {command.name} begins with {head.hex(' ')}")
        body = self._read(1, deadline) if sized else b""
        if sized:
            size = max(body[0], 1)
        body += self._read(size - len(body) + 3, deadline)
        self._check(head[1:] + body)
        return body[:size]

    def _check(self, reply: bytes) -> None:
        """Raise Fault unless a reply, without its mark, fits its checksum and reports success."""
        if protocol.crc16(reply[:-2]) != int.from_bytes(reply[-2:], "little"):
            raise Fault("a reply does not fit its checksum")
        if reply[-3] != Status.OK:
            status = _STATUS.get(reply[-3], f"status {reply[-3]}")
            raise Fault(f"the board reports: {status}")

    def _seconds(self, size: int) -> float:
        """Return the seconds that some bytes may take."""
        return (1.25 * size * _BITS / self.baud + _SLACK) * self.patience

    def _read(self, size: int, deadline: float) -> bytes:
        """Return exactly `size` bytes; Fault if they are not there at the deadline.

        A simulated board's deadline has not come while its clock goes on.
        """
        self._line.timeout = max(deadline - time.monotonic(), 0)
        found: bytes = self._line.read(size)
        while len(found) < size and self.alive is not None:
            if time.monotonic() > deadline + _LONGEST or not self.alive():
                break
            self._line.timeout = _LOOK
            found += self._line.read(size - len(found))
        self.received += len(found)
        if len(found) < size:
            raise Fault(f"a reply is {size - len(found)} bytes short" if found else "no reply")
        return found
