"""Tensors taken from training, as the operands that a rounding unit would meet.

An operand is an integer in units of 2^-D ulp, where D are the dropped bits. In the int8 training
D is what holds every value exactly, so that the lowest bit is the data's own last one; in the
float32 control D is chosen, and what lies below is floored away. Capturing only reads: the run
is the same to the last bit.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from esru.emulate.stream import DEFAULT_LANES
from esru.errors import InputError
from esru.formats import INT8
from esru.train.control import Control, train_float32
from esru.train.engine import StepObserver, run_batch
from esru.train.tasks import Job, Result, Task, check_job

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Operands:
    """One tensor of one training step.

    Attributes
    ----------
    step : int
        The training step, 0 the first.
    name : str
        Kind and layer: ``activation 1`` (before it is rectified), ``gradient 1`` (of the
        activations), ``logit``, ``update 0``, ``weight 0`` (weight plus update), ...
    dropped : int
        D.
    words : ndarray of int64
        The operands in C order, in units of 2^-D ulp, not saturated.
    """

    step: int
    name: str
    dropped: int
    words: Ints

    @property
    def kind(self) -> str:
        """The name without the layer."""
        return self.name.partition(" ")[0]

    @property
    def fractions(self) -> Ints:
        """The D dropped bits."""
        return self.words & ((1 << self.dropped) - 1)

    def rectified(self) -> Operands:
        """Return the operands behind a rectifier (ReLU): what is negative is 0."""
        return Operands(self.step, self.name, self.dropped, np.maximum(self.words, 0))


def capture(
    task: Task, job: Job, steps: Collection[int], lanes: int = DEFAULT_LANES
) -> tuple[Result, list[Operands]]:
    """Train one job in int8 and keep what some of its steps round.

    Parameters
    ----------
    task : Task
        The task.
    job : Job
        The run.
    steps : collection of int
        The steps to keep.
    lanes : int
        Lanes of the array that updates the weights.

    Returns
    -------
    result : Result
        That of the run, the same as without capturing.
    operands : list of Operands
        In the order in which they are rounded.

    Raises
    ------
    InputError
        If the job does not suit the task, its weights are not int8, or the task's updates have no
        last bit of their own.
    """
    check_job(task, job)
    if task.optimizer != "SGD":
        raise InputError.must("Task whose operands are captured", "trained with SGD", task.name)
    if job.design.out_format != INT8:
        rule = f"{INT8}, whose ulps the operands are counted in"
        raise InputError.must("Output format of the captured design", rule, job.design.out_format)
    kept: list[Operands] = []
    observer = _keeper(kept, steps, None)
    (result,) = run_batch(task, [job], lanes, torch.device("cpu"), observer)
    return result, kept


def capture_float32(
    task: Task,
    seed: int,
    lr: float,
    steps: Collection[int],
    dropped: int,
    bfloat16: bool = False,
) -> tuple[Control, list[Operands]]:
    """Train the float32 control and keep what rounding its tensors to int8 would meet.

    Parameters
    ----------
    task, seed, lr
        The run, see `esru.train.control.train_float32`.
    steps : collection of int
        The steps to keep.
    dropped : int
        D: fraction bits of the operands.
    bfloat16 : bool
        Whether the values pass through bfloat16 first; the training does not.
    """
    kept: list[Operands] = []
    control = train_float32(task, seed, lr, _keeper(kept, steps, dropped, bfloat16))
    return control, kept


def _keeper(
    kept: list[Operands], steps: Collection[int], dropped: int | None, bfloat16: bool = False
) -> StepObserver:
    """Return an observer that appends the chosen steps' operands to a list."""
    chosen = frozenset(steps)

    def keep(step: int, name: str, values: torch.Tensor, bits: int | None) -> None:
        if step not in chosen:
            return
        fraction = dropped if bits is None else bits
        assert fraction is not None
        values = values.detach()
        if bfloat16:
            values = values.to(torch.bfloat16)
        words = torch.floor(values.to(torch.float64) * 2.0**fraction).to(torch.int64)
        kept.append(Operands(step, name, fraction, words.reshape(-1).cpu().numpy().copy()))

    return keep
