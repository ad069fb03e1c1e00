"""Tables as hardware: simulation against the model, and lanes as pairs of look-up tables."""

from __future__ import annotations

import random

import pytest

from esru.design import parse
from esru.flow.simulate import simulate
from esru.hdl.table import find_pair, support

EXACT = "table-ff00f0f0fc30fa5000000000ccccaaaa.1.2.1.0.0.0.4.8"


@pytest.mark.parametrize(
    "text",
    [
        f"4:4:{EXACT}:debruijn4",
        f"4:4:{EXACT}:lfsr5,lanes=4,leap=4,boundary=unit",
        f"4:4:{EXACT}:lfsr5,lanes=3,map=delay",
        f"4:4:{EXACT}:plateau4,lanes=2,map=invert",
        f"4:4:{EXACT}:port,lanes=2,map=rotate",
        f"4:4:{EXACT}:operand-neighbour,lanes=2",
        f"4:4:{EXACT}:lfsr5,lanes=2,in=float32,out=ocp_e4m3,boundary=unit",
        "3:2:table-f0cceea8:lfsr3,lanes=2",
        "3:3:table-f0cc.0.8:lfsr4,lanes=2",
        "2:2:table-c.4:lfsr3",
        "2:0:table-c:none",
        "1:1:table-8:debruijn2",
    ],
)
def test_hardware_is_the_model(text: str) -> None:
    check = simulate(parse(text), None)
    assert check.passed, check.detail
    assert check.cases > 0


def _value(truth: tuple[bool, ...], bits: list[int]) -> bool:
    return truth[sum(bit << i for i, bit in enumerate(bits))]


@pytest.mark.parametrize("size", [3, 4])
def test_pairs_are_found_where_there_are_any(size: int) -> None:
    """Functions made of two tables with chance inputs come apart again, and are the same."""
    rng = random.Random(7)
    for _ in range(20):
        places = list(range(2 * size - 1))
        rng.shuffle(places)
        first, second = places[:size], places[size - 1 + rng.randrange(2) :][: size - 1]
        inner = [rng.random() < 0.5 for _ in range(1 << size)]
        outer = [rng.random() < 0.5 for _ in range(1 << size)]
        truth = tuple(
            outer[
                inner[sum((x >> i & 1) << j for j, i in enumerate(first))]
                + sum((x >> i & 1) << (j + 1) for j, i in enumerate(second))
            ]
            for x in range(1 << len(places))
        )
        if len(support(truth)) < 2:
            continue
        pair = find_pair(truth, size)
        assert pair is not None
        assert len(pair.first) <= size and len(pair.second) < size
        for x in range(len(truth)):
            low = _value(pair.inner, [x >> i & 1 for i in pair.first])
            assert truth[x] == _value(pair.outer, [int(low), *(x >> i & 1 for i in pair.second)])


def test_no_pair_where_there_is_none() -> None:
    """The carry of three bits and three is two LUT4, and not two LUT3."""
    carry = tuple((x & 7) + (x >> 3) > 7 for x in range(64))
    assert find_pair(carry, 4) is not None
    assert find_pair(carry, 3) is None
