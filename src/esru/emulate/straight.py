"""`round_tensor` for PyTorch tensors: any device, any layout, gradients straight through."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import torch

from esru.design import Design
from esru.emulate.arrays import round_by_operands
from esru.emulate.fused import is_fused, round_fused
from esru.emulate.kernel import fast_stream, round_blocks
from esru.emulate.results import check_holds
from esru.emulate.stream import lanes_array, tensor_cycles
from esru.emulate.tensors import round_torch
from esru.errors import InputError
from esru.sources.settings import OPERANDS


class _StraightThrough(torch.autograd.Function):
    """Rounds forward; its gradient is the output's own, as if nothing had been rounded."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, design: Design, phase: int, lanes: int) -> torch.Tensor:
        return round_plain(design, x, phase, lanes)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, None, None, None]:
        return gradients[0], None, None, None


def round_plain(design: Design, x: torch.Tensor, phase: int, lanes: int) -> torch.Tensor:
    """Round a tensor without regard to gradients."""
    x = x.detach()
    if is_fused(x):
        rounded = round_fused(design, x, phase, lanes)
        if rounded is not None:
            return rounded
    if x.device.type == "cpu" and x.dtype in (torch.float32, torch.float64):
        values = x.contiguous().numpy()
        stream = fast_stream(design, lanes, values.dtype)
        if stream is not None:
            found = np.empty_like(values)
            round_blocks(stream, values.reshape(-1), phase, found.reshape(-1))
            return torch.from_numpy(found)
    if design.source in OPERANDS:
        # NumPy has no bfloat16; as float32 the values are the same.
        held = x.float() if design.floats and x.dtype == torch.bfloat16 else x
        values = round_by_operands(design, held.cpu().numpy(), lanes)
        return torch.from_numpy(np.asarray(values)).to(x.device)
    return round_torch(lanes_array(design, lanes), x, phase)[0]


def check_dense(x: torch.Tensor) -> None:
    """Refuse a sparse tensor, a nested one and one without data."""
    if x.device.type == "meta" or x.is_nested or x.layout != torch.strided:
        what = "meta" if x.device.type == "meta" else layout_name(x)
        raise InputError.must("Tensor", "a dense one with data", what)


def layout_name(x: torch.Tensor) -> str:
    """Return what an error calls the layout of a tensor that is not dense."""
    # One of the two kinds of nested tensors calls itself strided.
    return "nested" if x.is_nested else str(x.layout)


def round_any(
    design: Design, x: torch.Tensor, phase: int, lanes: int, out: object
) -> tuple[torch.Tensor, int]:
    """Round a tensor; `esru.emulate.round_tensor` is the documented entry."""
    check_dense(x)
    lanes_array(design, lanes)  # refuses lanes before anything is computed
    following = phase + tensor_cycles(x.numel(), lanes)
    wanted = x.requires_grad and torch.is_grad_enabled()
    if out is None:
        if wanted:
            found: torch.Tensor = _StraightThrough.apply(x, design, phase, lanes)  # type: ignore[no-untyped-call]  # torch types no apply
            return found, following
        return round_plain(design, x, phase, lanes), following
    target = check_out(design, x, out, wanted)
    if is_fused(x) and round_fused(design, x, phase, lanes, target) is not None:
        return target, following
    direct = x.device.type == "cpu" and target.is_contiguous() and x.is_contiguous()
    if direct and x.dtype in (torch.float32, torch.float64):
        values, place = x.detach().numpy().reshape(-1), target.numpy().reshape(-1)
        stream = fast_stream(design, lanes, values.dtype)
        if stream is not None and not _overlap(values, place):
            round_blocks(stream, values, phase, place)
            return target, following
    return target.copy_(round_plain(design, x, phase, lanes)), following


def _overlap(values: np.ndarray[Any, Any], place: np.ndarray[Any, Any]) -> bool:
    """Return whether writing could change values that are still to be read."""
    if not np.may_share_memory(values, place):
        return False
    return values.dtype != place.dtype or values.ctypes.data != place.ctypes.data


@lru_cache(maxsize=32)
def _numpy_type(kind: torch.dtype) -> np.dtype[Any]:
    found: np.dtype[Any] = torch.empty(0, dtype=kind).numpy().dtype
    return found


def check_out(design: Design, x: torch.Tensor, out: object, wanted: bool) -> torch.Tensor:
    """Return `out`, if results of rounding `x` can be written there; `wanted`: with gradients."""
    if not isinstance(out, torch.Tensor):
        raise InputError.must("Output tensor", "a tensor, as the input is", type(out).__name__)
    if out.is_nested or out.layout != torch.strided:
        raise InputError.must("Output tensor", "a dense one", layout_name(out))
    if out.shape != x.shape:
        raise InputError.must("Output tensor", f"of shape {tuple(x.shape)}", tuple(out.shape))
    if out.device != x.device:
        raise InputError.must("Output tensor", f"on the input's device ({x.device})", out.device)
    if wanted or out.requires_grad:
        raise InputError.must("Output tensor", "left out where gradients are wanted", "given")
    if out.dtype == torch.bfloat16:
        raise InputError.must("Output tensor", "of an integer type or float32", out.dtype)
    check_holds(design, _numpy_type(out.dtype), not x.dtype.is_floating_point)
    return out
