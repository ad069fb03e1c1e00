"""`esru.torch` with scales of blocks: MXFP8, MXFP6 and MXFP4."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from esru.design import parse  # noqa: E402  (after the check)
from esru.emulate import round_tensor  # noqa: E402
from esru.errors import InputError  # noqa: E402
from esru.torch import GradientQuantiser, LowBitOptimizer, Quantiser, Rounding, quantise  # noqa: E402
from esru.torch.scale import largest  # noqa: E402


def values(size: int, scale: float = 0.1) -> torch.Tensor:
    rng = np.random.default_rng(5)
    return torch.from_numpy(rng.normal(scale=scale, size=size).astype(np.float32))


MX = "8:3:half:lfsr9,in=mx_float32,out=ocp_e2m1"


def in_blocks(x: torch.Tensor, design: str, block: int) -> tuple[torch.Tensor, int]:
    """Return what `round_tensor` makes of a tensor in blocks, by the unit with scales itself."""
    *rows, size = x.shape
    whole = torch.zeros(*rows, -(-size // block) * block)
    whole[..., :size] = x
    parts = whole.view(*rows, -1, block)
    most = parts.abs().amax(-1, keepdim=True).double()
    top = largest(parse(design))
    # Another way to the least power of two that holds all: its logarithm, rounded up.
    exponents = torch.where(most > 0, torch.ceil(torch.log2(most / top)), -2).int()
    found, phase = round_tensor(parse(design), parts, 5, 64, scale=exponents)
    return (found * 2.0**exponents).view(*rows, -1)[..., :size], phase


@pytest.mark.parametrize(
    "design",
    [
        MX,
        MX + ",block=16",
        MX.replace("e2m1", "e4m3"),
        "5:4:select:lfsr9,in=mx_float32,out=ocp_e3m2",
        "8:8:zero:operand-own,in=mx_float32,out=ocp_e2m1",
        "8:0:half:none,in=mx_bfloat16,out=ocp_e2m1",
    ],
)
def test_blocks_have_scales_of_their_own(design: str) -> None:
    """The same bits as the unit with a port for the scale."""
    block = parse(design).block or 32
    unit = Quantiser(design, phase=5)
    sizes = torch.tensor([2.0**-20, 1.0, 0.0, 2.0**20])
    for shape in ((4, 3, 33), (4, 64), (4, 1)):
        unit.phase.fill_(5)
        x = values(4 * 99)[: torch.Size(shape).numel()].view(shape)
        x = (x * sizes.view(4, *[1] * (len(shape) - 1))).bfloat16().float()
        expected, phase = in_blocks(x, design, block)
        assert torch.equal(unit(x), expected)
        # Zeros that fill up a block meet units as well.
        padded = torch.Size(shape[:-1]).numel() * -(-shape[-1] // block) * block
        assert int(unit.phase) == phase == 5 + -(-padded // 64)
        assert (expected[1] != 0).any() and not expected[2].any()
    assert unit(torch.tensor(0.75)).shape == () and unit(torch.empty(3, 0)).shape == (3, 0)


def test_a_block_keeps_what_one_scale_for_all_loses() -> None:
    x = torch.cat([torch.full((32,), 2.0**-12), torch.full((32,), 1.0)])
    assert torch.equal(Quantiser(MX)(x), x)
    one = Quantiser(MX.replace("mx_float32", "float32"))(x)
    assert (one[:32] != x[:32]).all()


def test_gradients_are_rounded_in_blocks() -> None:
    x = values(4 * 33).view(4, 33).requires_grad_()
    gradient = values(4 * 33, 1.0).view(4, 33)
    GradientQuantiser(MX, phase=5)(x).backward(gradient)
    assert torch.equal(x.grad, in_blocks(gradient, MX, 32)[0])
    layer = Rounding(gradients=MX, activations=MX, weights=MX).quantiser("gradients")
    assert "scale=fitting for each 32 elements" in repr(layer)


def test_what_blocks_refuse() -> None:
    with pytest.raises(InputError, match="Scale of blocks of mx_float32 must be left out"):
        Quantiser(MX, scale=0.5)
    message = "Input format of a unit for updates must be one without scales of blocks, not mx_"
    with pytest.raises(InputError, match=message):
        Rounding(updates=MX)
    weight = torch.nn.Parameter(torch.ones(2))
    with pytest.raises(InputError, match=message):
        LowBitOptimizer(torch.optim.SGD([weight], lr=0.5), MX)
    far = torch.ones(64)
    far[40] = float("inf")
    with pytest.raises(InputError, match="Values must be finite in float32 where no scale"):
        Quantiser(MX)(far)


def test_a_model_in_fp4() -> None:
    """Its tensors in MXFP4, updates in float32: it learns, and continues from a checkpoint."""

    def trained(steps: int, state: dict[str, object] | None = None) -> tuple[torch.nn.Module, list]:
        torch.manual_seed(0)
        layers = (torch.nn.Linear(40, 40), torch.nn.ReLU(), torch.nn.Linear(40, 4))
        model = torch.nn.Sequential(*layers)
        rounding = Rounding(activations="8:0:half:none,in=mx_float32,out=ocp_e2m1", gradients=MX)
        model = quantise(model, rounding)
        if state is not None:
            model.load_state_dict(state)
        optimizer = torch.optim.SGD(model.parameters(), lr=2.0**-3)
        x, labels = values(40 * 40, 1.0).view(40, 40), torch.arange(40) % 4
        losses = []
        for _ in range(steps):
            loss = torch.nn.functional.cross_entropy(model(x), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        return model, losses

    _, losses = trained(60)
    assert losses[-1] < losses[0] / 4
    half, before = trained(30)
    _, after = trained(30, half.state_dict())
    assert before + after == losses
