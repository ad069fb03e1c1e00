"""Rounding on a GPU in one pass: when the fused kernels run, and what they are given.

The plain way (`esru.emulate.tensors`) is a chain of PyTorch operations, each of which writes a
tensor of its own. A fused kernel reads the tensor, finds each element's word, rounds and writes
the output, all at once. Both give the same bits. `ESRU_FUSED` chooses: ``auto``, where nothing is
set, takes the kernels for float tensors on a CUDA device if Triton can be imported; ``off`` never
does; ``on`` takes them for float tensors on the CPU too, which only Triton's interpreter can
(``TRITON_INTERPRET=1``), and is an error where it cannot be done.
"""

from __future__ import annotations

import os
import re
import subprocess
import warnings
from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec

import torch

from esru.decision_table import decision_table, is_table
from esru.design import Design
from esru.emulate.device import BLOCK, device_values
from esru.emulate.floats import check_values, value_table
from esru.errors import InputError, ToolMissing
from esru.float_formats import FLOAT32
from esru.formats import FixedFormat
from esru.sources.settings import GIVEN

#: The environment variable that chooses, and what it may be.
VARIABLE = "ESRU_FUSED"
MODES = ("auto", "off", "on")

#: n, and the width of a fixed-point output, are at most this: float32 holds the fraction.
_MOST_BITS = 24

#: Elements in succession that share an exponent: counted in int32.
_MOST_SHARING = 1 << 30

#: Output types that the kernels write; anything else is copied from the input's type.
_WRITABLE = (
    torch.int8,
    torch.uint8,
    torch.int16,
    torch.int32,
    torch.int64,
    torch.float32,
    torch.float64,
)

#: Devices on which a kernel could not be built.
_refused: set[torch.device] = set()

#: Triton's own errors of a kernel that cannot be built or is too large; by name, for it may be
#: Triton itself that cannot be imported.
_BUILD_ERRORS = {"CompilationError", "OutOfResources", "PTXASError"}

#: What the driver or PyTorch says of the device, in a plain RuntimeError.
_OF_THE_DEVICE = re.compile(r"(Triton Error \[\w+\]|(CUDA|HIP) error): ")

#: What the driver says of code that it cannot load: nothing has run then.
_NO_CODE = (
    "device kernel image is invalid",
    "no kernel image is available for execution on the device",
    "a PTX JIT compilation failed",
    "the provided PTX was compiled with an unsupported toolchain",
)


def fused_mode() -> str:
    """Return the mode that `ESRU_FUSED` names; ``auto`` if it is not set or empty.

    Raises
    ------
    InputError
        If it is none of `MODES`.
    """
    mode = os.environ.get(VARIABLE, "") or "auto"
    if mode not in MODES:
        raise InputError.must(VARIABLE, "auto, off or on", repr(mode))
    return mode


@lru_cache(maxsize=1)
def _triton_found() -> bool:
    return find_spec("triton") is not None


def is_fused(x: torch.Tensor) -> bool:
    """Return whether a tensor is to go through a fused kernel, if its design suits.

    Raises
    ------
    InputError
        If `ESRU_FUSED` is wrong, or asks for what Triton cannot do.
    ToolMissing
        If `ESRU_FUSED` is ``on`` and Triton is not installed.
    """
    mode = fused_mode()
    if mode == "off" or not x.dtype.is_floating_point:
        return False
    if mode == "auto":
        return x.device.type == "cuda" and _triton_found() and x.device not in _refused
    if not _triton_found():
        raise ToolMissing("triton", "pip install triton")
    from esru.emulate import fused_kernel

    if x.device.type != "cuda" and not fused_kernel.INTERPRETED:
        rule = "auto or off for a tensor on the CPU without TRITON_INTERPRET=1"
        raise InputError.must(VARIABLE, rule, repr(mode))
    return True


@lru_cache(maxsize=256)
def suits_kernel(design: Design, dtype: torch.dtype, scaled: bool = False) -> bool:
    """Return whether a fused kernel rounds tensors of a type by a design.

    Everything else goes the plain way, which refuses what cannot be rounded.
    """
    if design.source in GIVEN or design.n > _MOST_BITS:
        return False
    if design.floats is None:
        wide = design.out_format.width > _MOST_BITS
        return dtype in (torch.float32, torch.float64) and not wide and not scaled
    in_scale = bool(design.floats[0].scale)
    return dtype in (torch.float16, torch.bfloat16, torch.float32) and in_scale == scaled


@dataclass(frozen=True)
class _Kernel:
    """What a kernel is given for every tensor of an array on a device."""

    constants: dict[str, int]
    #: Decisions, if they are looked up, and the values of a float output's patterns.
    ups: torch.Tensor
    numbers: torch.Tensor | None


@lru_cache(maxsize=64)
def _kernel(design: Design, lanes: int, scaled: bool, device: torch.device) -> _Kernel:
    ups, rule = torch.zeros(1, dtype=torch.int8), int(design.rule == "select")
    if is_table(design.rule):
        table = decision_table(design.rule, design.n, design.k)
        ups, rule = torch.from_numpy(table.ups().reshape(-1)).to(torch.int8), 2
    in_table = device_values(design, lanes, device).table is not None
    constants = {"LANES": lanes, "TABLE": int(in_table), "RULE": rule, "N": design.n}
    numbers = None
    if design.floats is None:
        out = design.out_format
        assert isinstance(out, FixedFormat)
        constants |= {
            "LOW": out.low,
            "HIGH": out.high,
            "WRAP": (design.overflow == "wrap") << out.width,
            "WIDE": int(out.width + design.n > 30),
        }
    else:
        source, word = design.floats
        beyond = word.highest if design.overflow == "saturate" else word.overflow
        assert beyond is not None
        name = source.name.removeprefix("mx_")
        numbers = torch.from_numpy(value_table(word)).to(device)
        constants |= {
            "NARROW": {"bfloat16": 1, "float16": 2}.get(name, 0),
            "SCALED": int(scaled),
            "FRACTION": word.fraction,
            "LEAST": word.least_exponent,
            "HIGHEST": word.highest,
            "BEYOND": beyond,
            "NAN": -1 if word.nan is None else word.nan,
            "SIGN": word.width - 1,
            "WIDE": int(design.n > FLOAT32.fraction - word.fraction),
        }
    return _Kernel(constants, ups.to(device), numbers)


def round_fused(
    design: Design,
    x: torch.Tensor,
    phase: int,
    lanes: int,
    out: torch.Tensor | None = None,
    scale: torch.Tensor | None = None,
) -> torch.Tensor | None:
    """Round a tensor of floats in one pass; None if it must go the plain way.

    Parameters
    ----------
    design, x, phase, lanes
        As `esru.emulate.round_tensor` takes them, and checked; `is_fused` holds for `x`.
    out : torch.Tensor, optional
        Where to write; checked.
    scale : torch.Tensor, optional
        Exponents as `esru.emulate.round_tensor` takes them: integers on the device of `x` that
        broadcast to it, checked.

    Returns
    -------
    torch.Tensor or None
        `out`, or a contiguous tensor of the type of `x` (of a float unit float32).

    Raises
    ------
    InputError
        If a value is no number, or none of the input format: `out` is then written in part.
    RuntimeError
        If the device's driver reports an error; also one that an earlier kernel has left.
    """
    if not suits_kernel(design, x.dtype, scale is not None):
        return None
    kind = torch.float32 if design.floats else x.dtype
    values = x.detach().contiguous()
    target = out if out is not None and _direct(values, out, scale) else None
    if target is None:
        target = torch.empty(x.shape, dtype=kind, device=x.device)
    if values.numel():
        kernel = _kernel(design, lanes, scale is not None, x.device)
        wrong = torch.zeros(1, dtype=torch.int32, device=x.device)
        words = _words(design, lanes, values, phase)
        exponents = None if scale is None else _in_order(scale, values.shape)
        try:
            _launch(kernel, values, target, wrong, words, exponents)
        except Exception as problem:  # of many types: Triton's, the compiler's, the driver's
            if fused_mode() == "on" or not _not_built(problem):
                raise
            _refused.add(x.device)
            text = f"Rounding on {x.device} goes on without a fused kernel: {problem}"
            warnings.warn(text, RuntimeWarning, stacklevel=2)
            return None
        # A float32 input has every value: nothing to wait for.
        if (design.floats is None or kernel.constants["NARROW"]) and int(wrong):
            if design.floats is None:
                raise InputError.must("Values", "numbers", "nan")
            if scale is not None:
                return None
            check_values(design.floats[0], False, x.dtype)
    return target if out is None or target is out else out.copy_(target)


def _not_built(problem: Exception) -> bool:
    """Return whether a launch has failed because there is no kernel for the device.

    A C compiler or a library is missing, or Triton does not know the device. What the driver says
    of a launch is another thing: after an illegal access the whole process has lost the device,
    and nothing vouches for what the plain way would go on with.
    """
    if _BUILD_ERRORS & {kind.__name__ for kind in type(problem).__mro__}:
        return True
    # The last: Triton's word for no libcuda.so.
    if isinstance(problem, (ImportError, OSError, subprocess.SubprocessError, AssertionError)):
        return True
    # The compiler's passes and the search for a driver have no class of their own; of PyTorch's
    # errors each has.
    if type(problem) is not RuntimeError:
        return False
    text = str(problem)
    return _OF_THE_DEVICE.match(text) is None or any(said in text for said in _NO_CODE)


def _direct(values: torch.Tensor, out: torch.Tensor, scale: torch.Tensor | None) -> bool:
    """Return whether a kernel can write into `out` and change nothing that is still to be read."""
    if not out.is_contiguous() or out.dtype not in _WRITABLE:
        return False
    place = out.untyped_storage().data_ptr()
    if scale is not None:
        # The values stay as they are for the plain way to refuse.
        return place not in (
            values.untyped_storage().data_ptr(),
            scale.untyped_storage().data_ptr(),
        )
    if values.untyped_storage().data_ptr() != place:
        return True
    return values.data_ptr() == out.data_ptr() and values.dtype == out.dtype


def _words(
    design: Design, lanes: int, values: torch.Tensor, phase: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, int, int]:
    """Return the table, its rows and starts, the phase in it and its period; or all values."""
    made = device_values(design, lanes, values.device)
    if made.table is None:
        compared = made(values.numel(), phase)
        return compared, compared, compared, 0, 1
    table = made.table
    return table.values, table.rows, table.starts, phase % table.period, table.period


def _in_order(scale: torch.Tensor, shape: torch.Size) -> tuple[torch.Tensor, int]:
    """Return exponents in the elements' order, and how many elements in succession share one."""
    narrow = scale.to(torch.int16)
    if not shape or scale.shape[-1:] != (1,) or shape[-1] > _MOST_SHARING:
        return narrow.expand(shape).contiguous(), 1
    return narrow.expand(*shape[:-1], 1).contiguous(), shape[-1]


def _launch(
    kernel: _Kernel,
    values: torch.Tensor,
    target: torch.Tensor,
    wrong: torch.Tensor,
    words: tuple[torch.Tensor, torch.Tensor, torch.Tensor, int, int],
    exponents: tuple[torch.Tensor, int] | None,
) -> None:
    from esru.emulate import fused_kernel

    *stored, base, period = words
    given = (values, target, wrong, *stored, kernel.ups)
    size, on_gpu = values.numel(), values.device.type == "cuda"
    grid = (-(-size // BLOCK),)
    # Triton launches on the current device.
    with torch.cuda.device(values.device) if on_gpu else nullcontext():
        if kernel.numbers is None:
            fused_kernel.round_fixed[grid](
                *given, size, base, period, **kernel.constants, BLOCK=BLOCK
            )
            return
        scales, per = (values, 1) if exponents is None else exponents
        fused_kernel.round_float[grid](
            *given, kernel.numbers, scales, size, base, period, per,
            **kernel.constants, BLOCK=BLOCK,
        )  # fmt: skip
