"""The front against its definition."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from esru.search.pareto import front

POINTS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=12)


@given(POINTS)
def test_front_is_what_nothing_dominates(points: list[tuple[float, float]]) -> None:
    def dominated(p: tuple[float, float]) -> bool:
        return any(q != p and q[0] <= p[0] and q[1] <= p[1] for q in points)

    found = front(points)
    assert {points[i] for i in found} == {p for p in points if not dominated(p)}
    assert len({points[i] for i in found}) == len(found)
    assert [points[i] for i in found] == sorted(points[i] for i in found)
