"""Polynomials over GF(2), as integers: bit i is the coefficient of x^i.

The catalogue holds, for each degree, the primitive polynomial with the fewest terms and, of
those, the least integer. Nothing is taken on trust: `is_primitive` proves each entry from the
factors of 2^L - 1, and the tests search the catalogue anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import combinations

from esru.errors import InputError

MIN_LENGTH = 2
MAX_LENGTH = 32

#: The default polynomial of each degree; `find_primitive` finds the same ones.
CATALOGUE: dict[int, int] = {
    2: 0x7,  # x^2 + x + 1
    3: 0xB,  # x^3 + x + 1
    4: 0x13,  # x^4 + x + 1
    5: 0x25,  # x^5 + x^2 + 1
    6: 0x43,  # x^6 + x + 1
    7: 0x83,  # x^7 + x + 1
    8: 0x11D,  # x^8 + x^4 + x^3 + x^2 + 1
    9: 0x211,  # x^9 + x^4 + 1
    10: 0x409,  # x^10 + x^3 + 1
    11: 0x805,  # x^11 + x^2 + 1
    12: 0x1053,  # x^12 + x^6 + x^4 + x + 1
    13: 0x201B,  # x^13 + x^4 + x^3 + x + 1
    14: 0x402B,  # x^14 + x^5 + x^3 + x + 1
    15: 0x8003,  # x^15 + x + 1
    16: 0x1002D,  # x^16 + x^5 + x^3 + x^2 + 1
    17: 0x20009,  # x^17 + x^3 + 1
    18: 0x40081,  # x^18 + x^7 + 1
    19: 0x80027,  # x^19 + x^5 + x^2 + x + 1
    20: 0x100009,  # x^20 + x^3 + 1
    21: 0x200005,  # x^21 + x^2 + 1
    22: 0x400003,  # x^22 + x + 1
    23: 0x800021,  # x^23 + x^5 + 1
    24: 0x100001B,  # x^24 + x^4 + x^3 + x + 1
    25: 0x2000009,  # x^25 + x^3 + 1
    26: 0x4000047,  # x^26 + x^6 + x^2 + x + 1
    27: 0x8000027,  # x^27 + x^5 + x^2 + x + 1
    28: 0x10000009,  # x^28 + x^3 + 1
    29: 0x20000005,  # x^29 + x^2 + 1
    30: 0x40000053,  # x^30 + x^6 + x^4 + x + 1
    31: 0x80000009,  # x^31 + x^3 + 1
    32: 0x1000000C5,  # x^32 + x^7 + x^6 + x^2 + 1
}


def multiply_mod(a: int, b: int, p: int) -> int:
    """Return a * b modulo the polynomial p."""
    length = p.bit_length() - 1
    product = 0
    while b:
        if b & 1:
            product ^= a
        b >>= 1
        a <<= 1
        if a >> length & 1:
            a ^= p
    return product


def power_mod(base: int, exponent: int, p: int) -> int:
    """Return base ** exponent modulo the polynomial p, for exponent >= 0."""
    result = 1
    while exponent:
        if exponent & 1:
            result = multiply_mod(result, base, p)
        base = multiply_mod(base, base, p)
        exponent >>= 1
    return result


@cache
def prime_factors(number: int) -> tuple[int, ...]:
    """Return the distinct prime factors of an integer >= 1, ascending (trial division)."""
    factors = []
    divisor = 2
    while divisor * divisor <= number:
        if number % divisor == 0:
            factors.append(divisor)
            while number % divisor == 0:
                number //= divisor
        divisor += 1 if divisor == 2 else 2
    if number > 1:
        factors.append(number)
    return tuple(factors)


@cache
def is_primitive(p: int) -> bool:
    """Return whether p is primitive, that is, whether x has order 2^L - 1 modulo p.

    The order is 2^L - 1 iff x^(2^L-1) = 1 and x^((2^L-1)/q) != 1 for every prime factor q; a
    reducible p of degree L cannot reach that order (Lidl and Niederreiter, Finite Fields, 3.1).
    """
    length = p.bit_length() - 1
    if length < 1 or not p & 1:
        return False
    order = (1 << length) - 1
    x = 2 if length > 1 else 1
    if power_mod(x, order, p) != 1:
        return False
    return all(power_mod(x, order // q, p) != 1 for q in prime_factors(order))


def _candidates(length: int) -> Iterator[int]:
    """Yield the polynomials of a degree with few terms: fewest first, then least integer."""
    for middle_terms in range(1, length, 2):
        middles = (
            sum(1 << i for i in exponents)
            for exponents in combinations(range(1, length), middle_terms)
        )
        for middle in sorted(middles):
            yield 1 << length | middle | 1


def find_primitive(length: int) -> int:
    """Search the default polynomial of a degree: fewest terms, then least integer."""
    return next(p for p in _candidates(length) if is_primitive(p))


def default_polynomial(length: int) -> int:
    """Return the catalogue's polynomial of degree `length`.

    Raises
    ------
    InputError
        If `length` is outside 2..32.
    """
    if length not in CATALOGUE:
        raise InputError.must("Source length", f"between {MIN_LENGTH} and {MAX_LENGTH}", length)
    return CATALOGUE[length]


def format_polynomial(p: int) -> str:
    """Return p as text, such as ``x^3 + x + 1``."""
    names = {0: "1", 1: "x"}
    terms = [i for i in range(p.bit_length() - 1, -1, -1) if p >> i & 1]
    return " + ".join(names.get(i, f"x^{i}") for i in terms)
