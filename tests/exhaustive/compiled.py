"""Many designs' hardware compiled to one program by CXXRTL, run through every input and word."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from esru.design import Design
from esru.emulate.arrays import round_array, round_up_array
from esru.emulate.stream import Array
from esru.flow.simulated_board import compiler, headers
from esru.flow.yosys import run_script
from esru.hdl.emit import emit_rtlil, module_name

_MAIN = """\
#include <cstdint>
#include <cstdio>
{includes}
using namespace cxxrtl;

template<size_t B> static void give(value<B> &port, size_t at, size_t width, uint32_t bits) {{
    for (size_t i = 0; i < width; i++)
        if (bits >> i & 1)
            port.data[(at + i) / 32] |= 1u << (at + i) % 32;
}}
template<size_t B> static const value<B> &taken(const value<B> &port) {{ return port; }}
template<size_t B> static const value<B> &taken(const wire<B> &port) {{ return port.curr; }}

template<class M, class In, class Out>
static void run(M &m, In &in, Out &out, bool registered, unsigned lanes, unsigned width,
                unsigned period, FILE *file) {{
    m.p_en.set(true);
    m.p_rst.set(false);
    for (uint64_t cycle = 0; cycle < (uint64_t)period << width; cycle++) {{
        in = {{}};
        for (unsigned lane = 0; lane < lanes; lane++)
            give(in, lane * width, width, (cycle / period + lane) & ((1u << width) - 1));
        m.p_clk.set(false);
        m.step();
        uint32_t found = taken(out).data[0];
        m.p_clk.set(true);
        m.step();
        if (registered)
            found = taken(out).data[0];
        fwrite(&found, 4, 1, file);
    }}
}}

int main() {{
    FILE *file = fopen("found.bin", "wb");
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
        run(m, m.{data}, m.{result}, {registered}, {lanes}, {width}, {period}, file);
    }}
"""

#: Bits of all lanes' outputs together, at most.
_MOST_BITS = 32

Found = npt.NDArray[np.uint32]


@dataclass(frozen=True)
class Run:
    """What one design's hardware is driven with: every input with every word of the period.

    Attributes
    ----------
    design : Design
        The unit; ``design.lanes`` lanes of one source.
    width, result : int
        Bits of one lane's input and output.
    period : int
        Words of the source.
    """

    design: Design

    @property
    def width(self) -> int:
        unit = self.design.boundary == "unit"
        return self.design.input.width if unit else self.design.n

    @property
    def result(self) -> int:
        return self.design.out_format.width if self.design.boundary == "unit" else 1

    @property
    def period(self) -> int:
        return Array(self.design, self.design.lanes).period

    @property
    def cycles(self) -> int:
        return self.period << self.width

    def expected(self) -> Found:
        """Return the model's outputs, the lanes of each clock cycle side by side."""
        design, lanes = self.design, self.design.lanes
        words = Array(design, lanes).lane_words(0, self.period)[None, :, :]
        passes = np.arange(1 << self.width, dtype=np.int64)[:, None, None]
        x = (passes + np.arange(lanes)) & ((1 << self.width) - 1)
        if design.boundary == "unit":
            if design.input.signed:
                x = x - ((x >> (self.width - 1)) << self.width)
            y = round_array(design, x, words) & ((1 << self.result) - 1)
        else:
            y = round_up_array(design, x, words).astype(np.int64)
        places = (y << (np.arange(lanes) * self.result)).sum(axis=2)
        found: Found = places.reshape(-1).astype(np.uint32)
        return found


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
        assert run.design.lanes * run.result <= _MOST_BITS
        module = module_name(run.design)
        texts.append(emit_rtlil(run.design).replace("attribute \\top 1\n", ""))
        script.append(_ONE.format(module=module, number=number))
        includes.append(f'#include "design{number}.cpp"\n')
        unit = run.design.boundary == "unit"
        calls.append(
            _CALL.format(
                number=number,
                name=module.replace("_", "__"),
                data="p_x" if unit else "p_frac",
                result="p_y" if unit else "p_up",
                registered=str(unit).lower(),
                lanes=run.design.lanes,
                width=run.width,
                period=run.period,
            )
        )
    (folder / "designs.il").write_text("".join(texts), encoding="utf-8")
    text = _MAIN.format(includes="".join(includes)) + "".join(calls)
    (folder / "main.cpp").write_text(text + "    return fclose(file);\n}\n", encoding="utf-8")
    run_script("".join(script), cwd=folder, log=folder / "cxxrtl.log")
    command = [compiler(), "-std=c++14", "-O1", "-w", "-I", str(headers()), "main.cpp", "-o", "all"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    subprocess.run(["./all"], cwd=folder, check=True)
    found = np.fromfile(folder / "found.bin", np.uint32)
    ends = np.cumsum([run.cycles for run in runs])
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
