"""The catalogue is proved and searched anew; the proof itself is checked by brute force."""

from __future__ import annotations

import pytest

from esru.errors import InputError
from esru.sources.polynomial import (
    CATALOGUE,
    default_polynomial,
    find_primitive,
    format_polynomial,
    is_primitive,
    multiply_mod,
    prime_factors,
)


def _order_of_x(p: int) -> int:
    """Return the period of x, x^2, ... modulo p by walking it (0: never back to 1)."""
    length = p.bit_length() - 1
    state, steps = 1, 0
    while True:
        state <<= 1
        if state >> length & 1:
            state ^= p
        steps += 1
        if state == 1:
            return steps
        if steps > 1 << length:
            return 0


@pytest.mark.parametrize("length", range(2, 11))
def test_primitivity_by_walking_every_polynomial(length: int) -> None:
    for p in range(1 << length, 2 << length):
        assert is_primitive(p) == (p & 1 == 1 and _order_of_x(p) == (1 << length) - 1), hex(p)


@pytest.mark.parametrize("length", range(2, 13))
def test_the_number_of_primitive_polynomials_is_known(length: int) -> None:
    """phi(2^L - 1) / L of them (Lidl and Niederreiter, theorem 3.5), counted for small L."""
    order = (1 << length) - 1
    phi = order
    for q in prime_factors(order):
        phi -= phi // q
    assert sum(map(is_primitive, range(1 << length, 2 << length))) == phi // length


def test_catalogue_is_complete_primitive_and_the_first_of_its_kind() -> None:
    assert sorted(CATALOGUE) == list(range(2, 33))
    for length, p in CATALOGUE.items():
        assert p.bit_length() == length + 1
        assert is_primitive(p)
        assert find_primitive(length) == p


def test_published_primitive_polynomials_are_primitive() -> None:
    """Peterson and Weldon's tables, octal, and the CRC-32 polynomial, which is primitive too."""
    for octal in ("13", "23", "45", "103", "211", "435", "1021", "2011", "4005", "10123", "20033"):
        assert is_primitive(int(octal, 8)), octal
    assert is_primitive(0x104C11DB7)
    assert not is_primitive(0x11021)  # CRC-16-CCITT has the factor x + 1


def test_factors_multiply_to_the_order() -> None:
    for length in range(2, 33):
        order = (1 << length) - 1
        for q in prime_factors(order):
            assert order % q == 0
            while order % q == 0:
                order //= q
        assert order == 1


def test_arithmetic() -> None:
    # (x^2 + 1)(x + 1) = x^3 + x^2 + x + 1 = x^2 modulo x^3 + x + 1.
    assert multiply_mod(0b101, 0b11, 0b1011) == 0b100
    assert format_polynomial(0x11D) == "x^8 + x^4 + x^3 + x^2 + 1"


@pytest.mark.parametrize("length", [-1, 0, 1, 33])
def test_no_polynomial_outside_the_catalogue(length: int) -> None:
    with pytest.raises(InputError, match="must be between 2 and 32"):
        default_polynomial(length)
