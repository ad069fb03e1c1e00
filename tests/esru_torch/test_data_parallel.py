"""Two data-parallel ranks: their own phases, the same weights, one checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402  (after the check)

from esru.design import parse  # noqa: E402
from esru.emulate import round_tensor  # noqa: E402
from esru.torch import Rounding, quantise, rank_offset  # noqa: E402

UNIT = "8:7:select:lfsr13,leap=7,lanes=64"
STEPS = 3


def inputs(rank: int, step: int) -> torch.Tensor:
    rng = np.random.default_rng([rank, step])
    return torch.from_numpy(rng.normal(size=(8, 16)).astype(np.float32))


def work(rank: int, folder: str) -> None:
    """Train one rank, and keep its state and what its first layer's quantiser made last."""
    torch.set_num_threads(1)
    store = f"file://{folder}/store"
    torch.distributed.init_process_group("gloo", init_method=store, rank=rank, world_size=2)
    torch.manual_seed(4)
    rounding = Rounding(
        activations=UNIT, gradients="reference", updates="papers", rank=rank, ranks=2
    )
    net = quantise(nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 3)), rounding)
    parallel = nn.parallel.DistributedDataParallel(net)
    optimizer = rounding.optimizer(torch.optim.SGD(net.parameters(), lr=0.05))
    seen: list[torch.Tensor] = []
    net[0].activation_quantiser.register_forward_hook(lambda m, i, out: seen.append(out.detach()))
    for step in range(STEPS):
        optimizer.zero_grad()
        (parallel(inputs(rank, step)) ** 2).sum().backward()
        optimizer.step()
    kept: dict[str, Any] = {"state": net.state_dict(), "seen": seen[-1]}
    torch.save(kept, f"{folder}/{rank}.pt")
    torch.distributed.destroy_process_group()


@pytest.mark.slow
def test_two_ranks(tmp_path: Path) -> None:
    torch.multiprocessing.start_processes(work, (str(tmp_path),), nprocs=2, start_method="spawn")
    kept = [torch.load(tmp_path / f"{rank}.pt") for rank in range(2)]
    first, second = (found["state"] for found in kept)
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert torch.equal(value, second[name]), name
    design = parse(UNIT)
    for rank, found in enumerate(kept):
        x = inputs(rank, STEPS - 1)
        scale = float(2.0 ** np.ceil(np.log2(x.abs().max().item() / 127)))
        # 8 x 16 elements a step: two cycles of 64 lanes.
        phase = rank_offset(design, rank, 2) + 2 * (STEPS - 1)
        assert torch.equal(found["seen"], round_tensor(design, x / scale, phase)[0] * scale)
