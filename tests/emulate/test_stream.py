"""Which lane sees which word in which cycle, against the source's scalar model."""

from __future__ import annotations

import numpy as np
import pytest

from esru.design import parse
from esru.emulate import Array
from esru.emulate.stream import tensor_cycles
from esru.errors import InputError
from esru.sources import source_model
from esru.sources.lane_maps import MAPS, map_word, variant

DESIGNS = [
    "reference",
    "papers",
    "nearest",
    "8:7:select:lfsr13,leap=7,lanes=64",
    "8:4:zero:debruijn6,leap=5,lanes=8",
    "8:5:zero:plateau7,form=galois,lanes=16",
    "24:24:zero:plateau24,lanes=32",
    "16:16:zero:lfsr32,leap=7,lanes=32",
    "8:4:zero:debruijn31,leap=5,lanes=16",
]


@pytest.mark.parametrize("text", DESIGNS)
@pytest.mark.parametrize("cycle", [0, 1, 1000, 10**12 + 7])
def test_every_lane_sees_its_own_sources_word(text: str, cycle: int) -> None:
    design = parse(text)
    array = Array(design, 64)
    model = source_model(design)
    found = array.lane_words(cycle, 3)
    assert found.dtype == np.uint32
    assert found.shape == (3, 64)
    sources = 64 // design.lanes
    for c in range(3):
        for lane in range(0, 64, 5):
            start = (lane // design.lanes) * model.period // sources
            assert found[c, lane] == model.word_at((start + cycle + c) % model.period)


@pytest.mark.parametrize("name", MAPS)
@pytest.mark.parametrize(
    "text",
    ["8:5:zero:lfsr7,leap=5,lanes=16", "8:4:zero:debruijn31,leap=5,lanes=16", "8:8:zero:plateau32"],
)
def test_lanes_see_their_word_through_the_map(text: str, name: str) -> None:
    design = parse(f"{text},map={name}")
    array = Array(design, 32)
    model = source_model(design)
    sources = 32 // design.lanes
    for cycle in (0, 1, 1000, 10**12 + 7):
        found = array.lane_words(cycle, 3)
        for c in range(3):
            for lane in range(0, 32, 3):
                start = (lane // design.lanes) * model.period // sources
                place = lane % design.lanes
                delay = place if name == "delay" else 0
                word = model.word_at((start + cycle + c - delay) % model.period)
                number = variant(name, design.k, place)
                assert found[c, lane] == map_word(name, design.k, number, word)
        blocks = array.block_words([cycle, cycle + 2], 3)
        assert (blocks[0] == found).all()
        assert (blocks[1] == array.lane_words(cycle + 2, 3)).all()


@pytest.mark.parametrize("text", DESIGNS)
def test_blocks_are_the_same_words(text: str) -> None:
    array = Array(parse(text), 64)
    starts = [7, 46, 7, 100]
    blocks = array.block_words(starts, 5)
    for start, block in zip(starts, blocks, strict=True):
        assert (block == array.lane_words(start, 5)).all()
    assert array.block_words([], 5).shape == (0, 5, 64)
    assert array.lane_words(3, 0).shape == (0, 64)


def test_the_array_repeats_after_its_period() -> None:
    array = Array(parse("8:3:zero:lfsr5,lanes=2"), 8)
    assert array.period == 31
    assert array.phases == (0, 7, 15, 23)
    assert (array.lane_words(0, 40) == array.lane_words(31, 40)).all()
    assert array.resonance(62) == 31
    assert array.resonance(39) == 1


def test_a_tensor_begins_a_new_cycle() -> None:
    array = Array(parse("reference"), 64)
    first, following = array.tensor_words(65, 10)
    assert following == 12
    words = array.lane_words(10, 2)
    assert (first[:64] == words[0]).all()
    assert first[64] == words[1, 0]
    assert tensor_cycles(0, 64) == 0
    assert tensor_cycles(64, 64) == 1
    assert tensor_cycles(65, 64) == 2


def test_lanes_must_suit_the_design() -> None:
    with pytest.raises(InputError, match=r"a multiple of the lanes that share a source \(64\)"):
        Array(parse("8:7:select:lfsr13,leap=7,lanes=64"), 96)
    with pytest.raises(InputError, match="Lanes of the array must be between 1 and 1024, not 0"):
        Array(parse("reference"), 0)
    with pytest.raises(InputError, match="Cycle must be at least 0, not -1"):
        Array(parse("reference")).lane_words(-1, 1)
    with pytest.raises(InputError, match="Cycles must be at least 0, not -1"):
        Array(parse("reference")).lane_words(0, -1)
