"""Measure emulation and training on a GPU: trainings a second, bandwidth, what rounding costs.

Run as ``python benchmarks/gpu.py [--write FILE]``. Without a CUDA device every row is written as
not measured. ``--device cpu --small`` runs the same code on the CPU, to see that it works: those
figures say nothing, and the fused kernel stays not measured. Seconds are wall-clock seconds after
the device has finished; ratios compare figures of the same run.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import torch
from figures import parser, write
from torch import nn
from torch.nn import functional

from esru.design import parse
from esru.emulate import round_tensor
from esru.emulate.fused import VARIABLE
from esru.torch import Rounding, quantise
from esru.train import Job, train_batch
from esru.train.images.resnet import ResNet20
from esru.train.tasks import find_task

#: To int8 from a tiled table and from a recurrence, and to ocp_e4m3.
DESIGNS = ("papers", "24:24:zero:lfsr24", "8:8:zero:lfsr8,out=ocp_e4m3")

#: What every unit of the two networks is.
ROUNDING = Rounding(activations="nearest", gradients="papers", updates="papers")


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    elements: int
    seeds: int
    images: int
    width: int
    layers: int
    tokens: int
    steps: int


FULL = Sizes(elements=1 << 26, seeds=48, images=128, width=512, layers=6, tokens=256, steps=20)
SMALL = Sizes(elements=1 << 16, seeds=1, images=4, width=32, layers=1, tokens=16, steps=1)


class Attention(nn.Module):
    """A block of a transformer, made of `Linear` layers that `quantise` replaces."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.heads, self.mix = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.rise, self.fall = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the block's stream, shape (examples, tokens, width)."""
        examples, tokens, width = x.shape
        parts = self.heads(self.norm1(x)).view(examples, tokens, 3, 8, width // 8)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.mix(mixed.transpose(1, 2).reshape(examples, tokens, width))
        return x + torch.as_tensor(self.fall(torch.relu(self.rise(self.norm2(x)))))


def seconds(work: Callable[[], object], device: torch.device, repeats: int) -> float:
    """Return the least wall-clock seconds of several runs, the first ones not counted."""
    found = []
    for turn in range(repeats + 2):
        start = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        if turn >= 2:
            found.append(time.perf_counter() - start)
    return min(found)


def noise(device: torch.device, *shape: int) -> torch.Tensor:
    """Return normal random numbers, always the same."""
    return torch.randn(shape, generator=torch.Generator(device).manual_seed(0), device=device)


def classes(device: torch.device, count: int, size: int) -> torch.Tensor:
    """Return as many labels as wanted below `count`, always the same."""
    generator = torch.Generator(device).manual_seed(1)
    return torch.randint(count, (size,), generator=generator, device=device)


def trainings(device: torch.device, sizes: Sizes) -> float:
    """Return trainings of `digits-mlp` a second, all in one batch."""
    task = replace(find_task("digits-mlp"), together=1 << 20)
    jobs = [
        Job(parse(text), seed, lr, "natural")
        for text in ("reference", "papers", "8:8:zero:lfsr13,leap=8,lanes=64")
        for seed in range(sizes.seeds)
        for lr in task.learning_rates
    ]
    work = seconds(lambda: train_batch(task, jobs, device=str(device)), device, repeats=1)
    return len(jobs) / work


@contextmanager
def chosen(mode: str) -> Iterator[None]:
    """Set how rounding is to be done (`esru.emulate.fused`)."""
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = mode
    try:
        yield
    finally:
        del os.environ[VARIABLE]
        if before is not None:
            os.environ[VARIABLE] = before


def bandwidth(text: str, mode: str, device: torch.device, sizes: Sizes) -> float | None:
    """Return bytes read and written a second by rounding, in percent of those by copying.

    None if the fused kernel is asked for where it cannot run: on the CPU.
    """
    if mode == "on" and device.type == "cpu":
        return None
    design = parse(text)
    x = noise(device, sizes.elements) * 40
    copy = torch.empty_like(x)
    out = torch.empty_like(x, dtype=torch.float32 if design.floats else torch.int8)
    phase = 0

    def work() -> None:
        nonlocal phase
        _, phase = round_tensor(design, x, phase, out=out)

    copied = 2 * x.nbytes / seconds(lambda: copy.copy_(x), device, sizes.steps)
    with chosen(mode):
        rounded = (x.nbytes + out.nbytes) / seconds(work, device, sizes.steps)
    return 100 * rounded / copied


def resnet(device: torch.device, sizes: Sizes) -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    """Return ResNet-20 and a batch of noise for it."""
    labels = classes(device, 10, sizes.images)
    return ResNet20(0).to(device), noise(device, sizes.images, 3, 32, 32), labels


def transformer(device: torch.device, sizes: Sizes) -> tuple[nn.Module, torch.Tensor, torch.Tensor]:
    """Return a transformer and a batch of noise for it; its answer is one class of 256 a token."""
    blocks = [Attention(sizes.width) for _ in range(sizes.layers)]
    model = nn.Sequential(*blocks, nn.Linear(sizes.width, 256), nn.Flatten(0, 1)).to(device)
    inputs = noise(device, 16, sizes.tokens, sizes.width)
    return model, inputs, classes(device, 256, 16 * sizes.tokens)


#: Makes a model, inputs and labels.
Maker = Callable[[torch.device, Sizes], tuple[nn.Module, torch.Tensor, torch.Tensor]]


def overhead(make: Maker, half: bool, device: torch.device, sizes: Sizes) -> float:
    """Return the seconds of a training step with units over those of the plain float step."""

    def step_seconds(rounded: bool) -> float:
        model, inputs, labels = make(device, sizes)
        optimizer: torch.optim.Optimizer
        optimizer = torch.optim.SGD(model.parameters(), lr=2.0**-6, momentum=0.875)
        if rounded:
            model = quantise(model, ROUNDING)
            optimizer = ROUNDING.optimizer(optimizer)

        def work() -> None:
            with torch.autocast(device.type, torch.bfloat16, enabled=half and not rounded):
                loss = functional.cross_entropy(model(inputs), labels)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch types it not
            optimizer.step()

        return seconds(work, device, sizes.steps)

    return step_seconds(True) / step_seconds(False)


def rows(device: torch.device | None, sizes: Sizes) -> list[dict[str, Any]]:
    """Return every row: what it is, its goal, and its value, None where it is not measured."""
    asked: list[tuple[str, str, str, Callable[..., float | None], Sequence[object]]] = [
        ("trainings of digits-mlp a second", "at least", "1000", trainings, ())
    ]
    for text in DESIGNS:
        for how, mode in (("by the fused kernel", "on"), ("in plain operations", "off")):
            name = f"rounding by `{text}` {how}, % of the bandwidth of a copy"
            asked.append((name, "at least", "70", bandwidth, (text, mode)))
    for network, make in (("ResNet-20", resnet), ("a transformer", transformer)):
        for plain, half in (("float32", False), ("bfloat16", True)):
            name = f"a training step of {network} with units, times one in {plain}"
            asked.append((name, "under", "1.5", overhead, (make, half)))
    found = []
    for name, bound, goal, measure, given in asked:
        value = None if device is None else measure(*given, device, sizes)
        shown = None if value is None else float(f"{value:.3g}")
        found.append({"name": name, "goal": f"{bound} {goal}", "value": shown})
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, and write the figures if asked to."""
    options = parser(__doc__)
    options.add_argument("--device", default="cuda", help="torch device (cuda)")
    options.add_argument("--small", action="store_true", help="only see that everything runs")
    args = options.parse_args(argv)
    missing = args.device.startswith("cuda") and not torch.cuda.is_available()
    device = None if missing else torch.device(args.device)
    torch.set_num_threads(1)
    found = rows(device, SMALL if args.small else FULL)
    name = None
    if device is not None:
        name = torch.cuda.get_device_name(device) if device.type == "cuda" else str(device)
    for row in found:
        value = "not measured" if row["value"] is None else row["value"]
        print(f"{row['name']}: {value} (goal: {row['goal']})")
    versions = {"python": platform.python_version(), "torch": version("torch")}
    if find_spec("triton"):
        versions["triton"] = version("triton")
    figures = {
        "schema": "esru.benchmark-gpu/1",
        "versions": versions,
        "device": name,
        "rows": found,
    }
    write(figures, args.write)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
