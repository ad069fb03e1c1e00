"""The decisions of units whose values lie in float32 tensors of many runs."""

from __future__ import annotations

import torch

from esru.decision_table import decision_table, is_table
from esru.design import Design
from esru.emulate.tensors import MAX_FLOAT_BITS

#: The fraction that every design is compared in, in units of 2^-24 ulp.
_SCALE = float(1 << MAX_FLOAT_BITS)


def table_ups(
    design: Design, device: torch.device, dtype: torch.dtype = torch.bool
) -> torch.Tensor | None:
    """Return a table's decisions at f + (code << n), flat; None if the rule is no table."""
    if not is_table(design.rule):
        return None
    ups = decision_table(design.rule, design.n, design.k).ups().reshape(-1)
    return torch.from_numpy(ups).to(device, dtype)


class Decision:
    """Whether values round up, given what `esru.emulate.step_values.StepValues` holds for them.

    Parameters
    ----------
    design : Design
        Its rule and n.
    device : torch.device
        Where the values lie.
    """

    def __init__(self, design: Design, device: torch.device) -> None:
        self._rule, self._n = design.rule, design.n
        self._ups = table_ups(design, device, torch.float32)

    def up(self, values: torch.Tensor, whole: torch.Tensor, compared: torch.Tensor) -> torch.Tensor:
        """Return 1 where a value rounds up, else 0, in float32.

        Parameters
        ----------
        values : torch.Tensor
            In ulps, float32; lost.
        whole : torch.Tensor
            Their floors.
        compared : torch.Tensor
            What they are compared with, of their shape or broadcast to it; may be lost.
        """
        if self._rule == "select":
            # compared = 2^J: bit n-1-J of f is the bit of weight 2^-(J+1) of the value.
            values.mul_(compared)
            same = compared.shape == values.shape
            once = torch.floor(values, out=compared if same else None)
            return values.mul_(2.0).floor_().sub_(once, alpha=2.0)
        f = values.mul_(_SCALE).floor_().sub_(whole, alpha=_SCALE)
        if self._ups is None:
            return torch.ge(f, compared, out=f)
        f = torch.floor(f * (2.0**self._n / _SCALE))
        return self._ups[(f + compared).to(torch.int64)]
