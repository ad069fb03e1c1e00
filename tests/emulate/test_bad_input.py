"""Every row of docs/emulation.md's table of bad input: a defined result or a clear error."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest
from tables import registry, table

from esru.design import parse
from esru.emulate import round_tensor
from esru.emulate.addends import BLOCK
from esru.errors import InputError

torch = pytest.importorskip("torch")

#: torch says once what its nested tensors are.
pytestmark = pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors")

BLOCKS = "8:3:zero:lfsr3,in=mx_float32,out=ocp_e2m1"
UNIT = parse("papers")
LONG = parse("reference")
FLOATS = parse("8:3:zero:lfsr3,out=ocp_e5m2")
FP4 = parse("8:3:zero:lfsr3,out=ocp_e2m1")

#: Rows of the table, each with its test.
ROWS: dict[str, Callable[[], None]] = {}

row = registry(ROWS)


def refused(message: str, design: object, x: object, *args: object, **named: object) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        round_tensor(design, x, *args, **named)  # type: ignore[call-overload]  # what is wrong is the point


@row("NaN")
def _nan() -> None:
    for design in (UNIT, LONG, parse("papers,overflow=wrap")):
        for dtype in (np.float32, np.float64):
            x = np.ones(100, dtype)
            x[70] = np.nan
            refused("Values must be numbers, not nan", design, x)
            refused("Values must be numbers, not nan", design, torch.from_numpy(x))
    for given in (np.array([1, np.nan], np.float32), torch.tensor([1, float("nan")])):
        assert str(round_tensor(FLOATS, given)[0].tolist()) == "[1.0, nan]"
        assert round_tensor(FP4, given)[0].tolist() == [1.0, 6.0]


@row("infinity")
def _infinity() -> None:
    x = np.array([np.inf, -np.inf], np.float32)
    for given in (x, torch.from_numpy(x)):
        for design in (UNIT, LONG):
            assert round_tensor(design, given)[0].tolist() == [127.0, -128.0]
        assert round_tensor(FLOATS, given)[0].tolist() == [57344.0, -57344.0]


@row("empty tensor")
def _empty() -> None:
    for shape in ((0,), (3, 0, 2)):
        for dtype in (np.float32, np.int64):
            x = np.empty(shape, dtype)
            for given in (x, torch.from_numpy(x)):
                y, phase = round_tensor(UNIT, given, 5)
                assert tuple(y.shape) == shape and phase == 5


@row("0-d tensor")
def _scalar() -> None:
    for given in (np.array(3.5, np.float32), torch.tensor(3.5), torch.tensor(3 << 8)):
        y, phase = round_tensor(UNIT, given, 5)
        assert tuple(y.shape) == () and float(y) in (3.0, 4.0) and phase == 6


@row("non-contiguous tensor")
def _strided() -> None:
    x = np.random.default_rng(2).normal(scale=50, size=(30, 40)).astype(np.float32)
    for view in (x.T, x[::2, ::3], x[::-1], np.broadcast_to(x[0], (5, 40)), np.asfortranarray(x)):
        expected, _ = round_tensor(UNIT, view.copy(order="C"), 3)
        assert np.array_equal(round_tensor(UNIT, view, 3)[0], expected)
        out = np.empty((2 * view.shape[0], view.shape[1]), np.int8)[::2]
        assert round_tensor(UNIT, view, 3, out=out)[0] is out
        assert np.array_equal(out, expected)
    tensor = torch.from_numpy(x)
    for view in (tensor.T, tensor[::2, ::3], tensor[0].expand(5, 40), tensor.flip(0)):
        expected = round_tensor(UNIT, view.contiguous(), 3)[0]
        assert torch.equal(round_tensor(UNIT, view, 3)[0], expected)
        out = torch.empty(view.T.shape, dtype=torch.int8).T
        assert round_tensor(UNIT, view, 3, out=out)[0] is out
        assert torch.equal(out, expected.to(torch.int8))


@row("float64")
def _float64() -> None:
    """A fraction that float32 cannot hold decides: it lies just below the next rounding bit."""
    truncate = parse("8:0:zero:none")
    x = np.array([5.0 - 2.0**-40, -(2.0**-40)])
    for given in (x, torch.from_numpy(x)):
        y, _ = round_tensor(truncate, given)
        assert y.dtype == given.dtype and y.tolist() == [4.0, -1.0]
    refused("Array type must be an integer type, float16 or float32", FLOATS, x)
    refused("Tensor type must be an integer type, float16, bfloat16", FLOATS, torch.from_numpy(x))


@row("float16 or bfloat16")
def _halves() -> None:
    for kind in (torch.float16, torch.bfloat16):
        refused("Tensor type must be an integer type, float32 or", UNIT, torch.ones(3, dtype=kind))
        assert round_tensor(FLOATS, torch.ones(3, dtype=kind))[0].tolist() == [1.0] * 3
    refused("Array type must be an integer type, float32 or", UNIT, np.ones(3, np.float16))
    assert round_tensor(FLOATS, np.ones(3, np.float16))[0].tolist() == [1.0] * 3


@row("integer tensor")
def _integers() -> None:
    words = np.array([256, 384, -128], np.int16)
    y, _ = round_tensor(UNIT, words, 7)
    assert y.dtype == np.int64
    assert np.array_equal(y, round_tensor(UNIT, words / 256, 7)[0])
    found = round_tensor(UNIT, torch.from_numpy(words), 7)[0]
    assert found.dtype == torch.int64 and found.tolist() == y.tolist()
    message = "Input word of s16.8 must be between -32768 and 32767, not 32768"
    refused(message, UNIT, np.array([32768]))
    refused(message, UNIT, torch.tensor([32768]))


@row("boolean or complex tensor")
def _strange() -> None:
    for kind in (torch.bool, torch.complex64):
        refused("Tensor type must be", UNIT, torch.ones(3).to(kind))
    for kind in (np.bool_, np.complex64, np.object_):
        refused("Input words must be integers", UNIT, np.ones(3, kind))


@row("leaf that requires a gradient")
def _leaf() -> None:
    x = torch.linspace(-200, 200, 300, requires_grad=True)
    for design in (UNIT, LONG, parse("papers,overflow=wrap")):
        kept = x.detach().clone()
        y, _ = round_tensor(design, x, 3)
        assert torch.equal(y, round_tensor(design, kept, 3)[0])
        weights = torch.arange(300.0)
        (gradient,) = torch.autograd.grad((y * weights).sum(), x)
        assert torch.equal(gradient, weights)
        assert torch.equal(x.detach(), kept) and x.is_leaf
    with torch.no_grad():
        assert not round_tensor(UNIT, x)[0].requires_grad


@row("sparse or nested tensor, or one on the device `meta`")
def _without_data() -> None:
    refused("Tensor must be a dense one with data, not meta", UNIT, torch.ones(3, device="meta"))
    refused("Tensor must be a dense one with data", UNIT, torch.eye(3).to_sparse())
    for layout in (torch.strided, torch.jagged):
        ragged = torch.nested.as_nested_tensor([torch.ones(2), torch.ones(3)], layout=layout)
        refused("Tensor must be a dense one with data, not nested", UNIT, ragged)


@row("masked array")
def _masked() -> None:
    """Whatever the mask is, for nobody would see that it is gone."""
    message = "Tensor must be without a mask, not a masked array"
    for kind in (np.float32, np.float64, np.int64):
        for mask in ([True, False], False):
            x = np.ma.MaskedArray(np.ones(2, kind), mask)
            refused(message, UNIT, x)
            refused(message, FP4, x)
            assert round_tensor(UNIT, x.filled(0) * 0)[0].tolist() == [0, 0]
    masked = np.ma.MaskedArray([0, 1], [True, False])
    refused("Exponents of the scales must be without", parse(BLOCKS), np.ones(2), scale=masked)


@row("design's text, or none")
def _no_design() -> None:
    for design in ("papers", None, 8):
        message = f"Design must be a Design (see esru.design.parse), not {design!r}"
        for given in (np.ones(3), torch.ones(3)):
            refused(message, design, given)


@row("list or number")
def _no_tensor() -> None:
    for given in ([1.0, 2.0], 1.5, None, np.float32(1.5)):
        refused("Tensor must be a NumPy array or PyTorch tensor", UNIT, given)


@row("`out` on another device")
def _device() -> None:
    message = "Output tensor must be on the input's device (cpu), not meta"
    refused(message, UNIT, torch.ones(3), out=torch.ones(3, device="meta"))
    refused("Output array must be a NumPy array", UNIT, np.ones(3), out=torch.ones(3))
    refused("Output tensor must be a tensor", UNIT, torch.ones(3), out=np.ones(3))


@row("`out` that is sparse, nested or masked")
def _out_with_more() -> None:
    ones = torch.ones(3)
    refused("Output tensor must be a dense one", UNIT, ones, out=ones.to_sparse())
    ragged = torch.nested.as_nested_tensor([torch.ones(2), torch.ones(1)])
    refused("Output tensor must be a dense one, not nested", UNIT, ones, out=ragged)
    masked = np.ma.MaskedArray([0.0, 0.0], [True, False])
    message = "Output array must be without a mask, not a masked array"
    refused(message, UNIT, np.ones(2), out=masked)
    assert masked.data.tolist() == [0.0, 0.0]
    refused(message, parse(BLOCKS), np.ones(2, np.float32), scale=0, out=masked)


@row("`out` of another shape")
def _shape() -> None:
    refused("Output array must be of shape (3,), not (4,)", UNIT, np.ones(3), out=np.ones(4))
    refused("Output tensor must be of shape (3,)", UNIT, torch.ones(3), out=torch.ones(1, 3))


@row("`out` of a type that is too small")
def _narrow() -> None:
    for kind in (np.uint8, np.bool_, np.complex64):
        message = "Output array must be of a type that holds every int8"
        refused(message, UNIT, np.ones(3), out=np.ones(3, kind))
    refused("of a type that holds every int8", UNIT, torch.ones(3), out=torch.ones(3).bool())
    wide = parse("8:3:zero:lfsr3,out=s13.0")
    refused("holds every int13", wide, np.ones(3), out=np.ones(3, np.float16))
    refused("holds every ocp_e5m2", FLOATS, np.ones(3, np.float32), out=np.ones(3, np.uint8))
    refused("holds every ocp_e5m2", FLOATS, np.ones(3, np.int64), out=np.ones(3, np.float32))
    refused("holds every ocp_e5m2", FLOATS, np.ones(3, np.int64), out=np.ones(3, np.int8))
    patterns = np.array([0x3F800000, 0xFF800000])
    assert round_tensor(FLOATS, patterns, out=np.ones(2, np.uint8))[0].tolist() == [0x3C, 0xFB]
    refused("Output array must be writable", UNIT, np.ones(3), out=np.broadcast_to(1.0, 3))
    half = round_tensor(UNIT, np.full(3, 127.5), out=np.ones(3, np.float16))[0]
    assert half.tolist() == [127.0] * 3


@row("`out` where a gradient is wanted")
def _out_and_gradient() -> None:
    x = torch.ones(3, requires_grad=True)
    message = "Output tensor must be left out where gradients are wanted"
    refused(message, UNIT, x, out=torch.ones(3))
    refused(message, UNIT, torch.ones(3), out=x)
    with torch.no_grad():
        assert round_tensor(UNIT, x, out=torch.empty(3))[0].tolist() == [1.0] * 3


@row("phase below 0, or no integer")
def _phase() -> None:
    for given in (np.ones(3), torch.ones(3), np.ones(3, int)):
        refused("Phase must be at least 0, not -1", UNIT, given, -1)
        refused("Phase must be an integer, not 1.0", UNIT, given, 1.0)
        refused("Phase must be an integer, not True", UNIT, given, True)
        assert round_tensor(UNIT, given, np.int64(4))[1] == 5


@row("lanes that sources cannot share, or no integer")
def _lanes() -> None:
    shared = parse("8:7:select:lfsr13,leap=7,lanes=64")
    for given in (np.ones(3), torch.ones(3), np.ones(3, int)):
        refused("Lanes of the array must be a multiple of", shared, given, 0, 96)
        refused("Lanes of the array must be between 1 and 1024, not 0", UNIT, given, 0, 0)
        for lanes in ("64", 64.0, None, [64], True):
            message = f"Lanes of the array must be an integer, not {lanes!r}"
            refused(message, UNIT, given, 0, lanes)
        assert round_tensor(UNIT, given, 0, np.int64(2))[1] == 2


@row("source `port` or `operand-prev`")
def _outside() -> None:
    for given in (np.ones(3), torch.ones(3), np.ones(3, int), torch.ones(3, dtype=torch.int16)):
        message = "Source of an emulated array must be one that makes its own words"
        refused(message, parse("8:3:zero:port"), given)
        message = "Source of a tensor's rounding must be one that needs no operand of the cycle"
        refused(message, parse("8:3:zero:operand-prev,in=s19.11"), given)


@row("`scale` for a unit without one, or no integers, or beyond E8M0")
def _scales() -> None:
    blocks = parse("8:3:zero:lfsr3,in=mx_float32,out=ocp_e2m1,block=4")
    for x in (np.ones(8, np.float32), torch.ones(8)):
        refused("Input format of a unit that takes a scale must be one of", FLOATS, x, scale=0)
        refused("Exponents of the scales must be integers", blocks, x, scale=0.5)
        refused("Exponent of a scale must be between -127 and 128, not 129", blocks, x, scale=129)


@row("`scale` where a gradient is wanted")
def _scaled_gradient() -> None:
    blocks = parse("8:3:zero:lfsr3,in=mx_float32,out=ocp_e2m1,block=4")
    leaf = torch.ones(8, requires_grad=True)
    refused("Tensor with a scale must be without a gradient", blocks, leaf, scale=0)


@row("n above 24 with floats in PyTorch")
def _many_bits() -> None:
    wide = parse("25:24:zero:lfsr24")
    message = "Rounding bits (n) must be at most 24 for floating-point tensors, not 25"
    refused(message, wide, torch.ones(3))
    assert round_tensor(wide, np.ones(3))[0].tolist() == [1.0] * 3


@pytest.mark.parametrize("name", ROWS)
def test_row(name: str) -> None:
    ROWS[name]()


def test_the_table_has_these_rows() -> None:
    assert list(table("emulation.md", "## Bad input")) == list(ROWS)


def test_in_place_and_overlapping_outputs() -> None:
    """More than a block, so that an output could overwrite what is still to be read."""
    size = BLOCK + 500
    x = np.random.default_rng(3).normal(scale=50, size=size + 1).astype(np.float32)
    expected, _ = round_tensor(LONG, x[:size], 9)
    for shift in (0, 1):
        buffer = x.copy()
        out = buffer[shift : size + shift]
        round_tensor(LONG, buffer[:size], 9, out=out)
        assert np.array_equal(out, expected)
        tensor = torch.from_numpy(x.copy())
        round_tensor(LONG, tensor[:size], 9, out=tensor[shift : size + shift])
        assert np.array_equal(tensor[shift : size + shift].numpy(), expected)
    whole = x[:size].copy()
    assert round_tensor(LONG, whole, 9, out=whole)[0] is whole
    assert np.array_equal(whole, expected)
