"""`Quantiser`: one array of units that rounds tensors, with its phase as a buffer."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import nn

from esru.design import Design
from esru.emulate.results import check_phase
from esru.emulate.straight import layout_name
from esru.emulate.stream import DEFAULT_LANES, Array, tensor_cycles
from esru.errors import InputError
from esru.torch.operator import round_values
from esru.torch.scale import check_scale, checked_unit, element_unit, fitting_scale, largest, ulp


def rank_offset(design: Design, rank: int, ranks: int) -> int:
    """Return how many cycles the units of a data-parallel rank are ahead of those of rank 0.

    Ranks are spread evenly over the period: rank * period // ranks.

    Raises
    ------
    InputError
        If there is no such rank.
    """
    if ranks < 1:
        raise InputError.must("Ranks", "at least 1", ranks)
    if not 0 <= rank < ranks:
        raise InputError.must("Rank", f"between 0 and {ranks - 1}", rank)
    return rank * Array(design, design.lanes).period // ranks


class Quantiser(nn.Module):
    """Rounds whatever passes through it, with exactly a design's words.

    Values are divided by a scale, rounded in the output format, and multiplied again; gradients
    pass straight through. Of a unit with scales of blocks (``in=mx_...``) every block of the last
    axis has a scale, the last one filled up with zeros, which meet units too. Each quantiser is an
    array of units of its own, which starts at its phase and runs on over all calls.

    Parameters
    ----------
    design : Design or str
        The unit.
    scale : float, optional
        What the number 1 of the output format stands for. None: at each call the least power of
        two with which no value saturates; so it always is for blocks.
    lanes : int
        Lanes of the array.
    phase : int
        Cycles since reset.
    rank, ranks : int
        Of data-parallel training: rank r starts `rank_offset` cycles ahead of rank 0. The buffer
        does not hold this offset, so all ranks share checkpoints.

    Attributes
    ----------
    phase : torch.Tensor
        Buffer, int64, 0-d: cycles since reset.
    array : torch.Tensor
        Buffer, int64, shape (2,): the unit's behaviour as a number, and the lanes. A state of
        another array is refused, since its phase would mean nothing.

    Raises
    ------
    InputError
        If the design, scale, lanes, phase or rank cannot be used; at a call, if the tensor cannot.
    """

    phase: torch.Tensor
    array: torch.Tensor

    def __init__(
        self,
        design: Design | str,
        *,
        scale: float | None = None,
        lanes: int = DEFAULT_LANES,
        phase: int = 0,
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        super().__init__()
        given = checked_unit(design)
        unit, block = element_unit(given)
        Array(unit, lanes)
        if block and scale is not None:
            raise InputError.must(f"Scale of blocks of {given.input}", "left out", scale)
        self.unit = Unit(
            str(unit),
            lanes,
            rank_offset(unit, rank, ranks),
            None if scale is None else check_scale(scale),
            ulp(unit),
            largest(unit),
            block,
        )
        if check_phase(phase) > torch.iinfo(torch.int64).max:
            raise InputError.must("Phase", "below 2^63", phase)
        self.register_buffer("phase", torch.tensor(int(phase), dtype=torch.int64))
        identity = [int(given.behaviour, 16), lanes]
        self.register_buffer("array", torch.tensor(identity, dtype=torch.int64))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the rounded tensor, of the type of `x`."""
        check_tensor(x, self.phase)
        return rounded(x, self.phase, self.unit)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *rest: Any) -> None:
        found = state_dict.get(f"{prefix}array")
        if isinstance(found, torch.Tensor) and found.tolist() != self.array.tolist():
            *_, errors = rest
            errors.append(
                f"{prefix}array must be that of {self.unit.design} on {self.unit.lanes} lanes, not "
                "another's; to begin at phase 0, leave out array and phase (strict=False)"
            )
        super()._load_from_state_dict(state_dict, prefix, *rest)

    def extra_repr(self) -> str:
        """Return what `print` shows."""
        unit = self.unit
        scale = "fitting" if unit.scale is None else f"{unit.scale:g}"
        if unit.block:
            scale += f" for each {unit.block} elements"
        return f"{unit.design}, scale={scale}, lanes={unit.lanes}, offset={unit.offset}"


class GradientQuantiser(Quantiser):
    """Passes values on as they are, and rounds the gradient on its way back."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return `x`."""
        check_tensor(x, self.phase)
        found: torch.Tensor = _RoundGradient.apply(x, self.phase, self.unit)  # type: ignore[no-untyped-call]  # torch types no apply
        return found


class Unit(NamedTuple):
    """What rounding needs of a quantiser, as plain values that ``torch.compile`` can hold.

    Attributes
    ----------
    design : str
        The unit of elements that are divided by their scale.
    lanes : int
        Lanes of the array.
    offset : int
        Cycles that the array is ahead of the phase.
    scale : float or None
        What the number 1 of the output format stands for; None: fitting.
    ulp, largest : float
        Of the output format.
    block : int
        Elements that share a scale; 0: all.
    """

    design: str
    lanes: int
    offset: int
    scale: float | None
    ulp: float
    largest: float
    block: int


def check_tensor(x: object, phase: torch.Tensor) -> None:
    """Refuse what no unit can take, whatever its numbers are.

    Raises
    ------
    InputError
        If it is no dense tensor, or one of it and the phase has data and the other has none.
    """
    if not isinstance(x, torch.Tensor):
        raise InputError.must("Quantised tensor", "a PyTorch tensor", type(x).__name__)
    if x.is_nested or x.layout != torch.strided:
        raise InputError.must("Quantised tensor", "a dense one", layout_name(x))
    # An operator with an argument on meta returns a tensor that was never written, on the device
    # of the other argument. (Fake tensors, as of torch.compile, say which device they stand for.)
    without = x.device.type == "meta"
    if without != (phase.device.type == "meta"):
        if without:
            raise InputError.must("Quantised tensor", "one with data, as its phase is", "meta")
        raise InputError.must("Phase", "one with data, as the quantised tensor is", "meta")


def rounded(x: torch.Tensor, phase: torch.Tensor, unit: Unit) -> torch.Tensor:
    """Round a tensor and move the phase on; half-precision types by way of float32."""
    if not x.dtype.is_floating_point:
        raise InputError.must("Quantised tensor", "of a floating-point type", x.dtype)
    wide = x if x.dtype == torch.float64 else x.to(torch.float32)
    parts = _in_blocks(wide, unit.block) if unit.block else wide
    one: Any = unit.scale
    if one is None:
        one = fitting_scale(parts, unit.largest, blocks=unit.block > 0)
    step = one * unit.ulp
    numbers = round_values(parts / step, phase, unit.design, unit.lanes, unit.offset)
    phase += tensor_cycles(parts.numel(), unit.lanes)
    found: torch.Tensor = numbers * step
    if unit.block:
        found = found.flatten(-2)[..., : x.shape[-1] if x.dim() else 1]
    return found.reshape(x.shape).to(x.dtype)


def _in_blocks(values: torch.Tensor, block: int) -> torch.Tensor:
    """Return values with the last axis cut into blocks, zeros at its end: (..., blocks, block)."""
    rows = values.reshape(1) if values.dim() == 0 else values
    size = rows.shape[-1]
    count = -(-size // block)
    return nn.functional.pad(rows, (0, count * block - size)).reshape(
        *rows.shape[:-1], count, block
    )


class _RoundGradient(torch.autograd.Function):
    """The identity, whose gradient goes through a unit."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, phase: torch.Tensor, unit: Unit) -> torch.Tensor:
        ctx.phase = phase
        ctx.unit = unit
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None, None]:
        # A dense tensor gets no others back; torch.compile allows no look at `layout` here.
        if gradients[0].is_sparse:
            raise InputError.must("Gradient to be rounded", "a dense one", "sparse")
        return rounded(gradients[0], ctx.phase, ctx.unit), None, None
