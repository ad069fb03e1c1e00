"""Flip single configuration bits of a finished iCE40 bitstream, and decide each for all inputs.

A proof that passes says little if it could not fail. Here every flipped bitstream is either
caught, by a counterexample or because it is no netlist of the design's any more, or proved equal
to the hardware all the same.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from esru.design import Design
from esru.errors import InputError, ToolFailed
from esru.flow import icebox
from esru.flow.bitproof_unit import compare_configuration, make_bitstream, write_hardware
from esru.flow.icebox import HX1K, Chip

#: What can become of a flip. `caught`: a counterexample. `unfit`: no netlist of the design's, such
#: as two drivers on a net. `unchanged`: the very same netlist. `equal`: another one, proved equal.
OUTCOMES = ("caught", "unfit", "unchanged", "equal")
HARMLESS = ("unchanged", "equal")


@dataclass(frozen=True)
class Bit:
    """A configuration bit: its tile's kind and place, where it is in there, and what it is.

    Attributes
    ----------
    tile : str
        ``io``, ``logic``, ``ramb`` or ``ramt``.
    x, y, row, column : int
        The tile's place, and the bit's in it.
    was : int
        Its value in the bitstream.
    function : str
        What Project IceStorm knows it to do.
    """

    tile: str
    x: int
    y: int
    row: int
    column: int
    was: int
    function: str


@dataclass(frozen=True)
class Flip:
    """What became of a flipped bit: one of `OUTCOMES`, why, and in which time."""

    bit: Bit
    outcome: str
    detail: str
    seconds: float

    @property
    def harmless(self) -> bool:
        """Whether the flipped bitstream still behaves as the hardware."""
        return self.outcome in HARMLESS

    def to_json(self) -> dict[str, Any]:
        """Return the flip as an object for JSON."""
        bit = self.bit
        return {
            "tile": f"{bit.tile} {bit.x} {bit.y}",
            "bit": f"B{bit.row}[{bit.column}]",
            "was": bit.was,
            "function": bit.function,
            "outcome": self.outcome,
            "detail": self.detail,
            "seconds": round(self.seconds, 2),
        }


class FlipStudy:
    """A finished bitstream of a unit, every port on a pin, and what its bits are.

    Parameters
    ----------
    design : Design
        The unit.
    folder : Path
        Where scripts, logs and the files of the flow go; made if it is not there.
    chip : Chip
        The chip that the bitstream is for.

    Attributes
    ----------
    bits : list of Bit
        The bits of known function in the tiles that the bitstream uses.

    Raises
    ------
    ToolMissing, ToolFailed
        If a tool is missing or fails, or the bitstream does not equal the hardware in the first
        place.
    """

    def __init__(self, design: Design, folder: Path, chip: Chip = HX1K) -> None:
        self.design = design
        self.folder = folder
        self.chip = chip
        folder.mkdir(parents=True, exist_ok=True)
        write_hardware(design, folder, None)
        make_bitstream(design, folder, None, chip)
        self.text = icebox.unpack(folder, "unit.bin")
        failure = compare_configuration(design, folder, None, chip)
        if failure:
            raise ToolFailed("The iCE40 flow", f"its bitstream {failure}")
        self.netlist = self._netlist()
        self.bits = [Bit(**found) for found in icebox.known_bits(folder)]

    def choose(self, number: int, seed: int) -> list[Bit]:
        """Choose bits at random, half of them set and half clear; the same ones for a seed.

        Raises
        ------
        InputError
            If there are not so many.
        """
        rng = random.Random(seed)
        chosen: list[Bit] = []
        for was, wanted in ((1, number // 2), (0, number - number // 2)):
            among = [bit for bit in self.bits if bit.was == was]
            if wanted > len(among):
                rule = f"at most {2 * len(among)}, for want of bits that are {was}"
                raise InputError.must("Number of flips", rule, number)
            chosen += rng.sample(among, wanted)
        return chosen

    def flip(self, bit: Bit) -> Flip:
        """Flip a bit of the bitstream, read the bitstream back, and decide what became of it.

        Raises
        ------
        ToolMissing, ToolFailed
            If a tool is missing, or comes to no conclusion.
        """
        began = time.monotonic()
        text = flipped(self.text, bit)
        (self.folder / "flipped.asc").write_text(text, encoding="utf-8")
        icebox.pack(self.folder, "flipped.asc", "flipped.bin")
        # What is decided is what the bitstream holds.
        if icebox.unpack(self.folder, "flipped.bin") != text:
            raise ToolFailed("icepack", "the flipped bit is not in the bitstream")
        try:
            failure = compare_configuration(self.design, self.folder, None, self.chip)
        except ToolFailed as error:
            if error.log is None or error.log.name != "icebox_vlog.log":
                raise
            return Flip(bit, "unfit", "icebox refuses it", time.monotonic() - began)
        if failure:
            outcome = "caught" if failure.startswith("differs") else "unfit"
        else:
            outcome = "unchanged" if self._netlist() == self.netlist else "equal"
        return Flip(bit, outcome, failure, time.monotonic() - began)

    def _netlist(self) -> str:
        return (self.folder / "chip.v").read_text(encoding="utf-8")


def flipped(text: str, bit: Bit) -> str:
    """Return a configuration in IceStorm's text form with one bit flipped.

    Raises
    ------
    InputError
        If there is no such bit, or it has not the value that it should.
    """
    lines = text.splitlines(keepends=True)
    try:
        start = lines.index(f".{bit.tile}_tile {bit.x} {bit.y}\n") + 1
        row = lines[start + bit.row]
        if row[bit.column] != str(bit.was):
            raise ValueError
    except (ValueError, IndexError):
        rule = "one that the configuration holds with that value"
        raise InputError.must("Bit", rule, bit) from None
    lines[start + bit.row] = row[: bit.column] + str(1 - bit.was) + row[bit.column + 1 :]
    return "".join(lines)


def counts(flips: Sequence[Flip]) -> dict[str, int]:
    """Return how many flips have which outcome."""
    return {outcome: sum(flip.outcome == outcome for flip in flips) for outcome in OUTCOMES}
