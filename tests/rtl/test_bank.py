"""Amaranth simulation of every rule, source, form and boundary against the model."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from amaranth.sim import Simulator
from marks import slow_where

from esru.boundaries import ROUNDINGS
from esru.design import Design, parse
from esru.emulate.stream import Array
from esru.errors import InputError
from esru.flow.simulate import simulate
from esru.flow.stimuli import plan
from esru.hdl.bank import Bank, phase_of
from esru.hdl.sources import Source
from esru.sources import source_model

#: Rule, n, k: with n = k, n > k, and the narrowest that each rule allows.
RULES = [
    ("zero", 3, 3),
    ("zero", 4, 2),
    ("half", 3, 2),
    ("half", 4, 2),
    ("nearest", 3, 3),
    ("nearest", 4, 2),
    ("nearest", 4, 3),
    ("replicate", 1, 1),
    ("replicate", 4, 3),
    ("select", 2, 1),
    ("select", 4, 3),
]


def _check(design: Design, lanes: int | None = None) -> None:
    check = simulate(design, lanes)
    assert check.passed, f"{design}: {check.detail}"
    assert check.cases > 0


@pytest.mark.parametrize("source", ["lfsr", "debruijn", "plateau"])
@pytest.mark.parametrize(("rule", "n", "k"), RULES)
def test_every_word_with_every_fraction(rule: str, n: int, k: int, source: str) -> None:
    for form, leap in (("fibonacci", 1), ("fibonacci", 2), ("galois", 1), ("galois", 4)):
        design = parse(f"{n}:{k}:{rule}:{source}{max(k + 1, 3)},form={form},leap={leap},seed=2")
        assert plan(design, 1).exhaustive
        _check(design)


@pytest.mark.parametrize(("rule", "n", "k"), RULES)
def test_automata_and_counters(rule: str, n: int, k: int) -> None:
    for leap in (1, 2, 5):
        _check(parse(f"{n}:{k}:{rule}:cellular{max(k + 1, 3)},leap={leap},seed=2"))
        if leap < 1 << k:
            _check(parse(f"{n}:{k}:{rule}:counter{k},leap={leap},seed=0"))
    _check(parse(f"{n}:{k}:{rule}:cellular5,lanes=3,map=delay,boundary=unit"), 6)
    _check(parse(f"{n}:{k}:{rule}:counter{k},lanes=3,map=permute,boundary=unit"), 6)


GIVEN = [
    "port",
    "port,lanes=3,map=permute",
    "port,lanes=2,map=invert",
    "operand-own",
    "operand-prev",
    "operand-neighbour,lanes=3",
    "operand-xor,lanes=2",
]


#: At the boundaries; in a default run each at one of them, in turn.
OUTSIDE = list(itertools.product(GIVEN, ROUNDINGS))
OFTEN = [(source, ROUNDINGS[number % 3]) for number, source in enumerate(GIVEN)]


@pytest.mark.parametrize(("source", "boundary"), slow_where({*OUTSIDE} - {*OFTEN}, OUTSIDE))
def test_words_from_outside(source: str, boundary: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("esru.flow.stimuli.FEWEST_WORDS", 512)
    for rule, n, k in (("zero", 4, 2), ("nearest", 4, 3), ("replicate", 5, 3), ("select", 4, 3)):
        design = parse(f"{n}:{k}:{rule}:{source},boundary={boundary}")
        _check(design)
        _check(design, 2 * design.lanes)
    if source.startswith("operand"):
        _check(parse(f"4:2:half:{source},in=s20.9,boundary={boundary}"))


@pytest.mark.parametrize("rule", ["zero", "half", "nearest"])
@pytest.mark.parametrize("n", [1, 2, 5])
def test_without_random_bits(rule: str, n: int) -> None:
    for boundary in ROUNDINGS:
        _check(parse(f"{n}:0:{rule}:none,boundary={boundary}"))
        _check(parse(f"{n}:0:{rule}:none,boundary={boundary}"), 3)


@pytest.mark.parametrize("overflow", ["saturate", "wrap"])
@pytest.mark.parametrize(
    ("source", "out"),
    [
        ("s12.4", "int8"),
        ("s12.4", "uint8"),
        ("u12.4", "uint8"),
        ("u12.4", "int8"),
        ("u6.4", "s4.0"),
        ("s20.12", "u6.4"),
        ("s14.8", "s4.2"),
        ("s10.4", "int10"),
        ("u4.4", "u1.0"),
        ("s4.4", "s1.0"),
        ("s4.4", "u1.0"),
        ("s64.40", "int20"),
        ("u64.40", "int20"),
        ("u64.8", "u56.0"),
    ],
)
def test_ends_of_every_pair_of_formats(source: str, out: str, overflow: str) -> None:
    text = f"4:3:half:debruijn3,leap=3,in={source},out={out},overflow={overflow}"
    for boundary in ("unit", "result"):
        _check(parse(f"{text},boundary={boundary}"))


@pytest.mark.parametrize("rule", ["zero", "half", "nearest", "replicate", "select"])
@pytest.mark.parametrize("source", ["lfsr", "debruijn", "plateau"])
def test_lanes_share_sources_and_sources_are_spread(rule: str, source: str) -> None:
    for boundary in ROUNDINGS:
        design = parse(f"4:3:{rule}:{source}4,leap=7,lanes=2,boundary={boundary}")
        _check(design)
        _check(design, 6)


#: Sources with lane maps; every second one has every map.
MAPPED = list(
    itertools.product(
        ("lfsr4,leap=2", "plateau4,form=galois", "debruijn3,leap=3"),
        ("rotate", "permute", "invert", "complement", "delay"),
    )
)


@pytest.mark.parametrize(("source", "name"), slow_where(MAPPED[1::2], MAPPED))
def test_lanes_see_their_word_through_the_map(source: str, name: str) -> None:
    for rule in ("zero", "replicate", "select"):
        for boundary in ("decision", "unit"):
            design = parse(f"4:3:{rule}:{source},lanes=4,map={name},boundary={boundary}")
            _check(design)
            _check(design, 8)
    # More lanes than the map, or the period, has variants.
    _check(parse(f"2:2:zero:lfsr2,lanes=11,map={name}"))
    _check(parse(f"4:1:zero:{source},lanes=3,map={name}"))
    _check(parse(f"4:3:zero:{source},map={name}"))


@pytest.mark.parametrize(
    "text",
    [
        "32:32:zero:lfsr32",
        "32:31:select:plateau32,form=galois,leap=37",
        "32:20:nearest:debruijn32,leap=3,boundary=unit",
        "24:24:replicate:plateau24,leap=29",
        "8:7:select:debruijn9,leap=9,seed=0,lanes=4",
        "32:31:select:cellular32,leap=37",
        "32:32:replicate:counter32,leap=12345677",
        "16:15:select:plateau16,leap=17,lanes=2,recover=1",
        "8:8:zero:cellular9,recover=1",
        "24:24:zero:lfsr24,leap=29,boundary=result",
    ],
)
def test_wide_designs(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("esru.flow.stimuli.PREFIX", 512)
    _check(parse(text))


def test_the_array_starts_where_the_emulation_does() -> None:
    design = parse("8:3:zero:lfsr9,lanes=2")
    array = Array(design, 16)
    assert [phase_of(design, group, 8) for group in range(8)] == list(array.phases)


@pytest.mark.parametrize("lanes", [0, -2, 3, 1026])
def test_lanes_that_do_not_fit(lanes: int) -> None:
    with pytest.raises(InputError, match="Lanes of the array must be "):
        Bank(parse("8:3:zero:lfsr9,lanes=2"), lanes)


def test_a_source_of_given_words_is_no_component() -> None:
    with pytest.raises(InputError, match="Source must be one that makes its own words"):
        Source(parse("8:3:zero:port"))


def test_the_plan_is_honest_about_a_prefix() -> None:
    covered = plan(parse("reference"), 1)
    assert not covered.exhaustive
    assert covered.text == "16384 of 16777215 words, chosen fractions"
    assert plan(parse("papers"), 1).text == "all 14 words with all 256 fractions"


@pytest.mark.slow
def test_every_small_design() -> None:
    count = 0
    rules = ("zero", "half", "nearest", "replicate", "select")
    for rule, n, source in itertools.product(rules, range(1, 5), ("lfsr", "debruijn", "plateau")):
        for k, form, leap in itertools.product(range(1, n + 1), ("fibonacci", "galois"), (1, 2, 5)):
            for length in range(max(k, 2), 6):
                text = f"{n}:{k}:{rule}:{source}{length},form={form},leap={leap}"
                try:
                    design = parse(text)
                except InputError:
                    continue
                _check(design)
                count += 1
    assert count > 500


@pytest.mark.parametrize("source", ["lfsr5", "debruijn5", "plateau5", "cellular5", "counter3"])
def test_the_bare_source_follows_the_model_from_any_phase(source: str) -> None:
    design = parse(f"8:3:zero:{source},leap=3")
    model = source_model(design)
    for phase in (0, 1, 30):
        component = Source(design, phase)
        words = []

        async def bench(ctx: Any, component: Source = component, words: list[int] = words) -> None:
            ctx.set(component.en, 1)
            for _ in range(70):
                words.append(ctx.get(component.word))
                await ctx.tick()

        simulator = Simulator(component)
        simulator.add_clock(1e-6)
        simulator.add_testbench(bench)
        simulator.run()
        assert words == model.words(phase, 70).tolist()
