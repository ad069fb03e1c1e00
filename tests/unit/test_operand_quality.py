"""Quality of operands' bits: against loops on small tensors, and where the answer is known."""

from __future__ import annotations

import itertools
import math
from collections import Counter

import numpy as np
import pytest

from esru.design import parse
from esru.emulate import Array
from esru.errors import InputError
from esru.operand_quality import LEAST_SEEN, meet, operand_quality
from esru.rounding import round_up

RNG = np.random.Generator(np.random.PCG64(3))


def correlation(pairs: list[tuple[float, float]]) -> float:
    x, y = zip(*pairs, strict=True)
    return float(np.corrcoef(x, y)[0, 1])


@pytest.mark.parametrize(
    "text",
    [
        "3:2:zero:operand-own,in=s14.6",
        "2:2:zero:operand-prev,in=s14.6",
        "3:2:half:operand-neighbour,lanes=4,in=s14.6",
        "3:3:zero:operand-xor,lanes=2,in=s14.6",
        "3:2:select:lfsr5,in=s14.6",
    ],
)
def test_every_figure_equals_a_loop(text: str) -> None:
    """Two tensors on four lanes, the first with an idle lane and with exact operands."""
    design, lanes = parse(text), 4
    tensors = [RNG.integers(0, 64, 203), RNG.integers(0, 64, 400)]
    tensors[0][::5] = 0
    stream = Array(design, lanes)
    table: list[list[tuple[int, int] | None]] = []
    starts = []
    held = [0] * lanes
    for tensor in tensors:
        starts.append(len(table))
        for first in range(0, tensor.size, lanes):
            row = [int(v) for v in tensor[first : first + lanes]]
            low = [v % (1 << design.k) for v in row] + [0] * (lanes - len(row))
            cells: list[tuple[int, int] | None] = []
            for lane in range(lanes):
                group = lane - lane % design.lanes
                beside = low[group + (lane + 1) % design.lanes]
                word = {
                    "operand-own": low[lane],
                    "operand-prev": held[lane],
                    "operand-neighbour": beside,
                    "operand-xor": low[lane] ^ beside,
                }.get(design.source)
                if word is None:
                    word = int(stream.lane_words(len(table), 1)[0, lane])
                cells.append((row[lane], word) if lane < len(row) else None)
            table.append(cells)
            held = low
    met = meet(design, tensors, lanes)
    assert np.flatnonzero(met.first).tolist() == starts
    for found, wanted in zip(
        np.stack((met.fractions, met.words, met.used), axis=2).tolist(), table, strict=True
    ):
        for (fraction, word, used), cell in zip(found, wanted, strict=True):
            assert used == (cell is not None)
            assert cell is None or (fraction, word) == cell

    def up(cell: tuple[int, int]) -> bool:
        return round_up(design.rule, design.n, design.k, cell[0] >> (6 - design.n), cell[1])

    cells = [cell for row in table for cell in row if cell is not None and cell[0]]
    found = operand_quality(design, tensors, lanes)
    size = 1 << design.k
    ideal = [
        sum(round_up(design.rule, design.n, design.k, f, r) for r in range(size)) / size
        for f in range(1 << design.n)
    ]
    assert found.ideal.tolist() == ideal
    assert found.roundings == len(cells)
    assert found.exact == pytest.approx(1 - len(cells) / 603)
    assert found.empty == pytest.approx(sum(word == 0 for _, word in cells) / len(cells))
    over = [up(cell) - ideal[cell[0] >> (6 - design.n)] for cell in cells]
    assert found.excess == pytest.approx(sum(over) / len(cells))
    by_f: dict[int, list[bool]] = {}
    for cell in cells:
        by_f.setdefault(cell[0] >> (6 - design.n), []).append(up(cell))
    for f, p in enumerate(found.p_up):
        ups = by_f.get(f, [])
        assert found.seen[f] == len(ups)
        assert math.isnan(p) if len(ups) < LEAST_SEEN else p == pytest.approx(np.mean(ups))
    pairs = Counter((fraction >> (6 - design.n), word) for fraction, word in cells)

    def entropy(counts: Counter[object]) -> float:
        return -sum(c / len(cells) * math.log2(c / len(cells)) for c in counts.values())

    rows = Counter({f: len(ups) for f, ups in by_f.items()})
    columns = Counter(word for _, word in cells)
    extra = (len(rows) - 1) * (len(columns) - 1) / (2 * len(cells) * math.log(2))
    shared = entropy(Counter(rows)) + entropy(Counter(columns)) - entropy(Counter(pairs))
    assert found.information == pytest.approx(shared - extra)
    assert found.word_entropy == pytest.approx(entropy(Counter(columns)))
    bit = Counter(word >> 1 & 1 for _, word in cells)
    assert found.entropy[1] == pytest.approx(entropy(Counter(bit)))
    serial, errors = [], []
    for t in range(1, len(table)):
        for now, before in zip(table[t], table[t - 1], strict=True):
            if t in starts or now is None or before is None or not (now[0] and before[0]):
                continue
            serial.append((float(now[1]), float(before[1])))
            errors.append((up(now) - now[0] / 64, up(before) - before[0] / 64))
    assert found.serial == pytest.approx(correlation(serial))
    assert found.error_serial == pytest.approx(correlation(errors))
    beside = [
        (float(a[1]), float(b[1]))
        for row in table
        for a, b in itertools.pairwise(row)
        if a is not None and b is not None and a[0] and b[0]
    ]
    assert found.lane == pytest.approx(correlation(beside))


@pytest.mark.parametrize("source", ["operand-own", "operand-prev", "operand-xor,lanes=64"])
def test_uniform_operands_are_ideal(source: str) -> None:
    """Independent uniform bits: every figure within 5 standard errors of ideal (fixed seed)."""
    tensors = [RNG.integers(0, 1 << 10, 1 << 15) for _ in range(4)]
    found = operand_quality(parse(f"4:3:half:{source},in=s18.10"), tensors)
    assert abs(found.excess) < 5 * found.excess_error
    assert found.word_entropy > 2.999 and min(found.entropy) > 0.999
    assert abs(found.information) < 1e-3
    for value in (found.serial, found.lane, found.error_serial, found.error_lane):
        assert abs(value) < 5 / math.sqrt(1 << 17)


def test_empty_low_bits_always_truncate() -> None:
    """What a format with fewer fraction bits leaves: the word 0 and rounding down."""
    tensors = [RNG.integers(0, 1 << 7, 1 << 12) << 3]
    for source in ("operand-own", "operand-xor,lanes=64"):
        found = operand_quality(parse(f"3:3:zero:{source},in=s18.10"), tensors)
        assert found.empty == 1 and found.word_entropy == 0 and set(found.entropy) == {0.0}
        assert np.nansum(found.p_up) == 0 and found.information == 0
        assert math.isnan(found.serial) and math.isnan(found.lane)
        assert found.excess < -0.4


def test_words_that_are_the_fraction_itself_have_no_excess_entropy_can_see() -> None:
    """Uniform words, full entropy, and yet every decision is fixed: P(up | f) is 0 or 1."""
    top = RNG.integers(0, 8, 1 << 14)
    found = operand_quality(parse("3:3:zero:operand-own,in=s14.6"), [top << 3 | top])
    assert found.word_entropy > 2.8 and found.information > 2.7
    assert set(np.unique(found.p_up[found.seen > 0])) == {0.0, 1.0}


def test_bad_input() -> None:
    design = parse("3:3:zero:operand-own,in=s14.6")
    with pytest.raises(InputError, match="Tensors must be at least one, not none"):
        operand_quality(design, [])
    with pytest.raises(InputError, match="Fraction must be between 0 and 63, not 64"):
        meet(design, [np.array([1, 64])])
    with pytest.raises(InputError, match="Fraction must be between 0 and 63, not -1"):
        meet(design, [np.array([1, -1])])
