"""How small the greatest bias of two look-up tables (LUTs) can be, whatever the wiring.

The first LUT, of a fraction bits and p code bits, feeds the second, of b fraction bits and t code
bits. Its output is one bit z for each of the 2^p inner codes i: a fraction's part f1 that it sees
is the vector of these. The 2^t outer codes j are *modes*. With w_ij the weight of a code, mode j
adds, for the part f2 that the second LUT sees, one of four things to P(up): 0, W_j, q_j or
W_j - q_j, where W_j is the mode's whole weight and q_j(f1) that of its inner codes with z = 1.

Two LUT6 have no greatest bias of 1/256 ulp, for at most 8 random bits. P(up) is then a multiple
of 1/256, and a fraction that is off is off by 1 at least. A bit out of sight makes its value look
like the fraction 0: with 6 bits in sight or fewer the bias is 3 or more (`least_bias`), and of 7
only the lowest may be missing. With these, P(up) of the fractions 2g and 2g + 1 is one of the
two: 128 values. With 8 in sight it takes 86. `open_divisions` counts what is left:

- **7 in sight, a = 4, b = 3**: four inner codes, and the 16 parts f1 differ. So all vectors
  occur, with z = 0 for every code and with z = 1 too. In these two a mode adds 0 or W_j, so that
  P(up) is a sum of some of the four W_j. With 8 parts f2 these are 16 values that differ: all 16
  sums, the one of all weights too. That is 256, but the greatest fraction is 255.
- **7 in sight, a = 3, b = 4**: two modes. At each f1 the 16 parts f2 make 16 values that differ,
  so each of the 4 * 4 things occurs, W_0 + W_1 = 256 too.
- **Two modes, a = b = 4**, with 7 in sight one of them seen by both (look at either value of it
  alone: 3 and 3). As f1 changes, P(up) at each f2 has to rise as f1 does, to within 1 either way.
  What changes is one of +-q_0, +-q_1, +-(q_0 + q_1) and +-(q_0 - q_1), and of each only with one
  sign. If q_0 and q_1 both do, then their sum rises twice as much and their difference not at
  all. With q_0 or q_1 alone the other mode adds one of two constants. So P(up) has at most 4
  forms, as functions of f1. That is too few for 8 parts f2 that differ. For 16 of them,
  4 at least share a form, and the outer two of four whole numbers differ by 3: one is off by 2.

With 8 in sight a greatest bias of 2 is out of reach, too, so that 2/256 ulp is the least dead
zone beside it. It takes 52 values, so a = b = 4 with at most 4 forms as before. Parts f2 of one
form differ by 4 at most: there are 5 of them at most, 4 if the second LUT does not see the bits
worth 1, 2 and 4 all, 3 if it does not see 1 and 2. The fraction 0 is not rounded up, so with the
part 0 go no others than 1 and 2. These are too few for 16 parts unless 1, 2 and 4 are in the
second LUT. The f1 then differ by 8 or more, so all vectors occur. One of the 4 forms has W_0 + W_1
at some f1, which only the last two f2 may share. That leaves two forms for 11 parts: too few.

With 7 in sight, a greatest bias of 2 takes 64 values. With a = 3 there are 4 forms for 16 parts
in steps of 2: one part is off by 4. What is left is a = 4, and bits of both.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from esru.search.decision_pairs import Wiring, excluded, wirings
from esru.search.decisions import least_bias


class Division(NamedTuple):
    """How many bits two LUTs have, without regard to which.

    Attributes
    ----------
    first, second : int
        Fraction bits of each.
    p, t : int
        Code bits of each.
    """

    first: int
    second: int
    p: int
    t: int

    @property
    def values(self) -> int:
        """No more values has P(up)."""
        first, second, p, t = self
        # By the sums of the weights, and by what the second LUT tells apart.
        most = min(1 << (1 << min(p + t, 5)), (1 << min(first, 1 << p)) << second)
        # One mode: 0, everything, q or what is left of everything.
        return most if t else min(most, 2 + (2 << first))


def divisions(width: int, seen: int) -> Iterator[Division]:
    """Yield every division of two LUTs that see m fraction bits, bits of both included."""
    for first in range(min(width, seen) + 1):
        for second in range(min(width - 1, seen) + 1):
            if first + second >= seen:
                yield Division(first, second, width - first, width - 1 - second)


def open_divisions(width: int, seen: int, values: int) -> list[Division]:
    """Return the divisions for which counting does not exclude so many values."""
    return [one for one in divisions(width, seen) if one.values >= values]


def lower_bound(width: int) -> tuple[int, str]:
    """Return what the greatest bias of two LUTs is at least, in 1/256 ulp, and why.

    With m fraction bits it is at least 2^(8-m) - 1 (`least_bias`). A code of at most one bit has
    two columns, so that P(up) has at most the values 0, w, 1-w and 1, which leave 43. Two LUT4
    have 7 inputs, so m = 5 leaves exactly two code bits and no fraction bit for both, and more
    fraction bits leave one code bit: what is left is `excluded`, wiring by wiring.

    For two LUT6 see above.
    """
    if width == 4:
        target = least_bias(4)
        for wiring in wirings(4, 5):
            if not excluded(wiring, target - 1e-3):
                return least_bias(5), "counting"
        return target, "counting, and for 5 fraction bits a mixed-integer program"
    if open_divisions(6, 8, 86) != [(4, 4, 2, 1)]:
        return 0, "nothing"
    if open_divisions(6, 7, 128) != [(3, 4, 3, 1), (4, 3, 2, 2), (4, 4, 2, 1)]:
        return 1, "counting, for at most 8 random bits"
    return 2, "counting, for at most 8 random bits"


def least_wirings(width: int) -> Iterator[Wiring]:
    """Yield the wirings without a fraction bit of both that may have the least greatest bias.

    Of two LUT4 those of 4 fraction bits, of two LUT6 those of 7, four of them in the first.
    """
    for wiring in wirings(width, 4 if width == 4 else 7):
        if width == 4 or len(wiring.first) == 4:
            yield wiring
