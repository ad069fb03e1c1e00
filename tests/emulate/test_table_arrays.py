"""Tables, vectorised: arrays, tensors and weight updates against the scalar rule."""

from __future__ import annotations

import numpy as np
import pytest

from esru.design import parse
from esru.emulate import round_array, round_tensor
from esru.emulate.stream import Array
from esru.float_rounding import round_float
from esru.rounding import round_word

torch = pytest.importorskip("torch")

from esru.emulate.runs import Blocks, Runs, batch_key  # noqa: E402  (after the check)
from esru.emulate.update import make_rounder  # noqa: E402

EXACT = "table-ff00f0f0fc30fa5000000000ccccaaaa.1.2.1.0.0.0.4.8"


@pytest.mark.parametrize("overflow", ["saturate", "wrap"])
@pytest.mark.parametrize("head", [f"4:4:{EXACT}", "3:2:table-f0cceea8", "2:2:table-ca.3.1"])
def test_every_word_with_every_input(head: str, overflow: str) -> None:
    unit = parse(f"{head}:lfsr4,in=s9.5,out=s4.0,overflow={overflow}")
    x, words = np.arange(-256, 256), np.arange(1 << unit.k)
    wanted = [[round_word(unit, int(v), int(r)) for r in words] for v in x]
    assert round_array(unit, x[:, None], words[None, :]).tolist() == wanted


@pytest.mark.parametrize("source", ["lfsr13,leap=4,lanes=4", "plateau4,lanes=2,map=invert"])
def test_tensors_of_both_libraries(source: str) -> None:
    unit = parse(f"4:4:{EXACT}:{source}")
    rng = np.random.default_rng(3)
    x = rng.normal(0, 40, 999).astype(np.float32)
    words = Array(unit, 8).lane_words(3, 125).reshape(-1)[:999]
    inputs = np.floor(np.clip(x, -128, 127.99) * 16).astype(int)
    wanted = [round_word(unit, int(v), int(r)) for v, r in zip(inputs, words, strict=True)]
    y, phase = round_tensor(unit, x, 3, 8)
    assert (y.tolist(), phase) == (wanted, 128)
    z, phase = round_tensor(unit, torch.from_numpy(x), 3, 8)
    assert (z.tolist(), phase) == (wanted, 128)
    z, _ = round_tensor(unit, torch.from_numpy(inputs), 3, 8)
    assert z.tolist() == wanted


def test_float_units() -> None:
    unit = parse(f"4:4:{EXACT}:debruijn4,in=float32,out=ocp_e4m3")
    rng = np.random.default_rng(4)
    x = rng.normal(0, 4, 300).astype(np.float32)
    bits = x.view(np.uint32).astype(np.int64)
    words = rng.integers(0, 16, 300)
    wanted = [round_float(unit, int(v), int(r)) for v, r in zip(bits, words, strict=True)]
    assert round_array(unit, bits, words).tolist() == wanted


@pytest.mark.parametrize("overflow", ["saturate", "wrap"])
@pytest.mark.parametrize("source", ["lfsr13,leap=4,lanes=4", "operand-own"])
def test_weight_updates(source: str, overflow: str) -> None:
    """Two runs of two tensors, two steps, against the tensors rounded one by one."""
    unit = parse(f"4:4:{EXACT}:{source},overflow={overflow}")
    shapes, lanes, device = [(7, 5), (6,)], 4, torch.device("cpu")
    rounder = make_rounder(Runs([(unit, 19)], [0, 0], shapes, lanes, device), 2)
    held, deltas = Blocks(shapes, 2, device), Blocks(shapes, 2, device)
    generator = torch.Generator().manual_seed(6)
    held.flat.copy_(torch.randint(-120, 120, held.flat.shape, generator=generator))
    for step in range(2):
        deltas.flat.copy_(torch.randn(deltas.flat.shape, generator=generator) * 6)
        scale = 2.0**unit.dropped
        sums = [
            torch.floor((w + d) * scale).clamp(-128 * scale, 128 * scale - 1) / scale
            for w, d in zip(held.views, deltas.views, strict=True)
        ]
        wanted = []
        for run in range(2):
            phase = step * 19
            for part in sums:
                y, phase = round_tensor(unit, part[run].contiguous(), phase, lanes)
                wanted.append(y)
        rounder.apply(held.flat, deltas.flat, step)
        found = [view[run] for run in range(2) for view in held.views]
        for one, other in zip(found, wanted, strict=True):
            assert torch.equal(one, other)


def test_tables_have_batches_of_their_own() -> None:
    one, other = parse(f"4:4:{EXACT}:lfsr5"), parse("2:2:table-ca.3.1:lfsr5")
    assert len({batch_key(one), batch_key(other), batch_key(parse("4:4:zero:lfsr5"))}) == 3
    assert batch_key(one) == batch_key(parse(f"4:4:{EXACT}:debruijn4"))
