"""`esru.torch.Quantiser`: the same bits as `round_tensor`, at any scale, from any phase."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from esru.design import parse  # noqa: E402  (after the check)
from esru.emulate import Array, round_tensor  # noqa: E402
from esru.errors import InputError  # noqa: E402
from esru.torch import (  # noqa: E402
    GradientQuantiser,
    Quantiser,
    Rounding,
    rank_offset,
)
from esru.torch.scale import fitting_scale, largest, nearest, power_of_two  # noqa: E402

DESIGNS = ["papers", "reference", "8:7:select:lfsr13,leap=7,lanes=64", "5:3:half:lfsr9,out=s6.4"]
DESIGNS += ["8:8:zero:lfsr13,leap=8,lanes=64,out=ocp_e4m3", "4:3:half:lfsr9,out=ocp_e2m1"]


def values(size: int = 300, scale: float = 0.1) -> torch.Tensor:
    rng = np.random.default_rng(5)
    return torch.from_numpy(rng.normal(scale=scale, size=size).astype(np.float32))


@pytest.mark.parametrize("text", DESIGNS)
def test_values_at_a_scale(text: str) -> None:
    design = parse(text)
    last = 1.0 if design.floats else 2.0**-design.out_format.fraction
    unit = Quantiser(text, scale=2.0**-6, phase=7)
    phase = 7
    for size in (300, 1, 130):
        x = values(size)
        expected, phase = round_tensor(design, x / (2.0**-6 * last), phase, 64)
        assert torch.equal(unit(x), expected * (2.0**-6 * last))
        assert int(unit.phase) == phase


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_other_types_keep_their_type(kind: torch.dtype) -> None:
    x = values().to(kind)
    found = Quantiser("papers")(x)
    assert found.dtype == kind
    assert torch.equal(found.double(), Quantiser("papers")(x.double()))


def test_gradients_pass_straight_through() -> None:
    x = values().requires_grad_()
    weights = torch.arange(300.0)
    (Quantiser("papers", scale=2.0**-8)(x) * weights).sum().backward()
    assert torch.equal(x.grad, weights)


def test_gradients_are_rounded_on_their_way_back() -> None:
    x = values().requires_grad_()
    unit = GradientQuantiser("reference", scale=2.0**-9, phase=3)
    y = unit(x)
    assert torch.equal(y, x)
    assert int(unit.phase) == 3
    gradient = values(scale=0.2)
    y.backward(gradient)
    expected, phase = round_tensor(parse("reference"), gradient * 2.0**9, 3, 64)
    assert torch.equal(x.grad, expected * 2.0**-9)
    assert int(unit.phase) == phase


def test_the_fitting_scale_is_the_least_that_holds() -> None:
    top = largest(parse("papers"))
    assert top == 127.0
    assert largest(parse("papers,out=ocp_e4m3")) == 448.0
    assert largest(parse("papers,out=s8.4")) == 127 / 16
    for most in (1e-30, 0.9921875, 0.99218756, 1.0, 126.9, 127.0, 127.00001, 128.0, 5e20):
        x = torch.tensor([0.0, -most, most / 3], dtype=torch.float32)
        scale = float(fitting_scale(x, top))
        most32 = float(x.abs().max())
        assert scale * top >= most32 > scale / 2 * top
        assert np.frexp(scale)[0] == 0.5
    assert float(fitting_scale(torch.zeros(3), top)) == float(fitting_scale(torch.ones(3), top))
    assert float(fitting_scale(torch.zeros(0), top)) == float(fitting_scale(torch.ones(3), top))
    exponents = torch.arange(-126, 127)
    assert power_of_two(exponents).tolist() == [2.0**e for e in range(-126, 127)]


def test_nothing_saturates_at_a_fitting_scale() -> None:
    """Truncated, the greatest value keeps all of its leading bits."""
    for size in (1e-3, 1.0, 1e5):
        x = torch.tensor([size, -size])
        found = Quantiser("8:0:zero:none")(x)
        assert (found - x).abs().max() <= size / 63


def test_nearest_is_half_up_in_the_same_formats() -> None:
    unit = nearest(parse("8:7:select:lfsr13,leap=7,lanes=64,out=s6.2"))
    assert str(unit) == "8:0:half:none,out=s6.2"
    assert str(nearest(parse("8:3:zero:lfsr3,out=ocp_e4m3"))) == "8:0:half:none,out=ocp_e4m3"
    assert round_tensor(unit, torch.tensor([0.5, -0.5, 1.49]))[0].tolist() == [1.0, 0.0, 1.0]


def test_a_restored_state_continues_bit_for_bit() -> None:
    unit = Quantiser("reference")
    unit(values())
    state = {key: value.clone() for key, value in unit.state_dict().items()}
    following = [unit(values()) for _ in range(3)]
    other = Quantiser("reference")
    other.load_state_dict(state)
    assert all(torch.equal(other(values()), expected) for expected in following)
    assert list(state) == ["phase", "array"] and state["phase"].dtype == torch.int64


def test_a_state_of_another_array_is_refused() -> None:
    state = Quantiser("papers", phase=5).state_dict()
    same = Quantiser("papers,boundary=unit")
    same.load_state_dict(state)
    assert int(same.phase) == 5
    for other in (Quantiser("reference"), Quantiser("papers", lanes=8)):
        with pytest.raises(RuntimeError, match=r"array must be that of .* lanes, not another"):
            other.load_state_dict(state)
    anew = Quantiser("reference")
    anew.load_state_dict({}, strict=False)
    assert int(anew.phase) == 0


def test_ranks_are_spread_over_the_period() -> None:
    design = parse("8:7:select:lfsr13,leap=7,lanes=64")
    assert [rank_offset(design, rank, 4) for rank in range(4)] == [0, 2047, 4095, 6143]
    x = values()
    for rank in range(4):
        unit = Quantiser(design, rank=rank, ranks=4, scale=1 / 64)
        expected, _ = round_tensor(design, x * 64, rank * 8191 // 4, 64)
        assert torch.equal(unit(x), expected / 64)
        # The offset is no state: every rank can load every rank's checkpoint.
        assert unit.state_dict()["phase"] == Array(design, 64).tensor_words(300, 0)[1]
    with pytest.raises(InputError, match="Rank must be between 0 and 3, not 4"):
        Quantiser(design, rank=4, ranks=4)
    with pytest.raises(InputError, match="Ranks must be at least 1, not 0"):
        Quantiser(design, ranks=0)


def test_weights_have_the_same_phase_on_every_rank() -> None:
    rounding = Rounding("reference", "reference", "reference", rank=1, ranks=2)
    offsets = [rounding.quantiser(kind).unit.offset for kind in ("weights", "activations")]
    assert offsets == [0, (2**24 - 1) // 2]
    assert rounding.quantiser("gradients").unit.offset == (2**24 - 1) // 2


def test_bad_input() -> None:
    for named, message in [
        ({"scale": 0.0}, "Scale must be above 0 and finite, not 0.0"),
        ({"scale": float("nan")}, "Scale must be above 0 and finite, not nan"),
        ({"lanes": 0}, "Lanes of the array must be between 1 and 1024, not 0"),
        ({"phase": -1}, "Phase must be at least 0, not -1"),
        ({"phase": 2**63}, r"Phase must be below 2\^63, not 9223372036854775808"),
    ]:
        with pytest.raises(InputError, match=message):
            Quantiser("papers", **named)
    with pytest.raises(InputError, match="Quantised tensor must be of a floating-point type"):
        Quantiser("papers")(torch.arange(3))
    with pytest.raises(InputError, match=r"Values must be finite in float32 .* not inf"):
        Quantiser("papers")(torch.tensor([1.0, float("nan"), float("inf")]))
    with pytest.raises(InputError, match="Kind of quantised tensor must be weights, activations"):
        Rounding().quantiser("updates")
    with pytest.raises(InputError, match="Unit for weights must be a Design, its text or None"):
        Rounding(weights=8)
    assert Quantiser("papers")(torch.empty(0, 3)).shape == (0, 3)
    with pytest.raises(InputError, match="Design must be a Design"):
        Quantiser(8)


def test_importing_esru_does_not_import_torch() -> None:
    code = "import sys, esru, esru.emulate, esru.design; print('torch' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"


def test_without_torch() -> None:
    code = """
import sys
import importlib.util
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *more: None if name == "torch" else find(name, *more)
try:
    import esru.torch
except Exception as error:
    print(type(error).__name__, error)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    message = "ToolMissing torch is not installed; install it with: pip install 'esru[train]'"
    assert ran.stdout.strip() == message
