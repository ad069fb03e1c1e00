"""Rules given as a truth table: names, scalar decisions, exact properties, canonical form."""

from __future__ import annotations

import random
from collections import Counter
from fractions import Fraction
from itertools import pairwise
from math import sqrt

import pytest

from esru.decision_table import DecisionTable, decision_table
from esru.design import Design, parse
from esru.errors import InputError
from esru.float_quality import binades
from esru.quality import listed_probabilities, quality, variance_inflation
from esru.resonance import resonances
from esru.rounding import probability_up, round_up, round_word, up_counts
from esru.sources import source_model

#: Four fraction bits exactly, in two LUT4: `select` with an outcome that never rounds up.
EXACT = "table-ff00f0f0fc30fa5000000000ccccaaaa.1.2.1.0.0.0.4.8"


def _chance(n: int, k: int, s: int, rng: random.Random) -> str:
    """Return a table of chance; the weights of s < k code bits are chance too, some 0."""
    bits = sum(rng.getrandbits((1 << n) - 1) << (1 + (c << n)) for c in range(1 << s))
    weights = [1] * (1 << k)
    if s < k:
        cuts = sorted(rng.randrange((1 << k) + 1) for _ in range((1 << s) - 1))
        ends = [0, *cuts, 1 << k]
        weights = [b - a for a, b in pairwise(ends)]
    return DecisionTable(n, k, s, bits, tuple(weights)).rule


def _designs() -> list[Design]:
    rng = random.Random(5)
    sizes = [(1, 1, 1), (2, 2, 1), (2, 1, 1), (3, 3, 2), (3, 2, 2), (4, 4, 2), (5, 4, 3), (3, 3, 0)]
    sources = [f"lfsr{{}},leap=3,seed={seed}" for seed in (1, 2)] + ["debruijn{}", "plateau{}"]
    return [
        parse(f"{n}:{k}:{_chance(n, k, s, rng)}:{source.format(k + 3)}")
        for n, k, s in sizes
        for source in sources
    ]


DESIGNS = _designs()


def _up(rule: str, n: int, f: int, r: int) -> int:
    """Read the contract's sentence once more: the number's bit, by weights dealt out in order."""
    digits, *weights = rule.removeprefix("table-").split(".")
    order = [code for code, weight in enumerate(weights) for _ in range(int(weight))]
    code = order[r] if weights else r
    return int(f"{int(digits, 16):b}".zfill(len(digits) * 4)[::-1][f + code * 2**n])


def test_decisions_are_the_numbers_bits() -> None:
    for design in DESIGNS:
        for f in range(1 << design.n):
            for r in range(1 << design.k):
                wanted = _up(design.rule, design.n, f, r)
                assert round_up(design.rule, design.n, design.k, f, r) == wanted


def test_names_round_trip() -> None:
    for design in DESIGNS:
        assert parse(str(design)) == design
        assert Design.from_json(design.to_json()) == design


def test_exact_properties_are_those_of_the_decisions() -> None:
    for design in DESIGNS:
        model = source_model(design)
        words = model.words(0, model.period).tolist()
        ups = [sum(_up(design.rule, design.n, f, r) for r in words) for f in range(1 << design.n)]
        assert up_counts(design).tolist() == ups
        assert probability_up(design, 1) == Fraction(ups[1], len(words))
        assert listed_probabilities(design, 64)[1] == [Fraction(up, len(words)) for up in ups]
        errors = [Fraction(up, len(words)) - Fraction(f, len(ups)) for f, up in enumerate(ups)]
        found = quality(design)
        assert found.bias.mean == sum(errors) / len(errors)
        assert found.bias.max == max(map(abs, errors))
        assert found.bias.rms == pytest.approx(sqrt(sum(e * e for e in errors) / len(errors)))
        assert found.dead_zone == Fraction(
            next((f for f, up in enumerate(ups) if up), len(ups)), len(ups)
        )


def test_dropped_bits_below_the_fraction_are_lost() -> None:
    design = parse(f"4:4:{EXACT}:debruijn4,in=s16.8")
    found = quality(design)
    assert found.bias.max == Fraction(15, 256)
    assert found.bias.mean == -Fraction(15, 512)
    assert found.bias.rms == pytest.approx(sqrt(sum((i / 256) ** 2 for i in range(16)) / 16))


def test_classes_of_a_period() -> None:
    """The worst class of every gcd, by counting."""
    design = parse(f"4:4:{EXACT}:plateau4")
    model = source_model(design)
    words = model.words(0, model.period).tolist()
    for one in resonances(design):
        biases, zones = [], []
        for start in range(one.gcd):
            part = words[start :: one.gcd]
            ups = [sum(_up(design.rule, 4, f, r) for r in part) for f in range(16)]
            biases.append(
                max(abs(Fraction(up, len(part)) - Fraction(f, 16)) for f, up in enumerate(ups))
            )
            zones.append(Fraction(next((f for f, up in enumerate(ups) if up), 16), 16))
        assert one.bias is not None
        assert (one.bias.max, one.dead_zone) == (max(biases), max(zones))


def test_exact_law_of_four_bits() -> None:
    """Uniform words: P(up | f) is f / 16 at every f, which no rule of k = 3 bits can have."""
    design = parse(f"4:4:{EXACT}:debruijn4")
    assert [probability_up(design, f) for f in range(16)] == [Fraction(f, 16) for f in range(16)]
    assert quality(design).bias.max == 0
    assert variance_inflation(design, 1) == pytest.approx(1)
    words = [round_word(design, 5, r) for r in range(16)]
    assert Counter(words) == {0: 11, 1: 5}


def test_float_units_list_their_binades() -> None:
    design = parse(f"4:4:{EXACT}:debruijn4,in=float32,out=ocp_e4m3")
    exact = parse("4:4:zero:debruijn4,in=float32,out=ocp_e4m3")
    assert binades(design) == binades(exact)


@pytest.mark.parametrize(
    "head", ["3:3:zero", "3:2:half", "3:2:nearest", "3:2:replicate", "4:3:select"]
)
def test_a_named_rules_table_is_the_named_rule(head: str) -> None:
    named = parse(f"{head}:lfsr5")
    n, k = named.n, named.k
    bits = sum(
        round_up(named.rule, n, k, f, r) << (f + (r << n))
        for f in range(1 << n)
        for r in range(1 << k)
    )
    table = DecisionTable(n, k, k, bits, (1,) * (1 << k))
    assert parse(f"{n}:{k}:{table.rule}:lfsr5").canonical() == named.canonical()
    # The same decisions by codes: one for each run of equal columns.
    assert parse(f"{n}:{k}:{table.merged().rule}:lfsr5").canonical() == named.canonical()


def test_behaviour_does_not_see_the_codes() -> None:
    """Split weights, codes without words and fraction bits without effect change no decision."""
    one = parse("2:2:table-ca.3.1:lfsr3")
    split = parse("2:2:table-c0aa.1.2.0.1:lfsr3")
    plain = parse("2:2:table-caaa:lfsr3")
    assert one.behaviour == split.behaviour == plain.behaviour
    assert len({one.id, split.id, plain.id}) == 3
    other = parse("2:2:table-ca.2.2:lfsr3")
    assert other.behaviour != one.behaviour
    wide = parse("3:2:table-f0cc.3.1:lfsr3")
    assert wide.canonical() == parse("2:2:table-ca.3.1:lfsr3")
    for design in (one, split, wide):
        small = design.canonical()
        assert small.canonical() == small
        for f in range(1 << design.n):
            for r in range(4):
                cut = f >> (design.n - small.n)
                up = round_up(design.rule, design.n, 2, f, r)
                assert up == round_up(small.rule, small.n, 2, cut, r)


def test_inputs_are_what_decisions_depend_on() -> None:
    assert decision_table(EXACT, 4, 4).inputs == 7
    # Fraction bit 0 and one of four codes are not seen.
    assert decision_table("table-f0f0cc00.1.1.1.5", 3, 3).inputs == 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1:1:table-1:lfsr2", "Table must be 0 at the fraction 0, which never rounds up, not 1"),
        ("1:1:table-04:lfsr2", "Digits of a table must be 1 for n = 1 and 1 bits of code, not 2"),
        ("2:2:table-xyz:lfsr2", "Rule must be table- with hexadecimal digits"),
        ("2:2:table-CA.3.1:lfsr3", "Design must be"),
        ("2:2:table-ca.3.2:lfsr3", "Weights of a table must be 2^k (4) in all, not 5"),
        ("2:2:table-ca.2.1.1:lfsr3", "Weights of a table must be a power of two, not 3"),
        ("1:1:table-8.1.1:lfsr2", "Weights of a table must be left out if all are 1, not 1.1"),
        ("8:8:table-0:lfsr8", "Inputs of a table (n + s) must be at most 12, not 16"),
        ("1:0:table-8:none", "Table must be a number of 2 bits, not 0x8"),
        (
            "2:2:tables:lfsr2",
            "Rule must be one of zero, half, nearest, replicate, select, table-HEX",
        ),
    ],
)
def test_bad_tables_are_refused(text: str, message: str) -> None:
    with pytest.raises(InputError) as caught:
        parse(text)
    assert message in str(caught.value)


def test_round_half_up_is_a_table_without_random_bits() -> None:
    assert parse("2:0:table-c:none").canonical() == parse("2:0:half:none").canonical()
