"""`fp4-transformer`: scales, products in fractions, the units' words, batches, what is refused."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from esru.design import parse
from esru.emulate import round_tensor
from esru.emulate.stream import Array
from esru.errors import InputError
from esru.float_formats import FLOAT_FORMATS
from esru.float_rounding import round_float
from esru.train import Job, schedule_cycles, tasks, train_batch
from esru.train.tasks import Task, check_job
from esru.train.unit_formats import trained_unit

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")

from esru.emulate.block_rounder import BlockRounder  # noqa: E402  (after the check)
from esru.emulate.runs import Runs  # noqa: E402
from esru.train.fp4 import WEIGHT_BITS, Fp4  # noqa: E402
from esru.train.fp4_blocks import (  # noqa: E402
    GREATEST,
    SCALINGS,
    SPAN,
    mx_blocks,
    nearest_e2m1,
    nv_blocks,
)
from esru.train.network import softmax_table  # noqa: E402

NAMES = ("fp4-transformer", "nvfp4-transformer")
TASK = tasks()[NAMES[0]]
LR = TASK.learning_rates[0]
SELECT = parse("8:7:select:lfsr13,leap=7,lanes=64")
E2M1 = FLOAT_FORMATS["ocp_e2m1"]
NUMBERS = [E2M1.decode(code) for code in range(8)]


def short(name: str) -> Task:
    """Return a task of two steps."""
    task = tasks()[name]
    return replace(task, epochs=1, averaged=1, train_examples=2 * task.batch, test_examples=16)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    torch.set_num_threads(1)


def tensor(rows: int, size: int, seed: int = 1, runs: int = 2) -> torch.Tensor:
    """Return numbers of many sizes, with a block of zeros and a very small one."""
    rng = np.random.default_rng(seed)
    drawn = rng.normal(size=(runs, rows, size)) * 2.0 ** rng.integers(-9, 3, (runs, rows, size))
    drawn[0, 0, :32] = 0
    drawn[1, 1, :32] *= 2.0**-40
    return torch.from_numpy(drawn.astype(np.float32))


def nearest(value: Fraction) -> float:
    """Return the number of ocp_e2m1 next to a magnitude, ties to the even code."""
    distances = [(abs(Fraction(number) - value), code & 1) for code, number in enumerate(NUMBERS)]
    return NUMBERS[distances.index(min(distances))]


def test_nearest_numbers() -> None:
    halves = torch.arange(0, 6.25, 2.0**-6)
    found = nearest_e2m1(torch.cat([halves, -halves])).tolist()
    expected = [nearest(Fraction(value)) for value in halves.tolist()]
    assert found == expected + [-number for number in expected]


def test_mx_scales_are_the_least_powers_of_two() -> None:
    given = tensor(6, 70)
    blocks = mx_blocks(given, 32)
    assert blocks.inputs.shape == (2, 6, 3, 32)
    assert torch.equal(blocks.inputs.reshape(2, 6, 96)[..., :70], given)
    assert not blocks.inputs.reshape(2, 6, 96)[..., 70:].any()
    assert torch.equal(blocks.scales, 2.0**blocks.exponents)
    elements = blocks.elements()
    assert torch.equal(elements * blocks.scales, blocks.inputs)
    largest = elements.abs().amax(-1, keepdim=True)
    assert (largest <= GREATEST).all()
    top = blocks.exponents.amax((1, 2, 3), keepdim=True)
    floored = blocks.exponents == top - SPAN
    # Half the scale would saturate, but where the span ends.
    assert ((2 * largest > GREATEST) | floored).all() and floored.any() and not floored.all()
    assert (blocks.exponents >= top - SPAN).all()
    # 6 itself needs no greater scale, the next number does.
    edge = torch.tensor([6.0, np.nextafter(np.float32(6), 7)]).repeat_interleave(32)[None, None]
    assert mx_blocks(edge, 32).exponents.view(-1).tolist() == [0, 1]
    assert not mx_blocks(torch.zeros(1, 1, 32), 32).elements().any()


def test_nv_scales_are_ocp_e4m3_rounded_up() -> None:
    given = tensor(6, 70)
    blocks = nv_blocks(given, 16)
    e4m3 = FLOAT_FORMATS["ocp_e4m3"]
    held = sorted(e4m3.decode(code) for code in range(1, e4m3.highest + 1))
    elements = blocks.elements()
    assert (elements.abs() <= GREATEST * (1 + 2.0**-22)).all()
    for run in range(2):
        scales = blocks.scales[run].view(-1).tolist()
        largest = Fraction(float(given[run].abs().max()))
        whole = Fraction(1)
        while largest / whole > 6 * 448:
            whole *= 2
        while largest / whole * 2 <= 6 * 448:
            whole /= 2
        for i, scale in enumerate(scales):
            block = blocks_of(given[run], 16)[i]
            wanted = max(abs(Fraction(v)) for v in block) / 6 / whole
            # The largest element over 6 is a float32 quotient, which may be a little less.
            least = next(number for number in held if number * (1 + 2.0**-23) >= wanted)
            assert scale == least * whole, (run, i)
            unit = scale / 2.0 ** int(blocks.exponents[run].view(-1)[i])
            for value, element in zip(block, elements[run].view(-1, 16)[i].tolist(), strict=True):
                significand = np.float32(Fraction(unit) / whole)
                divided = np.float32(Fraction(value) / whole) / significand
                exponent = int(blocks.exponents[run].view(-1)[i])
                assert element == float(divided) * 2.0**-exponent


def blocks_of(values: torch.Tensor, size: int) -> list[list[float]]:
    """Return the blocks of a matrix, row by row, zeros at the end."""
    found = []
    for row in values.tolist():
        row = row + [0.0] * (-len(row) % size)
        found += [row[i : i + size] for i in range(0, len(row), size)]
    return found


def test_every_product_is_exact_in_float64() -> None:
    """The bits of the greatest sum, in units of the least product."""
    longest = max(task.batch * task.shapes[1][0] for task in map(tasks().get, NAMES) if task)
    assert longest == 512
    # Two numbers of ocp_e2m1 are at most 12 halves each.
    assert 12 * 12 * 2 ** (2 * SPAN) * longest < 2**53
    e4m3 = FLOAT_FORMATS["ocp_e4m3"]
    scales = e4m3.magnitude(e4m3.highest) / e4m3.magnitude(1)
    assert (12 * scales) ** 2 * longest < 2**53
    # The forward products are those of int8.
    assert max(shape[0] for shape in TASK.shapes[2:]) * 128 * 128 <= 2**24


@pytest.mark.parametrize("name", NAMES)
def test_a_linear_layer_in_fractions(name: str) -> None:
    """Every element of its outputs and gradients: scalar roundings, exact sums, one float32."""
    task = tasks()[name]
    block, scaled = SCALINGS[task.gradients]
    design = trained_unit(task, SELECT)
    tokens, inputs, outputs, layer = 48, 5, 21, 6
    shapes = [(1, 1, 1)] * 2
    wide = [-(-outputs // block), -(-tokens // block)]
    shapes += [(tokens, wide[0], block), (outputs, wide[1], block)]
    rounder = BlockRounder(Runs([(design, 11)], [0, 0], shapes, 64, torch.device("cpu")))
    rounder.begin(3)
    layers = Fp4(torch.from_numpy(softmax_table(4)), task.gradients, rounder.round)
    rng = np.random.default_rng(8)
    values = torch.from_numpy(rng.integers(-40, 41, (2, tokens, inputs)) / np.float32(32)).float()
    weight = torch.from_numpy(rng.normal(size=(2, inputs, outputs)).astype(np.float32) / 2)
    bias = torch.from_numpy(rng.normal(size=(2, outputs)).astype(np.float32))
    error = tensor(tokens, outputs, 4)
    leaves = [part.clone().requires_grad_() for part in (values, weight, bias)]
    found = layers.linear(leaves[0], leaves[1], layer, leaves[2])
    gradients = torch.autograd.grad(found, leaves, error)

    def by_units(matrix: torch.Tensor, phase: int) -> list[list[Fraction]]:
        blocks = scaled(matrix[None], block)
        size = blocks.inputs[0].numel()
        words, _ = Array(design, 64).tensor_words(size, phase)
        read = blocks.inputs[0].reshape(-1).tolist()
        exponents = blocks.exponents[0].expand_as(blocks.inputs[0]).reshape(-1).tolist()
        scales = blocks.scales[0].expand_as(blocks.inputs[0]).reshape(-1).tolist()
        plain = FLOAT_FORMATS["float32"]
        numbers = [
            Fraction(E2M1.decode(round_float(design, (e + 127) << 32 | plain.encode(x), int(r))))
            * Fraction(s)
            for x, e, s, r in zip(read, exponents, scales, words, strict=True)
        ]
        width = size // matrix.shape[0]
        return [numbers[i : i + matrix.shape[1]] for i in range(0, size, width)]

    def to_nearest(matrix: torch.Tensor) -> list[list[Fraction]]:
        blocks = scaled(matrix[None], block)
        rows = []
        for row in range(matrix.shape[0]):
            numbers = []
            parts = zip(blocks.elements()[0, row], blocks.scales[0, row], strict=True)
            for elements, scale in parts:
                for x in elements.tolist():
                    sign = -1 if x < 0 else 1
                    number = sign * Fraction(nearest(abs(Fraction(x))))
                    numbers.append(number * Fraction(scale.item()))
            rows.append(numbers[: matrix.shape[1]])
        return rows

    def product(left: list[list[Fraction]], right: list[list[Fraction]]) -> list[list[float]]:
        """Return left times the transpose of right, each sum rounded once."""
        return [
            [float(np.float32(float(sum(map(Fraction.__mul__, a, b))))) for b in right]
            for a in left
        ]

    for run in range(2):
        held = torch.clamp(torch.round(weight[run] * 2**WEIGHT_BITS), -128, 127) / 2**WEIGHT_BITS
        expected = (values[run].double() @ held.double()).float() + bias[run]
        assert torch.equal(found[run], expected)
        first = 3 * 11 + 2  # two tensors of one cycle came before
        across = by_units(error[run], first)
        along = by_units(error[run].T.contiguous(), first + -(-tokens * wide[0] * block // 64))
        assert gradients[0][run].tolist() == product(across, to_nearest(weight[run]))
        columns = product(to_nearest(values[run].T), along)
        assert gradients[1][run].tolist() == columns
        sums = [float(np.float32(float(sum(row)))) for row in along]
        assert gradients[2][run].tolist() == sums


@pytest.mark.parametrize("name", NAMES)
def test_errors_meet_their_words(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every tensor of two steps of training, by `round_tensor`, in the documented order."""
    task = short(name)
    design = trained_unit(task, SELECT)
    kept: list[tuple[torch.Tensor, torch.Tensor]] = []
    rounded = Fp4.rounded_errors

    def keep(self: Fp4, number: int, errors: torch.Tensor) -> torch.Tensor:
        found = rounded(self, number, errors)
        kept.append((errors.clone(), found))
        return found

    monkeypatch.setattr(Fp4, "rounded_errors", keep)
    train_batch(task, [Job(SELECT, 0, LR, "worst"), Job(SELECT, 1, LR, "worst")])
    cycles, _ = schedule_cycles(task, design, "worst")
    block, scaled = SCALINGS[task.gradients]
    assert len(kept) == 2 * 10
    order = [42, 32, 64, 32, 96]  # outputs of the last layer, of the perceptron's, of attention's
    for step in range(2):
        cycle = step * cycles
        for place, (errors, found) in enumerate(kept[10 * step : 10 * step + 10]):
            outputs = order[place // 2]
            shape = (512, outputs) if place % 2 == 0 else (outputs, 512)
            assert errors.shape == (2, *shape)
            blocks = scaled(errors, block)
            following = cycle
            for run in range(2):
                exponents = blocks.exponents[run].numpy()
                y, following = round_tensor(
                    design, blocks.inputs[run].numpy(), cycle, 64, scale=exponents
                )
                wanted = torch.from_numpy(y) * blocks.scales[run]
                wanted = wanted.view(shape[0], -1)[:, : shape[1]].double()
                assert torch.equal(found[run], wanted), (step, place)
            cycle = following
        assert cycle - step * cycles == task.cycles(64)


def test_a_result_does_not_depend_on_its_batch() -> None:
    named = ("reference", "papers", "nearest", "2:2:table-ca.3.1:debruijn2", str(SELECT))
    for name in NAMES:
        task = short(name)
        jobs = [
            Job(parse(text), seed, TASK.learning_rates[seed % 2], schedule)
            for text in named
            for seed, schedule in ((0, "natural"), (3, "worst"))
        ]
        together = train_batch(task, jobs)
        assert together[::3] == [train_batch(task, [job])[0] for job in jobs[::3]]
        assert len({result.digest for result in together}) == 10
        assert [result.design for result in together] == [job.design for job in jobs]


#: SHA-256 of the final weights of short runs: nothing in them depends on the machine.
GOLDEN = {
    NAMES[0]: "da32ae5746d2dec31b0377deae7a0cba9b39c333b995230230c027395e54e27c",
    NAMES[1]: "f8d382f4ded2952697baa78911362dac1e9c564b5ab97e5b126b1266434fa2a1",
}


@pytest.mark.parametrize("name", NAMES)
def test_golden_run(name: str) -> None:
    task = replace(short(name), train_examples=6 * TASK.batch)
    assert train_batch(task, [Job(SELECT, 0, LR, "worst")])[0].digest == GOLDEN[name]


def test_a_fixed_point_design_stands_for_its_counterpart() -> None:
    named = "8:7:select:lfsr13,leap=7,lanes=64,in=mx_float32,out=ocp_e2m1"
    assert str(trained_unit(TASK, SELECT)) == named
    assert trained_unit(TASK, parse(named)) == parse(named)
    assert trained_unit(TASK, replace(SELECT, boundary="unit")) == parse(named)
    assert trained_unit(tasks()["digits-mlp"], SELECT) == SELECT
    task = short(NAMES[0])
    jobs = [Job(SELECT, 0, LR), Job(parse(named), 0, LR), Job(parse(named + ",block=32"), 0, LR)]
    calls: list[tuple[int, int]] = []
    found = train_batch(task, jobs, progress=lambda done, total: calls.append((done, total)))
    assert len({result.digest for result in found}) == 1 and calls[-1] == (1, 1)
    assert [result.design for result in found] == [job.design for job in jobs]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("papers,out=int4", "Formats of the design must be in=mx_float32,out=ocp_e2m1 in fp4-tran"),
        ("papers,out=ocp_e2m1", "or left out, not in=float32,out=ocp_e2m1"),
        ("papers,in=mx_float32,out=ocp_e4m3", "not in=mx_float32,out=ocp_e4m3"),
        ("papers,in=s18.10", "not in=s18.10,out=int8"),
        ("4:3:half:operand-own", "Source of the design must be one that makes its own words in fp"),
        ("papers,overflow=wrap", "Overflow of a float unit must be one of saturate, nonsaturate"),
        ("papers,in=mx_float32,out=ocp_e2m1,block=16", "Lanes of a block must be 32 in fp4-transf"),
        ("8:3:zero:port", "Source of a trained design must be one that makes its own words or"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_job(TASK, Job(parse(text), 0, LR))


def test_the_cycles_of_a_step() -> None:
    """By hand: 512 tokens; outputs in whole blocks of 32 or of 16 elements, 64 lanes."""
    for name, wide in ((NAMES[0], (64, 32, 64, 32, 96)), (NAMES[1], (48, 32, 64, 32, 96))):
        task = tasks()[name]
        along = sum(8 * outputs for outputs in (42, 32, 64, 32, 96))
        assert task.cycles(64) == sum(8 * outputs for outputs in wide) + along
