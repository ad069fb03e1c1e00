"""The words that are made on a tensor's device are those of the array.

A CPU tensor takes its words from the host; here the device's way is taken on the CPU, and where
there is CUDA, there.
"""

from __future__ import annotations

import numpy as np
import pytest

from esru.design import parse
from esru.emulate import Array, decision_values, round_tensor

torch = pytest.importorskip("torch")

from esru.emulate.device import DeviceValues, device_values  # noqa: E402  # needs torch
from esru.emulate.tensors import round_torch  # noqa: E402

DESIGNS = [
    "reference",
    "papers",
    "nearest",
    "8:7:select:lfsr13,leap=7,lanes=64",
    "8:4:nearest:debruijn6,leap=5,lanes=8",
    "11:5:replicate:plateau7,form=galois,lanes=16,map=permute",
    "6:5:select:cellular9,leap=6,lanes=4,map=rotate",
    "8:8:zero:counter8,lanes=2,map=invert",
    "12:12:zero:lfsr12,map=complement",
    "8:5:half:lfsr6,lanes=8,map=delay",
    # Periods without a table: a jump, then doubling, on the device.
    "24:24:zero:lfsr32,form=galois,leap=26",
    "16:15:half:plateau31,leap=17,lanes=2,map=invert",
    "8:7:select:cellular29,leap=9,lanes=4,map=permute",
    "24:20:replicate:lfsr27,leap=23,lanes=2,map=rotate",
    # Long ones whose words come from the host.
    "8:8:zero:debruijn26,leap=9",
    "8:6:zero:lfsr25,leap=8,lanes=4,map=delay",
]


@pytest.mark.parametrize("text", DESIGNS)
def test_values_are_those_of_the_array(text: str) -> None:
    design = parse(text)
    # The host's own way to words far in a long period takes seconds for many sources.
    array = Array(design, 8 if design.length > 24 else 128)
    values = DeviceValues(array, torch.device("cpu"))
    for size, phase in (
        (0, 0),
        (1, 0),
        (1000, 5),
        (4096, 2**40 + 12345),
        (700, max(0, array.period - 3)),
    ):
        words, _ = array.tensor_words(size, phase)
        found = values(size, phase)
        assert found.shape == (size,)
        assert (found.numpy() == decision_values(array.design, words)).all()


@pytest.mark.parametrize("text", ["papers", "8:7:select:lfsr13,leap=7,lanes=64", "reference"])
def test_tables_are_made_once(text: str) -> None:
    one = device_values(parse(text), 64, torch.device("cpu"))
    assert device_values(parse(text), 64, torch.device("cpu")) is one


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("text", [*DESIGNS, "8:8:zero:lfsr8,out=ocp_e4m3"])
def test_cuda_gives_the_bits_of_the_cpu(text: str) -> None:
    design = parse(text)
    rng = np.random.default_rng(3)
    x = torch.from_numpy((rng.normal(size=5000) * 40).astype(np.float32))
    here, following = round_torch(Array(design), x, 77)
    there, same = round_tensor(design, x.cuda(), 77)
    assert there.device.type == "cuda" and following == same
    assert (there.cpu() == here).all()
