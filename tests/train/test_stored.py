"""Weights in integers of fewer bits and in floats: start, exactness, rounding, golden runs."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from esru.design import parse
from esru.emulate.stream import Array
from esru.errors import InputError
from esru.float_rounding import round_float
from esru.formats import parse_format
from esru.train import Job, schedule_cycles, tasks, train_batch
from esru.train.unit_formats import counterpart, formats_of, in_format

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")

from esru.train.capture import capture  # noqa: E402  (after the check)
from esru.train.mlp import HIDDEN_BITS, Mlp  # noqa: E402
from esru.train.stored import Stored  # noqa: E402

TASK = tasks()["digits-mlp"]
SHORT = replace(TASK, epochs=1, averaged=1, train_examples=4 * TASK.batch)
FLOATS = ("ocp_e4m3", "ocp_e5m2", "ocp_e3m2", "ocp_e2m3", "ocp_e2m1")


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.mark.parametrize("name", [*FLOATS, "int8", "int5", "int2"])
def test_the_start_is_the_nearest_number(name: str) -> None:
    stored = Stored(parse_format(name))
    weights = np.concatenate([np.arange(-128, 129), np.linspace(-130, 130, 371)])
    weights = weights.astype(np.float32)
    found = stored.start(weights).astype(np.float64) * stored.unit
    fmt = parse_format(name)
    if name.startswith("int"):
        held = [n * stored.unit for n in range(fmt.low, fmt.high + 1)]
    else:
        held = [s * fmt.decode(c) * stored.unit for c in range(fmt.highest + 1) for s in (1, -1)]
    numbers = np.array(held)
    assert set(found) <= set(numbers)
    distance = np.abs(numbers[None] - weights[:, None].astype(np.float64)).min(1)
    assert (np.abs(found - weights) == distance).all()
    # The whole range of int8 is within reach, but for the last step of an integer format.
    assert numbers.max() >= 128 - stored.unit and numbers.max() < 256


def test_ties_of_the_start_are_to_even() -> None:
    stored = Stored(parse_format("ocp_e2m1"))  # 0 .5 1 1.5 2 3 4 6, times 32
    ties = np.array([0.25, 0.75, 1.25, 1.75, 2.5, 3.5, 5.0, -2.5], np.float32) * 32
    assert stored.start(ties).tolist() == [0, 1, 1, 2, 2, 4, 4, -2]


@pytest.mark.parametrize("name", FLOATS)
def test_every_sum_of_products_is_exact(name: str) -> None:
    """In units of the least places the greatest sums stay below 2^53."""
    fmt = parse_format(name)
    places = fmt.magnitude(fmt.highest) / fmt.magnitude(1)
    assert places.denominator == 1
    for task in (TASK, tasks()["digits-cnn"]):
        widest = max(max(shape) for shape in task.shapes)
        # Weight times activation or error, and the bias, which is shifted by at most 2^8.
        assert places * 128 * widest + places * 2**8 * 128 < 2**53
        # Errors times activations are those of int8, summed over a batch's positions.
        assert task.batch * 16 * 128 * 128 <= 2**24


def test_the_logits_are_exact() -> None:
    """One example in fractions: e5m2 has the most places."""
    network = Mlp(TASK, [0.25], torch.device("cpu"))
    network.dtype = torch.float64
    stored = Stored(parse_format("ocp_e5m2"))
    rng = np.random.default_rng(5)
    numbers = np.array([stored.format.decode(c) for c in range(stored.format.highest + 1)])
    weights = []
    for shape in TASK.shapes:
        size = int(np.prod(shape))
        chosen = rng.choice(numbers[:-4], size) * rng.choice([-1, 1], size) * stored.unit
        weights.append(chosen.reshape(shape) * 2.0**-3)
    x = rng.integers(-16, 17, 64)
    tensors = tuple(torch.from_numpy(w)[None] for w in weights)
    found = network.logits(tensors, torch.from_numpy(x).double()[None, None])[0, 0].tolist()
    f1, g1, f2, g2 = network.weight_bits
    w1, b1, w2, b2 = ([Fraction(v) for v in w.reshape(-1).tolist()] for w in weights)
    hidden = []
    for j in range(32):
        total = sum(Fraction(int(x[i])) * w1[i * 32 + j] for i in range(64))
        value = total / 2 ** (network.image_bits + f1) + b1[j] / 2**g1
        hidden.append(min(max(round(value * 2**HIDDEN_BITS), 0), 127))
    for j in range(10):
        value = sum(hidden[i] * w2[i * 10 + j] for i in range(32)) / 2 ** (HIDDEN_BITS + f2)
        value += b2[j] / 2**g2
        assert found[j] == min(max(round(value * 2**network.logit_bits), -128), 127)


@pytest.mark.parametrize(
    "name",
    [
        "24:24:zero:lfsr24,out=ocp_e4m3",
        "8:7:select:lfsr13,leap=7,lanes=64,out=ocp_e5m2",
        "4:3:half:lfsr9,in=bfloat16,out=ocp_e4m3",
    ],
)
def test_weights_are_rounded_as_the_scalar_reference_rounds(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three steps of training, weight by weight, from the update that the network asked for."""
    design = parse(name)
    assert design.floats is not None
    source, out = design.floats
    unit = Stored(out).unit
    kept: list[tuple[list[list[float]], list[list[float]]]] = []
    deltas = Mlp.deltas

    def keep(self: Mlp, weights, inputs, targets, found) -> None:  # type: ignore[no-untyped-def]
        deltas(self, weights, inputs, targets, found)
        kept.append(
            ([w.reshape(-1).tolist() for w in weights], [d.reshape(-1).tolist() for d in found])
        )

    monkeypatch.setattr(Mlp, "deltas", keep)
    train_batch(SHORT, [Job(design, 0, 2.0**-4, "worst")])
    cycles, _ = schedule_cycles(SHORT, design, "worst")
    for step in range(3):
        cycle = step * cycles
        for before, update, after in zip(*kept[step], kept[step + 1][0], strict=True):
            words, cycle = Array(design, 64).tensor_words(len(before), cycle)
            for j in range(0, len(before), 5):
                total = np.float32((before[j] + update[j]) / unit)
                assert np.float64(np.float32(update[j])) == update[j]
                if source.name == "bfloat16":
                    total = torch.tensor(total).to(torch.bfloat16).float().numpy()
                pattern = round_float(design, source.encode(float(total)), int(words[j]))
                assert out.decode(pattern) * unit == after[j], (step, j)


#: SHA-256 of the final weights of short runs: the same on every machine.
GOLDEN = {
    ("digits-mlp", "reference,out=ocp_e4m3"): (
        "0f33c9859678940744144eb9982215b2f2f0e1d7c3193dc4a9dd0fbba3ffcfe8"
    ),
    ("digits-mlp", "8:7:select:lfsr13,leap=7,lanes=64,out=ocp_e5m2"): (
        "24970aa877d10d31917ed8517526242ce4363ea2e7f508a2ccac3a40ca57e895"
    ),
    ("digits-mlp", "reference,out=int4"): (
        "56cf756eece1dcfb23aa51505ea798e54b2e9171314a48fee8ccf9dae129e0f5"
    ),
    ("digits-cnn", "reference,out=ocp_e4m3"): (
        "04b0dbc20f1e86e7ee95058f6fbaba69a1e9d2da294591cb5f69d7fd4d9bb451"
    ),
}


@pytest.mark.parametrize(("task", "text"), GOLDEN)
def test_golden_run(task: str, text: str) -> None:
    short = replace(tasks()[task], epochs=1, averaged=1, train_examples=8 * 32)
    found = train_batch(short, [Job(parse(text), 0, 2.0**-4, "worst")])[0]
    assert found.digest == GOLDEN[task, text]


def test_formats_mix_in_a_batch() -> None:
    named = ("papers", "papers,out=int5", "papers,out=ocp_e4m3", "reference,out=ocp_e4m3")
    jobs = [Job(parse(text), seed, 2.0**-4) for text in named for seed in (0, 1)]
    together = train_batch(SHORT, jobs)
    assert together == [train_batch(SHORT, [job])[0] for job in jobs]
    assert len({result.digest for result in together}) == 8
    assert all(result.accuracy > 20 for result in together)


def test_a_design_in_other_formats() -> None:
    plain = parse("papers")
    assert counterpart(plain, "int8") == plain and formats_of(plain) == ("int8", None)
    found = counterpart(plain, "ocp_e4m3", "bfloat16")
    assert str(found) == "8:3:replicate:plateau3,in=bfloat16,out=ocp_e4m3"
    assert formats_of(found) == ("ocp_e4m3", "bfloat16")
    assert counterpart(found, "int4") == found  # it names its own
    assert in_format(plain, "int4").out_format == parse_format("int4")
    with pytest.raises(InputError, match="must be int4, as --format says, or left out"):
        in_format(found, "int4")
    with pytest.raises(InputError, match="Output format of the captured design must be int8"):
        capture(TASK, Job(parse("reference,out=int4"), 0, 2.0**-4), [0])
