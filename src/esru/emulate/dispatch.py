"""`round_tensor`: checks what it is given, and takes the quickest way that rounds it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, overload

import numpy as np
import numpy.typing as npt

from esru.design import Design
from esru.emulate.arrays import round_generally
from esru.emulate.kernel import fast_stream, round_blocks
from esru.emulate.results import (
    check_array,
    check_design,
    check_lanes,
    check_phase,
    check_unmasked,
)
from esru.emulate.scaled import round_scaled
from esru.emulate.stream import DEFAULT_LANES, tensor_cycles
from esru.errors import InputError

if TYPE_CHECKING:
    import torch


@overload
def round_tensor(
    design: Design,
    x: npt.NDArray[Any],
    phase: int = 0,
    lanes: int = DEFAULT_LANES,
    *,
    out: npt.NDArray[Any] | None = None,
    scale: Any = None,
) -> tuple[npt.NDArray[Any], int]: ...


@overload
def round_tensor(
    design: Design,
    x: torch.Tensor,
    phase: int = 0,
    lanes: int = DEFAULT_LANES,
    *,
    out: torch.Tensor | None = None,
    scale: Any = None,
) -> tuple[torch.Tensor, int]: ...


def round_tensor(
    design: Design,
    x: Any,
    phase: int = 0,
    lanes: int = DEFAULT_LANES,
    *,
    out: Any = None,
    scale: Any = None,
) -> tuple[Any, int]:
    """Round a tensor as an array of `lanes` units does, beginning at a phase.

    Element j (in C order) goes to lane j mod `lanes` in cycle j div `lanes`; the next tensor
    begins in a new cycle, at the phase that is returned. The words of the sources `operand-own`,
    `operand-neighbour` and `operand-xor` come from the tensor itself, wherever it begins. The
    gradient of a tensor's floats is passed straight through.

    Parameters
    ----------
    design : Design
        The unit.
    x : ndarray or torch.Tensor
        Integers are input words, in units of the input format's last place. Floats are values in
        ulps of the output: they are floored to n fraction bits (operand sources: to all D) and
        saturated to the output format's range, then rounded. A tensor may be on any device; it
        must be integer, float32 or float64, with n <= 24 if it is floating-point. Of a float unit
        integers are bit patterns, and floats (float16, bfloat16, float32) are values of the input
        format.
    phase : int
        Cycles since reset, >= 0.
    lanes : int
        Lanes of the array, a multiple of ``design.lanes``.
    out : ndarray or torch.Tensor, optional
        Where to write, of the shape of `x` and of any type that holds the output format, such as
        int8; it may be `x` itself.
    scale : integers, optional
        Of a unit with an input such as ``mx_float32``: exponents e of the scales 2^e by which the
        elements are divided, -127 <= e <= 128, of a shape that broadcasts to that of `x`. The
        elements are then values or patterns of the plain format.

    Returns
    -------
    y : ndarray or torch.Tensor
        Rounded integers in units of the output's last place, of the shape of `x`: `out` if given,
        int64 if `x` is integer, else of its floating-point type. Of a float unit bit patterns
        (int64), or float32 values.
    next_phase : int
        The phase for the next tensor.

    Raises
    ------
    InputError
        If the design, a value, the phase, the lanes or `out` cannot be used, or the source is
        `port` or `operand-prev`, whose words neither a phase nor a tensor holds.
    """
    check_design(design)
    phase, lanes = check_phase(phase), check_lanes(lanes)
    if not isinstance(x, np.ndarray) and not hasattr(x, "numel"):
        raise InputError.must("Tensor", "a NumPy array or PyTorch tensor", type(x).__name__)
    check_unmasked("Tensor", x)
    if scale is not None:
        return round_scaled(design, x, scale, phase, lanes, out)
    if not isinstance(x, np.ndarray):
        from esru.emulate.straight import round_any

        return round_any(design, x, phase, lanes, out)
    target = None if out is None else check_array(design, x, out)
    stream = fast_stream(design, lanes, x.dtype)
    if stream is not None:
        direct = target is x or not (target is None or np.may_share_memory(x, target))
        if target is None or not (direct and target.flags.c_contiguous):
            y = np.empty(x.shape, x.dtype)
        else:
            y = target
        round_blocks(stream, np.ascontiguousarray(x).reshape(-1), phase, y.reshape(-1))
    else:
        y = round_generally(design, x, phase, lanes)
    if target is not None and y is not target:
        np.copyto(target, y, casting="unsafe")
        y = target
    return y, phase + tensor_cycles(x.size, lanes)
