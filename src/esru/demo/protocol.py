"""The demo's serial protocol, version 1: constants, frames and the information block.

`docs/protocol.md` says it in full. Numbers are little-endian, lane 0 lowest.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from esru.errors import InputError

#: Version of the protocol, byte 1 of the information block.
VERSION = 1

#: First byte of a request, and of a reply.
REQUEST_MARK = 0xA5
REPLY_MARK = 0x5A

#: Bytes of a request: mark, command, count, checksum.
REQUEST_BYTES = 7

#: Greatest count of a request.
MOST_COUNT = (1 << 24) - 1

#: An unfinished frame is forgotten after this many bit times without a byte.
FORGET_BITS = 4096

#: Cycles of the known stream in the chip's test of itself.
SELF_TEST_CYCLES = 65536

#: Bytes of the payload of STATS.
STATISTICS_BYTES = 13

#: Most characters of a design's text in the information block.
MOST_TEXT = 200

#: Bytes of the information block before the design's text.
INFO_HEAD = 24

_CRC_POLYNOMIAL = 0x1021
_CRC_START = 0xFFFF


class Command(IntEnum):
    """What a request asks for."""

    INFO = 1
    SEED = 2
    STEP = 3
    ROUND = 4
    HELD = 5
    STREAM = 6
    STATS = 7


class Status(IntEnum):
    """How a request went."""

    OK = 0
    REQUEST_CHECKSUM = 1
    UNKNOWN_COMMAND = 2
    COUNT = 3
    DATA_CHECKSUM = 4
    OVERRUN = 5


def crc16(data: bytes, start: int = _CRC_START) -> int:
    """Return CRC-16/IBM-3740 of some bytes (polynomial 0x1021, start 0xFFFF, top bit first).

    Parameters
    ----------
    data : bytes
        What it covers.
    start : int
        The checksum of what comes before them.
    """
    crc = start
    for byte in data:
        crc ^= byte << 8
        for _ in range(8):
            crc = (crc << 1) ^ (_CRC_POLYNOMIAL if crc & 0x8000 else 0)
            crc &= 0xFFFF
    return crc


def sealed(body: bytes) -> bytes:
    """Return some bytes with their checksum, low byte first."""
    return body + crc16(body).to_bytes(2, "little")


def request(command: int, count: int = 0, data: bytes = b"") -> bytes:
    """Return a request.

    Parameters
    ----------
    command : int
        A `Command`.
    count : int
        0 to 2^24 - 1.
    data : bytes
        The blocks of ROUND, which follow with a checksum of their own; empty for the others.

    Raises
    ------
    InputError
        If command or count is out of range.
    """
    if not 0 <= command <= 255:
        raise InputError.must("Command", "a byte", command)
    if not 0 <= count <= MOST_COUNT:
        raise InputError.must("Count", "between 0 and 2^24 - 1", count)
    head = bytes((command,)) + count.to_bytes(3, "little")
    return bytes((REQUEST_MARK,)) + sealed(head) + (sealed(data) if data else b"")


@dataclass(frozen=True)
class Reply:
    """A reply whose checksum is right.

    Attributes
    ----------
    command : int
        The command that it answers; 0 if that is not known (status 1).
    payload : bytes
        What was asked for.
    status : int
        A `Status`.
    """

    command: int
    payload: bytes
    status: int


def decode_reply(frame: bytes) -> Reply:
    """Return what a whole reply says.

    Raises
    ------
    InputError
        If it is too short, begins with another mark, or does not fit its checksum.
    """
    if len(frame) < 5:
        raise InputError.must("Reply", "at least 5 bytes", len(frame))
    if frame[0] != REPLY_MARK:
        raise InputError.must("Reply", f"begun by {REPLY_MARK:#04x}", f"{frame[0]:#04x}")
    told = int.from_bytes(frame[-2:], "little")
    crc = crc16(frame[1:-2])
    if told != crc:
        raise InputError.must("Checksum of the reply", f"{crc:#06x}", f"{told:#06x}")
    return Reply(frame[1], bytes(frame[2:-3]), frame[-3])


@dataclass(frozen=True)
class Info:
    """What the information block says.

    Attributes
    ----------
    design : str
        The design's text.
    design_id : str
        Its id, 10 hexadecimal digits.
    unit_boundary : bool
        Whether operands are input words (otherwise fractions).
    lanes : int
        Roundings of a block.
    operand_bits, answer_bits : int
        Bits of one lane.
    block_bytes, answer_bytes : int
        Bytes of a block on its way in and out.
    clock_hz, baud : int
        The chip's clock and the line's rate.
    version : int
        Of the protocol.
    """

    design: str
    design_id: str
    unit_boundary: bool
    lanes: int
    operand_bits: int
    answer_bits: int
    block_bytes: int
    answer_bytes: int
    clock_hz: int
    baud: int
    version: int = VERSION

    def to_bytes(self) -> bytes:
        """Return the information block."""
        text = self.design.encode("ascii")
        block = bytes((INFO_HEAD + len(text), self.version, self.unit_boundary))
        block += self.lanes.to_bytes(2, "little")
        block += bytes((self.operand_bits, self.answer_bits))
        block += self.block_bytes.to_bytes(2, "little") + self.answer_bytes.to_bytes(2, "little")
        block += self.clock_hz.to_bytes(4, "little") + self.baud.to_bytes(4, "little")
        return block + bytes.fromhex(self.design_id) + text


def parse_info(block: bytes) -> Info:
    """Return what an information block says.

    Raises
    ------
    InputError
        If its length is wrong, its version another, or its text not ASCII.
    """
    if len(block) < INFO_HEAD or block[0] != len(block):
        raise InputError.must("Information block", "as long as its first byte says", len(block))
    if block[1] != VERSION:
        raise InputError.must("Version of the protocol", str(VERSION), block[1])
    text = block[INFO_HEAD:]
    if not text.isascii():
        raise InputError.must("Design in the information block", "ASCII", repr(text))

    def number(first: int, last: int) -> int:
        return int.from_bytes(block[first:last], "little")

    return Info(
        design=text.decode("ascii"),
        design_id=block[19:24].hex(),
        unit_boundary=bool(block[2] & 1),
        lanes=number(3, 5),
        operand_bits=block[5],
        answer_bits=block[6],
        block_bytes=number(7, 9),
        answer_bytes=number(9, 11),
        clock_hz=number(11, 15),
        baud=number(15, 19),
        version=block[1],
    )


@dataclass(frozen=True)
class Told:
    """What STATS reports: counts since SEED, and how the chip's test of itself ended."""

    cycles: int
    sum: int
    signature: int
    finished: bool
    passed: bool


def parse_statistics(payload: bytes) -> Told:
    """Return what the payload of STATS says.

    Raises
    ------
    InputError
        If it is not 13 bytes.
    """
    if len(payload) != STATISTICS_BYTES:
        raise InputError.must("Payload of STATS", f"{STATISTICS_BYTES} bytes", len(payload))
    cycles, total, signature = (
        int.from_bytes(payload[first : first + 4], "little") for first in (0, 4, 8)
    )
    return Told(cycles, total, signature, bool(payload[12] & 1), bool(payload[12] & 2))
