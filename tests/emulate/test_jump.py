"""Long registers by recurrence: the same words as the scalar model, from any phase on."""

from __future__ import annotations

import numpy as np
import pytest

from esru.design import parse
from esru.emulate.jump import Register, extend, shortest_recurrence
from esru.emulate.sparse import sparse_recurrence
from esru.sources import source_model
from esru.sources.polynomial import default_polynomial
from esru.sources.register import LinearModel

DESIGNS = [
    "reference",
    "16:16:zero:lfsr32,leap=7,seed=99",
    "24:24:zero:plateau24,leap=29",
    "8:5:zero:plateau7,form=galois",
    "31:31:zero:plateau31,form=galois,leap=5",
    "8:3:zero:lfsr4,leap=5",
    "8:2:zero:lfsr2",
    "8:3:zero:lfsr6,leap=21",
    "8:5:zero:cellular17",
    "24:24:zero:cellular24,leap=25",
]


def model_of(text: str) -> LinearModel:
    model = source_model(parse(text))
    assert isinstance(model, LinearModel)
    return model


@pytest.mark.parametrize("text", DESIGNS)
@pytest.mark.parametrize("count", [0, 1, 5, 200])
def test_words_from_several_phases(text: str, count: int) -> None:
    model = model_of(text)
    phases = [0, 1, 12, 10**12 + 7, model.period - 3]
    found = Register(model).words(phases, count)
    assert found.shape == (count, len(phases))
    expected = [[model.word_at(phase + t) for phase in phases] for t in range(count)]
    assert found.tolist() == expected
    assert Register(model).words([], count).shape == (count, 0)


def test_the_recurrence_of_a_leap_of_one_is_the_polynomial() -> None:
    for length in range(2, 33):
        model = model_of(f"1:1:zero:lfsr{length}")
        degree, taps = Register(model).taps
        assert (1 << degree) + sum(1 << i for i in taps) == default_polynomial(length)


def test_the_shortest_recurrence_of_given_bits() -> None:
    """Every recurrence of up to 6 bits is found again from 2L of its bits, or a shorter one."""
    for p in range(2, 1 << 7):
        length = p.bit_length() - 1
        bits = [0] * (length - 1) + [1]
        while len(bits) < 4 * length:
            bits.append(sum(bits[len(bits) - length + i] for i in range(length) if p >> i & 1) % 2)
        found = shortest_recurrence(bits[: 2 * length])
        degree = found.bit_length() - 1
        assert degree <= length
        for t in range(len(bits) - degree):
            assert bits[t + degree] == sum(bits[t + i] for i in range(degree) if found >> i & 1) % 2


def test_states_of_many_rows_are_the_tables() -> None:
    model = model_of("8:8:zero:lfsr17,leap=9")
    found = Register(model).words([5], 1 << 17)[:, 0]
    assert np.array_equal(found, np.resize(np.roll(model.table, -5), 1 << 17))


@pytest.mark.parametrize("text", [*DESIGNS, "8:8:zero:lfsr32,leap=11", "8:8:zero:lfsr13,leap=9"])
def test_few_terms_say_the_same_as_many(text: str) -> None:
    model = model_of(text)
    register = Register(model)
    length, taps = sparse_recurrence(register.taps)
    assert taps[0] == 0 and list(taps) == sorted(set(taps)) and taps[-1] < length
    if model.length >= 13:
        assert len(taps) <= 4
    states = np.empty((2000, 2), np.uint32)
    register.fill(states, register.start([0, 12345], 2000))
    found = states.copy()
    found[length:] = 0
    extend(found, length, (length, taps))
    assert np.array_equal(found, states)
