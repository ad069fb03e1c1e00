"""Drop-in layers: the same as rounding by hand, and a model that is changed in place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402  (after the check)
from torch.nn import functional  # noqa: E402
from torch.nn.utils import prune  # noqa: E402

from esru.errors import InputError  # noqa: E402
from esru.torch import (  # noqa: E402
    Conv2d,
    Embedding,
    GradientQuantiser,
    Linear,
    Quantiser,
    Rounding,
    quantise,
)

EVERY = Rounding(weights="papers", activations="8:4:zero:lfsr9,leap=4", gradients="reference")


def numbers(*shape: int) -> torch.Tensor:
    rng = np.random.default_rng(sum(shape))
    return torch.from_numpy(rng.normal(size=shape).astype(np.float32))


def by_hand(
    layer: Any, x: torch.Tensor, apply: Any
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return output, weight gradient and bias gradient of sum(y * seed)."""
    weight = Quantiser("papers")(layer.weight)
    found = apply(Quantiser("8:4:zero:lfsr9,leap=4")(x), weight, layer.bias)
    found = GradientQuantiser("reference")(found)
    grads = torch.autograd.grad((found * numbers(*found.shape)).sum(), (layer.weight, layer.bias))
    return found, *grads


@pytest.mark.parametrize(
    ("make", "shape", "apply"),
    [
        (lambda: Linear(17, 9, rounding=EVERY), (6, 17), functional.linear),
        (
            lambda: Conv2d(3, 5, 3, stride=2, padding=1, rounding=EVERY),
            (2, 3, 9, 8),
            lambda x, w, b: functional.conv2d(x, w, b, stride=2, padding=1),
        ),
    ],
)
def test_a_layer_is_what_it_says(make: Any, shape: tuple[int, ...], apply: Any) -> None:
    layer, x = make(), numbers(*shape)
    found = layer(x)
    (found * numbers(*found.shape)).sum().backward()
    expected, weight, bias = by_hand(layer, x, apply)
    assert torch.equal(found, expected)
    assert torch.equal(layer.weight.grad, weight)
    assert torch.equal(layer.bias.grad, bias)


def test_an_embedding_rounds_its_table() -> None:
    layer = Embedding(11, 6, rounding=Rounding(weights="papers", gradients="reference"))
    index = torch.tensor([[3, 3], [0, 10]])
    found = layer(index)
    assert torch.equal(found, Quantiser("papers")(layer.weight)[index])
    found.backward(numbers(2, 2, 6))
    rounded = GradientQuantiser("reference")
    leaf = found.detach().requires_grad_()
    rounded(leaf).backward(numbers(2, 2, 6))
    expected = torch.zeros(11, 6).index_add_(0, index.view(-1), leaf.grad.view(-1, 6))
    assert torch.equal(layer.weight.grad, expected)


class Net(nn.Module):
    """Two branches, one layer used under two names, one tied weight."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(20, 8)
        self.body = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 8, bias=False))
        self.again = self.body[0]
        self.head = nn.Linear(8, 20, bias=False)
        self.head.weight = self.table.weight
        self.norm = nn.LayerNorm(8)

    def forward(self, index: torch.Tensor) -> torch.Tensor:
        return torch.as_tensor(self.head(self.norm(self.again(self.body(self.table(index))))))


def test_a_model_keeps_its_parameters() -> None:
    net = Net().eval()
    before = dict(net.named_parameters())
    expected = net(torch.arange(5))
    assert quantise(net, Rounding()) is net
    assert torch.equal(net(torch.arange(5)), expected)
    assert {name: id(p) for name, p in net.named_parameters()} == {
        name: id(p) for name, p in before.items()
    }
    assert type(net.body[0]) is Linear and net.again is net.body[0]
    assert net.head.weight is net.table.weight
    assert not net.body[0].training
    assert type(net.norm) is nn.LayerNorm


def test_layers_that_are_left_alone() -> None:
    net = quantise(Net(), EVERY, skip=["head", "body.2"])
    assert [type(m) for m in (net.head, net.body[2], net.table)] == [
        nn.Linear,
        nn.Linear,
        Embedding,
    ]
    with pytest.raises(InputError, match="Skipped layer must be a layer of the model"):
        quantise(Net(), EVERY, skip=["tail"])
    with pytest.raises(InputError, match="Model must be one with a Linear, Conv2d or Embedding"):
        quantise(nn.ReLU(), EVERY)
    # A layer that is rounded already is no plain one any more.
    with pytest.raises(InputError, match="Model must be one with"):
        quantise(quantise(nn.Sequential(nn.Linear(2, 2)), EVERY), EVERY)


def test_a_layer_alone_and_all_settings_of_a_convolution() -> None:
    old = nn.Conv2d(4, 6, (3, 2), (2, 1), (1, 0), (1, 2), 2, False, "circular")
    x = numbers(2, 4, 11, 12)
    expected = old(x)
    new = quantise(old, Rounding())
    assert type(new) is Conv2d and new is old
    assert torch.equal(new(x), expected)
    table = nn.Embedding(9, 4, padding_idx=2, max_norm=0.5, scale_grad_by_freq=True)
    expected = table(torch.arange(9))
    assert torch.equal(quantise(table, Rounding())(torch.arange(9)), expected)


def test_a_checkpoint_continues_bit_for_bit() -> None:
    def train(net: nn.Module, steps: int) -> list[float]:
        losses = []
        for step in range(steps):
            index = torch.arange(step, step + 5) % 20
            loss = functional.cross_entropy(net(index), index)
            net.zero_grad()
            loss.backward()
            with torch.no_grad():
                for parameter in net.parameters():
                    parameter -= 0.1 * parameter.grad
            losses.append(loss.item())
        return losses

    torch.manual_seed(1)
    first = quantise(Net(), EVERY)
    train(first, 3)
    state = {key: value.clone() for key, value in first.state_dict().items()}
    assert sum(key.endswith(".phase") for key in state) == 5 * 3
    second = quantise(Net(), EVERY)
    second.load_state_dict(state)
    assert train(first, 3) == train(second, 3)
    # The phases matter: without them it goes on differently.
    third = quantise(Net(), EVERY)
    for key in state:
        if key.endswith(".phase"):
            state[key].zero_()
    third.load_state_dict(state)
    second.load_state_dict(first.state_dict())
    assert train(third, 3) != train(second, 3)


@pytest.mark.filterwarnings("ignore:.*weight_norm:FutureWarning")
def test_layers_keep_their_hooks() -> None:
    """Weight normalisation and pruning by hooks compute the weight anew at each call."""
    for wrap in (
        nn.utils.weight_norm,
        nn.utils.spectral_norm,
        lambda layer: prune.l1_unstructured(layer, "weight", 0.5),
    ):
        torch.manual_seed(1)
        net = nn.Sequential(wrap(nn.Linear(8, 4)), nn.Linear(4, 2)).eval()
        calls: list[int] = []
        net[0].register_forward_hook(lambda *_, seen=calls: seen.append(1))
        x = numbers(3, 8)
        expected = net(x)
        layer = net[0]
        assert quantise(net, Rounding())[0] is layer and type(layer) is Linear
        assert torch.equal(net(x), expected)
        assert len(calls) == 2
        quantise(plain := nn.Sequential(wrap(nn.Linear(8, 4))), Rounding(weights="papers"))
        assert torch.equal(plain(x), functional.linear(x, rounded(plain[0]), plain[0].bias))


def rounded(layer: Any) -> torch.Tensor:
    return Quantiser("papers")(layer.weight)


@pytest.mark.parametrize("mask", [False, True])
def test_an_encoder_rounds_when_it_is_evaluated_too(mask: bool) -> None:
    """torch's fused encoder would read the layers' weights and pass their units by."""
    torch.manual_seed(1)
    layer = nn.TransformerEncoderLayer(16, 2, 32, 0.0, batch_first=True)
    net = nn.TransformerEncoder(layer, 2).eval()
    x = numbers(2, 5, 16)
    padding = torch.tensor([[False] * 5, [False] * 3 + [True] * 2]) if mask else None
    plain = net(x, src_key_padding_mask=padding)
    with pytest.warns(UserWarning, match="not rounded by quantise: layers.0.self_attn.in_proj_wei"):
        quantise(net, Rounding(weights="2:0:half:none"))
    with torch.no_grad():
        found = net(x, src_key_padding_mask=padding)
    assert int(net.layers[1].linear2.weight_quantiser.phase) > 0
    expected = net(x, src_key_padding_mask=padding)
    seen = torch.ones(2, 5, dtype=torch.bool) if padding is None else ~padding
    # The attention of the two adds in another order.
    assert torch.allclose(found[seen], expected[seen], atol=1e-4)
    assert not torch.allclose(found[seen], plain[seen], atol=1e-2)


def test_what_is_not_rounded_is_named() -> None:
    class Own(nn.Linear):
        pass

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.place = nn.Parameter(torch.zeros(4, 8))
            self.body = nn.Sequential(Own(8, 8), nn.Conv1d(2, 2, 3), nn.Linear(8, 8))
            self.bound = nn.utils.parametrizations.weight_norm(nn.Linear(8, 8))

    message = (
        r"not rounded by quantise: place \(Model\), body.0.weight \(Own\), body.1.weight \(Conv1d"
        r"\), bound.parametrizations.weight.original0 \(ParametrizationList\), bound.param"
    )
    with pytest.warns(UserWarning, match=message):
        quantise(Model(), EVERY)
    meant = ["", "body.0", "body.1", "bound.parametrizations.weight"]
    assert type(quantise(Model(), EVERY, skip=meant).body[2]) is Linear
    with pytest.raises(InputError, match="Lanes of the array must be between 1 and 1024, not 0"):
        quantise(net := nn.Sequential(nn.Linear(2, 2)), Rounding(weights="papers", lanes=0))
    assert type(net[0]) is nn.Linear
