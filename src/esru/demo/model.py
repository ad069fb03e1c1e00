"""The exact model of the demo design: every answer, signature and count that the chip must give.

Operands and answers are bit patterns in unsigned 64-bit words, one row a clock cycle and one
column a lane. The random words come from the same `Array` that training uses.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from esru.demo.words import lane_words
from esru.design import Design
from esru.emulate.arrays import round_up_array
from esru.emulate.jump import Register
from esru.emulate.stream import Array
from esru.sources.lfsr import LfsrModel
from esru.sources.polynomial import default_polynomial

if TYPE_CHECKING:
    from esru.demo.config import DemoConfig

Patterns = npt.NDArray[np.uint64]

#: State of the stimulus register at the start, and its polynomial (degree 32, Galois form).
STIMULUS_START = 0x13579BDF
STIMULUS_POLYNOMIAL = default_polynomial(32)

#: What the signature register XORs when its top bit leaves (x^32 + ... + x + 1, as in CRC-32).
SIGNATURE_POLYNOMIAL = 0x04C11DB7

#: The stimulus register: one step a word, the whole register the word.
_STIMULUS = Register(
    LfsrModel("lfsr", 32, STIMULUS_POLYNOMIAL, True, STIMULUS_START, leap=1, width=32)
)

_WORD = (1 << 32) - 1

#: Bits of answers or operands that are worked on at once (some 100 MB of temporaries).
_CHUNK_BITS = 1 << 23


def stimulus_operands(position: int, cycles: int, lanes: int, width: int) -> Patterns:
    """Return the known stream's operands.

    Bit i of lane l is bit (i + 13 (i div 32) + 5 l + (l div 32)) mod 32 of the stimulus register:
    no two of the lanes whose answers meet in the signature get the same operands.

    Parameters
    ----------
    position : int
        Steps of the register since its start, >= 0.
    cycles : int
        How many cycles.
    lanes : int
        Lanes.
    width : int
        Bits of an operand, 1..64.

    Returns
    -------
    ndarray of uint64, shape (cycles, lanes)
    """
    state = _STIMULUS.words([position], cycles).astype(np.uint64)
    lane = np.arange(lanes, dtype=np.uint64)[None, :]

    def turned(by: npt.NDArray[np.uint64]) -> Patterns:
        """Return the register rotated right, in the low 32 bits."""
        by = by % np.uint64(32)
        both = state << np.uint64(32) | state
        return both >> by & np.uint64(_WORD)

    by = np.uint64(5) * lane + lane // np.uint64(32)
    operands = turned(by)
    if width > 32:
        operands = operands | turned(by + np.uint64(13)) << np.uint64(32)
    return operands & np.uint64((1 << width) - 1)


def pack_bits(values: Patterns, width: int, size: int) -> npt.NDArray[np.uint8]:
    """Return each row's words side by side, column 0 lowest, in `size` bytes; the rest is zero.

    Parameters
    ----------
    values : ndarray of uint64, shape (rows, columns)
        Words; only the low `width` bits count.
    width : int
        Bits of a word, 1..64.
    size : int
        Bytes of a row, at least columns * width / 8.
    """
    rows, columns = values.shape
    octets = np.ascontiguousarray(values, "<u8").view(np.uint8).reshape(rows, columns, 8)
    if width % 8 == 0:
        packed = octets[:, :, : width // 8].reshape(rows, -1)
    else:
        bits = np.unpackbits(octets, axis=2, count=width, bitorder="little")
        packed = np.packbits(bits.reshape(rows, -1), axis=1, bitorder="little")
    padded = np.zeros((rows, size), np.uint8)
    padded[:, : packed.shape[1]] = packed
    return padded


def unpack_bits(octets: npt.NDArray[np.uint8], width: int, columns: int) -> Patterns:
    """Return the words that `pack_bits` put side by side.

    Parameters
    ----------
    octets : ndarray of uint8, shape (rows, size)
        Packed rows; bits beyond the last word are not looked at.
    width : int
        Bits of a word, 1..64.
    columns : int
        Words in a row.
    """
    rows = len(octets)
    bits = np.unpackbits(octets, axis=1, count=columns * width, bitorder="little")
    wide = np.zeros((rows, columns, 64), np.uint8)
    wide[:, :, :width] = bits.reshape(rows, columns, width)
    packed = np.packbits(wide.reshape(rows, -1), axis=1, bitorder="little")
    return packed.view("<u8").astype(np.uint64)


def round_patterns(design: Design, operands: Patterns, words: npt.NDArray[Any]) -> Patterns:
    """Return the answers to some operands: decisions, or output words as bit patterns.

    Parameters
    ----------
    design : Design
        The unit, at its own boundary.
    operands : ndarray of uint64
        Boundary ``decision``: the top n dropped bits; ``unit``: input words.
    words : ndarray of integers
        Random words, of the same shape.
    """
    n = design.n
    if design.boundary == "decision":
        return round_up_array(design, operands.astype(np.int64), words).astype(np.uint64)
    dropped, (source, out) = design.dropped, design.fixed
    fractions = operands >> np.uint64(dropped - n) & np.uint64((1 << n) - 1)
    up = round_up_array(design, fractions.astype(np.int64), words)
    if source.signed:
        beside = 64 - source.width
        whole = operands.astype(np.int64) << beside >> beside >> dropped
    else:
        # At least one bit is dropped, so that the rest fits an int64.
        whole = (operands >> np.uint64(dropped)).astype(np.int64)
    if design.overflow == "saturate":
        # Clipped before the increment, which then cannot overflow an int64.
        high = min(out.high, np.iinfo(np.int64).max)
        up &= (whole >= out.low) & (whole < high)
        whole = np.clip(whole, out.low, high)
    result = whole.astype(np.uint64) + up.astype(np.uint64)
    return result & np.uint64((1 << out.width) - 1)


def fold(answers: Patterns, width: int) -> npt.NDArray[np.uint32]:
    """Return each cycle's answers as one 32-bit word.

    Side by side, zero-padded at the top, they are words w0, w1, ...; the result is
    w0 + x w1 + x^2 w2 + ... modulo the signature's polynomial. A mere XOR would lose what lanes
    have in common.
    """
    size = -(-answers.shape[1] * width // 32) * 4
    words = pack_bits(answers, width, size).view("<u4")
    folded = np.zeros(len(words), np.uint32)
    for word in reversed(words.T):
        folded = _times_x(folded) ^ word
    return folded


def _times_x(words: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """Return words times x modulo the signature's polynomial."""
    feedback = (words >> np.uint32(31)) * np.uint32(SIGNATURE_POLYNOMIAL)
    shifted: npt.NDArray[np.uint32] = (words << np.uint32(1)) ^ feedback
    return shifted


def signature_after(signature: int, folded: npt.NDArray[np.uint32]) -> int:
    """Return the signature register after some cycles, one 32-bit word each."""
    for word in folded.tolist():
        signature = signature << 1 & _WORD ^ (SIGNATURE_POLYNOMIAL * (signature >> 31)) ^ word
    return signature


@dataclass(frozen=True)
class Statistics:
    """What the chip counts since SEED: cycles, lane 0's sum (both mod 2^32) and signature."""

    cycles: int
    sum: int
    signature: int


class DemoModel:
    """The demo design's state and answers.

    Parameters
    ----------
    config : DemoConfig
        The demo: design, lanes.

    Attributes
    ----------
    phase : int
        Cycles that the sources have stepped since the seed.
    position : int
        Steps of the stimulus register.
    held : ndarray of uint64, shape (lanes,)
        The operands that the last block left.
    cycles, sum, signature : int
        The statistics; `cycles` and `sum` are not reduced mod 2^32 here.
    """

    def __init__(self, config: DemoConfig) -> None:
        self.config = config
        self.design = config.design
        self.array = Array(config.design, config.lanes)
        self.lanes = config.lanes
        self.held: Patterns = np.full(self.lanes, config.held, np.uint64)
        self.seed()

    def seed(self) -> None:
        """Take sources, stimulus and statistics back to their start; the held operands stay."""
        self.phase = 0
        self.position = 0
        self.cycles = 0
        self.sum = 0
        self.signature = 0

    def step(self, cycles: int) -> None:
        """Step the sources without counting a rounding."""
        self.phase += cycles

    def answers(self, phase: int, operands: Patterns) -> Patterns:
        """Return the answers to the operands of successive cycles, the first at `phase`.

        Parameters
        ----------
        phase : int
            Cycles since the seed, >= 0.
        operands : ndarray of uint64, shape (cycles, lanes)
            Bit patterns.
        """
        return round_patterns(self.design, operands, self.words(phase, len(operands)))

    def words(self, phase: int, cycles: int) -> npt.NDArray[np.uint32]:
        """Return the random word of each lane in successive cycles."""
        return lane_words(self.array, phase, cycles)

    def round_blocks(self, operands: Patterns) -> Patterns:
        """Round blocks, one a cycle (command ROUND), and return the answers.

        Parameters
        ----------
        operands : ndarray of uint64, shape (blocks, lanes)
            At least one block of bit patterns.
        """
        answers = self.answers(self.phase, operands)
        self._count(answers)
        self.held = operands[-1].copy()
        return answers

    def run_held(self, cycles: int) -> None:
        """Round the held operands for some cycles (command HELD)."""
        for count in self._chunks(cycles):
            operands = np.broadcast_to(self.held, (count, self.lanes))
            self._count(self.answers(self.phase, operands))

    def run_stream(self, cycles: int) -> None:
        """Round the known stream for some cycles (command STREAM)."""
        width = self.config.operand_bits
        for count in self._chunks(cycles):
            operands = stimulus_operands(self.position, count, self.lanes, width)
            self._count(self.answers(self.phase, operands))
            self.position += count

    @property
    def statistics(self) -> Statistics:
        """The counts as the chip reports them."""
        return Statistics(self.cycles & _WORD, self.sum & _WORD, self.signature)

    def _chunks(self, cycles: int) -> Iterator[int]:
        most = max(_CHUNK_BITS // (64 * self.lanes), 16)
        while cycles > 0:
            yield min(cycles, most)
            cycles -= most

    def _count(self, answers: Patterns) -> None:
        """Take note of some cycles' answers."""
        width = self.config.answer_bits
        self.phase += len(answers)
        self.cycles += len(answers)
        self.sum += lane_sum(self.design, answers[:, 0])
        self.signature = signature_after(self.signature, fold(answers, width))


def lane_sum(design: Design, answers: Patterns) -> int:
    """Return the exact sum of one lane's answers, as integers of the output format."""
    if design.boundary == "decision":
        return int(answers.sum())
    _, out = design.fixed
    low, high = int((answers & np.uint64(_WORD)).sum()), int((answers >> np.uint64(32)).sum())
    negative = int((answers >> np.uint64(out.width - 1)).sum()) if out.signed else 0
    return low + (high << 32) - (negative << out.width)


def self_test_signature(config: DemoConfig, cycles: int | None = None) -> int:
    """Return the signature that the chip's self-test must end with.

    Parameters
    ----------
    config : DemoConfig
        The demo.
    cycles : int or None
        Cycles of the known stream from the seed; None: `SELF_TEST_CYCLES`.
    """
    from esru.demo.config import SELF_TEST_CYCLES

    model = DemoModel(config)
    model.run_stream(SELF_TEST_CYCLES if cycles is None else cycles)
    return model.signature
