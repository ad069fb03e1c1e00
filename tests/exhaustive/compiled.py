"""Many designs' hardware compiled to one program by CXXRTL, run through every input and word."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from esru.design import Design
from esru.emulate.arrays import round_array, round_up_array
from esru.emulate.operand import operand_words
from esru.emulate.stream import Array
from esru.flow.simulated_board import compiler, headers
from esru.flow.yosys import run_script
from esru.formats import FixedFormat
from esru.hdl.emit import emit_rtlil, module_name
from esru.sources.settings import OPERANDS

_MAIN = """\
#include <cstdint>
#include <cstdio>
#include <cstdlib>
{includes}
using namespace cxxrtl;

template<size_t B> static void give(value<B> &port, size_t width, uint64_t bits) {{
    for (size_t i = 0; i < width; i++)
        if (bits >> i & 1)
            port.data[i / 32] |= 1u << i % 32;
}}
template<size_t B> static const value<B> &taken(const value<B> &port) {{ return port; }}
template<size_t B> static const value<B> &taken(const wire<B> &port) {{ return port.curr; }}

template<class M, class In, class Out, class Word, class More>
static void run(M &m, In &in, Out &out, Word &r, More &more, bool registered, unsigned width,
                unsigned random, unsigned beside, long cycles, FILE *data, FILE *file) {{
    m.p_en.set(true);
    m.p_rst.set(false);
    while (cycles--) {{
        uint64_t bits[3];
        if (fread(bits, 8, 3, data) != 3)
            exit(1);
        in = {{}};
        give(in, width, bits[0]);
        r = {{}};
        give(r, random, bits[1]);
        more = {{}};
        give(more, beside, bits[2]);
        m.p_clk.set(false);
        m.step();
        uint32_t found = taken(out).data[0];
        m.p_clk.set(true);
        m.step();
        if (registered) {{
            m.step();  // for an output that is made from a register
            found = taken(out).data[0];
        }}
        fwrite(&found, 4, 1, file);
    }}
}}

int main() {{
    FILE *data = fopen("data.bin", "rb"), *file = fopen("found.bin", "wb");
"""

_SCRIPT = """\
read_rtlil designs.il
proc
opt_clean
design -save all
"""

_ONE = """\
design -load all
hierarchy -top {module}
write_cxxrtl -g0 -namespace design{number} design{number}.cpp
"""

_CALL = """\
    {{
        design{number}::p_{name} m;
        value<1> none;
        run(m, m.{data}, m.{result}, {random}, {more}, {registered}, {width}, {bits}, {beside},
            {cycles}, data, file);
    }}
"""

#: Bits of all lanes' inputs, and of all lanes' outputs, at most.
_MOST_IN, _MOST_OUT = 64, 32

#: A third input, where there is one.
_MORE = {"accumulator": "m.p_w", "dither": "m.p_first"}

Found = npt.NDArray[np.uint32]
Ints = npt.NDArray[np.int64]


class Run:
    """What one design's hardware is driven with: every input with every word of the period.

    Attributes
    ----------
    design : Design
        The unit; ``design.lanes`` lanes of one source.
    width, result : int
        Bits of one lane's input and output.
    inputs : ndarray, shape (cycles, lanes)
        Every lane's input in every clock cycle.
    words : ndarray, shape (cycles, lanes)
        The random word that the lane sees.
    given : ndarray, shape (cycles, 1)
        The port `r`; one row if there is none.
    """

    def __init__(self, design: Design) -> None:
        self.design = design
        self.unit = design.boundary != "decision"
        self.width = design.input.width if self.unit else design.fraction_bits
        self.result = design.out_format.width if self.unit else 1
        array = Array(design, design.lanes)
        # Above the input of an accumulator's lane stands its stored word.
        self.stored = design.boundary == "accumulator"
        bits = self.width + (self.result if self.stored else 0)
        passes = np.arange(1 << bits, dtype=np.int64)[:, None]
        starts = (passes + 37 * np.arange(design.lanes)) & ((1 << bits) - 1)
        every = np.arange(1 << design.k, dtype=np.uint32)[:, None]
        self.given = np.zeros_like(every[:1])
        if design.source == "port":
            self.inputs: Ints = np.repeat(starts, len(every), axis=0)
            self.given = np.tile(every, (len(passes), 1))
            self.words = array.to_lanes(self.given).astype(np.int64)
        elif design.source in OPERANDS:
            self.inputs = _operands(design, passes)
            self.words = operand_words(design, self.inputs).astype(np.int64)
        else:
            self.inputs = np.repeat(starts, array.period, axis=0)
            words = array.lane_words(0, array.period).astype(np.int64)
            self.words = np.tile(words, (len(passes), 1))

    @property
    def data(self) -> npt.NDArray[np.uint64]:
        """Return the input port and the random word's in every clock cycle."""
        given = np.broadcast_to(self.given[:, 0], len(self.inputs))
        # At the boundary `dither` every sum is one addition: `first` is 1.
        more = np.ones_like(self.inputs[:, 0])
        if self.stored:
            more = _packed(self.inputs >> self.width, self.result)
        x = _packed(self.inputs & ((1 << self.width) - 1), self.width)
        return np.stack([x, given, more], axis=1).astype(np.uint64)

    def expected(self) -> Found:
        """Return the model's output port in every clock cycle."""
        x = self.inputs
        if not self.unit:
            x = x >> (self.width - self.design.n)
            return _packed(round_up_array(self.design, x, self.words), 1).astype(np.uint32)
        design, mask = self.design, (1 << self.width) - 1
        source, out = design.fixed
        stored, x = x >> self.width, x & mask
        if source.signed:
            x = x - ((x >> (self.width - 1)) << self.width)
        if design.boundary == "dither":
            y = _wrapped(design, x, self.words)
        elif self.stored:
            if out.signed:
                stored = stored - ((stored >> (out.width - 1)) << out.width)
            # The unit, in a format wide enough for the sum.
            wide = FixedFormat(True, self.width + self.result + 2, source.fraction)
            unit = replace(design, boundary="unit", in_format=wide)
            y = round_array(unit, (stored << design.dropped) + x, self.words)
        else:
            y = round_array(design, x, self.words)
        y &= (1 << self.result) - 1
        return _packed(y, self.result).astype(np.uint32)


def _wrapped(design: Design, x: Ints, words: Ints) -> Ints:
    """Return words rounded where the accumulator's width wraps what is rounded up."""
    source, out = design.fixed
    fractions = x >> (design.dropped - design.n) & ((1 << design.n) - 1)
    whole = (x >> design.dropped) + round_up_array(design, fractions, words)
    highest = source.high >> design.dropped
    whole = np.where(whole > highest, source.low >> design.dropped, whole)
    if design.overflow == "wrap":
        return whole
    return np.clip(whole, out.low, out.high)


def _operands(design: Design, inputs: Ints) -> Ints:
    """Return lanes' inputs in which every input meets every word of another operand."""
    if design.source == "operand-own":
        return np.repeat(inputs, design.lanes, axis=1)
    every = np.arange(1 << design.k, dtype=np.int64)
    x, word = np.repeat(inputs, len(every)), np.tile(every, len(inputs))
    if design.source == "operand-prev":
        # In turn the operand whose lowest bits are the word, and the one that meets it.
        return np.repeat(np.stack([word, x], axis=1).reshape(-1, 1), design.lanes, axis=1)
    # Each lane in turn is the one that is rounded, the others are its neighbours.
    turns = []
    for lane in range(design.lanes):
        turn = np.repeat(word[:, None], design.lanes, axis=1)
        turn[:, lane] = x
        turns.append(turn)
    return np.concatenate(turns)


def _packed(values: npt.NDArray[Any], width: int) -> Ints:
    """Return each row's values side by side, lane 0 lowest."""
    places: Ints = (values.astype(np.int64) << (np.arange(values.shape[1]) * width)).sum(axis=1)
    return places


def outputs(designs: Sequence[Design], folder: Path) -> list[Found]:
    """Return what each design's hardware gives for every input with every word of its source.

    Parameters
    ----------
    designs : sequence of Design
        Designs with different ids; the outputs of a source's lanes fit 32 bits.
    folder : Path
        Where the program and its logs go.
    """
    runs = [Run(design) for design in designs]
    texts, calls, script, includes = [], [], [_SCRIPT], []
    for number, run in enumerate(runs):
        assert run.design.lanes * run.width <= _MOST_IN
        assert run.design.lanes * run.result <= _MOST_OUT
        module = module_name(run.design)
        texts.append(emit_rtlil(run.design).replace("attribute \\top 1\n", ""))
        script.append(_ONE.format(module=module, number=number))
        includes.append(f'#include "design{number}.cpp"\n')
        calls.append(
            _CALL.format(
                number=number,
                name=module.replace("_", "__"),
                data="p_x" if run.unit else "p_frac",
                result="p_y" if run.unit else "p_up",
                registered=str(bool(run.design.latency)).lower(),
                random="m.p_r" if run.design.source == "port" else "none",
                more=_MORE.get(run.design.boundary, "none"),
                beside={"accumulator": run.design.lanes * run.result}.get(run.design.boundary, 1),
                width=run.design.lanes * run.width,
                bits=run.design.k if run.design.source == "port" else 0,
                cycles=len(run.inputs),
            )
        )
    (folder / "designs.il").write_text("".join(texts), encoding="utf-8")
    text = _MAIN.format(includes="".join(includes)) + "".join(calls)
    (folder / "main.cpp").write_text(text + "    return fclose(file);\n}\n", encoding="utf-8")
    with (folder / "data.bin").open("wb") as file:
        for run in runs:
            run.data.tofile(file)
    run_script("".join(script), cwd=folder, log=folder / "cxxrtl.log")
    command = [compiler(), "-std=c++14", "-O1", "-w", "-I", str(headers()), "main.cpp", "-o", "all"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    subprocess.run(["./all"], cwd=folder, check=True)
    found = np.fromfile(folder / "found.bin", np.uint32)
    ends = np.cumsum([len(run.inputs) for run in runs])
    assert len(found) == ends[-1]
    return list(np.split(found, ends[:-1]))


def mismatch(design: Design, found: Found) -> str:
    """Return the first clock cycle in which hardware and model differ, or an empty text."""
    expected = Run(design).expected()
    assert len(found) == len(expected)
    different = np.flatnonzero(found != expected)
    if not len(different):
        return ""
    cycle = int(different[0])
    return f"{design}: cycle {cycle}: expected {expected[cycle]:#x}, got {found[cycle]:#x}"
