"""The best decision of two LUT6 a lane that a multiplexer behind them joins (7-series: MUXF7).

The multiplexer's select is a code bit or a fraction bit, and each LUT has six inputs of its own.
Here is why no search is left to do: the optimum is known, in the order of `esru.search.decisions`,
for at most 8 random bits.

A fraction bit out of sight leaves pairs of fractions that look the same, of each of which one is
off by 1/256 ulp or both are: half of the 256 fractions. So let all 8 be in sight.

A LUT that sees a of them has 2^(6-a) codes, and what these add up to has at most
2^min(a, 2^(6-a)) values, at most 16. If the select is a fraction bit, one LUT alone has half of
the fractions: with a greatest bias of 1 that takes 43 values. So the select is a code bit, and
P(up) is g + h, a sum for each half. That takes 86 values; with a + b of 8 or more only two LUTs
of four bits have as many, 16 * 16.

Say that g is off by d at a place of its own, of 16, and h by e: a fraction is right where d + e
is 0. The fraction 0 is not rounded up, so both are right at their place 0. If both are off
somewhere, at s and t places of 15, at most (16-s)(16-t) + st <= 226 fractions are right. If g is
right everywhere, all of its sums are values, and its four weights are what its bits are worth.
Those of h are then worth one more than its bits, their sum is a sum too many, and h is off at one
of its 16 places or more. So **at least 16 of 256 fractions are off**, by no less than one word of
2^8. That is reached, with no dead zone.
"""

from __future__ import annotations

from esru.decision_table import DecisionTable
from esru.search.decisions import BITS, FULL, Decision, laws

#: Fraction bits and codes of each LUT.
HALF = BITS // 2

#: No decision of this form has a smaller greatest bias, in 1/256 ulp, for at most 8 random bits;
#: nor, with that, fewer fractions whose P(up) is not right.
LEAST_BIAS = 1
LEAST_OFF = 16


def subset_sums(law: tuple[int, ...]) -> list[int]:
    """Return the sum of each subset of some weights, bit i of its number the weight i."""
    return [
        sum(weight for i, weight in enumerate(law) if subset >> i & 1)
        for subset in range(1 << len(law))
    ]


def _nearest(law: tuple[int, ...], low: int) -> list[int]:
    """Return which of a law's sums comes closest to each value of four bits from `low` on."""
    sums = subset_sums(law)
    found = []
    for place in range(1 << HALF):
        gaps = [abs(value - (place << low)) for value in sums]
        found.append(gaps.index(min(gaps)))
    return found


def two_luts_and_mux() -> Decision:
    """Return a decision of two LUT6 and a multiplexer with the least bias, dead zone and rms.

    The upper LUT chooses one of the four highest bits, each as often as it is worth. The lower
    one takes the law of four weights that misses the fewest of its 16 values, none by more than 1.
    """
    upper = tuple(1 << (HALF + i) for i in reversed(range(HALF)))
    places = range(1 << HALF)

    def misses(law: tuple[int, ...]) -> tuple[int, int]:
        sums = subset_sums(law)
        gaps = [min(abs(value - place) for value in sums) for place in places]
        return max(gaps), sum(gap > 0 for gap in gaps)

    lower = min(laws(FULL - sum(upper), HALF), key=misses)
    assert misses(lower) == (LEAST_BIAS, LEAST_OFF >> HALF)
    chosen = [(low, _nearest(law, low)) for law, low in ((upper, HALF), (lower, 0))]
    bits = 0
    for half, (low, nearest) in enumerate(chosen):
        for code in range(HALF):
            for f in range(FULL):
                up = nearest[f >> low & ((1 << HALF) - 1)] >> code & 1
                bits |= up << (f + ((code + HALF * half) << BITS))
    table = DecisionTable(BITS, BITS, 3, bits, upper + lower)
    return Decision(2, 6, BITS, table, LEAST_BIAS, LEAST_BIAS, "counting", joined=True)
