"""Generator-free updates against a loop over cycles and lanes, one `round_word` at a time."""

from __future__ import annotations

import numpy as np
import pytest

from esru.design import Design, parse
from esru.rounding import round_word

torch = pytest.importorskip("torch")

from esru.emulate.operand_update import OperandRounder  # noqa: E402  (after the check)
from esru.emulate.runs import Blocks, Runs, batch_key  # noqa: E402
from esru.emulate.update import make_rounder  # noqa: E402

SOURCES = (
    "operand-own",
    "operand-prev",
    "operand-neighbour,lanes=2",
    "operand-neighbour,lanes=4",
    "operand-xor,lanes=2",
)
SHAPES = ((3, 5), (4,), (6,), (1,))
LANES = 4


def expected(design: Design, operands: list[list[list[int]]]) -> list[list[int]]:
    """Round the operands of each step's tensors, written from the definition of the sources.

    Operands are input words, not yet saturated; the result lists every tensor of every step.
    """
    fmt, mask = design.input, (1 << design.k) - 1
    register = [0] * LANES
    rounded = []
    for tensor in (tensor for step in operands for tensor in step):
        answers = []
        for first in range(0, len(tensor), LANES):
            cycle = [min(max(x, fmt.low), fmt.high) for x in tensor[first : first + LANES]]
            low = [x & mask for x in cycle] + [0] * (LANES - len(cycle))
            for lane, x in enumerate(cycle):
                group = lane - lane % design.lanes
                neighbour = low[group + (lane + 1) % design.lanes]
                word = {
                    "operand-own": low[lane],
                    "operand-prev": register[lane],
                    "operand-neighbour": neighbour,
                    "operand-xor": low[lane] ^ neighbour,
                }[design.source]
                answers.append(round_word(design, x, word))
            register = low
        rounded.append(answers)
    return rounded


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(
    ("start", "keys"),
    [
        ("5:3:zero", "in=s16.8"),
        ("4:4:zero", "in=s18.10"),
        ("6:2:half", "in=s17.9"),
        ("5:3:nearest", "in=s16.8"),
        ("5:2:replicate", "in=s15.7,overflow=wrap"),
        ("4:3:select", "in=s16.8"),
    ],
)
def test_every_rule_equals_the_scalar_loop(source: str, start: str, keys: str) -> None:
    design = parse(f"{start}:{source},{keys}")
    rng = np.random.default_rng(5)
    runs, steps, scale = 2, 3, 1 << design.dropped
    rounder = OperandRounder(Runs([(design, 1)], [0] * runs, SHAPES, LANES, torch.device("cpu")))
    weights = Blocks(SHAPES, runs, torch.device("cpu"))
    deltas = Blocks(SHAPES, runs, torch.device("cpu"))
    fmt = design.out_format
    for view in weights.views:
        # Near the ends too, so that some sums saturate.
        view.copy_(torch.from_numpy(rng.choice([fmt.low, -3, 0, 7, fmt.high], view.shape)))
    operands: list[list[list[list[int]]]] = [[] for _ in range(runs)]
    found: list[list[list[int]]] = [[] for _ in range(runs)]
    for step in range(steps):
        moves = [rng.integers(-3 * scale, 3 * scale, view.shape) for view in deltas.views]
        for view, move in zip(deltas.views, moves, strict=True):
            view.copy_(torch.from_numpy(move / scale))
        for run in range(runs):
            sums = [
                (w[run].numpy().astype(np.int64) * scale + move[run]).reshape(-1).tolist()
                for w, move in zip(weights.views, moves, strict=True)
            ]
            operands[run].append(sums)
        rounder.apply(weights.flat, deltas.flat, step)
        for run in range(runs):
            found[run] += [w[run].reshape(-1).int().tolist() for w in weights.views]
    for run in range(runs):
        assert found[run] == expected(design, operands[run])


def test_a_batch_holds_one_behaviour() -> None:
    own = parse("5:3:zero:operand-own,in=s16.8")
    other = parse("5:3:zero:operand-prev,in=s16.8")
    unit = parse("5:3:zero:operand-own,in=s16.8,boundary=unit")
    assert batch_key(own) == batch_key(unit) != batch_key(other)
    assert batch_key(own) != batch_key(parse("papers"))
    streams = [(own, 39), (unit, 39)]
    rounder = make_rounder(Runs(streams, [0, 1], SHAPES, LANES, torch.device("cpu")), 1)
    assert isinstance(rounder, OperandRounder)
