"""Every row of docs/emulation.md's table of bad input of `esru.torch`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tables import registry, table

from esru.design import parse
from esru.errors import InputError

torch = pytest.importorskip("torch")

from esru.torch import GradientQuantiser, LowBitOptimizer, Quantiser  # noqa: E402  (after the check)
from esru.torch.scale import fitting_scale  # noqa: E402

#: torch says once what its nested tensors are.
pytestmark = pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")

UNIT = parse("papers")
LONG = parse("reference")
FLOATS = parse("8:3:zero:lfsr3,out=ocp_e5m2")
FP4 = parse("8:3:zero:lfsr3,out=ocp_e2m1")
BLOCKS = "8:3:zero:lfsr3,in=mx_float32,out=ocp_e2m1"

#: Rows of the table, each with its test.
ROWS: dict[str, Callable[[], None]] = {}

row = registry(ROWS)


def refused(message: str, x: Any, quantiser: Any = None) -> None:
    """Check that quantisers refuse a tensor before their phase moves, those of gradients too."""
    given = [quantiser] if quantiser else [Quantiser(UNIT), Quantiser(UNIT, scale=2.0)]
    given += [] if quantiser else [Quantiser(BLOCKS), GradientQuantiser(UNIT)]
    for one in given:
        with pytest.raises(InputError, match=re.escape(message)):
            one(x)
        assert one.phase.device.type == "meta" or one.phase == 0


@row("NaN")
def _nan_and_a_scale() -> None:
    """The others are rounded with the same words and scale as beside a number."""
    x = torch.linspace(-3, 5, 200) / 64
    bad = x.clone()
    bad[[7, 100]] = float("nan")
    kept = ~bad.isnan()
    for design in (FLOATS, FP4, parse(f"{BLOCKS},block=32")):
        for scale in (None, 2.0):
            if scale is not None and design.block:
                continue
            wanted, found = Quantiser(design, scale=scale)(x), Quantiser(design, scale=scale)(bad)
            assert torch.equal(found[kept], wanted[kept]) and wanted.isfinite().all()
            assert bool(found[~kept].isnan().all()) == (design is FLOATS)
            assert design is FLOATS or len(set(found[~kept].tolist())) <= 2
        leaf = torch.ones(200, requires_grad=True)
        GradientQuantiser(design)(leaf).backward(bad)
        assert torch.equal(leaf.grad[kept], Quantiser(design)(x)[kept])  # type: ignore[index]
    only = torch.full((3,), float("nan"))
    assert Quantiser(FLOATS)(only).isnan().all()
    weight = torch.nn.Parameter(bad.clone())
    LowBitOptimizer(torch.optim.SGD([weight], lr=1.0), FLOATS)
    assert weight[~kept].isnan().all() and weight[kept].isfinite().all()
    for refusing in (Quantiser(UNIT), Quantiser(UNIT, scale=2.0)):
        with pytest.raises(InputError, match="Values must be numbers, not nan"):
            refusing(bad)


@row("infinity")
def _infinity_and_a_scale() -> None:
    """An infinite value has no fitting scale."""
    message = re.escape("Values must be finite in float32 where no scale is given, not inf")
    for sign in (1, -1):
        x = torch.tensor([1.0, sign * float("inf")])
        for design in (UNIT, LONG, FLOATS):
            with pytest.raises(InputError, match=message):
                Quantiser(design)(x)
            leaf = torch.ones(2, requires_grad=True)
            with pytest.raises(InputError, match=message):
                GradientQuantiser(design)(leaf).backward(x)
            inner = torch.optim.SGD([torch.nn.Parameter(x.clone())], lr=1.0)
            with pytest.raises(InputError, match=message):
                LowBitOptimizer(inner, design)
        assert Quantiser(UNIT, scale=2.0)(x)[1] == (254.0 if sign > 0 else -256.0)
        assert Quantiser(FLOATS, scale=2.0)(x)[1] == sign * 2 * 57344.0


@row("numbers near the end of float32, with headroom or without")
def _greatest_numbers() -> None:
    far = 1.5 * 2.0**127
    for headroom in (1.0, 2.0, 2.0**20, 1e300):
        x = torch.tensor([1.0, -far])
        # The greatest number of the format is 1.75 * 2^15.
        exponent = min(126, 127 - 15 + int(np.log2(headroom)))
        assert float(fitting_scale(x, 57344.0, headroom)) == 2.0**exponent
        weight = torch.nn.Parameter(x)
        optimizer = LowBitOptimizer(torch.optim.SGD([weight], lr=1.0), FLOATS, headroom=headroom)
        assert optimizer.scales[weight] == 2.0**exponent and weight.isfinite().all()
    assert Quantiser("8:0:zero:none")(torch.tensor(far)).item() == far
    assert Quantiser("8:0:zero:none,out=s8.7")(torch.tensor(far)).item() == 127 * 2.0**119
    with pytest.raises(InputError, match=r"given, not 1e\+300"):
        Quantiser(UNIT)(torch.tensor([1e300], dtype=torch.float64))


@row("gradient of NaN in `LowBitOptimizer`")
def _nan_gradient() -> None:
    message = re.escape("Gradient of a rounded weight must be numbers, not nan")
    for design, refuses in ((UNIT, True), (LONG, True), (FLOATS, False)):
        weight = torch.nn.Parameter(torch.ones(2))
        optimizer = LowBitOptimizer(torch.optim.SGD([weight], lr=0.5), design, scale=2.0**-6)
        weight.grad = torch.tensor([1.0, float("nan")])
        if refuses:
            with pytest.raises(InputError, match=message):
                optimizer.step()
            assert weight.tolist() == [1.0, 1.0] and optimizer.phase == 0
        else:
            optimizer.step()
            assert weight.isnan().tolist() == [False, True]


@row("list, number or NumPy array")
def _no_tensor() -> None:
    for x in ([1.0], 1.5, np.ones(3, np.float32), None):
        refused(f"Quantised tensor must be a PyTorch tensor, not {type(x).__name__}", x)


@row("sparse or nested tensor")
def _not_dense() -> None:
    refused("Quantised tensor must be a dense one, not torch.sparse_coo", torch.eye(3).to_sparse())
    for layout in (torch.strided, torch.jagged):
        ragged = torch.nested.as_nested_tensor([torch.ones(2), torch.ones(3)], layout=layout)
        refused("Quantised tensor must be a dense one, not nested", ragged)
    weight = torch.ones(4, 2, requires_grad=True)
    quantiser = GradientQuantiser(UNIT)
    rows = torch.nn.functional.embedding(torch.tensor([1]), quantiser(weight), sparse=True)
    with pytest.raises(InputError, match="Gradient to be rounded must be a dense one, not sparse"):
        rows.sum().backward()
    assert quantiser.phase == 0


@row("integer, boolean or complex tensor")
def _strange() -> None:
    for kind in (torch.int64, torch.bool, torch.complex64):
        x = torch.ones(3).to(kind)
        message = f"Quantised tensor must be of a floating-point type, not {kind}"
        for quantiser in (Quantiser(UNIT), Quantiser(BLOCKS)):
            refused(message, x, quantiser)
        assert torch.equal(GradientQuantiser(UNIT)(x), x)
    leaf = torch.ones(3, dtype=torch.complex64, requires_grad=True)
    with pytest.raises(InputError, match=r"of a floating-point type, not torch\.complex64"):
        GradientQuantiser(UNIT)(leaf).abs().sum().backward()


@row("tensor or phase on the device `meta`, and the other not")
def _one_without_data() -> None:
    message = "Phase must be one with data, as the quantised tensor is, not meta"
    for kind in (Quantiser, GradientQuantiser):
        for design in (UNIT, FLOATS, BLOCKS):
            refused(message, torch.ones(3), kind(design).to("meta"))
    message = "Quantised tensor must be one with data, as its phase is, not meta"
    refused(message, torch.ones(3, device="meta"))


@row("tensor and phase on the device `meta`")
def _both_without_data() -> None:
    for kind in (Quantiser, GradientQuantiser):
        for design in (UNIT, FLOATS, BLOCKS):
            leaf = torch.ones(3, 4, device="meta", requires_grad=True)
            found = kind(design).to("meta")(leaf)
            found.sum().backward()
            assert (found.shape, found.device.type) == ((3, 4), "meta")
            assert leaf.grad is not None and leaf.grad.device.type == "meta"


@pytest.mark.parametrize("name", ROWS)
def test_row(name: str) -> None:
    ROWS[name]()


def test_the_table_has_these_rows() -> None:
    assert list(table("emulation.md", "### In `esru.torch`")) == list(ROWS)


def test_fake_tensors_are_of_the_device_that_they_stand_for() -> None:
    from torch._subclasses.fake_tensor import FakeTensorMode

    for kind in (Quantiser, GradientQuantiser):
        with FakeTensorMode():
            found = kind(UNIT)(torch.ones(3))
        assert (found.shape, found.device.type) == ((3,), "cpu")
