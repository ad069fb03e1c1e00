"""Edges of rules and ends of formats: what they claim, against the scalar reference."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from esru.design import Design, parse
from esru.edges import edge_fractions, end_wholes
from esru.rounding import round_up, round_word


def _designs() -> list[Design]:
    found = []
    for n in range(1, 6):
        for k in range(n + 1):
            source = f"lfsr{max(k + 1, 2)}" if k else "none"
            rules = ["zero", "nearest", *["half"] * (n > k), *["replicate"] * (k > 0)]
            rules += ["select"] * (k == n - 1 > 0)
            found += [parse(f"{n}:{k}:{rule}:{source}") for rule in rules]
    return found


def test_fractions_lie_on_either_side_of_the_edge() -> None:
    for design in _designs():
        words, top = np.arange(1 << design.k), (1 << design.n) - 1
        rounds_up = partial(round_up, design.rule, design.n, design.k)
        up, down = edge_fractions(design, words, np.zeros_like(words))
        for r, above, below in zip(words.tolist(), up.tolist(), down.tolist(), strict=True):
            assert not rounds_up(below & top, r)
            if above <= top:
                assert rounds_up(above, r)
            else:
                assert not any(rounds_up(f, r) for f in range(top + 1))
            if design.rule == "select":
                assert above ^ below == top
            else:
                assert above - below == 1 and not any(rounds_up(f, r) for f in range(below))


def test_a_table_takes_the_chance() -> None:
    design, chance = parse("2:2:table-eca8:lfsr3"), np.array([0, 1, 3, 2])
    for found in edge_fractions(design, np.arange(4), chance):
        assert found.tolist() == [2, 3, 1, 0]


@pytest.mark.parametrize("overflow", ["saturate", "wrap"])
@pytest.mark.parametrize("formats", ["in=s10.2,out=s6.0", "in=u9.2,out=u5.0", "in=s13.4,out=u7.0"])
def test_wholes_reach_the_ends_from_both_sides(formats: str, overflow: str) -> None:
    design = parse(f"2:2:zero:lfsr3,boundary=unit,{formats},overflow={overflow}")
    source, out = design.fixed
    wholes = end_wholes(design)
    assert wholes.dtype == np.uint64 and (wholes < 1 << (source.width - design.dropped)).all()
    values = [source.decode(int(whole) << design.dropped) >> design.dropped for whole in wholes]
    assert {out.high - 1, out.high, out.high + 1} <= set(values)
    assert out.low in values and source.low >> design.dropped in values
    # The greatest fraction and the greatest word lead from each whole number to the next.
    greatest = (1 << design.dropped) - 1
    results = [round_word(design, (value << design.dropped) + greatest, 3) for value in values]
    clipped = [min(max(value + 1, out.low), out.high) for value in values]
    wrapped = [out.decode((value + 1) & ((1 << out.width) - 1)) for value in values]
    assert results == (clipped if overflow == "saturate" else wrapped)
