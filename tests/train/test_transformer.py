"""`chars-transformer`: the text, the layers' exactness, the batch, the rounding, the units."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from fractions import Fraction
from importlib import resources
from math import floor

import numpy as np
import pytest

from esru.design import parse
from esru.errors import InputError
from esru.rounding import round_word
from esru.sources import source_model
from esru.train import Job, schedule_cycles, tasks, train_batch
from esru.train.tasks import common_unit, own_margin, unit_digits

torch = pytest.importorskip("torch")
pytest.importorskip("sklearn")

from esru.train import engine, quantised, text  # noqa: E402  (after the check)
from esru.train.adam import EPSILON, STEP1, STEP2, Adam  # noqa: E402
from esru.train.capture import capture  # noqa: E402
from esru.train.control import train_float32  # noqa: E402
from esru.train.transformer import Transformer  # noqa: E402

TASK = tasks()["chars-transformer"]
LR = TASK.learning_rates[0]
SHORT = replace(TASK, epochs=1, averaged=1, train_examples=8 * TASK.batch, test_examples=16)
SELECT = parse("8:7:select:lfsr13,leap=7,lanes=64")


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    torch.set_num_threads(1)


def test_the_text_is_the_committed_one() -> None:
    folder = resources.files("esru.train") / "data"
    content = (folder / text.NAME).read_bytes()
    assert hashlib.sha256(content).hexdigest() == text.SHA256
    assert text.SHA256 in (folder / "README.md").read_text(encoding="ascii")
    assert "".join(sorted(set(content.decode("ascii").lower()))) == text.ALPHABET
    with pytest.raises(InputError, match=r"SHA-256 of alice.txt must be bc255d\w*, not "):
        text.check(content + b"\n")
    windows = text.load(TASK.train_examples, TASK.test_examples, 32)
    assert windows.train.shape == (TASK.train_examples, 32) == windows.train_next.shape
    first = "".join(text.ALPHABET[i] for i in windows.train[0])
    assert first == content.decode("ascii")[:32].lower()
    flat, following = windows.train.reshape(-1), windows.train_next.reshape(-1)
    assert (flat[1:] == following[:-1]).all()
    # The first test character follows the last training one: no overlap, nothing between.
    assert windows.test[0, 0] == following[-1]
    assert TASK.shapes[0][0] == len(text.ALPHABET)


def test_every_sum_of_products_is_exact() -> None:
    """|int8 x int8| summed over the tokens of a batch stays within what float32 holds."""
    length, width = TASK.shapes[1]
    assert TASK.batch * length * 128 * 128 <= 2**24
    # An error times a share of up to 255, over a window; the widest row of weights.
    assert length * 128 * 255 <= 2**24
    assert max(shape[0] for shape in TASK.shapes[2:]) * 128 * 128 <= 2**24
    assert width == 32


def test_errors_become_int8_run_by_run() -> None:
    errors = torch.tensor([[[0.3, -5.0], [0.02, 0.0]], [[0.0, 0.0], [0.0, 0.0]]])
    found = quantised.int8_errors(errors)
    # The largest of run 0 is 5 < 2^3: units of 2^(3-7).
    assert (found[0] * 16).tolist() == [[5.0, -80.0], [0.0, 0.0]]
    assert not found[1].any()
    assert torch.equal(quantised.int8_errors(errors * 2.0**-40), found * 2.0**-40)
    assert torch.equal(
        quantised.int8_errors(torch.tensor([[255.0, 1.0]])), torch.tensor([[254.0, 0.0]])
    )


def test_adam_is_the_published_one() -> None:
    """Against torch's own, whose epsilon stands after the bias correction."""
    rng = np.random.default_rng(1)
    gradients = [torch.from_numpy(rng.normal(size=(2, 5)).astype(np.float32)) for _ in range(6)]
    weight = torch.zeros(2, 5, requires_grad=True)
    theirs = torch.optim.Adam([weight], 1.0, (1 - STEP1, 1 - STEP2), EPSILON)
    adam, mine = Adam([(2, 5)], torch.device("cpu")), torch.zeros(2, 5)
    for gradient in gradients:
        weight.grad = gradient.clone()
        theirs.step()
        mine -= adam.directions([gradient])[0]
    assert torch.allclose(mine, weight.detach(), rtol=1e-5)


def test_roots_are_rounded_as_ieee_754_does() -> None:
    """Of all significands at both exponents that roots tell apart, and of the ends of the range."""
    significands = np.arange(1 << 24, dtype=np.uint32) + np.uint32(127 << 23)
    ends = np.array([0, 1, 0x7FFFFF, 0x800000, 0x7F7FFFFF, 0x7F800000], np.uint32)
    for bits in (significands, ends):
        values = bits.view(np.float32)
        found = quantised.correct_root(torch.from_numpy(values)).numpy()
        # numpy's is the processor's own instruction.
        np.testing.assert_array_equal(found, np.sqrt(values))
    # And as whole numbers say: the nearest odd half below is below the root, that above above.
    chosen = significands[::997].view(np.float32)
    for value, root in zip(chosen, np.sqrt(chosen), strict=True):
        half = Fraction(float(np.spacing(root))) / 2
        low, high = Fraction(float(root)) - half, Fraction(float(root)) + half
        assert low * low < Fraction(float(value)) < high * high


def test_a_result_does_not_depend_on_its_batch() -> None:
    named = ("reference", "papers", "nearest", "4:3:half:operand-prev,in=s18.10")
    jobs = [
        Job(design, seed, TASK.learning_rates[seed % len(TASK.learning_rates)], schedule)
        for design in [*map(parse, named), SELECT]
        for seed, schedule in ((0, "natural"), (3, "worst"))
    ]
    together = train_batch(SHORT, jobs)
    assert together == [train_batch(SHORT, [job])[0] for job in jobs]
    assert train_batch(replace(SHORT, together=3), jobs) == together
    assert len({result.digest for result in together}) >= 9


@pytest.mark.parametrize("name", ["reference", str(SELECT), "8:0:half:none"])
def test_weights_are_rounded_as_the_scalar_reference_rounds(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two steps, weight by weight, from the update that the network asked for."""
    design = parse(name)
    kept: list[tuple[list[list[float]], list[list[float]]]] = []
    deltas = Transformer.deltas

    def keep(self: Transformer, weights, inputs, targets, out) -> None:  # type: ignore[no-untyped-def]
        deltas(self, weights, inputs, targets, out)
        kept.append(
            ([w.reshape(-1).tolist() for w in weights], [d.reshape(-1).tolist() for d in out])
        )

    monkeypatch.setattr(Transformer, "deltas", keep)
    train_batch(SHORT, [Job(design, 0, LR)])
    cycles, _ = schedule_cycles(SHORT, design, "natural")
    source = source_model(design)
    lanes, sources = 64, 64 // design.lanes
    for step in range(2):
        cycle = step * cycles
        for before, update, after in zip(*kept[step], kept[step + 1][0], strict=True):
            for j in range(0, len(before), 7):
                value = Fraction(before[j]) + Fraction(update[j])
                wide = floor(value * 2**design.dropped)
                operand = min(max(wide, design.input.low), design.input.high)
                start = (j % lanes) // design.lanes * source.period // sources
                phase = (start + cycle + j // lanes) % source.period
                word = int(source.words(phase, 1)[0])
                assert round_word(design, operand, word) == after[j], (step, j)
            cycle += -(-len(before) // lanes)


def test_golden_run() -> None:
    """The final weights of a short run: nothing in it depends on the machine."""
    found = train_batch(SHORT, [Job(SELECT, 0, LR, "worst")])[0]
    assert found.digest == GOLDEN


GOLDEN = "fcce010289bc58eb885e2c09cc206567556424768f8f353c6165ebdbc0b14c80"


def test_it_judges_by_its_loss_in_nats() -> None:
    assert (TASK.unit, TASK.metric, TASK.optimizer, TASK.confirms) == (
        "nats",
        "loss",
        "Adam",
        False,
    )
    assert TASK.score(30.0, 2.5) == -2.5 and tasks()["digits-mlp"].score(30.0, 2.5) == 30.0
    assert TASK.one_example == 1 / TASK.test_examples
    assert common_unit(["chars-transformer"]) == "nats" and common_unit([]) == "points"
    assert own_margin(["chars-transformer"]) == TASK.margin and own_margin([]) == 1.0
    assert (unit_digits("points"), unit_digits("nats")) == (2, 3)
    message = r"Tasks of one race must be judged in one unit, not digits-mlp \(points\), chars"
    with pytest.raises(InputError, match=message):
        common_unit(["digits-mlp", "chars-transformer"])


def test_float32_learns_and_a_window_sees_nothing_later() -> None:
    short = replace(TASK, epochs=1, averaged=1)
    control = train_float32(short, 0, LR)
    # Below the entropy of single characters (2.9) and of pairs (2.4 at best).
    assert control.loss < 2.45
    network = Transformer(TASK, [LR], torch.device("cpu"))
    windows = network.load().test[:1].clone()
    weights = tuple(torch.from_numpy(w)[None] for w in network.initial(0))
    before = network.logits(weights, windows[None])
    windows[0, 20] = (windows[0, 20] + 1) % 42
    after = network.logits(weights, windows[None])
    assert torch.equal(before[:, :20], after[:, :20])
    assert not torch.equal(before[:, 20:], after[:, 20:])


def test_its_operands_are_not_captured() -> None:
    """Adam's updates have no last bit of their own."""
    message = "Task whose operands are captured must be trained with SGD, not chars-transformer"
    with pytest.raises(InputError, match=message):
        capture(TASK, Job(SELECT, 0, LR), [0])


def test_the_engine_hands_over_whole_windows() -> None:
    assert engine.batch_order(TASK, 0).shape == (TASK.steps, TASK.batch)
