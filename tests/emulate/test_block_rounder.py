"""Batched rounding to blocks of FP4 against the scalar reference and `round_tensor`."""

from __future__ import annotations

import struct
from dataclasses import replace

import numpy as np
import pytest

from esru.boundaries import ROUNDINGS
from esru.design import parse
from esru.emulate import round_tensor
from esru.emulate.stream import Array
from esru.float_rounding import round_float

torch = pytest.importorskip("torch")

from esru.emulate.block_rounder import BlockRounder  # noqa: E402  (after the check)
from esru.emulate.runs import Runs, Stream  # noqa: E402

FORMATS = "in=mx_float32,out=ocp_e2m1"
UNITS = (
    f"24:24:zero:lfsr24,{FORMATS}",
    f"8:7:select:lfsr13,leap=7,lanes=64,{FORMATS}",
    f"4:3:select:lfsr24,leap=4,lanes=64,{FORMATS}",
    f"8:3:replicate:plateau3,{FORMATS}",
    f"5:3:nearest:debruijn7,lanes=2,map=invert,{FORMATS}",
    f"4:3:half:counter3,{FORMATS}",
    f"2:2:table-ca.3.1:debruijn2,{FORMATS}",
    f"8:0:half:none,{FORMATS}",
)
SHAPES, CYCLES, LANES = [(5, 2, 16), (1, 3, 32)], [4, 9], 64


def block_rounder(streams: list[Stream], chosen: list[int]) -> BlockRounder:
    return BlockRounder(Runs(streams, chosen, SHAPES, LANES, torch.device("cpu")))


def examples(runs: int, shape: tuple[int, ...], seed: int) -> torch.Tensor:
    """Return elements up to 6: every number of the format, numbers beside them, and many more."""
    rng = np.random.default_rng(seed)
    size = runs * int(np.prod(shape))
    edges = np.array([0.0, 0.5, 1, 1.5, 2, 3, 4, 6], np.float32)
    edges = np.concatenate([edges, np.nextafter(edges, 7, dtype=np.float32)[:-1]])
    edges = np.concatenate([edges, np.nextafter(edges[1:8], 0, dtype=np.float32)])
    drawn = (rng.random(size) * 6 * 2.0 ** -rng.integers(0, 12, size)).astype(np.float32)
    # Half of them have few fraction bits, as thresholds have.
    drawn[::2] = np.floor(drawn[::2] * 64) / 64
    drawn[: len(edges)] = edges
    drawn *= rng.choice([-1, 1], size).astype(np.float32)
    return torch.from_numpy(rng.permutation(drawn).reshape(runs, *shape))


@pytest.mark.parametrize("text", UNITS)
def test_blocks_equal_the_scalar_reference(text: str) -> None:
    """Three runs on two schedules, two tensors, two steps, element by element."""
    design = parse(text)
    assert design.floats is not None
    out = design.floats[1]
    chosen = [1, 0, 1]
    rounder = block_rounder([(design, c) for c in CYCLES], chosen)
    first = 0
    for step in range(2):
        rounder.begin(step)
        first = 0
        for index, shape in enumerate(SHAPES):
            given = examples(3, shape, 10 * step + index)
            found = rounder.round(index, given.clone())
            for run, stream in enumerate(chosen):
                cycle = step * CYCLES[stream] + first
                words, _ = Array(design, LANES).tensor_words(given[run].numel(), cycle)
                expected = []
                for value, word in zip(given[run].view(-1).tolist(), words, strict=True):
                    (bits,) = struct.unpack("<I", struct.pack("<f", value))
                    pattern = 127 << 32 | bits  # the scale 1 above the number
                    expected.append(out.decode(round_float(design, pattern, int(word))))
                assert found[run].view(-1).tolist() == expected
                # The general way of the emulation, with scales of its own.
                exponents = np.full((shape[0], shape[1], 1), 3 - index)
                scaled = given[run].numpy() * np.float32(2.0 ** (3 - index))
                other, _ = round_tensor(design, scaled, cycle, LANES, scale=exponents)
                assert found[run].tolist() == other.tolist()
            first += -(-given[0].numel() // LANES)
    assert first == 5


def test_streams_of_a_batch_may_differ_in_all_but_the_rule() -> None:
    designs = [parse(text) for text in (UNITS[0], UNITS[3], UNITS[5])]
    streams = [(design, 7) for design in designs]
    together = block_rounder(streams, [0, 1, 2])
    given = examples(3, SHAPES[0], 5)
    together.begin(3)
    found = together.round(0, given.clone())
    for run, design in enumerate(designs):
        alone = block_rounder([(design, 7)], [0])
        alone.begin(3)
        assert torch.equal(alone.round(0, given[run : run + 1].clone())[0], found[run])
    assert not torch.equal(found[0], found[1])


def test_the_boundary_does_not_matter() -> None:
    design = parse(UNITS[0])
    found = []
    for boundary in ROUNDINGS:
        rounder = block_rounder([(replace(design, boundary=boundary), 7)], [0])
        found.append(rounder.round(0, examples(1, SHAPES[0], 5)))
    assert all(torch.equal(found[0], other) for other in found[1:])
