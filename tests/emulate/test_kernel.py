"""The fast path of `round_tensor` gives what the general one gives, bit for bit."""

from __future__ import annotations

from itertools import product
from threading import Thread

import numpy as np
import pytest

from esru.design import Design, parse
from esru.emulate import Array, round_tensor
from esru.emulate.addends import (
    BLOCK,
    CARRY,
    INDEX,
    MASK,
    AddendStream,
    _calculated,
    addend_kind,
    addend_values,
)
from esru.emulate.arrays import round_generally
from esru.emulate.kernel import suits
from esru.emulate.stream import tensor_cycles
from esru.sources.lfsr import LfsrModel

#: Tables by what becomes of their addends. The second has weights, and codes without a word.
TABLE_KINDS = {
    "3:3:table-fefcf8f0e0c08000": CARRY,
    "4:4:table-ff00f0f0fc30fa5000000000ccccaaaa.1.2.1.0.0.0.4.8": MASK,
    "3:2:table-f0cceea8": INDEX,
    "4:4:table-c0fcff00.11.5": INDEX,
}
#: Each from a tiled table, a recurrence and a table of the period.
TABLES = [
    f"{head}:{source}"
    for head in TABLE_KINDS
    for source in ("lfsr5", "lfsr32,leap=11,lanes=16", "debruijn20,leap=5")
]

#: Every way to come by addends: tiled tables, recurrences, full tables, shared and not.
DESIGNS = [
    "papers",
    "papers-zero",
    "nearest",
    "8:0:zero:none",
    "reference",
    "24:24:zero:plateau24,lanes=32",
    "16:16:zero:lfsr32,leap=7,lanes=32",
    "17:16:half:lfsr32,leap=2",
    "24:23:select:lfsr24",
    "8:7:select:lfsr13,leap=7,lanes=64",
    "8:7:select:lfsr16,leap=7",
    "8:4:nearest:debruijn20,leap=5,lanes=8",
    "24:11:half:lfsr12,lanes=2",
    "20:17:replicate:lfsr20,form=galois,lanes=16",
    "1:1:zero:lfsr2",
    "6:3:half:lfsr5,out=u6.2",
    "8:8:zero:lfsr9,leap=10,out=s16.3",
    "8:5:zero:cellular24,lanes=4",
    "8:8:zero:counter8",
    "8:5:replicate:lfsr24,lanes=8,map=rotate",
    "8:5:zero:plateau24,lanes=8,map=delay",
    "8:5:half:lfsr6,lanes=8,map=invert",
    "12:12:zero:lfsr12,map=complement",
    "24:24:zero:lfsr24,map=complement",
    "8:8:zero:lfsr32,leap=11,lanes=8",
    "12:12:zero:lfsr26,leap=17,lanes=4,map=permute",
    "20:17:replicate:lfsr20,leap=19,lanes=2,map=invert",
    "24:24:zero:lfsr26,leap=25,lanes=8,map=rotate",
    "8:6:zero:plateau20,leap=9,lanes=2",
    "20:19:zero:debruijn19,leap=21",
    "8:4:replicate:debruijn20,leap=5,lanes=2,map=delay",
    "16:16:zero:counter16",
    "12:11:half:counter11,map=complement",
    *TABLES,
]
#: Updates in ulps where floats go wrong: tiny, just below integers, beyond the format.
TRAPS = [0.0, -0.0, 1.0, -1.0, 2.0**-24, -(2.0**-24), 2.0**-25, -(2.0**-25), 1e-40, -1e-40]
TRAPS += [1 - 2.0**-24, -1 + 2.0**-24, 127.0, 127.5, 127.99999, 128.0, -127.99999, -128.0]
TRAPS += [-128.00002, 255.99998, -255.99998, 3e38, -3e38, np.inf, -np.inf]


def examples(size: int, dtype: type) -> np.ndarray:
    """Return values of every size, the traps first; seed 1."""
    rng = np.random.default_rng(1)
    values = rng.normal(size=size) * 2.0 ** rng.integers(-26, 9, size)
    values[: len(TRAPS)] = TRAPS[:size]
    return values.astype(dtype)


def generally(design: Design, x: np.ndarray, phase: int, lanes: int) -> np.ndarray:
    return round_generally(design, x, phase, lanes)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("text", DESIGNS)
def test_values_of_every_size(text: str, dtype: type) -> None:
    design = parse(text)
    assert suits(design, np.dtype(dtype))
    x = examples(5000, dtype)
    for phase in (0, 13, 10**20 + 7):
        found, _ = round_tensor(design, x, phase, 64)
        assert found.dtype == dtype
        assert np.array_equal(found, generally(design, x, phase, 64))


FLOATS = [
    "8:8:zero:lfsr8,out=ocp_e4m3",
    "8:3:replicate:plateau3,out=ocp_e4m3",
    "20:20:zero:lfsr24,out=ocp_e4m3",
    "8:7:select:lfsr13,leap=7,lanes=64,out=ocp_e4m3",
    "21:20:select:lfsr24,out=ocp_e5m2",
    "8:4:nearest:cellular9,out=ocp_e5m2",
    "5:3:half:debruijn6,out=ocp_e3m2",
    "1:1:zero:lfsr2,out=ocp_e2m3",
    "8:0:half:none,out=ocp_e2m1",
    "12:9:half:lfsr24,lanes=8,map=rotate,out=ocp_e2m1",
    *(f"{head}:debruijn6,leap=5,out=ocp_e4m3" for head in TABLE_KINDS),
]


@pytest.mark.parametrize("text", FLOATS)
def test_every_float_format(text: str) -> None:
    """Every exponent with every pattern of the upper half, specials and signed zeros included."""
    design = parse(text)
    assert suits(design, np.dtype(np.float32))
    halves = np.arange(1 << 16, dtype=np.uint32) << 16
    rng = np.random.default_rng(6)
    x = np.concatenate([halves, halves | rng.integers(0, 1 << 16, 1 << 16, np.uint32)])
    values = rng.permutation(x).view(np.float32)
    narrow = (np.abs(values) < 1e6) & (np.abs(values) > 1e-6)
    for chosen in (values, values[narrow]):
        for phase in (0, 10**12 + 7):
            given = chosen.copy()
            found, _ = round_tensor(design, given, phase, 64)
            expected = generally(design, given, phase, 64)
            assert found.dtype == np.float32
            same = found.view(np.uint32) == expected.view(np.uint32)
            assert (same | np.isnan(found) & np.isnan(expected)).all()
            wide, _ = round_tensor(design, given, phase, 64, out=np.empty(len(given)))
            assert np.array_equal(wide, found, equal_nan=True)
            round_tensor(design, given, phase, 64, out=given)
            assert np.array_equal(given, found, equal_nan=True)


@pytest.mark.parametrize("text", ["papers", "reference", "8:4:nearest:debruijn20,leap=5"])
@pytest.mark.parametrize("lanes", [1, 24, 64, 1000])
def test_tensors_longer_than_a_block(text: str, lanes: int) -> None:
    design = parse(text)
    x = examples(2 * BLOCK + 77, np.float32)
    if lanes > 1:
        found, _ = round_tensor(design, x, 5, lanes)
        assert np.array_equal(found, generally(design, x, 5, lanes))
    else:
        found, _ = round_tensor(design, x[:999], 5, lanes)
        assert np.array_equal(found, generally(design, x[:999], 5, lanes))


@pytest.mark.parametrize(
    "text",
    [
        "papers",
        "reference",
        "16:16:zero:lfsr32,leap=7,lanes=32",
        "8:8:zero:lfsr32,leap=11,lanes=8",
        "8:4:zero:debruijn20,leap=5",
    ],
)
def test_tensor_after_tensor_and_jumps(text: str) -> None:
    """What a register ran on from makes no difference: forward, again, back, with gaps."""
    design = parse(text)
    phase = 0
    for size, gap in [(100, 0), (1, 0), (64, 3), (5000, 0), (64, -7), (300, 10**9), (10, -1000)]:
        x = examples(size, np.float32)
        found, following = round_tensor(design, x, phase, 64)
        assert np.array_equal(found, generally(design, x, phase, 64))
        phase = following + gap


@pytest.mark.parametrize("text", ["reference", "6:5:half:plateau24,leap=7,lanes=4"])
def test_a_register_runs_on_over_many_blocks(text: str) -> None:
    """Over its history's length several times, in unequal steps: one jump at the beginning."""
    array = Array(parse(text), 64)
    stream = AddendStream(array)
    phase = 10**9 + 3
    for size in [64 * 7, BLOCK, 1, BLOCK, BLOCK - 64 * 9, 64] * 4:
        ((_, found),) = stream.blocks(size, phase)
        words = array.tensor_words(size, phase)[0]
        assert np.array_equal(found, addend_values(array.design, words))
        phase += tensor_cycles(size, 64)


def test_many_tensors_that_take_turns() -> None:
    """More phases than runs are kept, each running on from where it was; one meets another."""
    array = Array(parse("16:16:zero:lfsr24,leap=17,lanes=2"), 64)
    stream = AddendStream(array)
    phases = [7919 * i for i in range(100)] + [3]
    for size in (64 * 4, 1, 2000):
        for turn, phase in enumerate(phases):
            ((_, found),) = stream.blocks(size, phase)
            words = array.tensor_words(size, phase)[0]
            assert np.array_equal(found, addend_values(array.design, words))
            phases[turn] = phase + tensor_cycles(size, 64)


@pytest.mark.parametrize(
    "text", ["8:8:zero:debruijn25,leap=9", "8:5:half:debruijn27,leap=1,seed=0"]
)
def test_a_long_de_bruijn_register_passes_through_zero(text: str) -> None:
    """Block by block over the zero, from before it, at it and after it; then over a column's.

    Last a zero that falls between two words: a block's last one and the next block's first.
    """
    array = Array(parse(text + ",lanes=16"), 64)
    stream, model = AddendStream(array), array.model
    assert isinstance(model, LfsrModel)
    back = pow(model.leap, -1, model.register_period)
    zero = -model.seed_index * back % model.register_period
    assert model.word_at(zero) == 0 and model.register_at(zero) == 0
    skipped = (1 - model.seed_index) * back % model.register_period
    starts = [zero - before for before in (700, 100, 1, 0, -1)]
    for phase in (*starts, zero - array.columns[2], skipped - 1):
        phase %= model.period
        for size in (64, 64 * 100, 64 * 300, BLOCK):
            ((_, found),) = stream.blocks(size, phase)
            words = array.tensor_words(size, phase)[0]
            assert np.array_equal(found, addend_values(array.design, words))
            phase += tensor_cycles(size, 64)


def test_tables_by_what_becomes_of_their_addends() -> None:
    for head, kind in TABLE_KINDS.items():
        assert addend_kind(parse(f"{head}:lfsr5")) == kind
    assert addend_kind(parse("8:7:select:lfsr13")) == MASK
    assert addend_kind(parse("papers")) == CARRY


def test_every_word_of_every_rule_becomes_its_addend() -> None:
    """What a few passes of int32 make of words against the definition, in every type of words."""
    for rule, k in product(("zero", "half", "nearest", "replicate", "select"), range(1, 13)):
        more = {"half": k + 1, "select": k + 1}.get(rule, k)
        for n in [more] if rule == "select" else range(more, 25, 5):
            design = parse(f"{n}:{k}:{rule}:lfsr{k + 1}")
            words = np.arange(1 << k, dtype=np.uint32)
            wanted = addend_values(design, words)
            for kind in (np.uint8, np.uint16, np.uint32):
                if k <= 8 * np.dtype(kind).itemsize:
                    assert np.array_equal(_calculated(design, words.astype(kind)), wanted)
    for k, rule in ((23, "select"), (24, "replicate")):
        design = parse(f"24:{k}:{rule}:lfsr25")
        words = np.concatenate([np.arange(0, 1 << k, 99991), (1 << k) - 1 - np.arange(64)])
        words = words.astype(np.uint32)
        assert np.array_equal(_calculated(design, words), addend_values(design, words))


def test_what_does_not_suit() -> None:
    assert not suits(parse("papers,overflow=wrap"), np.dtype(np.float32))
    assert not suits(parse("8:3:replicate:plateau3,out=s25.0"), np.dtype(np.float64))
    assert not suits(parse("24:3:zero:lfsr3,out=uint8"), np.dtype(np.float32))
    assert not suits(parse("papers"), np.dtype(np.float16))
    assert not suits(parse("papers"), np.dtype(np.int32))
    assert not suits(parse("8:3:zero:lfsr3,out=bfloat16"), np.dtype(np.float32))
    assert not suits(parse("8:3:zero:lfsr3,out=ocp_e4m3"), np.dtype(np.float16))
    assert not suits(parse("21:3:zero:lfsr3,out=ocp_e4m3"), np.dtype(np.float32))
    assert not suits(parse("8:3:zero:operand-own,in=s19.11"), np.dtype(np.float32))


@pytest.mark.parametrize(
    "text", ["reference", "8:8:zero:lfsr16,leap=9", "8:8:zero:debruijn16,leap=9"]
)
def test_threads_do_not_disturb_each_other(text: str) -> None:
    """Four threads use one stream at four phases at once."""
    design = parse(text)
    stream = AddendStream(Array(design, 64))
    wrong: list[int] = []

    def follow(start: int) -> None:
        expected = AddendStream(Array(design, 64))
        for phase in range(start, start + 40 * 4, 4):
            (_, found), (_, right) = (
                *stream.blocks(200, phase),
                *expected.blocks(200, phase),
            )
            if not np.array_equal(found, right):
                wrong.append(phase)

    threads = [Thread(target=follow, args=(1000 * i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
