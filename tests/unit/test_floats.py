"""Float formats and float units against ml_dtypes and gfloat, which were not written here."""

from __future__ import annotations

import itertools
import math
import re
from fractions import Fraction
from pathlib import Path

import gfloat
import gfloat.formats
import ml_dtypes
import numpy as np
import pytest

from esru.design import Design, parse
from esru.errors import InputError
from esru.float_formats import (
    FLOAT_FORMATS,
    FLOAT_INPUTS,
    FLOAT_OUTPUTS,
    MX_FORMATS,
    MX_OUTPUTS,
    FloatFormat,
)
from esru.float_rounding import round_float

TYPES = {
    "float16": np.float16,
    "bfloat16": ml_dtypes.bfloat16,
    "ocp_e5m2": ml_dtypes.float8_e5m2,
    "ocp_e4m3": ml_dtypes.float8_e4m3fn,
    "ocp_e3m2": ml_dtypes.float6_e3m2fn,
    "ocp_e2m3": ml_dtypes.float6_e2m3fn,
    "ocp_e2m1": ml_dtypes.float4_e2m1fn,
}
PAIRS = [
    (source, out)
    for source, out in itertools.product(FLOAT_INPUTS[:3], FLOAT_OUTPUTS)
    if FLOAT_FORMATS[source].fraction > FLOAT_FORMATS[out].fraction
]


def _patterns(fmt: FloatFormat) -> np.ndarray:
    return np.arange(1 << fmt.width, dtype=np.uint16 if fmt.width == 16 else np.uint8)


def _values(name: str, patterns: np.ndarray) -> list[float]:
    with np.errstate(invalid="ignore"):  # a signalling NaN
        return patterns.view(TYPES[name]).astype(np.float64).tolist()


def _encoded(fmt: FloatFormat, values: np.ndarray) -> np.ndarray:
    patterns = values.astype(TYPES[fmt.name]).view(np.uint16 if fmt.width == 16 else np.uint8)
    return patterns & ((1 << fmt.width) - 1)


def _same(a: float, b: float) -> bool:
    both_nan = math.isnan(a) and math.isnan(b)
    return both_nan or (a == b and math.copysign(1, a) == math.copysign(1, b))


@pytest.mark.parametrize("name", TYPES)
def test_every_pattern_is_the_value_of_ml_dtypes(name: str) -> None:
    fmt = FLOAT_FORMATS[name]
    patterns = _patterns(fmt)
    values = _values(name, patterns)
    for bits, value in zip(patterns.tolist(), values, strict=True):
        ours = fmt.decode(bits)
        assert _same(ours, value), hex(bits)
        if not math.isnan(value):
            assert fmt.encode(value) == bits


def test_float32_patterns_are_those_of_numpy() -> None:
    rng = np.random.default_rng(4)
    fmt = FLOAT_FORMATS["float32"]
    patterns = rng.integers(0, 1 << 32, 4000, dtype=np.uint32)
    patterns[:6] = [0, 1, 0x7FFFFF, 0x800000, 0x7F7FFFFF, 0x80000000]
    for bits, value in zip(patterns.tolist(), patterns.view(np.float32).tolist(), strict=True):
        assert _same(fmt.decode(bits), value)
        if not math.isnan(value):
            assert fmt.encode(value) == bits


@pytest.mark.parametrize("name", [*TYPES, "float32"])
def test_special_patterns(name: str) -> None:
    fmt = FLOAT_FORMATS[name]
    if fmt.infinity is None:
        with pytest.raises(InputError, match="Value must be one of"):
            fmt.encode(math.inf)
    else:
        assert fmt.decode(fmt.infinity) == math.inf
        assert fmt.encode(-math.inf) == fmt.infinity + (1 << (fmt.width - 1))
    if fmt.nan is None:
        with pytest.raises(InputError, match="Value must be one of"):
            fmt.encode(math.nan)
    elif name != "float32":
        assert fmt.nan == int(_encoded(fmt, np.array([math.nan], np.float32))[0])
        assert fmt.encode(math.nan) == fmt.nan
    assert math.isfinite(fmt.decode(fmt.highest))
    assert fmt.specials != "ieee" or math.isinf(fmt.decode(fmt.highest + 1))
    for wrong in (fmt.decode(fmt.highest) * 1.03125, fmt.decode(1) / 2):
        with pytest.raises(InputError, match=f"Value must be one of {name}"):
            fmt.encode(wrong)


def test_the_greatest_values_are_those_of_the_standards() -> None:
    greatest = {name: FLOAT_FORMATS[name].decode(FLOAT_FORMATS[name].highest) for name in TYPES}
    assert greatest == {
        "float16": 65504,
        "bfloat16": 2.0**127 * (2 - 2.0**-7),
        "ocp_e5m2": 57344,
        "ocp_e4m3": 448,
        "ocp_e3m2": 28,
        "ocp_e2m3": 7.5,
        "ocp_e2m1": 6,
    }
    for name, dtype in TYPES.items():
        assert greatest[name] == float(ml_dtypes.finfo(dtype).max)
        assert FLOAT_FORMATS[name].decode(1) == float(ml_dtypes.finfo(dtype).smallest_subnormal)


def test_the_page_says_what_the_formats_are() -> None:
    page = Path(__file__).parents[2] / "docs" / "rounding.md"
    rows = re.findall(r"^\| `(\w+)` \(([in, out]+)\) \|(.*)\|$", page.read_text("utf-8"), re.M)
    assert {row[0] for row in rows} == set(FLOAT_FORMATS)
    for name, ways, text in rows:
        fmt = FLOAT_FORMATS[name]
        assert f"mx_{name}" in MX_FORMATS or "in" not in ways
        assert ("in" in ways, "out" in ways) == (name in FLOAT_INPUTS, name in FLOAT_OUTPUTS)
        fields, bias, greatest, least, special, _ = (cell.strip() for cell in text.split("|"))
        assert fields == f"1, {fmt.exponent}, {fmt.fraction}"
        assert int(bias) == fmt.bias
        for said, code in ((greatest, fmt.highest), (least, 1)):
            factors = re.sub(r"(\d+)\^(-?\d+)", r"\1.0**\2", said).split(" · ")
            value = math.prod(eval(factor, {}) for factor in factors)
            assert value == fmt.decode(code)
        assert special.startswith(
            {"ieee": "both", "nan": "NaN (all ones), no", "none": "neither"}[fmt.specials]
        )


def _design(rule: str, n: int, k: int, source: str, out: str, overflow: str = "saturate") -> Design:
    family = f"lfsr{max(k + 1, 2)}" if k else "none"
    return parse(f"{n}:{k}:{rule}:{family},in={source},out={out},overflow={overflow}")


def _some_inputs(source: FloatFormat, out: FloatFormat, count: int = 300) -> list[int]:
    """Return patterns around every end, and of magnitudes in and near the output's range."""
    rng = np.random.default_rng(11)
    ends = []
    for code in (0, 1, 2, (1 << out.fraction) - 1, 1 << out.fraction, out.highest - 1, out.highest):
        value = float(out.magnitude(code))
        if value <= source.decode(source.highest) and value >= source.decode(1):
            bits = source.encode(value)
            ends += [bits, bits + 1, bits + 2, max(bits - 1, 0)]
    low = (out.least_exponent - out.fraction - 3 + source.bias) << source.fraction
    high = (out.highest >> out.fraction) - out.bias + 3 + source.bias << source.fraction
    low, high = max(low, 0), min(high, source.highest)
    free = rng.integers(low, high, count, endpoint=True).tolist()
    special = [source.infinity, source.infinity + 1, source.highest, 1, 2, 3]
    magnitudes = [*ends, *free, *special]
    sign = 1 << (source.width - 1)
    return [bits + sign * (index % 2) for index, bits in enumerate(magnitudes)] + [0, sign]


# gfloat's modes for three rules, as in test_rounding; IEEE P3109's StochasticA, B and C.
GFLOAT = {
    "zero": gfloat.RoundMode.StochasticFastest,
    "half": gfloat.RoundMode.StochasticFast,
    "nearest": gfloat.RoundMode.Stochastic,
}


def _by_gfloat(design: Design, x: int, r: int) -> float:
    """Return gfloat's answer; what the unit does not look at is cut off beforehand."""
    source, out = design.floats
    value = source.decode(x)
    info = getattr(gfloat.formats, f"format_info_{out.name}")
    if math.isfinite(value):
        exponent = max(math.frexp(value)[1] - 1, out.least_exponent)
        unit = 2.0 ** (exponent - out.fraction - design.n)
        value = math.copysign(math.floor(abs(value) / unit) * unit, value)
    return gfloat.round_float(
        info,
        value,
        GFLOAT[design.rule],
        sat=design.overflow == "saturate",
        srbits=r,
        srnumbits=design.k,
    )


@pytest.mark.parametrize(("source", "out"), PAIRS)
@pytest.mark.parametrize("rule", GFLOAT)
def test_rules_on_floats_are_those_of_gfloat(rule: str, source: str, out: str) -> None:
    """Every P3109 rule with our random bits, on every pair of formats."""
    inner, outer = FLOAT_FORMATS[source], FLOAT_FORMATS[out]
    inputs = _some_inputs(inner, outer, 60)
    for overflow in ("saturate", "nonsaturate")[: 1 + (outer.overflow is not None)]:
        for n, k in ((8, 3), (8, 7), (3, 2)):
            design = _design(rule, n, k, source, out, overflow)
            for index, x in enumerate(inputs):
                if outer.nan is None and math.isnan(inner.decode(x)):
                    continue  # gfloat refuses it; the standard leaves it open
                for r in {0, (1 << k) - 1, index % (1 << k)}:
                    ours = outer.decode(round_float(design, x, r))
                    expected = _by_gfloat(design, x, r)
                    assert _same(ours, expected), (str(design), hex(x), r, expected)


@pytest.mark.parametrize("out", MX_OUTPUTS)
@pytest.mark.parametrize("source", MX_FORMATS)
@pytest.mark.parametrize("rule", GFLOAT)
def test_elements_of_a_block_are_gfloats_of_the_quotient(rule: str, source: str, out: str) -> None:
    plain = FLOAT_FORMATS[source.removeprefix("mx_")]
    design = _design(rule, 8, 3, source, out)
    outer = FLOAT_FORMATS[out]
    for index, x in enumerate(_some_inputs(plain, outer, 60)):
        if math.isnan(plain.decode(x)) and outer.nan is None:
            continue
        for exponent in (0, 3, -5, 128, -127):
            scaled = (exponent + 127 << plain.width) + x
            r = index % 8
            expected = _by_gfloat(design, scaled, r)
            assert _same(outer.decode(round_float(design, scaled, r)), expected), hex(scaled)


@pytest.mark.parametrize("out", FLOAT_OUTPUTS)
def test_select_on_floats_has_the_probabilities_of_gfloats_stochastic_b(out: str) -> None:
    outer = FLOAT_FORMATS[out]
    n, k = 5, 4
    design, half = _design("select", n, k, "float32", out), _design("half", n, k, "float32", out)
    for x in _some_inputs(FLOAT_FORMATS["float32"], outer, 40):
        if math.isnan(FLOAT_FORMATS["float32"].decode(x)):
            continue
        ours = sorted(outer.decode(round_float(design, x, r)) for r in range(1 << k))
        theirs = sorted(_by_gfloat(half, x, r) for r in range(1 << k))
        assert ours == theirs


@pytest.mark.parametrize(("source", "out"), PAIRS)
def test_values_of_the_output_stay_as_they_are(source: str, out: str) -> None:
    """Round trip with ml_dtypes: no value of the output format is ever moved, whatever the word."""
    inner, outer = FLOAT_FORMATS[source], FLOAT_FORMATS[out]
    step = 97 if outer.width == 16 else 1
    patterns = _patterns(outer)[::step]
    values = _values(out, patterns)
    design = _design("zero", 12, 4, source, out)
    for bits, value in zip(patterns.tolist(), values, strict=True):
        if not math.isfinite(value):
            continue
        try:
            x = inner.encode(value)
        except InputError:
            continue  # float16 does not hold all of bfloat16
        assert {round_float(design, x, r) for r in (0, 7, 15)} == {bits}


@pytest.mark.parametrize("out", FLOAT_OUTPUTS)
def test_ends_are_those_of_ml_dtypes(out: str) -> None:
    """Both neighbours that a unit may choose bracket what round-to-nearest chooses."""
    inner, outer = FLOAT_FORMATS["float32"], FLOAT_FORMATS[out]
    design = _design("zero", 8, 8, "float32", out)
    for x in _some_inputs(inner, outer):
        value = inner.decode(x)
        if math.isnan(value):
            continue
        # ml_dtypes turns what is beyond the end into infinity or NaN where there is one.
        top = outer.decode(outer.highest)
        value = math.copysign(min(abs(value), top), value)
        nearest = float(np.float64(value).astype(TYPES[out]).astype(np.float64))
        down = outer.decode(round_float(design, x, 0))
        up = outer.decode(round_float(design, x, 255))
        assert abs(down) <= abs(up) and math.copysign(1, down) == math.copysign(1, value)
        # 8 bits of the fraction see all of it but its last 256th.
        assert abs(nearest) in (abs(down), abs(up)) or abs(down) == abs(up)


@pytest.mark.parametrize("out", FLOAT_OUTPUTS)
def test_beyond_the_ends_is_as_ml_dtypes_has_it(out: str) -> None:
    """Infinity, NaN and what is far beyond become what its conversions make of them."""
    fmt = FLOAT_FORMATS[out]
    inner = FLOAT_FORMATS["float32"]
    if fmt.overflow is None:
        # No infinity and no NaN: ml_dtypes' greatest number is where both stop.
        assert fmt.decode(fmt.highest) == float(ml_dtypes.finfo(TYPES[out]).max)
        return
    design = _design("zero", 8, 8, "float32", out, "nonsaturate")
    for value in (math.inf, -math.inf, math.nan, 3e38 if out != "bfloat16" else math.inf):
        theirs = float(np.float64(value).astype(TYPES[out]).astype(np.float64))
        for r in (0, 255):
            x = inner.encode(float(np.float32(value)))
            assert _same(fmt.decode(round_float(design, x, r)), theirs)


def test_up_is_away_from_zero_and_subnormals_lose_more_bits() -> None:
    """bfloat16 to ocp_e2m1 drops 6 bits, one more for each binade below the normal results."""
    design = parse("8:8:zero:lfsr9,in=bfloat16,out=ocp_e2m1")
    source, out = design.floats
    assert design.dropped == 6
    for sign in (1, -1):
        for value, low, high in ((1.25, 1, 1.5), (2.5, 2, 3), (0.75, 0.5, 1), (0.125, 0, 0.5)):
            x = source.encode(sign * value)
            made = [out.decode(round_float(design, x, r)) for r in range(256)]
            assert set(made) == {sign * low, sign * high}
            frac = Fraction(value - low) / Fraction(high - low)
            assert Fraction(made.count(sign * high), 256) == frac
    # The least bit of 0.75 + 2^-8 has the weight 2^-7 ulp of the binade below 1.
    x = source.encode(0.75) + 1
    assert sum(out.decode(round_float(design, x, r)) == 1 for r in range(256)) == 128 + 2
    # At half of that binade the same bit has the weight 2^-8.
    x = source.encode(0.375) + 1
    assert sum(out.decode(round_float(design, x, r)) == 0.5 for r in range(256)) == 192 + 1


def test_overflow_nan_and_infinity() -> None:
    source = FLOAT_FORMATS["float32"]
    cases = {
        # out: (value, saturate, nonsaturate), for the word that rounds up whenever it can.
        "ocp_e4m3": [(460.0, 448, math.nan), (math.inf, 448, math.nan), (1e30, 448, math.nan)],
        "ocp_e5m2": [(6e4, 57344, math.inf), (math.inf, 57344, math.inf), (1e30, 57344, math.inf)],
        "ocp_e2m1": [(6.5, 6, None), (math.inf, 6, None), (1e30, 6, None)],
    }
    for out, rows in cases.items():
        fmt = FLOAT_FORMATS[out]
        for value, *expected in rows:
            for overflow, wanted in zip(("saturate", "nonsaturate"), expected, strict=True):
                if wanted is None:
                    continue
                design = _design("zero", 8, 8, "float32", out, overflow)
                for sign in (1.0, -1.0):
                    x = source.encode(float(np.float32(sign * value)))
                    assert _same(fmt.decode(round_float(design, x, 255)), sign * wanted)
    # 460 rounded down is no overflow: what counts is the rounded value.
    design = _design("zero", 8, 8, "float32", "ocp_e4m3", "nonsaturate")
    assert FLOAT_FORMATS["ocp_e4m3"].decode(round_float(design, source.encode(460.0), 0)) == 448
    for out in FLOAT_OUTPUTS:
        fmt = FLOAT_FORMATS[out]
        design = _design("zero", 8, 8, "float32", out)
        wanted = fmt.highest if fmt.nan is None else fmt.nan
        for x, sign in ((0x7FC00000, 0), (0xFF800001, 1)):
            assert round_float(design, x, 3) == wanted + (sign << (fmt.width - 1))


def test_designs_of_floats_keep_their_text() -> None:
    for text in (
        "8:3:zero:lfsr5,out=ocp_e4m3",
        "8:7:select:lfsr13,leap=7,lanes=64,in=bfloat16,out=ocp_e2m1,boundary=unit",
        "24:24:zero:lfsr24,out=ocp_e5m2,overflow=nonsaturate",
    ):
        design = parse(text)
        assert str(design) == text
        assert Design.from_json(design.to_json()) == design
        assert parse(str(design.canonical())) == design.canonical()
    spelt = parse("8:3:zero:lfsr5,in=float32,out=ocp_e4m3,overflow=saturate")
    assert str(spelt) == "8:3:zero:lfsr5,out=ocp_e4m3"
    assert spelt.to_json()["in"] == "float32"


def test_canonical_float_designs_round_alike() -> None:
    for text in ("6:3:zero:lfsr3", "6:3:half:lfsr3", "3:3:replicate:lfsr3", "3:3:nearest:lfsr3"):
        design = parse(f"{text},in=bfloat16,out=ocp_e2m3")
        other = design.canonical()
        for x in _some_inputs(*design.floats):
            for r in range(8):
                assert round_float(design, x, r) == round_float(other, x, r)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("out=ocp_e2m1,overflow=nonsaturate", "Overflow must be saturate, as ocp_e2m1 has"),
        ("out=ocp_e3m2,overflow=nonsaturate", "Overflow must be saturate, as ocp_e3m2 has"),
        ("out=ocp_e4m3,overflow=wrap", "Overflow of a float unit must be one of saturate, nons"),
        ("overflow=nonsaturate", "Overflow must be one of saturate, wrap, not 'nonsaturate'"),
        ("in=float32", "Input format must be fixed-point, as int8 is, not float32"),
        ("out=float16", "Output format of a float unit must be one of bfloat16, "),
        ("in=bfloat16,out=bfloat16", "one with more than the 7 fraction bits of bfloat16"),
        ("in=s16.8,out=ocp_e4m3", "Input format of a unit to ocp_e4m3 must be one of float32,"),
        ("in=ocp_e4m3,out=ocp_e2m1", "Input format of a unit to ocp_e2m1 must be one of float32,"),
        ("in=mx_float32,out=bfloat16", "Output format of a unit from mx_float32 must be one of"),
        ("in=mx_float32", "Input format must be fixed-point, as int8 is, not mx_float32"),
        ("out=e4m3", "Format must be sW.F, uW.F, intW, uintW or one of float32, "),
    ],
)
def test_impossible_float_units_are_refused(keys: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse(f"8:3:zero:lfsr5,{keys}")


def test_fixed_point_code_refuses_floats_and_the_reverse() -> None:
    with pytest.raises(InputError, match="fixed-point here, not float32 to ocp_e4m3"):
        assert parse("8:3:zero:lfsr5,out=ocp_e4m3").fixed
    with pytest.raises(InputError, match="Formats of the design must be floats here"):
        round_float(parse("papers"), 3, 0)
