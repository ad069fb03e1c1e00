"""The vectorised float units equal the scalar reference, on arrays and on tensors."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from esru.design import Design, parse
from esru.emulate import round_array, round_tensor
from esru.emulate.floats import value_table
from esru.errors import InputError
from esru.float_formats import FLOAT_FORMATS, FLOAT_INPUTS, FLOAT_OUTPUTS, MX_FORMATS
from esru.float_rounding import neighbours, round_float
from esru.rounding import round_up

#: Rule, n, k: fewer and more rounding bits than the formats drop.
RULES = [
    ("zero", 3, 3),
    ("zero", 12, 3),
    ("half", 4, 2),
    ("half", 8, 0),
    ("nearest", 5, 3),
    ("nearest", 14, 0),
    ("replicate", 8, 3),
    ("select", 4, 3),
]
PAIRS = [
    (source, out)
    for source, out in itertools.product(FLOAT_INPUTS[:3], FLOAT_OUTPUTS)
    if FLOAT_FORMATS[source].fraction > FLOAT_FORMATS[out].fraction
]
HALVES = [pair for pair in PAIRS if FLOAT_FORMATS[pair[0]].width == 16]
#: Of these, in a default run, both inputs, outputs of 16 and 8 bits and the narrowest one; the
#: scalar loop over a pair takes a second or two.
OFTEN = [
    ("float16", "bfloat16"),
    ("float16", "ocp_e4m3"),
    ("bfloat16", "ocp_e5m2"),
    ("bfloat16", "ocp_e2m1"),
]

#: f of this many bits gives every narrower f.
_BITS = 16


def design(rule: str, n: int, k: int, source: str, out: str, overflow: str = "saturate") -> Design:
    family = f"lfsr{max(2, k + 1)}" if k else "none"
    return parse(f"{n}:{k}:{rule}:{family},in={source},out={out},overflow={overflow}")


def overflows(out: str) -> tuple[str, ...]:
    return ("saturate", "nonsaturate") if FLOAT_FORMATS[out].overflow is not None else ("saturate",)


def every_neighbour(source: str, out: str, overflow: str) -> np.ndarray:
    """Return down, up and f (16 bits) of every 16-bit pattern, from the scalar reference."""
    unit = design("zero", _BITS, 0, source, out, overflow)
    return np.array([neighbours(unit, x) for x in range(1 << 16)]).T


@pytest.mark.parametrize(
    ("source", "out", "overflow"),
    [
        *((*pair, "saturate") for pair in OFTEN),
        *(
            pytest.param(*pair, "saturate", marks=pytest.mark.slow)
            for pair in HALVES
            if pair not in OFTEN
        ),
        *(
            pytest.param(*pair, "nonsaturate", marks=pytest.mark.slow)
            for pair in HALVES
            if "nonsaturate" in overflows(pair[1])
        ),
    ],
)
def test_every_16_bit_input_with_every_word(source: str, out: str, overflow: str) -> None:
    x = np.arange(1 << 16)
    down, up, wide = every_neighbour(source, out, overflow)
    for rule, n, k in RULES:
        unit = design(rule, n, k, source, out, overflow)
        decisions = np.array(
            [[round_up(rule, n, k, f, r) for f in range(1 << n)] for r in range(1 << k)]
        )
        for r in range(1 << k):
            found = round_array(unit, x, np.full(1, r))
            expected = np.where(decisions[r][wide >> (_BITS - n)], up, down)
            assert np.array_equal(found, expected), (str(unit), r)


def some_float32(out: str, count: int) -> np.ndarray:
    """Return float32 patterns of all sizes, most of them in the output's range; seed 7."""
    rng = np.random.default_rng(7)
    fmt = FLOAT_FORMATS[out]
    low, high = fmt.least_exponent - fmt.fraction - 3, (fmt.highest >> fmt.fraction) - fmt.bias + 2
    fields = rng.integers(max(low + 127, 0), min(high + 127, 255), count, endpoint=True)
    fields = np.where(rng.integers(0, 8, count) == 0, rng.integers(0, 256, count), fields)
    # Ones from some place on make carries; zeros below some place make ties and exact values.
    fractions = rng.integers(0, 1 << 23, count)
    cut = rng.integers(0, 24, count)
    kind = rng.integers(0, 3, count)
    fractions = np.where(kind == 0, fractions >> cut << cut, fractions)
    fractions = np.where(kind == 1, fractions | ((1 << cut) - 1), fractions)
    return rng.integers(0, 2, count) << 31 | fields << 23 | fractions


@pytest.mark.parametrize("out", FLOAT_OUTPUTS)
def test_float32_inputs(out: str) -> None:
    x = some_float32(out, 800)
    rng = np.random.default_rng(5)
    for overflow in overflows(out):
        for rule, n, k in [*RULES, ("zero", 24, 24), ("half", 32, 31), ("select", 32, 31)]:
            unit = design(rule, n, k, "float32", out, overflow)
            words = rng.integers(0, 1 << k, len(x))
            pairs = zip(x.tolist(), words.tolist(), strict=True)
            expected = [round_float(unit, a, r) for a, r in pairs]
            assert round_array(unit, x, words).tolist() == expected, str(unit)


@pytest.mark.parametrize(("source", "out"), PAIRS)
def test_values_are_those_of_the_patterns(source: str, out: str) -> None:
    """A tensor of values gives the values of what its patterns give, in the order of the lanes."""
    unit = design("half", 8, 5, source, out)
    fmt = FLOAT_FORMATS[source]
    x = some_float32(out, 200) >> (32 - fmt.width)
    values = np.array([fmt.decode(bits) for bits in x.tolist()], np.float32)
    codes, following = round_tensor(unit, x, 3, 16)
    found, same = round_tensor(unit, values, 3, 16)
    assert following == same == 3 + 13
    assert found.dtype == np.float32
    assert np.array_equal(found, value_table(FLOAT_FORMATS[out])[codes], equal_nan=True)
    if source == "float16":
        halves, _ = round_tensor(unit, values.astype(np.float16), 3, 16)
        assert np.array_equal(halves, found, equal_nan=True)
    assert codes.tolist() == [
        round_float(unit, int(a), int(r))
        for a, r in zip(x, _words(unit, len(x), 3, 16), strict=True)
    ]


def _words(unit: Design, size: int, phase: int, lanes: int) -> list[int]:
    from esru.emulate import Array

    return Array(unit, lanes).tensor_words(size, phase)[0].tolist()


@pytest.mark.parametrize(("source", "out"), PAIRS)
def test_tensors_are_arrays(source: str, out: str) -> None:
    torch = pytest.importorskip("torch")
    fmt = FLOAT_FORMATS[source]
    patterns = some_float32(out, 500) >> (32 - fmt.width)
    for rule, n, k in (("nearest", 8, 5), ("select", 6, 5)):
        for overflow in overflows(out):
            unit = design(rule, n, k, source, out, overflow)
            expected, following = round_tensor(unit, patterns, 2)
            found, same = round_tensor(unit, torch.from_numpy(patterns), 2)
            assert following == same
            assert found.tolist() == expected.tolist()
            values = np.array([fmt.decode(bits) for bits in patterns.tolist()], np.float32)
            wanted, _ = round_tensor(unit, values, 2)
            for dtype in {torch.float32, getattr(torch, source)}:
                rounded, _ = round_tensor(unit, torch.from_numpy(values).to(dtype), 2)
                assert rounded.dtype == torch.float32
                assert np.array_equal(rounded.numpy(), wanted, equal_nan=True)


@pytest.mark.parametrize("out", ["ocp_e2m1", "ocp_e4m3", "ocp_e5m2"])
@pytest.mark.parametrize("source", MX_FORMATS)
def test_scaled_elements(source: str, out: str) -> None:
    """Every scale with numbers around it, and every special pattern with some scales."""
    torch = pytest.importorskip("torch")
    fmt = MX_FORMATS[source]
    rng = np.random.default_rng(9)
    scale = np.tile(np.arange(256), 4)
    field = np.clip(
        scale - 127 + fmt.bias + rng.integers(-9, 9, 1024), 0, (fmt.highest >> fmt.fraction)
    )
    words = field << fmt.fraction | rng.integers(0, 1 << fmt.fraction, 1024)
    words[::16] = fmt.infinity
    words[1::16] = fmt.infinity + 1
    words[2::16] = rng.integers(0, 1 << fmt.fraction, 64)
    x = (scale << 1 | rng.integers(0, 2, 1024)) * fmt.sign + words
    for overflow in overflows(out):
        unit = design("half", 8, 3, source, out, overflow)
        r = rng.integers(0, 8, 1024)
        expected = [round_float(unit, a, b) for a, b in zip(x.tolist(), r.tolist(), strict=True)]
        assert round_array(unit, x, r).tolist() == expected
        found, _ = round_tensor(unit, torch.from_numpy(x), 1)
        assert found.tolist() == round_tensor(unit, x, 1)[0].tolist()
    with pytest.raises(
        InputError, match="given with scale=, or divided by it and given to a unit from"
    ):
        round_tensor(unit, np.ones(3, np.float32))
    with pytest.raises(
        InputError, match="given with scale=, or divided by it and given to a unit from"
    ):
        round_tensor(unit, torch.ones(3))


def test_signed_zeros_stay_signed() -> None:
    unit = parse("8:3:zero:lfsr5,out=ocp_e2m1")
    found, _ = round_tensor(unit, np.array([-0.0, 0.0, -1e-30, 1e-45], np.float32))
    assert np.signbit(found).tolist() == [True, False, True, False]
    assert not found.any()


def test_what_float_units_refuse() -> None:
    torch = pytest.importorskip("torch")
    unit = parse("8:3:zero:lfsr5,in=bfloat16,out=ocp_e4m3")
    half = parse("8:3:zero:lfsr5,in=float16,out=ocp_e4m3")
    third = np.array([1 / 3], np.float32)
    for refused in (third, torch.from_numpy(third)):
        for text in (unit, half):
            with pytest.raises(InputError, match=r"must be values of b?float16, all of them"):
                round_tensor(text, refused)
    for wrong in (np.array([1 << 16]), np.array([-1])):
        for refused in (wrong, torch.from_numpy(wrong)):
            with pytest.raises(InputError, match="Bit pattern of bfloat16 must be between 0 and"):
                round_tensor(unit, refused)
    with pytest.raises(InputError, match="Array type must be an integer type, float16 or float32"):
        round_tensor(unit, np.array([1.0]))
    with pytest.raises(InputError, match="Tensor type must be an integer type, float16, bfloat16"):
        round_tensor(unit, torch.tensor([1.0], dtype=torch.float64))
    with pytest.raises(InputError, match="Random word must be between 0 and 7, not 8"):
        round_array(unit, np.array([0]), np.array([8]))
