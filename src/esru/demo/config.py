"""The demo's parameters: which design, how many lanes, which clock and baud rate."""

from __future__ import annotations

from dataclasses import dataclass

from esru.demo.protocol import MOST_TEXT, SELF_TEST_CYCLES, Info
from esru.design import MAX_LANES, Design
from esru.design_text import short_design
from esru.errors import InputError
from esru.sources.settings import GIVEN

__all__ = ["DEFAULT_BAUD", "SELF_TEST_CYCLES", "DemoConfig"]

DEFAULT_BAUD = 115200

#: Lanes that a demo has at least unless it is told.
_SOME_LANES = 8

#: Clock cycles of a bit at least: the receiver finds the middle of a bit to one cycle.
_LEAST_DIVISOR = 8

_MOST_HZ = (1 << 32) - 1


@dataclass(frozen=True, init=False)
class DemoConfig:
    """Everything that decides what the demo's hardware is.

    Parameters
    ----------
    design : Design
        The rounding unit; its boundary decides what an operand is.
    lanes : int or None
        M, a multiple of ``design.lanes``, at most 1024; None: the least multiple of
        ``design.lanes`` that is at least 8.
    clock_hz : int
        The clock, in hertz.
    baud : int
        Bits per second on the line.

    Raises
    ------
    InputError
        If the lanes are out of range, the clock has fewer than 8 cycles a bit, no whole number
        of cycles comes within 1 % of a bit, the design is a float unit at the boundary ``unit``,
        has another boundary than that and ``decision`` or ports for seeds, or its text is longer
        than 200 characters.
    """

    design: Design
    lanes: int
    clock_hz: int
    baud: int

    def __init__(
        self,
        design: Design,
        lanes: int | None = None,
        *,
        clock_hz: int,
        baud: int = DEFAULT_BAUD,
    ) -> None:
        shared = design.lanes
        count = -(-_SOME_LANES // shared) * shared if lanes is None else lanes
        if design.source in GIVEN:
            rule = "one that makes its own words"
            raise InputError.must("Source of the demo's design", rule, repr(design.source))
        if design.load:
            rule = "without load=1 (nothing on a board gives seeds)"
            raise InputError.must("Design of the demo", rule, repr(short_design(design)))
        if not 1 <= count <= MAX_LANES:
            raise InputError.must("Lanes of the demo", f"between 1 and {MAX_LANES}", count)
        if count % shared:
            rule = f"a multiple of the lanes that share a source ({shared})"
            raise InputError.must("Lanes of the demo", rule, count)
        if design.boundary == "unit" and design.floats:
            rule = "fixed-point or at the boundary decision"
            raise InputError.must("Design of the demo", rule, short_design(design))
        if design.boundary not in ("decision", "unit"):
            raise InputError.must("Boundary of the demo", "decision or unit", design.boundary)
        if not 1 <= clock_hz <= _MOST_HZ:
            raise InputError.must("Clock", "between 1 and 2^32 - 1 Hz", clock_hz)
        if not 1 <= baud <= _MOST_HZ:
            raise InputError.must("Baud rate", "between 1 and 2^32 - 1", baud)
        if clock_hz < _LEAST_DIVISOR * baud:
            most = clock_hz // _LEAST_DIVISOR
            raise InputError.must("Baud rate", f"at most an eighth of the clock ({most})", baud)
        for name, value in (
            ("design", design),
            ("lanes", count),
            ("clock_hz", clock_hz),
            ("baud", baud),
        ):
            object.__setattr__(self, name, value)
        # |clock / divisor - baud| <= baud / 100, in integers.
        whole = self.divisor * baud
        if 100 * abs(clock_hz - whole) > whole:
            rule = f"within 1 % of a whole division of the clock ({clock_hz} Hz)"
            raise InputError.must("Baud rate", rule, baud)
        if len(str(design)) > MOST_TEXT:
            rule = f"at most {MOST_TEXT} characters for the demo"
            raise InputError.must("Design's text", rule, len(str(design)))

    @property
    def divisor(self) -> int:
        """Clock cycles of a bit on the line."""
        return (2 * self.clock_hz + self.baud) // (2 * self.baud)

    @property
    def operand_bits(self) -> int:
        """Bits of a lane's operand: n at the boundary ``decision``, W_in at ``unit``."""
        design = self.design
        return design.n if design.boundary == "decision" else design.input.width

    @property
    def answer_bits(self) -> int:
        """Bits of a lane's answer: 1 at the boundary ``decision``, W_out at ``unit``."""
        design = self.design
        return 1 if design.boundary == "decision" else design.out_format.width

    @property
    def operand_bytes(self) -> int:
        """Bytes of a block that hold operands."""
        return -(-self.lanes * self.operand_bits // 8)

    @property
    def answer_bytes(self) -> int:
        """Bytes of a block's answers."""
        return -(-self.lanes * self.answer_bits // 8)

    @property
    def block_bytes(self) -> int:
        """Bytes of a block: more than its answers, so that these keep up.

        One byte in 32 is for clocks that differ by up to 3 %, the one more for the first block.
        """
        answers = self.answer_bytes
        return max(self.operand_bytes, answers + 1 + answers // 32)

    @property
    def held(self) -> int:
        """The operand word of one lane that is nearest to 0.3 of the output's last place."""
        design = self.design
        if design.boundary == "decision":
            bits, most = design.n, (1 << design.n) - 1
        else:
            source, _ = design.fixed
            bits, most = design.dropped, source.high
        return min((3 * (1 << bits) + 5) // 10, most)

    @property
    def info(self) -> bytes:
        """The information block that the chip holds."""
        design = self.design
        return Info(
            design=str(design),
            design_id=design.id,
            unit_boundary=design.boundary == "unit",
            lanes=self.lanes,
            operand_bits=self.operand_bits,
            answer_bits=self.answer_bits,
            block_bytes=self.block_bytes,
            answer_bytes=self.answer_bytes,
            clock_hz=self.clock_hz,
            baud=self.baud,
        ).to_bytes()
