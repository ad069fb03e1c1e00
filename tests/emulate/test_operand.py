"""Words from the operands, lane by lane and on tensors, against the contract's sentences."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from esru.design import parse
from esru.emulate import Array, operand_words, round_array, round_tensor
from esru.errors import InputError
from esru.lane_correlation import lane_correlation
from esru.rounding import probability_up, round_word

torch = pytest.importorskip("torch")

TEXTS = [
    "4:3:zero:operand-own",
    "4:2:half:operand-prev",
    "4:3:select:operand-neighbour,lanes=3",
    "3:2:replicate:operand-xor,lanes=2",
    "3:2:nearest:operand-neighbour,lanes=6",
]


def _word(text: str, rows: list[list[int]], cycle: int, lane: int) -> int:
    design = parse(text)
    size = 1 << design.k
    group, place = divmod(lane, design.lanes)
    beside = rows[cycle][group * design.lanes + (place + 1) % design.lanes] % size
    own = rows[cycle][lane] % size
    before = rows[cycle - 1][lane] % size if cycle else 0
    return {
        "operand-own": own,
        "operand-prev": before,
        "operand-neighbour": beside,
        "operand-xor": own ^ beside,
    }[design.source]


@pytest.mark.parametrize("text", TEXTS)
def test_each_lane_takes_its_word(text: str) -> None:
    design = parse(text)
    rng = np.random.default_rng(5)
    rows = rng.integers(design.input.low, design.input.high + 1, (40, 6))
    found = operand_words(design, rows)
    assert found.dtype == np.uint32
    listed = rows.tolist()
    for cycle, lane in itertools.product(range(40), range(6)):
        assert found[cycle, lane] == _word(text, listed, cycle, lane)
    # In two parts, handing on the last cycle, nothing changes.
    parts = operand_words(design, rows[:17]), operand_words(design, rows[17:], rows[16])
    assert (np.concatenate(parts) == found).all()


@pytest.mark.parametrize("text", [text for text in TEXTS if "prev" not in text])
@pytest.mark.parametrize("size", [1, 5, 6, 50])
def test_tensors_are_rounded_by_their_own_bits(text: str, size: int) -> None:
    """Element j on lane j mod M in cycle j div M; idle lanes hold 0."""
    design = parse(text)
    rng = np.random.default_rng(size)
    x = rng.integers(design.input.low, design.input.high + 1, size)
    rows = [*x.tolist(), *[0] * (-size % 6)]
    rows = [rows[i : i + 6] for i in range(0, len(rows), 6)]
    expected = [
        round_word(design, int(value), _word(text, rows, j // 6, j % 6))
        for j, value in enumerate(x)
    ]
    y, following = round_tensor(design, x, 7, lanes=6)
    assert y.tolist() == expected
    assert following == 7 + -(-size // 6)
    again, _ = round_tensor(design, torch.from_numpy(x), 0, lanes=6)
    assert again.dtype == torch.int64 and again.tolist() == expected
    # The same values as floats in ulps of the output.
    floats = x / (1 << design.dropped)
    for kind in (np.float64, np.float32):
        z, _ = round_tensor(design, floats.astype(kind), 0, lanes=6)
        assert z.dtype == kind and z.tolist() == expected


def test_floats_beyond_the_format_saturate() -> None:
    design = parse("4:3:zero:operand-own")
    y, _ = round_tensor(design, np.array([1e9, -1e9, 127.99, -128.0, 0.0]), 0, lanes=5)
    assert y.tolist() == [127, -128, 127, -128, 0]


@pytest.mark.parametrize("text", TEXTS)
def test_a_fraction_of_zero_never_rounds_up(text: str) -> None:
    design = parse(text)
    below = design.dropped - design.n
    x = np.arange(1 << below) + (5 << design.dropped)
    for words in (np.full(x.shape, r) for r in range(1 << design.k)):
        assert (round_array(design, x, words) == 5).all()


def test_over_uniform_operands_it_is_the_uniform_law() -> None:
    """All operands of D = n + k dropped bits once: P(up | f) is that of uniform words."""
    for rule, n, k in (("zero", 4, 3), ("half", 4, 2), ("nearest", 4, 2), ("select", 4, 3)):
        design = parse(f"{n}:{k}:{rule}:operand-own")
        assert design.dropped == n + k
        x = np.arange(1 << design.dropped)
        y, _ = round_tensor(design, x, 0, lanes=1)
        for f in range(1 << n):
            share = y[f << k : (f + 1) << k].sum()
            assert share == probability_up(design, f) * (1 << k)


def test_what_cannot_be_emulated_is_refused() -> None:
    x = np.arange(6)
    for text in ("8:3:zero:port", "8:3:zero:port,lanes=2,map=invert"):
        for call in (lambda d: round_tensor(d, x, 0, 6), lambda d: Array(d, 6).lane_words(0, 1)):
            with pytest.raises(InputError, match="one that makes its own words, cycle by cycle"):
                call(parse(text))
        assert np.isnan(lane_correlation(parse(text), 6)).all()
    with pytest.raises(InputError, match="needs no operand of the cycle before"):
        round_tensor(parse("8:3:zero:operand-prev"), x, 0, 6)
    with pytest.raises(InputError, match="Source must be one of the operand sources, not 'lfsr'"):
        operand_words(parse("8:3:zero:lfsr3"), x.reshape(1, 6))
    with pytest.raises(InputError, match=r"a multiple of the lanes that share a source \(4\)"):
        operand_words(parse("8:3:zero:operand-xor,lanes=4"), x.reshape(1, 6))
    with pytest.raises(InputError, match="Values must be numbers, not nan"):
        round_tensor(parse("8:3:zero:operand-own"), np.array([np.nan]), 0, 1)
