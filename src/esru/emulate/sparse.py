"""Recurrences with few terms: multiples of a register's polynomial, found by meeting halfway.

Whatever obeys a polynomial's recurrence obeys those of its multiples. The recurrence of every s-th
word has about L / 2 terms, which cost an XOR of a whole block each. Among the sums of five powers
of x, one of them 1, a multiple of a polynomial of degree L is expected as soon as there are 2^L of
them: at degrees of about (24 * 2^L)^(1/4), 142 for L = 24 and 566 for L = 32.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

#: Length of a recurrence, and the exponents below it: s[t + L] = XOR of s[t + i] over them.
Recurrence = tuple[int, tuple[int, ...]]

#: Exponents are sought up to so many times the degree at which one multiple is expected.
_MARGIN = 1.4


@lru_cache(maxsize=256)
def sparse_recurrence(dense: Recurrence) -> Recurrence:
    """Return a recurrence of at most four terms that follows from a given one, or that one.

    Parameters
    ----------
    dense : Recurrence
        The shortest one, of length 2 to 32.
    """
    length, taps = dense
    if len(taps) <= 4:
        return dense
    low = sum(1 << i for i in taps)
    most = int(_MARGIN * (24 * 2**length) ** 0.25) + length
    powers = np.empty(most + 1, np.int64)
    power = 1
    for exponent in range(most + 1):
        powers[exponent] = power
        power <<= 1
        if power >> length:
            power ^= 1 << length | low
    # x^i + x^j = 1 + x^k + x^l, so that 1 + x^i + x^j + x^k + x^l is a multiple.
    first, second = np.triu_indices(most, 1)
    sums = powers[first + 1] ^ powers[second + 1]
    ordered = np.sort(sums)
    best = dense
    for value in ordered[1:][ordered[1:] ^ ordered[:-1] == 1]:
        for one in np.flatnonzero(sums == value):
            for other in np.flatnonzero(sums == value ^ 1):
                exponents = {first[one], second[one], first[other], second[other]}
                if len(exponents) == 4:
                    *below, top = sorted(int(exponent) + 1 for exponent in exponents)
                    if best is dense or top < best[0]:
                        best = (top, (0, *below))
    return best
