"""`LowBitOptimizer`: any optimizer, with weights kept in the low-bit format."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

import torch
from torch import nn, optim

from esru.design import Design
from esru.emulate import round_tensor
from esru.emulate.results import check_phase
from esru.emulate.stream import DEFAULT_LANES, Array
from esru.errors import InputError
from esru.formats import FixedFormat
from esru.torch.scale import check_scale, fitting_scale, largest, nearest, ulp, update_unit

#: Key of a parameter group: False leaves its parameters alone.
ROUNDED = "rounded"


class LowBitOptimizer(optim.Optimizer):
    """Steps another optimizer, and stores each weight as the unit rounds it.

    The inner optimizer works on copies of the weights in float64, so that even an update far
    below an ulp reaches the unit; a float unit gets the sum in its own input format. All rounded
    weights pass through one array of units in the order of the parameter groups, each tensor
    from a new cycle on, and the phase runs on from step to step. A weight without a gradient is
    skipped and takes no cycle.

    Weights are rounded to nearest once, when the optimizer is made. A parameter group with
    ``rounded=False`` is stepped as ever.

    Parameters
    ----------
    inner : torch.optim.Optimizer
        A new optimizer of the model's parameters, such as SGD or Adam.
    design : Design or str
        The unit.
    lanes : int
        Lanes of the array.
    phase : int
        Cycles since reset.
    scale : float, optional
        What the number 1 of the output format stands for, in every weight. None: for each tensor
        the least power of two that holds its initial values times `headroom`.
    headroom : float
        Room for growth, at least 1.
    cycles : int, optional
        Cycles from one step to the next. None: as many as the step takes. Only the gcd of this
        number and the source's period decides how many phases a weight meets.

    Attributes
    ----------
    inner : torch.optim.Optimizer
        The optimizer that makes the updates.
    phase : int
        Cycles since reset, for the next step.
    scales : dict of torch.nn.Parameter to float
        The scale of each rounded weight.

    Raises
    ------
    InputError
        If the optimizer is not new, needs a closure, or an argument cannot be used.
    """

    def __init__(
        self,
        inner: optim.Optimizer,
        design: Design | str,
        *,
        lanes: int = DEFAULT_LANES,
        phase: int = 0,
        scale: float | None = None,
        headroom: float = 2.0,
        cycles: int | None = None,
    ) -> None:
        if isinstance(inner, optim.LBFGS):
            raise InputError.must("Optimizer", "one that steps without a closure", "LBFGS")
        if inner.state:
            raise InputError.must("Optimizer", "a new one", "one that has stepped")
        self.design = update_unit(design)
        Array(self.design, lanes)
        self.lanes = lanes
        self.phase = check_phase(phase)
        self.cycles = cycles
        if not 1 <= headroom < inf:
            raise InputError.must("Headroom", "at least 1 and finite", headroom)
        super().__init__([dict(group) for group in inner.param_groups], dict(inner.defaults))
        self.inner = inner
        self.scales: dict[nn.Parameter, float] = {}
        self._copies: dict[nn.Parameter, nn.Parameter] = {}
        for group, own in zip(self.param_groups, inner.param_groups, strict=True):
            for parameter in group["params"]:
                copy = parameter.detach().to(torch.float64, copy=True)
                self._copies[parameter] = nn.Parameter(copy)
                if group.get(ROUNDED, True):
                    given = None if scale is None else check_scale(scale)
                    self.scales[parameter] = given or float(
                        fitting_scale(parameter, largest(self.design), headroom)
                    )
                    first, _ = self._rounded(parameter, copy, nearest(self.design), 0)
                    with torch.no_grad():
                        parameter.copy_(first)
            own["params"] = [self._copies[parameter] for parameter in group["params"]]
        least = self.step_cycles
        if cycles is not None and not isinstance(cycles, int):
            raise InputError.must("Cycles of a step", "an integer", repr(cycles))
        if cycles is not None and cycles < least:
            raise InputError.must("Cycles of a step", f"at least {least}", cycles)

    @property
    def step_cycles(self) -> int:
        """The cycles that a step takes in which every weight has a gradient."""
        return sum(-(-parameter.numel() // self.lanes) for parameter in self.scales)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters; only while the optimizer is being made.

        Raises
        ------
        InputError
            Afterwards: which weight meets which phase would depend on when they came.
        """
        if hasattr(self, "inner"):
            rule = "part of the inner optimizer when it is wrapped"
            raise InputError.must("Parameter group", rule, "added later")
        super().add_param_group(param_group)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Make one step of the inner optimizer and round what it makes of the weights.

        Parameters
        ----------
        closure : callable, optional
            Computes gradients and returns the loss; called once.

        Raises
        ------
        InputError
            If a gradient is NaN; nothing has changed then. If a weight has become NaN without that,
            as by an overflow; the weights and the phase are those of before then.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        self._share_settings()
        with torch.no_grad():
            self._check_gradients()
            for parameter, copy in self._copies.items():
                gradient = parameter.grad
                copy.grad = None if gradient is None else gradient.to(torch.float64)
                copy.copy_(parameter)
            self.inner.step()
            phase, results = self.phase, []
            for parameter, copy in self._copies.items():
                if copy.grad is None:
                    continue
                found: torch.Tensor = copy
                if parameter in self.scales:
                    found, phase = self._rounded(parameter, copy, self.design, phase)
                results.append((parameter, found))
                copy.grad = None
            for parameter, found in results:
                parameter.copy_(found)
        self.phase = phase if self.cycles is None else self.phase + self.cycles
        return loss

    def _share_settings(self) -> None:
        """Give the inner optimizer the settings that a scheduler has changed here."""
        for group, own in zip(self.param_groups, self.inner.param_groups, strict=True):
            own.update({key: value for key, value in group.items() if key != "params"})

    def _check_gradients(self) -> None:
        """Refuse NaN where an integer is to come of it."""
        if not isinstance(self.design.out_format, FixedFormat):
            return
        for parameter in self.scales:
            if parameter.grad is not None and parameter.grad.isnan().any():
                raise InputError.must("Gradient of a rounded weight", "numbers", "nan")

    def _rounded(
        self, parameter: nn.Parameter, value: torch.Tensor, design: Design, phase: int
    ) -> tuple[torch.Tensor, int]:
        """Return a value rounded at a parameter's scale, and the next phase."""
        step = self.scales[parameter] * ulp(design)
        numbers = value.detach() / step
        if not isinstance(design.out_format, FixedFormat):
            kind = getattr(torch, str(design.in_format or "float32"))
            numbers = numbers.to(kind)
        found, phase = round_tensor(design, numbers, phase, self.lanes)
        return found * step, phase

    def state_dict(self) -> dict[str, Any]:
        """Return the inner optimizer's state with phase, scales, design and lanes."""
        self._share_settings()
        rounding: dict[str, Any] = {
            "design": str(self.design),
            "lanes": self.lanes,
            "phase": self.phase,
            "cycles": self.cycles,
            "scales": list(self.scales.values()),
        }
        return {"inner": self.inner.state_dict(), "rounding": rounding}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Continue from a state, bit for bit; the model's weights are restored separately.

        Raises
        ------
        InputError
            If the state is of another unit, other lanes or other weights.
        """
        rounding = state_dict.get("rounding")
        if not isinstance(rounding, dict):
            raise InputError.must("Optimizer state", "of a LowBitOptimizer", "another's")
        for key, own in (("design", str(self.design)), ("lanes", self.lanes)):
            if rounding[key] != own:
                raise InputError.must(f"Optimizer state's {key}", str(own), rounding[key])
        if len(rounding["scales"]) != len(self.scales):
            rule = f"of {len(self.scales)} rounded weights"
            raise InputError.must("Optimizer state", rule, len(rounding["scales"]))
        self.inner.load_state_dict(state_dict["inner"])
        for group, inner in zip(self.param_groups, self.inner.param_groups, strict=True):
            group.update({key: value for key, value in inner.items() if key != "params"})
        self.phase, self.cycles = rounding["phase"], rounding["cycles"]
        self.scales = dict(zip(self.scales, rounding["scales"], strict=True))
