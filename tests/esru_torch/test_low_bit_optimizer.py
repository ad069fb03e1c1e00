"""`LowBitOptimizer`: weights in the low-bit format, updates rounded by exactly the unit."""

from __future__ import annotations

import copy
from fractions import Fraction
from math import floor
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402  (after the check)

from esru.design import parse  # noqa: E402
from esru.emulate import Array, round_tensor  # noqa: E402
from esru.errors import InputError  # noqa: E402
from esru.rounding import round_word  # noqa: E402
from esru.torch import LowBitOptimizer  # noqa: E402

DESIGNS = ["papers", "reference", "8:7:select:lfsr13,leap=7,lanes=64", "8:0:half:none"]


def parameters(*sizes: int) -> list[nn.Parameter]:
    rng = np.random.default_rng(11)
    return [nn.Parameter(torch.from_numpy(rng.normal(size=size))) for size in sizes]


def give_gradients(chosen: list[nn.Parameter], step: int) -> None:
    for i, parameter in enumerate(chosen):
        rng = np.random.default_rng([step, i])
        parameter.grad = torch.from_numpy(rng.normal(size=parameter.shape)).to(parameter.dtype)


@pytest.mark.parametrize("text", DESIGNS)
def test_sgd_equals_the_scalar_reference(text: str) -> None:
    """Every weight of three steps, by one call of the scalar reference each."""
    design = parse(text)
    chosen = [nn.Parameter(p.detach().float()) for p in parameters(70, 3)]
    optimizer = LowBitOptimizer(torch.optim.SGD(chosen, lr=0.01), design, scale=2.0**-5)
    weights = [[int(w * 32) for w in p.tolist()] for p in chosen]
    assert all((p * 32 == torch.tensor(w)).all() for p, w in zip(chosen, weights, strict=True))
    phase = 0
    for step in range(3):
        give_gradients(chosen, step)
        optimizer.step()
        for parameter, own in zip(chosen, weights, strict=True):
            words, phase = Array(design, 64).tensor_words(len(own), phase)
            for j, gradient in enumerate(parameter.grad.tolist()):
                # The inner optimizer computes in float64: w - lr * g, rounded twice at most.
                total = own[j] / 32 + (gradient * -0.01)
                x = floor(Fraction(total * 32) * 2**design.n)
                x = min(max(x, design.input.low), design.input.high)
                own[j] = round_word(design, x, int(words[j]))
            assert (parameter * 32).tolist() == own
        assert optimizer.phase == phase == (step + 1) * 3


def test_an_update_far_below_an_ulp_reaches_the_unit() -> None:
    """2^-20 ulp, which a float32 sum of weight and update would have lost."""
    weight = nn.Parameter(torch.full((1 << 16,), 100.0))
    optimizer = LowBitOptimizer(
        torch.optim.SGD([weight], lr=1.0), "24:24:zero:lfsr24,lanes=64", scale=1.0
    )
    weight.grad = torch.full_like(weight, -(2.0**-4))
    optimizer.step()
    assert 0.04 < float((weight == 101).float().mean()) < 0.09
    weight.data.fill_(100.0)
    weight.grad.fill_(-(2.0**-20))
    used = Array(parse("24:24:zero:lfsr24,lanes=64"), 64).lane_words(optimizer.phase, 1 << 10)
    optimizer.step()
    assert torch.equal(weight.detach() - 100, torch.from_numpy((used.ravel() >= 2**24 - 16) * 1.0))


@pytest.mark.parametrize(
    "make",
    [
        lambda p: torch.optim.SGD(p, lr=0.05, momentum=0.9, weight_decay=0.01),
        lambda p: torch.optim.Adam(p, lr=0.05),
        lambda p: torch.optim.AdamW(p, lr=0.05),
        lambda p: torch.optim.RMSprop(p, lr=0.05),
    ],
)
def test_any_optimizer_and_a_checkpoint_of_it(make: Any) -> None:
    """Every weight stays in the format; a restored state goes on bit for bit."""
    chosen = parameters(50, 7)
    optimizer = LowBitOptimizer(make(chosen), "papers")
    for step in range(3):
        give_gradients(chosen, step)
        optimizer.step()
    state = copy.deepcopy(optimizer.state_dict())
    others = [nn.Parameter(p.detach().clone()) for p in chosen]
    other = LowBitOptimizer(make(others), "papers", headroom=64)
    other.load_state_dict(state)
    for parameter, twin in zip(chosen, others, strict=True):
        twin.data.copy_(parameter)
    for step in range(3, 6):
        for mine, owner in ((chosen, optimizer), (others, other)):
            give_gradients(mine, step)
            owner.step()
    for parameter, twin, scale in zip(chosen, others, optimizer.scales.values(), strict=True):
        assert torch.equal(parameter, twin)
        words = parameter / scale
        assert torch.equal(words, words.round()) and words.abs().max() <= 128
        assert len(words.unique()) > 1
    assert optimizer.phase == other.phase == 6 * 2


def test_a_scheduler_and_groups() -> None:
    """A scheduler changes the rate; a group with rounded=False is stepped as ever."""
    left, right, plain = parameters(10, 10, 10)
    inner = torch.optim.SGD(
        [{"params": [left, right]}, {"params": [plain], "rounded": False}], lr=1.0
    )
    optimizer = LowBitOptimizer(inner, "8:0:half:none", scale=2.0**-4)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)
    exact, before = plain.detach().clone(), left.detach().clone()
    for step in range(2):
        give_gradients([left, plain], step)
        exact -= 0.5**step * plain.grad
        before -= 0.5**step * left.grad
        # Half an ulp, up, floored to 8 bits first.
        before = torch.floor(torch.floor(before * 16 * 256) / 256 + 0.5) / 16
        optimizer.step()
        scheduler.step()
    assert torch.allclose(plain, exact, rtol=0, atol=1e-12)
    assert torch.equal(left, before)
    # Without a gradient a weight is skipped, and takes no cycle.
    assert optimizer.phase == 2 and optimizer.step_cycles == 2
    assert optimizer.state_dict()["inner"]["param_groups"][0]["lr"] == 0.25


def test_cycles_of_a_step() -> None:
    chosen = parameters(100)
    optimizer = LowBitOptimizer(torch.optim.SGD(chosen, lr=0.1), "papers", cycles=42, phase=5)
    give_gradients(chosen, 0)
    optimizer.step()
    assert optimizer.phase == 47
    with pytest.raises(InputError, match="Cycles of a step must be at least 2, not 1"):
        LowBitOptimizer(torch.optim.SGD(parameters(100), lr=0.1), "papers", cycles=1)


def test_a_closure_is_called_once() -> None:
    (weight,) = parameters(5)
    optimizer = LowBitOptimizer(torch.optim.SGD([weight], lr=0.1), "papers")
    calls = []

    def closure() -> torch.Tensor:
        calls.append(1)
        optimizer.zero_grad()
        loss = (weight**2).sum()
        loss.backward()
        return loss

    expected = (weight**2).sum().item()
    assert optimizer.step(closure).item() == expected and calls == [1]
    assert optimizer.phase == 1


def test_bad_input() -> None:
    chosen = parameters(5)
    with pytest.raises(InputError, match="Optimizer must be one that steps without a closure"):
        LowBitOptimizer(torch.optim.LBFGS(chosen), "papers")
    used = torch.optim.Adam(chosen)
    give_gradients(chosen, 0)
    used.step()
    with pytest.raises(InputError, match="Optimizer must be a new one, not one that has stepped"):
        LowBitOptimizer(used, "papers")
    for headroom in (0.5, float("nan"), float("inf")):
        message = f"Headroom must be at least 1 and finite, not {headroom}"
        with pytest.raises(InputError, match=message):
            LowBitOptimizer(torch.optim.SGD(chosen), "papers", headroom=headroom)
    with pytest.raises(InputError, match="Scale must be above 0 and finite, not -1"):
        LowBitOptimizer(torch.optim.SGD(chosen), "papers", scale=-1.0)
    optimizer = LowBitOptimizer(torch.optim.SGD(chosen), "papers")
    with pytest.raises(InputError, match="Parameter group must be part of the inner optimizer"):
        optimizer.add_param_group({"params": parameters(2)})
    with pytest.raises(InputError, match="Optimizer state must be of a LowBitOptimizer"):
        optimizer.load_state_dict(torch.optim.SGD(chosen).state_dict())
    other = LowBitOptimizer(torch.optim.SGD(parameters(5)), "reference")
    with pytest.raises(InputError, match="Optimizer state's design must be 8:3:replicate"):
        optimizer.load_state_dict(other.state_dict())
    more = LowBitOptimizer(torch.optim.SGD(parameters(5, 2)), "papers")
    with pytest.raises(InputError, match="Optimizer state must be of 1 rounded weights, not 2"):
        optimizer.load_state_dict(more.state_dict())
    chosen[0].grad = torch.full_like(chosen[0], float("nan"))
    with pytest.raises(InputError, match="Gradient of a rounded weight must be numbers, not nan"):
        optimizer.step()


def test_weights_in_a_float_format() -> None:
    """Each stored weight is a value of ocp_e4m3 at the tensor's scale, and the words decide."""
    design = parse("8:8:zero:lfsr13,leap=8,lanes=64,out=ocp_e4m3")
    values = {design.out_format.decode(bits) for bits in range(256)}
    chosen = parameters(200)
    optimizer = LowBitOptimizer(torch.optim.SGD(chosen, lr=0.05), design)
    (scale,) = optimizer.scales.values()
    for step in range(3):
        before, phase = chosen[0].detach().clone(), optimizer.phase
        give_gradients(chosen, step)
        optimizer.step()
        sums = ((before - 0.05 * chosen[0].grad) / scale).float()
        expected, _ = round_tensor(design, sums, phase, 64)
        assert torch.equal(chosen[0] / scale, expected.double())
        assert {*(chosen[0] / scale).tolist()} <= values


def test_a_step_that_fails_changes_nothing() -> None:
    """A gradient of NaN is seen before, what the inner optimizer makes NaN before it is stored."""
    chosen = parameters(5, 70)
    inner = torch.optim.SGD(chosen, lr=0.5, momentum=0.9)
    optimizer = LowBitOptimizer(inner, "papers", cycles=9)
    chosen[0].grad, chosen[1].grad = torch.ones_like(chosen[0]), torch.ones_like(chosen[1])
    optimizer.step()
    before = [p.detach().clone() for p in chosen]
    chosen[1].grad[3] = float("nan")
    with pytest.raises(InputError, match="Gradient of a rounded weight must be numbers, not nan"):
        optimizer.step()
    assert all(torch.equal(p, old) for p, old in zip(chosen, before, strict=True))
    assert optimizer.phase == 9
    buffers = [state["momentum_buffer"] for state in inner.state.values()]
    assert all(torch.equal(buffer, torch.ones_like(buffer)) for buffer in buffers)
    buffers[1][0] = float("inf")
    chosen[1].grad[:] = -float("inf")
    with pytest.raises(InputError, match="Values must be numbers, not nan"):
        optimizer.step()
    assert all(torch.equal(p, old) for p, old in zip(chosen, before, strict=True))
    assert optimizer.phase == 9
    with pytest.raises(InputError, match=r"Cycles of a step must be an integer, not 20\.5"):
        LowBitOptimizer(torch.optim.SGD(parameters(5)), "papers", cycles=20.5)
