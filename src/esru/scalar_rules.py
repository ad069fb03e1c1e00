"""The named rules' decisions as plain functions of a fraction and a random word.

Written from the contract's sentences; `esru.rounding` adds the tables and the designs.
"""

from __future__ import annotations


def replicate_word(r: int, k: int, n: int) -> int:
    """Return the k bits of r repeated down n bits, top first (abc -> abcabcab)."""
    word = 0
    for position in range(n):
        bit = r >> (k - 1 - position % k) & 1
        word = word << 1 | bit
    return word


def nearest_fraction(f: int, n: int, k: int) -> int:
    """Return f (n bits) rounded to k bits, ties to even: an integer in 0..2^k."""
    step = 1 << (n - k)
    below, rest = divmod(f, step)
    if 2 * rest > step or (2 * rest == step and below % 2 == 1):
        return below + 1
    return below


def leading_zeros(r: int, k: int) -> int:
    """Return how many of the k bits of r, from the top, are 0 before the first 1."""
    return k - r.bit_length()


def named_up(rule: str, n: int, k: int, f: int, r: int) -> bool:
    """Return the decision of a named rule: see `esru.rounding.round_up`."""
    if rule == "zero":
        return f + (r << (n - k)) >= 1 << n
    if rule == "half":
        return f + (r << (n - k)) + (1 << (n - k - 1)) >= 1 << n
    if rule == "nearest":
        return nearest_fraction(f, n, k) + r >= 1 << k
    if rule == "replicate":
        return f + replicate_word(r, k, n) >= 1 << n
    if rule == "select":
        return bool(f >> (n - 1 - leading_zeros(r, k)) & 1)
    raise AssertionError(rule)
