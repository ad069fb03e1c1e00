"""The tasks by name, jobs and results: everything about training that needs no torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from esru.design import Design
from esru.errors import InputError
from esru.sources.settings import OPERANDS
from esru.train.task import Task as Task
from esru.train.unit_formats import check_formats


def unit_digits(unit: str) -> int:
    """Return the decimals that a difference is printed with: a nat is worth many points."""
    return 2 if unit == "points" else 3


def common_unit(names: Sequence[str]) -> str:
    """Return the unit that tasks are judged in; points where there is none.

    Raises
    ------
    InputError
        If there is no such task, or two are judged in different units.
    """
    units = {name: find_task(name).unit for name in names}
    if len(set(units.values())) > 1:
        found = ", ".join(f"{name} ({unit})" for name, unit in units.items())
        raise InputError.must("Tasks of one race", "judged in one unit", found)
    return next(iter(units.values()), "points")


def confirming(names: Sequence[str]) -> list[Task]:
    """Return the tasks that confirm a winner of a race on other tasks.

    They are of the race's kind: a unit that rounds gradients is asked elsewhere than one that
    rounds the updates of weights, and loses other things.
    """
    kinds = {bool(find_task(name).gradients) for name in names}
    return [
        task
        for task in tasks().values()
        if task.confirms and task.name not in names and bool(task.gradients) in kinds
    ]


def own_margin(names: Sequence[str]) -> float:
    """Return the margin of tasks that are judged in one unit: the least of theirs, 1 of none.

    Raises
    ------
    InputError
        As `common_unit`.
    """
    common_unit(names)
    return min((find_task(name).margin for name in names), default=1.0)


@dataclass(frozen=True)
class Job:
    """One training run.

    Parameters
    ----------
    design : Design
        Its rounding updates the weights.
    seed : int
        Initial weights and batch order, >= 0; nothing else depends on it.
    lr : float
        One of the task's learning rates.
    schedule : str
        ``natural``, ``worst`` or ``fixed:C``.
    """

    design: Design
    seed: int
    lr: float
    schedule: str = "natural"


@dataclass(frozen=True)
class Result:
    """What one run achieved.

    Parameters
    ----------
    design, task, seed, lr, schedule
        The run: its job and the task's name.
    accuracy : float
        Test accuracy in percent.
    loss : float
        Mean cross-entropy on the test data, in nats.
    digest : str
        SHA-256 of the final weights: int8 (float32 of floats), each tensor in C order, in the
        order of the task's shapes.
    """

    design: Design
    task: str
    seed: int
    lr: float
    schedule: str
    accuracy: float
    loss: float
    digest: str


DIGITS_MLP = Task(
    name="digits-mlp",
    summary="handwritten digits (8x8), 64-32-10 perceptron, SGD, int8 weights without a copy",
    network="esru.train.mlp:Mlp",
    shapes=((64, 32), (32,), (32, 10), (10,)),
    learning_rates=(2.0**-2, 2.0**-4, 2.0**-6),
    margin=1.0,
    batch=32,
    epochs=8,
    train_examples=896,
    test_examples=901,
    needed=95.0,
    averaged=2,
    float_weights=True,
)

#: The task of another domain, network and optimiser. Its answers are next characters.
CHARS_TRANSFORMER = Task(
    name="chars-transformer",
    summary="next character of a novel, one block of causal attention, Adam, int8 weights alike",
    network="esru.train.transformer:Transformer",
    # Embedding, positions; queries, keys and values; mix; perceptron; logits.
    shapes=((42, 32), (32, 32), (32, 96), (32, 32), (32, 64), (64,), (64, 32), (32, 42), (42,)),
    learning_rates=(2.0**-7, 2.0**-8),
    margin=0.1,
    batch=16,
    epochs=3,
    train_examples=2048,
    test_examples=256,
    needed=2.15,
    averaged=2,
    metric="loss",
    optimizer="Adam",
    together=12,
    confirms=False,
)

#: Layers whose errors are rounded, in the order in which errors meet them.
ERROR_LAYERS = (7, 6, 4, 3, 2)


#: Elements of a block, by the name of what scales it.
BLOCK_SIZES = {"MXFP4": 32, "NVFP4": 16}


def _errors(task: Task, block: int) -> tuple[tuple[int, ...], ...]:
    """Return the shapes of errors in blocks, of each layer along outputs, then along tokens."""
    tokens = task.batch * task.shapes[1][0]
    found: list[tuple[int, ...]] = []
    for layer in ERROR_LAYERS:
        outputs = task.shapes[layer][1]
        for rows, size in ((tokens, outputs), (outputs, tokens)):
            found.append((rows, -(-size // block), block))
    return tuple(found)


def _fp4(name: str, scaling: str) -> Task:
    return replace(
        CHARS_TRANSFORMER,
        name=name,
        summary=f"chars-transformer in {scaling} with float32 weights: a unit rounds the "
        "gradients that enter products",
        network="esru.train.fp4:Fp4Transformer",
        margin=0.05,
        confirms=True,
        gradients=scaling,
        rounded=_errors(CHARS_TRANSFORMER, BLOCK_SIZES[scaling]),
    )


#: Tasks of units that round gradients, and not weights: see `esru.train.fp4`.
FP4_TRANSFORMER = _fp4("fp4-transformer", "MXFP4")
NVFP4_TRANSFORMER = _fp4("nvfp4-transformer", "NVFP4")

#: The task that confirms a winner: another kind of network, one learning rate.
DIGITS_CNN = Task(
    name="digits-cnn",
    summary="handwritten digits (8x8), two convolutions and a full layer, as digits-mlp otherwise",
    network="esru.train.cnn:Cnn",
    shapes=((9, 12), (12,), (108, 16), (16,), (64, 10), (10,)),
    learning_rates=(2.0**-4,),
    margin=1.0,
    batch=32,
    epochs=10,
    train_examples=896,
    test_examples=901,
    needed=95.0,
    averaged=3,
    float_weights=True,
)


def tasks() -> dict[str, Task]:
    """Return every task by its name."""
    found = (DIGITS_MLP, DIGITS_CNN, CHARS_TRANSFORMER, FP4_TRANSFORMER, NVFP4_TRANSFORMER)
    return {task.name: task for task in found}


def find_task(name: str) -> Task:
    """Return a task by its name.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    found = tasks().get(name)
    if found is None:
        raise InputError.must("Task", f"one of {', '.join(tasks())}", repr(name))
    return found


def check_job(task: Task, job: Job) -> None:
    """Refuse a job that the task cannot run.

    Raises
    ------
    InputError
        Naming the first field that is wrong.
    """
    if job.lr not in task.learning_rates:
        rates = ", ".join(f"{rate:g}" for rate in task.learning_rates)
        raise InputError.must(f"Learning rate of {task.name}", f"one of {rates}", job.lr)
    if job.seed < 0:
        raise InputError.must("Seed", "at least 0", job.seed)
    design = job.design
    if design.source == "port":
        rule = "one that makes its own words or takes them from operands"
        raise InputError.must("Source of a trained design", rule, repr(design.source))
    if design.source in OPERANDS and design.dropped > 24:
        subject = f"Dropped bits (D) of a design trained with {design.source}"
        raise InputError.must(subject, "at most 24", design.dropped)
    if design.n > 24:
        raise InputError.must("Rounding bits (n) of a trained design", "at most 24", design.n)
    check_formats(task, design)
