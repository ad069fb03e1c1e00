"""`Task`: a network, its data and how it is trained."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from esru.emulate.stream import DEFAULT_LANES, tensor_cycles
from esru.train.schedule import SCHEDULES


@dataclass(frozen=True)
class Task:
    """A network, its data and how it is trained.

    Parameters
    ----------
    name, summary : str
        What ``esru list tasks`` shows.
    network : str
        Its class, as module:class.
    shapes : tuple of tuple of int
        Shapes of the tensors that a step updates, in the order in which it updates them.
    learning_rates : tuple of float
        Powers of two.
    margin : float
        Non-inferiority margin in the metric's unit.
    batch, epochs : int
        Examples per step and passes over the training data.
    train_examples, test_examples : int
        Sizes of the fixed split.
    needed : float
        Accuracy (percent) or loss that float32 must reach for the task to judge designs.
    averaged : int
        Accuracy and loss are means over the test results after each of the last so many epochs.
    schedules : tuple of str
        Schedules of an experiment.
    metric : str
        What designs are judged by: ``accuracy`` in points, or ``loss`` in nats.
    optimizer : str
        ``SGD`` or ``Adam``.
    together : int
        Runs trained together: more hardly save time, but take memory.
    confirms : bool
        Whether a winner that was raced on other tasks of its kind is confirmed on this one: see
        `esru.train.tasks.confirming`.
    float_weights : bool
        Whether weights may be stored as floats.
    gradients : str
        How the errors that designs round are scaled, of `esru.train.fp4_blocks`; weights then
        have a copy of high precision. Empty: designs round the updates of weights.
    rounded : tuple of tuple of int
        Shapes of the errors that a step rounds, in the order in which they meet the array.
    """

    name: str
    summary: str
    network: str
    shapes: tuple[tuple[int, ...], ...]
    learning_rates: tuple[float, ...]
    margin: float
    batch: int
    epochs: int
    train_examples: int
    test_examples: int
    needed: float
    averaged: int = 1
    schedules: tuple[str, ...] = SCHEDULES
    metric: str = "accuracy"
    optimizer: str = "SGD"
    together: int = 144
    confirms: bool = True
    float_weights: bool = False
    gradients: str = ""
    rounded: tuple[tuple[int, ...], ...] = ()

    @property
    def sizes(self) -> tuple[int, ...]:
        """Elements of each tensor."""
        return tuple(prod(shape) for shape in self.shapes)

    @property
    def steps(self) -> int:
        """Training steps of one run."""
        return self.epochs * (self.train_examples // self.batch)

    @property
    def one_example(self) -> float:
        """What one test example is worth: points of accuracy, or one nat on it alone."""
        return (100.0 if self.metric == "accuracy" else 1.0) / self.test_examples

    @property
    def unit(self) -> str:
        """The unit of differences, of the margin and of `one_example`."""
        return "points" if self.metric == "accuracy" else "nats"

    def score(self, accuracy: float, loss: float) -> float:
        """Return what judges a run, higher is better: the accuracy, or minus the loss."""
        return accuracy if self.metric == "accuracy" else -loss

    def cycles(self, lanes: int = DEFAULT_LANES) -> int:
        """Return C0: the cycles that one step keeps an array of `lanes` units busy."""
        shapes = self.rounded if self.gradients else self.shapes
        return sum(tensor_cycles(prod(shape), lanes) for shape in shapes)
