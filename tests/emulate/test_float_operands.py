"""Float units whose words are the lowest fraction bits of their operands."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from esru.design import parse
from esru.emulate import round_tensor
from esru.emulate.floats import value_table
from esru.errors import InputError
from esru.float_rounding import round_float
from esru.rounding import probability_up

torch = pytest.importorskip("torch")

UNITS = [
    "8:3:half:operand-own,out=ocp_e4m3",
    "6:5:select:operand-xor,lanes=3,out=bfloat16",
    "4:2:nearest:operand-neighbour,lanes=2,in=float16,out=ocp_e4m3",
    "3:3:zero:operand-xor,lanes=2,in=bfloat16,out=ocp_e2m1",
    "4:3:replicate:operand-own,in=float16,out=ocp_e5m2,overflow=nonsaturate",
]


def _patterns(text: str, size: int) -> np.ndarray:
    """Return finite patterns, mostly of the magnitudes that the output format has."""
    source, out = parse(text).floats
    rng = np.random.default_rng(size)
    ends = (out.least_exponent - out.fraction - 3, (out.highest >> out.fraction) - out.bias + 1)
    least, most = (min(max(end + source.bias, 0), (1 << source.exponent) - 2) for end in ends)
    fields = rng.integers(least, most, size, endpoint=True)
    words = fields << source.fraction | rng.integers(0, 1 << source.fraction, size)
    return words | rng.integers(0, 2, size) << (source.width - 1)


@pytest.mark.parametrize("text", UNITS)
def test_tensors_are_rounded_by_their_own_low_bits(text: str) -> None:
    """Element j on lane j mod 6 in cycle j div 6; idle lanes hold 0."""
    design = parse(text)
    source, out = design.floats
    size = 299
    x = _patterns(text, size)
    low = [*(x % (1 << design.k)).tolist(), *[0] * (-size % 6)]
    expected = []
    for j, value in enumerate(x.tolist()):
        ring = j - j % design.lanes
        beside = low[ring + (j + 1) % design.lanes]
        word = {"own": low[j], "neighbour": beside, "xor": low[j] ^ beside}
        expected.append(round_float(design, value, word[design.source.removeprefix("operand-")]))
    y, following = round_tensor(design, x, 7, lanes=6)
    assert y.tolist() == expected and following == 7 + -(-size // 6)
    assert round_tensor(design, torch.from_numpy(x), 7, lanes=6)[0].tolist() == expected
    values = np.array([source.decode(bits) for bits in x.tolist()], np.float32)
    wanted = value_table(out)[np.array(expected)]
    assert np.array_equal(round_tensor(design, values, 0, lanes=6)[0], wanted, equal_nan=True)
    for dtype in (torch.float32, getattr(torch, source.name)):
        z, _ = round_tensor(design, torch.from_numpy(values).to(dtype), 0, lanes=6)
        assert z.dtype == torch.float32
        assert np.array_equal(z.numpy(), wanted, equal_nan=True)


@pytest.mark.parametrize(
    ("rule", "n", "k"), [("zero", 4, 3), ("half", 4, 2), ("nearest", 4, 2), ("select", 4, 3)]
)
def test_over_all_significands_it_is_the_uniform_law(rule: str, n: int, k: int) -> None:
    """Of a binade with normal results every significand once: P(up | f) is of uniform words."""
    design = parse(f"{n}:{k}:{rule}:operand-own,in=float16,out=ocp_e5m2")
    dropped = design.dropped
    first = 15 << 10  # 1.0 in float16
    x = np.arange(first, first + (1 << dropped))
    y, _ = round_tensor(design, x, 0, lanes=1)
    up = y - (first >> 8)
    f = np.arange(1 << dropped) >> (dropped - n)
    for value in range(1 << n):
        share = Fraction(int(up[f == value].sum()), int((f == value).sum()))
        assert share == probability_up(design, value)


def test_values_with_empty_low_bits_are_never_rounded_up() -> None:
    """What was a bfloat16 has no bits below: with rule zero it is only truncated."""
    design = parse("8:3:zero:operand-own,out=ocp_e4m3")
    x = np.arange(0x3F80, 0x4080, dtype=np.int64) << 16
    y, _ = round_tensor(design, x, 0, lanes=1)
    assert y.tolist() == [round_float(design, int(value), 0) for value in x]
    assert y.tolist() == round_tensor(parse("8:0:zero:none,out=ocp_e4m3"), x, 0)[0].tolist()


def test_the_word_lies_below_the_rounding_bits() -> None:
    for keys, least, dropped in (
        ("in=bfloat16,out=ocp_e4m3", 11, 4),
        ("in=float16,out=bfloat16", 11, 3),
        ("in=mx_bfloat16,out=ocp_e2m1", 11, 6),
    ):
        rule = rf"rounding and random bits \({least}\) of operand-own, not {dropped}"
        with pytest.raises(InputError, match=f"^Dropped bits .* must be at least {rule}$"):
            parse(f"8:3:zero:operand-own,{keys}")
    assert parse("8:8:zero:operand-own,out=bfloat16").fraction_bits == 16
