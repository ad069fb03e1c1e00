"""Gradients of the transformers: those of float32 but for their rounding."""

from __future__ import annotations

import pytest

from esru.design import parse
from esru.train import tasks
from esru.train.unit_formats import trained_unit

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")

from esru.emulate.block_rounder import BlockRounder  # noqa: E402  (after the check)
from esru.emulate.runs import Runs  # noqa: E402
from esru.train.network import network_class  # noqa: E402
from esru.train.transformer import Transformer  # noqa: E402


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.mark.parametrize(
    ("name", "least_cosine", "norms"),
    [
        ("chars-transformer", 0.85, (0.8, 1.25)),
        ("fp4-transformer", 0.6, (0.7, 1.5)),
        ("nvfp4-transformer", 0.6, (0.7, 1.5)),
    ],
)
def test_gradients_point_where_those_of_float32_do(
    name: str, least_cosine: float, norms: tuple[float, float]
) -> None:
    """Each tensor's gradient beside autograd's of the float32 network."""
    task = tasks()[name]
    device = torch.device("cpu")
    network = network_class(task)(task, task.learning_rates[:1], device)
    assert isinstance(network, Transformer)
    if task.gradients:
        design = trained_unit(task, parse("reference"))
        network.rounder = BlockRounder(Runs([(design, 1)], [0], task.rounded, 64, device))
    data = network.load()
    weights = tuple(torch.from_numpy(w)[None] for w in network.initial(0))
    deltas = tuple(torch.zeros_like(w) for w in weights)
    inputs, targets = data.train[None, :16], network.targets(data.train_labels)[None, :16]
    kept: list[list[torch.Tensor]] = []

    def keep(gradients: list[torch.Tensor]) -> list[torch.Tensor]:
        kept.append(gradients)
        return gradients

    network._adam.directions = keep  # type: ignore[assignment, method-assign]
    network.deltas(weights, inputs, targets, deltas)
    values = tuple(
        w[0].mul(2.0**-b).requires_grad_()
        for w, b in zip(weights, network.weight_bits, strict=True)
    )
    logits = network.float_logits(values, data.train[:16])
    loss = torch.nn.functional.cross_entropy(logits, targets.reshape(-1))
    low, high = norms
    for i, (mine, theirs) in enumerate(
        zip(kept[0], torch.autograd.grad(loss, values), strict=True)
    ):
        cosine = torch.nn.functional.cosine_similarity(mine.reshape(-1), theirs.reshape(-1), 0)
        ratio = float(mine.norm() / theirs.norm())
        assert cosine > least_cosine and low < ratio < high, (i, float(cosine), ratio)
