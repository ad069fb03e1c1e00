"""Blocks with a scale of their own: `round_tensor(scale=)`, MX and NVFP4."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from esru.design import parse
from esru.emulate import round_tensor, split_scales
from esru.emulate.floats import value_table
from esru.errors import InputError
from esru.float_formats import FLOAT_FORMATS, MX_FORMATS
from esru.float_rounding import split

torch = pytest.importorskip("torch")

UNIT = "8:7:select:lfsr13,leap=7,lanes=32,in={},out=ocp_e2m1,block=32"


def _blocks(blocks: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return float32 elements, and for each block the exponent that MX gives it."""
    rng = np.random.default_rng(blocks)
    binades = np.exp2(rng.integers(-40, 40, (blocks, 1)))
    x = (rng.normal(0, 1, (blocks, size)) * binades).astype(np.float32)
    scale = np.floor(np.log2(np.abs(x).max(axis=1, keepdims=True))).astype(np.int64) - 2
    return x, scale


@pytest.mark.parametrize("source", MX_FORMATS)
def test_a_scale_beside_the_elements_is_the_one_above_their_sign(source: str) -> None:
    design = parse(UNIT.format(source))
    plain = FLOAT_FORMATS[source.removeprefix("mx_")]
    rng = np.random.default_rng(4)
    words = rng.integers(0, 1 << plain.width, (40, 32))
    scale = rng.integers(-127, 129, (40, 1))
    scale[::2] = rng.integers(-6, 7, (20, 1))
    packed = (scale + 127) * (2 * plain.sign) + words
    expected, following = round_tensor(design, packed, 5, 32)
    for elements, exponents in (
        (words, scale),
        (torch.from_numpy(words), scale),
        (torch.from_numpy(words), torch.from_numpy(scale)),
    ):
        found, same = round_tensor(design, elements, 5, 32, scale=exponents)
        assert same == following and found.tolist() == expected.tolist()
    values = np.array([plain.decode(bits) for bits in words.ravel().tolist()], np.float32)
    values = values.reshape(words.shape)
    wanted = value_table(FLOAT_FORMATS["ocp_e2m1"])[expected]
    found, _ = round_tensor(design, values, 5, 32, scale=scale)
    assert found.dtype == np.float32 and np.array_equal(found, wanted)
    held = torch.from_numpy(values).to(getattr(torch, plain.name))
    # PyTorch's conversions of NaN lose its sign.
    numbers = ~np.isnan(values)
    found = round_tensor(design, held, 5, 32, scale=scale)[0].numpy()
    assert np.array_equal(found[numbers], wanted[numbers])
    stored = np.empty(words.shape, np.float64)
    assert round_tensor(design, values, 5, 32, scale=scale, out=stored)[0] is stored
    assert np.array_equal(stored, wanted)


def test_one_scale_of_a_tensor() -> None:
    design, plain = parse(UNIT.format("mx_float32")), parse(UNIT.format("float32")[:-9])
    x = np.linspace(-30, 30, 64, dtype=np.float32)
    found, _ = round_tensor(design, x, 3, 32, scale=2)
    assert np.array_equal(found, round_tensor(plain, x / 4, 3, 32)[0])


def test_blocks_of_mxfp4_use_the_range_of_their_elements() -> None:
    x, scale = _blocks(500, 32)
    found, _ = round_tensor(parse(UNIT.format("mx_float32")), x, 0, 32, scale=scale)
    assert set(np.abs(found).max(axis=1)) <= {4.0, 6.0}
    errors = np.abs(found * np.exp2(scale) - np.clip(x, -6 * np.exp2(scale), 6 * np.exp2(scale)))
    assert (errors < 2 * np.exp2(scale)).all()


def test_the_scales_of_nvfp4_split() -> None:
    patterns = np.arange(1, 0x7F)
    significand, exponent = split_scales(patterns)
    assert significand.dtype == np.float32 and set(significand) == {1 + i / 8 for i in range(8)}
    assert (exponent.min(), exponent.max()) == (-9, 8)
    values = value_table(FLOAT_FORMATS["ocp_e4m3"])[patterns]
    assert np.array_equal(significand * np.exp2(exponent), values)
    for wrong in ([0], [0x7F], [0x80], [-1], [300]):
        with pytest.raises(InputError, match="Scale in ocp_e4m3 must be a number above zero, 0x1"):
            split_scales(np.array(wrong))
    with pytest.raises(InputError, match="Scales must be bit patterns of ocp_e4m3, not float32"):
        split_scales(np.ones(1, np.float32))


def test_nvfp4_by_the_significand_first_is_division_in_float32() -> None:
    """docs/rounding.md: bit for bit the quotient rounded to float32, and how far from exact."""
    design = parse("20:8:zero:lfsr9,leap=8,lanes=16,in=mx_float32,out=ocp_e2m1,block=16")
    plain = parse("20:8:zero:lfsr9,leap=8,lanes=16,out=ocp_e2m1")
    rng = np.random.default_rng(7)
    x = rng.normal(0, 1, (2000, 16)).astype(np.float32)
    scale = rng.integers(1, 0x7F, (2000, 1))
    x *= value_table(FLOAT_FORMATS["ocp_e4m3"])[scale] * np.float32(2)
    significand, exponent = split_scales(scale)
    found, _ = round_tensor(design, x / significand, 0, 16, scale=exponent)
    whole, _ = round_tensor(plain, x / value_table(FLOAT_FORMATS["ocp_e4m3"])[scale], 0, 16)
    assert np.array_equal(found, whole)
    out = FLOAT_FORMATS["ocp_e2m1"]
    furthest = Fraction(0)
    for value, m, e in zip(x[:, 0], significand[:, 0], exponent[:, 0], strict=True):
        exact = abs(Fraction(float(value))) / Fraction(float(m)) / Fraction(2) ** int(e)
        rounded = abs(Fraction(float(np.float32(value / m)))) / Fraction(2) ** int(e)
        if exact > out.magnitude(out.highest):
            continue
        _, _, ulp = split(exact, out)
        furthest = max(furthest, abs(exact - rounded) / Fraction(2) ** ulp)
    assert Fraction(1, 1 << 24) < furthest <= Fraction(1, 1 << 22)


def test_powers_of_two_among_the_scales_of_nvfp4_are_exact() -> None:
    patterns = np.array([0x38, 0x40, 0x08, 0x01, 0x02])  # 1, 2, 2^-6, 2^-9, 2^-8
    significand, exponent = split_scales(patterns)
    assert significand.tolist() == [1.0] * 5
    assert exponent.tolist() == [0, 1, -6, -9, -8]


def test_what_scales_refuse() -> None:
    design = parse(UNIT.format("mx_float32"))
    x = np.ones((4, 32), np.float32)
    for keys, unit in (
        ("float32", parse("8:3:zero:lfsr5,out=ocp_e2m1")),
        ("s16.8", parse("papers")),
    ):
        with pytest.raises(InputError, match=f"takes a scale must be one of mx_.*, not {keys}"):
            round_tensor(unit, x, scale=0)
    for wrong, message in (
        (0.5, "Exponents of the scales must be integers, not float64"),
        (129, "Exponent of a scale must be between -127 and 128, not 129"),
        (np.array([[-128], [0], [0], [0]]), "Exponent of a scale must be .*, not -128"),
        (np.zeros(4, int), r"must be of a shape that broadcasts to \(4, 32\), not \(4,\)"),
    ):
        with pytest.raises(InputError, match=message):
            round_tensor(design, x, scale=wrong)
    with pytest.raises(InputError, match="Bit pattern of float32 must be between 0 and"):
        round_tensor(design, np.array([1 << 32]), scale=0)
    learned = torch.ones(32, requires_grad=True)
    with pytest.raises(InputError, match="Tensor with a scale must be without a gradient"):
        round_tensor(design, learned, scale=0)
    assert math.isclose(float(round_tensor(design, learned.detach(), scale=-1)[0][0]), 2.0)
    with pytest.raises(InputError, match="Tensor must be a NumPy array or PyTorch tensor"):
        round_tensor(design, [1.0], scale=0)
