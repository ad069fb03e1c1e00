"""The torch twin and the batched update equal the scalar reference."""

from __future__ import annotations

from fractions import Fraction
from math import floor

import numpy as np
import pytest

from esru.design import Design, parse
from esru.emulate import Array, round_tensor
from esru.errors import InputError
from esru.rounding import round_word

torch = pytest.importorskip("torch")

DESIGNS = [
    "reference",
    "papers",
    "papers-zero",
    "nearest",
    "8:0:zero:none",
    "8:7:select:lfsr13,leap=7,lanes=64",
    "24:23:select:lfsr24",
    "8:4:nearest:debruijn6,leap=5,lanes=8",
    "24:11:half:lfsr12,lanes=2",
    "11:5:replicate:plateau7,form=galois,lanes=16",
    "1:1:zero:lfsr2",
]
WRAPPING = [text + ",overflow=wrap" for text in DESIGNS]
#: Updates in ulps where floats go wrong: tiny, just below integers, beyond the format.
TRAPS = [0.0, 1.0, -1.0, 0.5, -0.5, 2.0**-24, -(2.0**-24), 2.0**-25, -(2.0**-25), 1e-30, -1e-30]
TRAPS += [1 - 2.0**-24, -1 + 2.0**-24, 127.5, -127.5, 255.99998, -255.99998, 1e6, -1e6, 3e38, -3e38]


def scalar(design: Design, value: Fraction, word: int) -> int:
    """Round value (ulps), floored to n bits and saturated to the unit's input, by the reference."""
    plain = Design(
        n=design.n,
        k=design.k,
        rule=design.rule,
        source=design.source,
        length=design.length,
        overflow=design.overflow,
    )
    x = floor(value * 2**design.n)
    return round_word(plain, min(max(x, plain.input.low), plain.input.high), word)


def examples(count: int) -> np.ndarray:
    """Return float32 values of every size, the traps first; seed 1."""
    rng = np.random.default_rng(1)
    values = rng.normal(size=count) * 2.0 ** rng.integers(-26, 9, count)
    values[: len(TRAPS)] = TRAPS
    return values.astype(np.float32)


@pytest.mark.parametrize("text", DESIGNS + WRAPPING)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_float_tensors(text: str, dtype: object) -> None:
    design = parse(text)
    values = examples(700)
    words, end = Array(design, 64).tensor_words(700, 99)
    y, following = round_tensor(design, torch.from_numpy(values).to(dtype).view(7, 100), 99)
    assert following == end
    assert y.dtype == dtype
    assert y.shape == (7, 100)
    expected = [
        scalar(design, Fraction(float(v)), int(r)) for v, r in zip(values, words, strict=True)
    ]
    assert y.view(-1).tolist() == expected


@pytest.mark.parametrize("n", [1, 8, 23, 24])
def test_fractions_are_exact_to_the_last_bit(n: int) -> None:
    """A threshold equal to the fraction rounds up, and the next one does not."""
    from esru.emulate.tensors import _round_values

    design = parse(f"{n}:1:zero:lfsr2")
    values = examples(2000)
    values = values[np.abs(values) < 127]
    exact = [floor(Fraction(float(v)) * 2**n) for v in values]
    fraction = torch.tensor([x % 2**n for x in exact])
    below = torch.tensor([x >> n for x in exact], dtype=torch.float32)
    tensor = torch.from_numpy(values)
    assert (_round_values(design, tensor, fraction) == below + 1).all()
    assert (_round_values(design, tensor, fraction + 1) == below).all()


@pytest.mark.parametrize("text", DESIGNS + WRAPPING)
def test_integer_tensors_equal_the_numpy_twin(text: str) -> None:
    design = parse(text)
    rng = np.random.default_rng(2)
    x = rng.integers(design.input.low, design.input.high, 1000, endpoint=True)
    expected, after = round_tensor(design, x, 3)
    found, following = round_tensor(design, torch.from_numpy(x), 3)
    assert found.dtype == torch.int64
    assert (found.numpy() == expected).all()
    assert after == following


@pytest.mark.parametrize("text", DESIGNS + WRAPPING)
def test_batched_updates_equal_the_scalar_reference(text: str) -> None:
    """Two runs on two schedules, three tensors, three steps, against words lane by lane."""
    from esru.emulate.runs import Blocks, Runs
    from esru.emulate.update import UpdateRounder

    design = parse(text)
    shapes, device = [(5, 13), (3,), (64,)], torch.device("cpu")
    cycles = [4, 7]
    runs = Runs([(design, c) for c in cycles], [1, 0], shapes, 64, device)
    rounder = UpdateRounder(runs, steps=3)
    weights, deltas = Blocks(shapes, 2, device), Blocks(shapes, 2, device)
    rng = np.random.default_rng(3)
    weights.flat.copy_(torch.from_numpy(rng.integers(-128, 128, 2 * 132).astype(np.float32)))
    for step in range(3):
        updates = np.clip(np.roll(examples(264), 31 * step), -(2.0**99), 2.0**99)
        deltas.flat.copy_(torch.from_numpy(updates))
        before = [view.clone() for view in weights.views]
        given = [view.clone() for view in deltas.views]
        rounder.apply(weights.flat, deltas.flat, step)
        for run, c in enumerate([cycles[1], cycles[0]]):
            cycle = step * c
            for old, delta, new in zip(before, given, weights.views, strict=True):
                size = new[run].numel()
                words, cycle = Array(design, 64).tensor_words(size, cycle)
                sums = [
                    Fraction(w) + Fraction(d)
                    for w, d in zip(
                        old[run].view(-1).tolist(), delta[run].view(-1).tolist(), strict=True
                    )
                ]
                expected = [scalar(design, v, int(r)) for v, r in zip(sums, words, strict=True)]
                assert new[run].view(-1).tolist() == expected


def test_what_float32_cannot_hold_is_refused() -> None:
    wide = parse("25:24:zero:lfsr24")
    with pytest.raises(InputError, match=r"Rounding bits \(n\) must be at most 24 for floating"):
        round_tensor(wide, torch.zeros(3))
    with pytest.raises(InputError, match="Output format must be at most 24 bits wide"):
        round_tensor(parse("4:3:zero:lfsr3,out=s25.0"), torch.zeros(3))
    with pytest.raises(InputError, match="Tensor type must be an integer type, float32 or"):
        round_tensor(wide, torch.zeros(3, dtype=torch.float16))
    with pytest.raises(InputError, match="Values must be numbers, not nan"):
        round_tensor(parse("papers"), torch.tensor([float("nan")]))
    with pytest.raises(InputError, match=r"Input word of s16\.8 must be between"):
        round_tensor(parse("papers"), torch.tensor([1 << 15]))


@pytest.mark.parametrize(
    ("text", "lanes", "message"),
    [
        ("25:24:zero:lfsr24", 64, r"Rounding bits \(n\) must be at most 24 for floating"),
        ("4:3:zero:lfsr3,out=s25.0", 64, "Output format must be at most 24 bits wide"),
        ("4:3:zero:lfsr3,lanes=8", 60, "Lanes of the array must be a multiple of the lanes"),
    ],
)
def test_batches_of_runs_refuse_it_too(text: str, lanes: int, message: str) -> None:
    from esru.emulate.runs import Runs

    with pytest.raises(InputError, match=message):
        Runs([(parse(text), 1)], [0], [(3,)], lanes, torch.device("cpu"))
