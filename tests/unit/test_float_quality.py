"""What a float unit drops in each binade, against counting with the scalar reference."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest

from esru.design import Design, parse
from esru.errors import InputError
from esru.float_quality import Binades, binades
from esru.float_rounding import round_float
from esru.quality import quality
from esru.rounding import probability_up
from esru.sources import source_model


def _counted(design: Design, exponent: int) -> tuple[int, Fraction]:
    """Return D and the greatest bias of one binade, from every input in it and every word."""
    source, out = design.floats
    words = source_model(design).words(0, source_model(design).period).tolist()
    ulp = Fraction(2) ** (max(exponent, out.least_exponent) - out.fraction)
    value = Fraction(2) ** exponent
    step = Fraction(2) ** (max(exponent, source.least_exponent) - source.fraction)
    greatest, denominator = Fraction(0), 1
    while value < Fraction(2) ** (exponent + 1):
        x = source.encode(float(value))
        # In units of the output; beyond its end, where it saturates, the value is not compared.
        made = [Fraction(out.decode(round_float(design, x, r))) for r in words]
        if value + ulp <= out.magnitude(out.highest):
            bias = (sum(made) / len(made) - value) / ulp
            greatest = max(greatest, abs(bias))
        denominator = math.lcm(denominator, (value / ulp).denominator)
        value += step
    return denominator.bit_length() - 1, greatest


@pytest.mark.parametrize(
    "text",
    [
        "8:3:zero:lfsr4,in=bfloat16,out=ocp_e2m1",
        "4:2:half:debruijn3,in=bfloat16,out=ocp_e5m2",
        "5:3:nearest:lfsr4,in=bfloat16,out=ocp_e2m3",
        "6:3:replicate:plateau3,in=bfloat16,out=ocp_e3m2",
        "5:4:select:lfsr5,in=bfloat16,out=ocp_e4m3",
        "3:3:zero:debruijn3,in=float16,out=bfloat16",
    ],
)
def test_dropped_bits_and_bias_are_what_counting_gives(text: str) -> None:
    design = parse(text)
    groups = binades(design)
    assert [group.high for group in groups[1:]] == [group.low - 1 for group in groups[:-1]]
    for group in groups:
        # The highest binade of all has few fractions below the end.
        for exponent in {group.low} if group is groups[0] else {group.low, group.high}:
            dropped, greatest = _counted(design, exponent)
            assert (group.dropped, group.bias) == (dropped, greatest), (exponent, group)
    # Below the last group every word gives zero; in it, some word does not.
    least = groups[-1].low
    source, _ = design.floats
    below = source.encode(2.0**least) - 1
    assert {round_float(design, below, r) for r in range(1 << design.k)} == {0} or below == 0


def test_bfloat16_to_e2m1_drops_6_bits_and_one_more_per_binade() -> None:
    groups = binades(parse("8:8:zero:debruijn8,in=bfloat16,out=ocp_e2m1"))
    assert (groups[0].low, groups[0].high, groups[0].dropped) == (0, 2, 6)
    assert [group.dropped for group in groups[1:]] == list(range(7, 7 + len(groups) - 1))
    assert [group.high for group in groups[1:]] == list(range(-1, -len(groups), -1))


@pytest.mark.parametrize("rule", ["zero", "half", "nearest", "replicate", "select"])
def test_k_of_the_dropped_bits_is_exact_and_less_is_not(rule: str) -> None:
    """float16 to ocp_e5m2: 8 dropped bits if normal, uniform words."""
    for k in (7, 8, 9):
        n = {"select": k + 1, "half": k + 1}.get(rule, 10)
        design = parse(f"{n}:{k}:{rule}:debruijn{k},in=float16,out=ocp_e5m2")
        (normal, *_) = binades(design)
        assert normal.dropped == 8
        assert (normal.bias == 0) == (k >= 8)


def test_subnormal_inputs_that_fit_lose_nothing() -> None:
    groups = binades(parse("3:3:zero:debruijn3,in=float16,out=bfloat16"))
    assert groups[0] == Binades(-14, 15, 3, Fraction(0))
    assert groups[-1] == Binades(-24, -17, 0, Fraction(0))


def test_quality_of_a_unit_that_looks_below_the_inputs_last_bit() -> None:
    """n > D: subnormal results use the bits below, so that the bias is over all n bits."""
    wide = quality(parse("9:3:half:debruijn3,in=bfloat16,out=ocp_e2m1"))
    fixed = quality(parse("9:3:half:debruijn3"))
    assert wide.bias == fixed.bias
    assert wide.dead_zone == Fraction(32, 512)


@pytest.mark.parametrize(
    "rule", ["7:5:zero", "7:5:half", "7:4:nearest", "7:3:replicate", "7:6:select"]
)
def test_biases_are_those_of_every_fraction(rule: str) -> None:
    """The fractions that are looked at are enough: the same from P(up) at all of them."""
    design = parse(f"{rule}:lfsr8,in=bfloat16,out=ocp_e2m1")
    n = design.n
    for group in binades(design):
        above = group.low + 1 if group.low < 0 else 1
        first, last = (0, 1 << n) if above >= 0 else (1 << (n + above), 2 << (n + above))
        lost = Fraction((1 << max(group.dropped - n, 0)) - 1, 1 << group.dropped)
        greatest = Fraction(0)
        for f in range(first, last, 1 << max(n - group.dropped, 0)):
            error = probability_up(design, f) - Fraction(f, 1 << n)
            greatest = max(greatest, abs(error), abs(error - lost))
        assert group.bias == greatest, group


def test_wide_units_need_no_list_of_their_fractions() -> None:
    groups = binades(parse("32:3:half:debruijn3,out=ocp_e4m3"))
    assert groups[0].bias == Fraction(1, 16) and len(groups) > 30


def test_a_scale_changes_nothing_but_the_binade() -> None:
    plain = binades(parse("8:3:zero:lfsr4,in=bfloat16,out=ocp_e2m1"))
    assert binades(parse("8:3:zero:lfsr4,in=mx_bfloat16,out=ocp_e2m1")) == plain


def test_fixed_point_has_no_binades() -> None:
    with pytest.raises(InputError, match="Formats of the design must be floats here"):
        binades(parse("papers"))
