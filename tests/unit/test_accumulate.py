"""Accumulators: the scalar reference against the contract, and what a boundary refuses."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from esru.accumulate import dithered_sum, start_word, updated_word
from esru.boundaries import ADDED, BOUNDARIES, has_boundary
from esru.design import Design, parse
from esru.emulate import Array, round_tensor
from esru.errors import InputError
from esru.formats import FixedFormat
from esru.rounding import probability_up, round_word
from esru.search.order import NO_BOUND, lower_bound
from esru.search.space import space

UPDATES = ["4:2:zero", "4:2:half", "4:2:nearest", "4:2:replicate", "3:2:select", "4:0:half"]


def _source(head: str) -> str:
    return f"{head}:{'none' if head[2] == '0' else 'lfsr3'}"


@pytest.mark.parametrize("formats", ["in=s7.4,out=int3", "in=s6.5,out=uint2", "in=u6.4,out=int3"])
@pytest.mark.parametrize("overflow", ["saturate", "wrap"])
@pytest.mark.parametrize("head", UPDATES)
def test_an_update_is_the_rounding_of_the_sum(head: str, overflow: str, formats: str) -> None:
    """w + x rounded is w * 2^D + x rounded, in a format that holds it: every w, x and word."""
    design = parse(f"{_source(head)},{formats},overflow={overflow},boundary=accumulator")
    source, out = design.fixed
    wide = FixedFormat(True, 12, source.fraction)
    unit = replace(design, boundary="unit", in_format=wide)
    words = range(1 << design.k)
    for w, x, r in product(range(out.low, out.high + 1), range(source.low, source.high + 1), words):
        assert updated_word(design, w, x, r) == round_word(unit, (w << design.dropped) + x, r)


@pytest.mark.parametrize("text", ["4:3:select:lfsr13,leap=7,lanes=8", "8:3:replicate:plateau3"])
def test_training_rounds_as_the_accumulator_does(text: str) -> None:
    """What `round_tensor` makes of weight plus update, floats, is the updated word."""
    design = parse(f"{text},boundary=accumulator")
    rng = np.random.default_rng(20260301)
    w = rng.integers(-128, 128, 4096)
    x = rng.integers(-40 << design.n, 40 << design.n, 4096)
    below = rng.random(4096) / 2  # what training floors away
    array = Array(design, 8)
    words, _ = array.tensor_words(w.size, 0)
    wanted = [
        updated_word(design, *args)
        for args in zip(w.tolist(), x.tolist(), words.tolist(), strict=True)
    ]
    rounded, _ = round_tensor(design, w + (x + below) / (1 << design.n), 0, 8)
    assert rounded.astype(int).tolist() == wanted
    assert min(wanted) == -128 and max(wanted) == 127


@pytest.mark.parametrize("rule", ADDED)
@pytest.mark.parametrize("end", ["in=s9.6", "in=s8.4,overflow=wrap", "in=u8.5,out=uint2"])
def test_a_sum_cut_off_is_the_sum_rounded(rule: str, end: str) -> None:
    """Every sum with every word, but where the rounded sum leaves the accumulator."""
    design = parse(f"4:2:{rule}:lfsr3,{end},boundary=dither")
    source, _ = design.fixed
    top = (source.high >> design.dropped) << design.dropped
    for total, r in product(range(source.low, source.high + 1), range(1 << design.k)):
        if total < top:
            assert dithered_sum(design, [total], r) == round_word(design, total, r)


def test_the_order_and_what_overflows_on_the_way_do_not_matter() -> None:
    design = parse("4:2:half:lfsr3,in=s8.4,boundary=dither")
    parts = [100, 100, -120, -60, 7]
    for r in range(4):
        wanted = round_word(design, sum(parts), r)
        assert dithered_sum(design, parts, r) == dithered_sum(design, parts[::-1], r) == wanted
    # The rounded sum itself must fit: beyond the greatest word the accumulator wraps.
    assert dithered_sum(design, [127], 3) == -8


@pytest.mark.parametrize("head", ["4:4:zero:lfsr4", "4:2:half:plateau2", "6:3:replicate:lfsr3"])
def test_the_probability_is_the_contracts(head: str) -> None:
    """P(up) over one period of the source, of a sum of three parts."""
    design = parse(f"{head},boundary=dither")
    period = Array(design, 1).period
    words = Array(design, 1).lane_words(0, period)[:, 0].tolist()
    for f in range(1 << design.n):
        parts = [5 << design.n, f - 3, 3]
        found = Counter(dithered_sum(design, parts, r) for r in words)
        assert set(found) <= {5, 6}
        assert Fraction(found[6], period) == probability_up(design, f)


def test_the_start_is_below_the_last_place() -> None:
    design = parse("4:2:half:lfsr3,in=s14.6,boundary=dither")
    assert [start_word(design, r) for r in range(4)] == [8, 24, 40, 56]
    assert start_word(parse("4:0:zero:none,boundary=dither"), 0) == 0
    assert start_word(parse("4:0:half:none,boundary=dither"), 0) == 8


def test_ports() -> None:
    design = parse("4:2:half:port,lanes=2,boundary=dither")
    assert design.side_inputs(4) == {"first": 1, "r": 4}
    assert replace(design, boundary="accumulator").side_inputs(4) == {"w": 32, "r": 4}


@pytest.mark.parametrize(
    "text, said",
    [
        ("4:3:select:lfsr5,boundary=dither", "Rule must be one that adds its random word"),
        ("4:2:nearest:lfsr5,boundary=dither", "Rule must be one that adds its random word"),
        ("4:2:zero:operand-own,boundary=dither", "Source must be one whose word is there before"),
        ("4:2:zero:lfsr5,in=s8.8,boundary=dither", "Input format must be wider than the 8 dropped"),
        ("4:2:zero:lfsr5,load=1,boundary=dither", "Load must be 0 at the boundary dither"),
        ("4:2:zero:lfsr5,load=1,boundary=accumulator", "Load must be 0 at the boundary accumul"),
        ("4:2:zero:lfsr5,out=bfloat16,boundary=accumulator", "Formats must be fixed-point at the"),
        ("4:2:zero:lfsr5,out=ocp_e4m3,boundary=dither", "Formats must be fixed-point at the"),
    ],
)
def test_refusals(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        parse(text)


def test_the_space_of_a_boundary() -> None:
    """Every behaviour at the accumulator; at the dither those whose word is added."""
    every = space(4, 8).behaviours
    assert space(4, 8, "accumulator").behaviours == every
    added = [design for design in every if design.rule in ADDED]
    assert list(space(4, 8, "dither").behaviours) == added
    assert 0 < len(added) < len(every)
    for design, boundary in product(every, BOUNDARIES):
        assert has_boundary(design, boundary) == (boundary != "dither" or design in added)


def test_a_difference_has_no_lower_bound() -> None:
    design: Design = parse("4:2:zero:lfsr24,leap=2,lanes=8,boundary=accumulator")
    assert lower_bound(design, "ice40", "cells") == NO_BOUND
    assert lower_bound(design, "ice40", "ff") == 3
