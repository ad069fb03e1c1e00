"""The vectorised twin equals the scalar reference: every input word with every random word."""

from __future__ import annotations

import numpy as np
import pytest

from esru.design import Design, parse
from esru.emulate import decision_values, round_array, round_tensor, round_up_array
from esru.errors import InputError
from esru.rounding import leading_zeros, round_up, round_word, thresholds

RULES = ("zero", "half", "nearest", "replicate", "select")


def allowed(rule: str, n: int, k: int) -> bool:
    if k == 0:
        return rule in ("zero", "half", "nearest")
    if rule == "half":
        return n > k
    if rule == "select":
        return k == n - 1
    return True


def design(rule: str, n: int, k: int, settings: str = "") -> Design:
    source = f"lfsr{max(2, k + 1)}" if k else "none"
    return parse(f"{n}:{k}:{rule}:{source}{settings}")


SMALL = [
    (rule, n, k) for rule in RULES for n in range(1, 7) for k in range(n + 1) if allowed(rule, n, k)
]


@pytest.mark.parametrize(("rule", "n", "k"), SMALL)
@pytest.mark.parametrize("overflow", ["saturate", "wrap"])
def test_small_units_are_exhaustively_equal(rule: str, n: int, k: int, overflow: str) -> None:
    unit = design(rule, n, k, f",in=s{n + 4}.{n},out=s4.0,overflow={overflow}")
    x = np.arange(unit.input.low, unit.input.high + 1)
    words = np.arange(1 << k)
    found = round_array(unit, x[:, None], words[None, :])
    expected = [[round_word(unit, int(v), int(r)) for r in words] for v in x]
    assert found.tolist() == expected


@pytest.mark.parametrize("dropped", [3, 5, 9])
def test_bits_below_the_rounding_bits_are_truncated(dropped: int) -> None:
    unit = parse(f"3:2:half:lfsr3,in=s{dropped + 3}.{dropped},out=s3.0")
    x = np.arange(unit.input.low, unit.input.high + 1)
    for r in range(4):
        expected = [round_word(unit, int(v), r) for v in x]
        assert round_array(unit, x, np.full(len(x), r)).tolist() == expected


@pytest.mark.parametrize("rule", RULES)
def test_unsigned_outputs(rule: str) -> None:
    unit = design(rule, 4, 3, ",in=u8.5,out=u4.1")
    x = np.arange(256)
    for r in range(8):
        expected = [round_word(unit, int(v), r) for v in x]
        assert round_array(unit, x, np.full(256, r)).tolist() == expected


def sixteen(rule: str, n: int, k: int) -> object:
    """One split of 16 bits; the scalar loop takes about a second, so most splits are slow."""
    return pytest.param(rule, n, k, marks=() if n in (8, 9) else pytest.mark.slow)


#: Fraction and word together of 16 bits: 65536 decisions, for every rule and split.
SIXTEEN = [
    sixteen(rule, n, 16 - n) for rule in RULES[:4] for n in range(8, 17) if allowed(rule, n, 16 - n)
] + [sixteen("select", 8, 7), pytest.param("select", 9, 8, marks=pytest.mark.slow)]


@pytest.mark.parametrize(("rule", "n", "k"), SIXTEEN)
def test_sixteen_bits_of_fraction_and_word(rule: str, n: int, k: int) -> None:
    unit = design(rule, n, k)
    f, r = np.meshgrid(np.arange(1 << n), np.arange(1 << k), indexing="ij")
    found = round_up_array(unit, f.ravel(), r.ravel())
    pairs = zip(f.ravel().tolist(), r.ravel().tolist(), strict=True)
    expected = [round_up(rule, n, k, a, b) for a, b in pairs]
    assert found.tolist() == expected


@pytest.mark.parametrize(
    ("rule", "n", "k"),
    [
        ("zero", 24, 12),
        ("nearest", 32, 10),
        ("replicate", 32, 11),
        ("half", 31, 12),
        ("zero", 12, 12),
        ("nearest", 9, 9),
    ],
)
def test_thresholds_of_wide_units(rule: str, n: int, k: int) -> None:
    unit = design(rule, n, k)
    assert (decision_values(unit, np.arange(1 << k)) == thresholds(unit)).all()


def test_the_selected_bit_of_a_wide_unit() -> None:
    unit = design("select", 32, 31)
    r = np.array([0, 1, 2, 3, (1 << 31) - 1, 1 << 30, (1 << 30) - 1, 12345], np.uint32)
    expected = [31 - leading_zeros(int(v), 31) for v in r]
    assert decision_values(unit, r).tolist() == expected


def test_zero_fraction_never_rounds_up() -> None:
    for rule, n, k in SMALL:
        unit = design(rule, n, k)
        words = np.arange(1 << k)
        assert not round_up_array(unit, np.zeros(1 << k, np.int64), words).any()


def test_inputs_and_words_out_of_range_are_refused() -> None:
    unit = parse("papers")
    word = np.array([0])
    with pytest.raises(InputError, match=r"Input word of s16\.8 must be between -32768 and 32767"):
        round_array(unit, np.array([32768]), word)
    with pytest.raises(InputError, match="Random word must be between 0 and 7, not 8"):
        round_array(unit, np.array([0]), np.array([8]))
    with pytest.raises(InputError, match="Random word must be between 0 and 7, not -1"):
        round_array(unit, np.array([0]), np.array([-1]))
    with pytest.raises(InputError, match="Input words must be integers, not float64"):
        round_array(unit, np.array([0.0]), word)
    with pytest.raises(InputError, match="Random words must be integers"):
        round_array(unit, np.array([0]), np.array([0.0]))


def test_round_tensor_takes_words_and_values_alike() -> None:
    """x words of s16.8 are the values x / 256: both forms give the same decisions."""
    for text in (
        "papers",
        "reference",
        "8:7:select:lfsr13,leap=7,lanes=64",
        "nearest",
        "5:3:half:debruijn5,overflow=wrap",
        "6:2:nearest:lfsr7,lanes=4",
    ):
        unit = parse(text)
        step = 1 << unit.n
        x = np.linspace(unit.input.low, unit.input.high, 1000).astype(np.int64)
        y, following = round_tensor(unit, x, 1234567)
        values, same = round_tensor(unit, x / step, 1234567)
        assert following == same == 1234567 + 16
        assert values.dtype == np.float64
        assert (values == y).all(), text


def test_values_saturate_and_are_floored() -> None:
    unit = parse("8:0:zero:none")
    x = np.array([-np.inf, -1e9, -128.0, -1e-9, 0.0, 0.999, 127.999, 128.0, 1e9, np.inf])
    y, _ = round_tensor(unit, x)
    assert y.tolist() == [-128, -128, -128, -1, 0, 0, 127, 127, 127, 127]
    with pytest.raises(InputError, match="Values must be numbers, not nan"):
        round_tensor(unit, np.array([np.nan]))
    with pytest.raises(InputError, match="Array type must be"):
        round_tensor(unit, np.zeros(3, np.float16))


def test_a_wrapping_output_wraps_only_by_the_carry() -> None:
    unit = parse("8:0:half:none,overflow=wrap")
    y, _ = round_tensor(unit, np.array([127.6, 127.4, 300.0, -128.0, -300.0]))
    assert y.tolist() == [-128, 127, -128, -128, -128]
    # Beyond the format the value is the input's last one, which truncation does not carry.
    y, _ = round_tensor(parse("8:0:zero:none,overflow=wrap"), np.array([128.0, 300.0, -300.0]))
    assert y.tolist() == [127, 127, -128]


def test_round_tensor_keeps_shape_and_order() -> None:
    unit = parse("reference")
    x = np.arange(-300, 300, dtype=np.int64).reshape(20, 30) << 15
    whole, following = round_tensor(unit, x, 5)
    assert whole.shape == x.shape
    assert following == 5 + 10
    flat, _ = round_tensor(unit, x.ravel(), 5)
    assert (whole.ravel() == flat).all()
    # Columns first in memory, the same tensor: element order is C order.
    again, _ = round_tensor(unit, np.asfortranarray(x), 5)
    assert (again == whole).all()
