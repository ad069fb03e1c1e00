"""Float units' netlists, run on many inputs at once, against the model.

A netlist is the and-inverter graph that Yosys makes of the RTLIL. A Python integer holds one bit of
every stream: of some ten thousand copies of the circuit that differ in their data inputs. A cycle
is then one AND of such integers per gate.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from esru.design import Design
from esru.emulate.arrays import round_array
from esru.emulate.stream import Array
from esru.float_formats import SCALE_BITS
from esru.flow.aiger import Aiger, read_aiger
from esru.flow.float_stimuli import float_inputs
from esru.flow.yosys import run_script
from esru.hdl.emit import emit_rtlil, module_name
from esru.sources.settings import OPERANDS

#: Inputs of at most so many bits are all taken, of wider ones so many chosen ones.
ALL_BITS = 16
CHOSEN = 1 << 11

#: Designs that are mapped at once: a pass over more of them takes longer for each (measured).
_BATCH = 12

_SCRIPT = """\
read_rtlil designs{first}.il
proc
opt_clean
techmap
opt_expr
opt_clean
dffunmap
aigmap
opt_clean
{writes}design -reset
"""


@lru_cache(maxsize=256)
def streams(design: Design) -> npt.NDArray[np.int64]:
    """Return an input pattern for each stream: all there are, or some in every binade."""
    if design.input.width <= ALL_BITS:
        return np.arange(1 << design.input.width, dtype=np.int64)
    rng = np.random.default_rng(design.input.width)
    fractions = rng.integers(0, 1 << design.n, (CHOSEN, 1))
    unseen = rng.integers(0, 1 << 32, (CHOSEN, 1), dtype=np.uint64)
    return float_inputs(design, fractions, unseen, rng)[:, 0].astype(np.int64)


def bits_of(patterns: npt.NDArray[Any], width: int) -> list[int]:
    """Return for each bit of some patterns the integer that holds it of all streams."""
    rows = [np.packbits((patterns >> i & 1).astype(np.uint8), bitorder="little")
            for i in range(width)]  # fmt: skip
    return [int.from_bytes(row.tobytes(), "little") for row in rows]


@lru_cache(maxsize=256)
def _outcomes(key: Design, change: int) -> list[list[int]]:
    """Return the model's output bits for each random word, of inputs with low bits changed."""
    x = streams(key) ^ change
    return [
        bits_of(round_array(key, x, np.full(1, word)), key.out_format.width)
        for word in range(1 << key.k)
    ]


class Drive:
    """What a design's lanes get in each clock cycle, and what is to come out in or after it.

    Every lane has the inputs of `streams`, with the lowest k bits changed from lane to lane and
    from cycle to cycle where words come from operands: so that every input meets every word.
    """

    def __init__(self, design: Design, key: Design) -> None:
        self.design, self.key = design, key
        self.size = len(streams(key))
        self.base = bits_of(streams(key), design.input.width)
        words = range(1 << design.k)
        if design.source in OPERANDS:
            self.changes = [0, *words]
            if design.source == "operand-prev":
                # What two cycles differ in takes every value.
                for cycle in words:
                    self.changes[cycle + 1] = self.changes[cycle] ^ cycle
            self.words = [0] * len(self.changes)
        elif design.source == "port":
            self.words = list(words)
            self.changes = [0] * len(self.words)
        else:
            array = Array(design, design.lanes)
            count = max(array.period, 1)
            self.words = array.lane_words(0, count)[:, 0].tolist() if design.k else [0]
            self.changes = [0] * len(self.words)

    def change(self, cycle: int, lane: int) -> int:
        """Return which low bits of a lane's inputs are changed."""
        if self.design.source == "operand-prev" or not lane:
            return self.changes[cycle] if self.design.source == "operand-prev" else 0
        return self.changes[cycle]

    def inputs(self, cycle: int) -> dict[str, list[int]]:
        """Return the bits of each input port, lane 0 lowest."""
        design = self.design
        x: list[int] = []
        scale: list[int] = []
        for lane in range(design.lanes):
            change = self.change(cycle, lane)
            bits = [bit ^ -(change >> i & 1) for i, bit in enumerate(self.base)]
            x += bits[: design.x_bits]
            if design.block and lane % design.block == 0:
                scale += bits[-SCALE_BITS:]
        word = [-(self.words[cycle] >> i & 1) for i in range(design.k)]
        return {"en": [-1], "rst": [0], "clk": [0], "x": x, "scale": scale, "r": word}

    def expected(self, cycle: int, lane: int) -> list[int]:
        """Return the bits of a lane's output for a cycle: in it, or registered after it."""
        outcomes = _outcomes(self.key, self.change(cycle, lane))
        if self.design.source not in OPERANDS:
            return outcomes[self.words[cycle]]
        found = [0] * self.design.out_format.width
        for word, outputs in enumerate(outcomes):
            chosen = -1
            for i, bit in enumerate(self._word(cycle, lane)):
                chosen &= bit if word >> i & 1 else ~bit
            found = [bit | chosen & made for bit, made in zip(found, outputs, strict=True)]
        return found

    def _word(self, cycle: int, lane: int) -> list[int]:
        """Return the bits of the word that a lane takes from the operands."""
        lanes = self.design.lanes

        def low(cycle: int, lane: int) -> list[int]:
            if cycle < 0:
                return [0] * self.design.k
            change = self.change(cycle, lane)
            return [self.base[i] ^ -(change >> i & 1) for i in range(self.design.k)]

        own, beside = low(cycle, lane), low(cycle, (lane + 1) % lanes)
        return {
            "operand-own": own,
            "operand-prev": low(cycle - 1, lane),
            "operand-neighbour": beside,
            "operand-xor": [a ^ b for a, b in zip(own, beside, strict=True)],
        }[self.design.source]


def _run(graph: Aiger, drive: Drive) -> Iterator[dict[str, int]]:
    """Yield the bits of the output port by name, in each cycle and in one more."""
    gates = [(gate, *pair) for gate, pair in graph.gates.items()]
    assert all(gate > max(a, b) for gate, a, b in gates), "gates come after their inputs"
    most = 2 + max([*graph.gates, *graph.inputs, *graph.latches])
    ports = {literal: graph.input_names[literal >> 1] for literal in graph.inputs}
    values = [0, -1] * (most // 2)
    state = dict.fromkeys(graph.latches, 0)
    cycles = len(drive.words)
    for cycle in range(cycles + 1):
        given = drive.inputs(min(cycle, cycles - 1))
        for literal, name in ports.items():
            port, _, place = name.removesuffix("]").partition("[")
            values[literal] = given[port][int(place or 0)]
            values[literal + 1] = ~values[literal]
        for literal, value in state.items():
            values[literal], values[literal + 1] = value, ~value
        for gate, a, b in gates:
            values[gate] = value = values[a] & values[b]
            values[gate + 1] = ~value
        yield {name: values[literal] for name, literal in graph.output_names.items()}
        state = {literal: values[following] for literal, following in graph.latches.items()}


def mismatch(design: Design, key: Design, graph: Aiger) -> str:
    """Return the first difference of hardware and model, or an empty text."""
    drive = Drive(design, key)
    every = (1 << drive.size) - 1
    width = design.out_format.width
    outputs = islice(_run(graph, drive), design.latency, design.latency + len(drive.words))
    for cycle, found in enumerate(outputs):
        for lane in range(design.lanes):
            for i, expected in enumerate(drive.expected(cycle, lane)):
                different = (found[f"y[{lane * width + i}]"] ^ expected) & every
                if different:
                    stream = (different & -different).bit_length() - 1
                    x = int(streams(key)[stream]) ^ drive.change(cycle, lane)
                    return f"{design}: cycle {cycle}, lane {lane}, x {x:#x}: bit {i} differs"
    return ""


def differences(pairs: Sequence[tuple[Design, Design]], folder: Path) -> list[str]:
    """Return the first difference of every design that has one.

    Parameters
    ----------
    pairs : sequence of tuple of Design
        Float units at ``unit`` or ``result``, with different ids, and for each a design with the
        same decisions for the same words: what the model computes is kept for all that share one.
    folder : Path
        Where netlists and logs go.
    """
    script = ""
    for first in range(0, len(pairs), _BATCH):
        batch = [design for design, _ in pairs[first : first + _BATCH]]
        texts = [emit_rtlil(design).replace("attribute \\top 1\n", "") for design in batch]
        (folder / f"designs{first}.il").write_text("".join(texts), encoding="utf-8")
        writes = [
            f"select {module_name(design)}\nwrite_aiger -ascii -zinit -symbols {number}.aag\n"
            for number, design in enumerate(batch, first)
        ]
        script += _SCRIPT.format(first=first, writes="".join(writes))
    run_script(script, cwd=folder, log=folder / "netlists.log")
    found = []
    for number, (design, key) in enumerate(pairs):
        found.append(mismatch(design, key, read_aiger(folder / f"{number}.aag")))
    return [text for text in found if text]
