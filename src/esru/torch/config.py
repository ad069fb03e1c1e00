"""`Rounding`: which tensors of a training go through which unit."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn, optim

from esru.design import Design
from esru.emulate.stream import DEFAULT_LANES
from esru.errors import InputError
from esru.torch.optimizer import LowBitOptimizer
from esru.torch.quantiser import GradientQuantiser, Quantiser
from esru.torch.scale import checked_unit, update_unit

#: Kinds of tensors, each with what its rounding does.
KINDS = {
    "weights": "forward, each layer's weight; the stored weight keeps its precision",
    "activations": "forward, each layer's input",
    "gradients": "backward, the gradient of each layer's output",
    "updates": "in the optimizer, the sum of weight and update; the weight is stored rounded",
}


@dataclass(frozen=True)
class Rounding:
    """Which tensors go through which unit; None: not rounded.

    Every tensor has one scale; with a unit whose scales are those of blocks (``in=mx_...``) every
    block of its last axis. Such units round all but updates.

    Parameters
    ----------
    weights, activations, gradients, updates : Design or str, optional
        The unit of each kind of tensor, see `KINDS`.
    lanes : int
        Lanes of each array.
    rank, ranks : int
        Of data-parallel training. Activations and gradients differ between ranks, and so do the
        phases of their units; weights and updates are the same on every rank, and so are theirs.
    """

    weights: Design | str | None = None
    activations: Design | str | None = None
    gradients: Design | str | None = None
    updates: Design | str | None = None
    lanes: int = DEFAULT_LANES
    rank: int = 0
    ranks: int = 1

    def __post_init__(self) -> None:
        for kind in KINDS:
            given = getattr(self, kind)
            if not (given is None or isinstance(given, (str, Design))):
                rule = "a Design, its text or None"
                raise InputError.must(f"Unit for {kind}", rule, repr(given))
            if given is not None:
                checked = update_unit if kind == "updates" else checked_unit
                object.__setattr__(self, kind, checked(given))

    def quantiser(self, kind: str) -> nn.Module:
        """Return a new quantiser for a kind of tensor; the identity if it is not rounded.

        Raises
        ------
        InputError
            If the kind is unknown, or its unit does not suit the lanes.
        """
        if kind not in KINDS or kind == "updates":
            rule = "weights, activations or gradients"
            raise InputError.must("Kind of quantised tensor", rule, repr(kind))
        design = getattr(self, kind)
        if design is None:
            return nn.Identity()
        made = GradientQuantiser if kind == "gradients" else Quantiser
        rank, ranks = (0, 1) if kind == "weights" else (self.rank, self.ranks)
        return made(design, lanes=self.lanes, rank=rank, ranks=ranks)

    def optimizer(self, inner: optim.Optimizer) -> optim.Optimizer:
        """Return the optimizer that rounds updates by this unit; `inner` itself if none does."""
        if self.updates is None:
            return inner
        return LowBitOptimizer(inner, self.updates, lanes=self.lanes)
