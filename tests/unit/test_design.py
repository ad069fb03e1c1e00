"""The text form, the canonical form, identities, and every refusal."""

from __future__ import annotations

import itertools
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esru.boundaries import ACCUMULATORS, BOUNDARIES, COMBINATIONAL, ROUNDINGS
from esru.design import ALIASES, RULES, Design, parse
from esru.design_text import copied_design, short_design
from esru.errors import InputError
from esru.rounding import round_up
from esru.search.space import space
from esru.sources import source_model


def test_documented_designs_keep_their_text() -> None:
    for text in (
        "24:24:zero:lfsr24",
        "8:3:replicate:plateau3",
        "8:7:select:lfsr13,leap=7,lanes=64",
        "8:0:half:none",
        "4:4:zero:debruijn5,form=galois,taps=0x29,seed=0,leap=5,lanes=2,in=s20.9,out=s12.2,"
        "overflow=wrap,boundary=unit",
        "3:2:half:lfsr3,in=u12.4,out=uint8",
        "8:7:select:lfsr13,leap=7,lanes=8,map=delay",
        "8:3:zero:port,lanes=4,map=rotate",
        "8:3:zero:operand-own",
        "8:3:half:operand-neighbour,lanes=2,in=s24.12",
        "8:3:zero:cellular9,taps=0x100,seed=5,leap=4",
        "8:3:half:counter3,seed=0,leap=3,lanes=2,map=invert",
    ):
        assert str(parse(text)) == text


def test_a_long_table_is_cut_for_people_and_is_no_input_then() -> None:
    digits = "f0" * 31 + "00"
    weights = ".40.10" + ".1" * 14
    for text, short in (
        ("papers,lanes=4", None),
        ("4:4:table-c0fcff00.11.5:lfsr13,leap=4", None),
        ("2:2:table-eca8:lfsr3", "2:2:table-eca8:lfsr3"),
        (f"6:6:table-{digits}.33.17.9.5:lfsr13", "6:6:table-f0f0f0...f000.33.17.9.5:lfsr13"),
        (
            f"6:6:table-{'f0' * 96}{digits}{weights}:lfsr13,lanes=8",
            "6:6:table-f0f0f0...f000.40.10.1.1....1.1.1.1:lfsr13,lanes=8",
        ),
    ):
        design = parse(text)
        assert short_design(design) == (short or str(design))
        if short_design(text) == text:
            assert copied_design(text) == text
        else:
            assert copied_design(text) == "DESIGN" == copied_design(design)
            with pytest.raises(InputError, match="Rule must be table-"):
                parse(short_design(text))


def test_defaults_are_left_out() -> None:
    spelt = (
        "8:3:zero:lfsr3,form=fibonacci,taps=0xb,seed=1,leap=1,lanes=1,map=same,in=s16.8,out=s8.0"
    )
    assert str(parse(spelt + ",overflow=saturate,boundary=decision")) == "8:3:zero:lfsr3"
    assert parse(spelt).id == parse("8:3:zero:lfsr3").id


def test_aliases_are_the_documented_designs() -> None:
    assert parse("reference") == Design(24, 24, "zero", "lfsr", 24)
    assert parse("papers") == Design(8, 3, "replicate", "plateau", 3)
    assert parse("papers-zero") == Design(8, 3, "zero", "plateau", 3)
    assert parse("nearest") == Design(8, 0, "half", "none")
    assert parse("reference,lanes=4").lanes == 4


def test_ids_are_stable() -> None:
    """An id names files and modules that people keep: a change here breaks them."""
    assert {name: parse(name).id for name in ALIASES} == {
        "reference": "a9b23867e8",
        "papers": "3c0c96f95a",
        "papers-zero": "c40527c8d3",
        "nearest": "eeb3210c95",
        "winner": "caf1100e50",
    }


def test_boundary_changes_the_id_and_not_the_behaviour() -> None:
    decision, unit = parse("papers"), parse("papers,boundary=unit")
    assert decision.id != unit.id
    assert decision.behaviour == unit.behaviour
    ids = {parse(f"papers,boundary={boundary}").id for boundary in BOUNDARIES}
    assert len(ids) == len(BOUNDARIES)


def test_a_boundary_without_a_register_has_no_latency() -> None:
    found = {name: parse(f"papers,boundary={name}").latency for name in BOUNDARIES}
    assert found == {"decision": 0, "result": 0, "unit": 1, "accumulator": 1, "dither": 1}
    assert {name for name, latency in found.items() if not latency} == set(COMBINATIONAL)
    assert set(BOUNDARIES) - set(ROUNDINGS) == set(ACCUMULATORS)


@pytest.mark.parametrize(
    "text", ["8:3:zero:port,lanes=2", "8:4:half:counter4", "8:3:zero:cellular5"]
)
def test_new_sources_round_trip(text: str) -> None:
    design = parse(text)
    assert Design.from_json(design.to_json()) == design
    assert "form" not in design.to_json()


@given(st.sampled_from(space(6).behaviours))
def test_round_trips(design: Design) -> None:
    assert parse(str(design)) == design
    assert Design.from_json(design.to_json()) == design
    assert design.canonical() == design


def test_canonical_design_decides_alike() -> None:
    """All (n, k, rule) to n = 6: the canonical design agrees on every fraction and word."""
    seen = 0
    for n in range(1, 7):
        for k, rule in itertools.product(range(n + 1), RULES):
            try:
                design = Design(n, k, rule, "lfsr" if k else "none", 7 if k else 0)
            except InputError:
                continue
            small = design.canonical()
            seen += 1
            for f, r in itertools.product(range(1 << n), range(1 << k)):
                cut = f >> (n - small.n) if small.n <= n else f << (small.n - n)
                assert round_up(rule, n, k, f, r) == round_up(small.rule, small.n, k, cut, r)
    assert seen > 60


def test_canonical_operands_keep_their_place() -> None:
    """A word of the lowest dropped bits stays there when the rule turns out to see fewer."""
    design = parse("8:3:zero:operand-own,lanes=4").canonical()
    assert (design.n, design.lanes, str(design.input)) == (3, 1, "s19.11")
    assert design.canonical() == design
    assert parse(str(design)) == design
    assert parse("8:3:zero:operand-xor,lanes=4").canonical().lanes == 4
    assert parse("8:3:replicate:operand-own").fraction_bits == 11
    assert parse("8:3:replicate:port").fraction_bits == 8


def test_behaviours_of_the_space_differ() -> None:
    """No two canonical designs decide alike over a common stretch of words (n <= 3)."""
    seen: dict[bytes, Design] = {}
    decided = cache(round_up)
    for design in space(3).behaviours:
        words = source_model(design).words(0, 64)
        key = bytes(
            decided(design.rule, design.n, design.k, f >> (3 - design.n), int(r))
            for f in range(8)
            for r in words
        )
        # Sharing a source changes no lane's own stream.
        key += f"{design.lanes}".encode()
        assert seen.setdefault(key, design) == design


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0:0:zero:none", "Rounding bits (n) must be between 1 and 32, not 0"),
        ("33:8:zero:lfsr8", "Rounding bits (n) must be between 1 and 32, not 33"),
        ("8:9:zero:lfsr9", "Random bits (k) must be between 0 and 8, not 9"),
        ("x:1:zero:lfsr3", "Rounding bits (n) must be an integer, not 'x'"),
        (
            "8:3:up:lfsr3",
            "Rule must be one of zero, half, nearest, replicate, select, table-HEX, not 'up'",
        ),
        ("3:3:half:lfsr3", "Rounding bits (n) of rule half must be above k (3), not 3"),
        ("8:0:replicate:none", "Random bits (k) of rule replicate must be at least 1, not 0"),
        (
            "8:3:select:lfsr9",
            "Random bits (k) of rule select must be n-1 (7) and at least 1, not 3",
        ),
        ("8:7:select:lfsr7", "Source length (L) must be between 8 and 32, not 7"),
        ("8:8:zero:lfsr7", "Source length (L) must be between 8 and 32, not 7"),
        ("8:8:zero:lfsr33", "Source length (L) must be between 8 and 32, not 33"),
        ("8:3:zero:lfsr", "Source lfsr must be followed by its length (lfsr8), not 'lfsr'"),
        (
            "8:3:zero:magic3",
            "counter, operand-own, operand-prev, operand-neighbour, operand-xor, port, none, not ",
        ),
        ("8:3:zero:port3", "Source port must be without a length, not 'port3'"),
        ("8:3:zero:port,seed=2", "Source port must be without seed, not seed=2"),
        (
            "8:3:zero:port,lanes=2,map=delay",
            "Lane map of source port must be same, rotate, permute, invert or complement",
        ),
        ("8:0:zero:port", "Source must be none when k is 0, not 'port'"),
        ("8:3:zero:operand-own,map=rotate", "Source operand-own must be without map"),
        (
            "8:3:zero:operand-xor",
            "Lanes of source operand-xor must be at least 2, to be neighbours, not 1",
        ),
        (
            "8:3:zero:operand-own,in=s18.10",
            "must be at least rounding and random bits (11) of operand-own, not 10",
        ),
        ("8:3:zero:counter4", "Source length (L) of a counter must be k (3)"),
        ("8:3:zero:counter3,form=galois", "Source counter must be without form, not form=galois"),
        ("8:3:zero:counter3,taps=0x3", "Source counter must be without taps, not taps=0x3"),
        ("8:3:zero:cellular5,form=fibonacci", "Source cellular must be without form"),
        ("8:3:zero:cellular5,taps=0x20", "Taps must be a rule vector of 5 bits, not 0x20"),
        (
            "8:3:zero:cellular5,taps=0x2",
            "Taps must be the rule vector of an automaton with the period 31, "
            "not 0x2 (rule 150 in cell 1, else 90)",
        ),
        ("8:3:zero:cellular5,seed=0", "Seed must be between 1 and 31, not 0"),
        ("8:7:select:cellular7", "Source length (L) must be between 8 and 32, not 7"),
        ("8:3:zero:none", "Source must be one with random bits when k is above 0, not 'none'"),
        ("8:0:zero:lfsr3", "Source must be none when k is 0, not 'lfsr3'"),
        ("8:0:zero:none,seed=2", "Source none must be without settings, not seed=2"),
        (
            "3:3:zero:lfsr3,taps=0xf",
            "Taps must be a primitive polynomial, not 0xf (x^3 + x^2 + x + 1)",
        ),
        ("3:3:zero:lfsr3,taps=0x13", "Taps must be of degree 3, not 0x13"),
        ("3:3:zero:lfsr3,taps=11x", "Taps must be a hexadecimal integer such as 0xb, not '11x'"),
        ("3:3:zero:lfsr3,seed=0", "Seed must be between 1 and 7, not 0"),
        ("3:3:zero:lfsr3,seed=8", "Seed must be between 1 and 7, not 8"),
        ("3:3:zero:lfsr3,leap=7", "Leap must be between 1 and 6, not 7"),
        ("3:3:zero:lfsr3,lanes=0", "Lanes must be between 1 and 1024, not 0"),
        (
            "3:3:zero:lfsr3,map=twist",
            "Lane map must be one of same, rotate, permute, invert, complement, delay, not 'twist'",
        ),
        ("3:3:zero:lfsr3,form=ring", "Form must be one of fibonacci, galois, not 'ring'"),
        ("3:3:zero:lfsr3,leap=1,leap=2", "Design key must be given once, not leap"),
        ("3:3:zero:lfsr3,in=s4.2", "at least the rounding bits (3), not 2"),
        ("3:3:zero:lfsr3,in=q4.2", "Format must be sW.F, uW.F, intW, uintW or one of float32, "),
        ("3:3:zero:lfsr3,out=s70.0", "Format width must be between 1 and 64, not 70"),
        ("3:3:zero:lfsr3,overflow=trap", "Overflow must be one of saturate, wrap, not 'trap'"),
        (
            "3:3:zero:lfsr3,boundary=die",
            "Boundary must be one of decision, result, unit, accumulator, dither, not 'die'",
        ),
        ("8:8:zero:lfsr26,leap=9", "Leap must be coprime with the period"),
        ("8:3", "Design must be n:k:rule:source[,key=value...] or one of reference"),
        ("8:3:zero:lfsr3;rm", "Design must be made of the characters"),
        ("", "Design must be made of the characters"),
    ],
)
def test_refusals(text: str, message: str) -> None:
    with pytest.raises(InputError) as refusal:
        parse(text)
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_leap_that_wastes_the_period_is_warned_of() -> None:
    assert parse("4:4:zero:lfsr4,leap=3").warnings
    assert not parse("4:4:zero:lfsr4,leap=4").warnings
    assert parse("4:4:zero:counter4,leap=6").warnings
    assert not parse("4:4:zero:counter4,leap=5").warnings
    assert parse("4:4:zero:cellular4,leap=6").warnings
    assert "one word in 2" in parse("3:3:zero:debruijn3,leap=2").warnings[0]
