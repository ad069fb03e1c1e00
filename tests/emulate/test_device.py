"""The words that are made on a tensor's device are those of the array.

A CPU tensor takes its words from the host; here the device's way is taken on the CPU, and where
there is CUDA, there.
"""

from __future__ import annotations

import numpy as np
import pytest

from esru.design import parse
from esru.emulate import Array, decision_values, round_tensor
from esru.errors import InputError

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
@pytest.mark.parametrize("fused", ["off", "on"])
@pytest.mark.parametrize("text", [*DESIGNS, "8:8:zero:lfsr8,out=ocp_e4m3"])
def test_cuda_gives_the_bits_of_the_cpu(
    monkeypatch: pytest.MonkeyPatch, text: str, fused: str
) -> None:
    """In plain operations and by the fused kernel, subnormal numbers and a lone NaN too."""
    monkeypatch.setenv("ESRU_FUSED", "off")
    design = parse(text)
    rng = np.random.default_rng(3)
    values = (rng.normal(size=5000) * 40).astype(np.float32)
    values[:4] = 1e-45, -1e-45, 1e-39, -1e-39
    x = torch.from_numpy(values)
    kinds = [torch.float32] if design.floats else [torch.float32, torch.float64]
    for kind in kinds:
        here, following = round_torch(Array(design), x.to(kind), 77)
        monkeypatch.setenv("ESRU_FUSED", fused)
        there, same = round_tensor(design, x.to("cuda", kind), 77)
        assert there.device.type == "cuda" and following == same
        assert torch.equal(there.cpu(), here)
    if not design.floats:
        out = torch.empty(5000, dtype=torch.int16, device="cuda")
        assert round_tensor(design, x.cuda(), 77, out=out)[0] is out
        assert torch.equal(out.cpu(), here.to(torch.int16))
        x[4321] = float("nan")
        with pytest.raises(InputError, match="Values must be numbers, not nan"):
            round_tensor(design, x.cuda(), 77)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("fused", ["off", "on"])
def test_cuda_divides_by_scales_as_the_cpu(monkeypatch: pytest.MonkeyPatch, fused: str) -> None:
    design = parse("8:7:select:lfsr13,leap=7,lanes=32,in=mx_float32,out=ocp_e2m1,block=32")
    rng = np.random.default_rng(4)
    x = rng.normal(size=(300, 32)).astype(np.float32)
    scale = rng.integers(-5, 3, (300, 1))
    here, _ = round_tensor(design, x, 77, 32, scale=scale)
    monkeypatch.setenv("ESRU_FUSED", fused)
    there, _ = round_tensor(design, torch.from_numpy(x).cuda(), 77, 32, scale=scale)
    assert np.array_equal(there.cpu().numpy(), here)
