"""Batched updates of float weights against the scalar reference, word by word."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from esru.design import parse
from esru.emulate.stream import Array
from esru.float_rounding import round_float

torch = pytest.importorskip("torch")

from esru.emulate.runs import Blocks, Runs, batch_key  # noqa: E402  (after the check)
from esru.emulate.update import make_rounder  # noqa: E402

UNITS = (
    "24:24:zero:lfsr24,out=ocp_e4m3",
    "8:7:select:lfsr13,leap=7,lanes=64,out=ocp_e5m2",
    "4:3:replicate:plateau3,out=ocp_e2m1",
    "5:3:nearest:lfsr7,in=bfloat16,out=ocp_e4m3",
    "4:3:half:counter3,in=float16,out=ocp_e5m2",
    "2:2:table-ca.3.1:debruijn2,out=ocp_e3m2",
    "8:0:half:none,out=ocp_e2m3",
)


def float32(value: float) -> float:
    """Return a float64 rounded to float32."""
    return float(np.float32(value))


def narrow(value: float, name: str) -> int:
    """Return the pattern of a float32 in an input format, rounded to nearest even."""
    if name == "float16":
        return int(np.float16(value).view(np.uint16))
    (bits,) = struct.unpack("<I", struct.pack("<f", value))
    if name == "float32":
        return int(bits)
    return (bits + 0x7FFF + (bits >> 16 & 1)) >> 16


@pytest.mark.parametrize("text", UNITS)
def test_updates_equal_the_scalar_reference(text: str) -> None:
    """Two runs on two schedules, three tensors, two steps."""
    design = parse(text)
    assert design.floats is not None
    source, out = design.floats
    shapes, device, cycles = [(5, 13), (3,), (64,)], torch.device("cpu"), [4, 7]
    rounder = make_rounder(Runs([(design, c) for c in cycles], [1, 0], shapes, 64, device), 2)
    weights, deltas = Blocks(shapes, 2, device), Blocks(shapes, 2, device, torch.float64)
    rng = np.random.default_rng(3)
    numbers = np.array([out.decode(c) for c in range(out.highest + 1)])
    signs = rng.choice([-1, 1], 2 * 132)
    weights.flat.copy_(torch.from_numpy(rng.choice(numbers, 2 * 132) * signs))
    for step in range(2):
        size = rng.normal(size=2 * 132) * 2.0 ** rng.integers(-12, 8, 2 * 132)
        deltas.flat.copy_(torch.from_numpy(size.astype(np.float32)))
        before = [view.clone() for view in weights.views]
        given = [view.clone() for view in deltas.views]
        rounder.apply(weights.flat, deltas.flat, step)
        for run, c in enumerate([cycles[1], cycles[0]]):
            cycle = step * c
            for old, delta, new in zip(before, given, weights.views, strict=True):
                words, cycle = Array(design, 64).tensor_words(new[run].numel(), cycle)
                pairs = zip(
                    old[run].view(-1).tolist(), delta[run].view(-1).tolist(), words, strict=True
                )
                expected = [
                    out.decode(round_float(design, narrow(float32(w + d), source.name), int(r)))
                    for w, d, r in pairs
                ]
                assert new[run].view(-1).tolist() == expected


def test_what_a_batch_shares() -> None:
    one = parse("papers,out=ocp_e4m3")
    assert batch_key(one) == batch_key(parse("reference,out=ocp_e4m3"))
    others = ("papers", "papers,out=int4", "papers,out=ocp_e5m2", "papers,in=bfloat16,out=ocp_e4m3")
    assert len({batch_key(parse(text)) for text in others} | {batch_key(one)}) == 5
