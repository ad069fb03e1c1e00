"""What others offer for rounding float32 stochastically to int8 or ocp_e4m3, ready to be called.

Only gfloat is a dependency of the tests. torchao and qtorch are measured where they are
installed: ``pip install torchao qtorch`` into an environment that may be thrown away (qtorch
compiles its extension when it is first imported).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import gfloat
import numpy as np
import torch
from gfloat.formats import format_info_ocp_e4m3, format_info_ocp_int8

#: Random bits for each element that gfloat is given.
RANDOM_BITS = 8

INT8, E4M3 = "8:8:zero:lfsr8", "8:8:zero:lfsr8,out=ocp_e4m3"


@dataclass(frozen=True)
class Rounder:
    """A way to round.

    Attributes
    ----------
    package : str
        Name of the package.
    how : str
        How it was run.
    design : str
        The design of esru that does the same work.
    array : str
        Whether that one is given ``numpy`` arrays or ``torch`` tensors.
    call : callable, optional
        Rounds the values once; None if it cannot be measured.
    reason : str
        Why it cannot.
    """

    package: str
    how: str
    design: str
    array: str
    call: Callable[[], Any] | None = None
    reason: str = ""

    @property
    def name(self) -> str:
        """The name of its row."""
        return f"{self.package}, {self.how}"


def _gfloat(values: Any, info: Any, bits: Any) -> Any:
    return gfloat.round_ndarray(
        info,
        values,
        gfloat.RoundMode.StochasticFast,
        sat=True,
        srbits=bits,
        srnumbits=RANDOM_BITS,
    )


def _of_gfloat(values: np.ndarray[Any, Any]) -> Iterator[Rounder]:
    """Yield gfloat's ways; its int8 has six fraction bits, so that values are scaled before."""
    bits = np.random.default_rng(0).integers(0, 1 << RANDOM_BITS, len(values))
    drawn = torch.from_numpy(bits)
    for design, info, given in (
        (INT8, format_info_ocp_int8, values / np.float32(64)),
        (E4M3, format_info_ocp_e4m3, values),
    ):
        tensor = torch.from_numpy(given)
        plain = partial(_gfloat, given, info, bits)
        fused = partial(torch.compile(_gfloat), tensor, info, drawn)
        # The compiled one must do the same work to be compared.
        assert np.array_equal(fused().numpy(), plain())
        yield Rounder("gfloat", "numpy", design, "numpy", plain)
        yield Rounder("gfloat", "compiled by torch", design, "torch", fused)


def _of_torchao(values: torch.Tensor) -> Iterator[Rounder]:
    from torchao.prototype.quantized_training.int8 import quantize_int8_rowwise

    for how, made in (
        ("eager", quantize_int8_rowwise),
        ("compiled by torch", torch.compile(quantize_int8_rowwise)),
    ):
        call = partial(made, values[None], stochastic_rounding=True)
        yield Rounder("torchao", how, INT8, "torch", call)


def _of_qtorch(values: torch.Tensor) -> Iterator[Rounder]:
    from qtorch.quant import fixed_point_quantize, float_quantize

    fixed = partial(fixed_point_quantize, values, wl=8, fl=0, rounding="stochastic")
    floats = partial(float_quantize, values, exp=4, man=3, rounding="stochastic")
    yield Rounder("qtorch", "its C++ extension", INT8, "torch", fixed)
    yield Rounder("qtorch", "its C++ extension", E4M3, "torch", floats)


def rounders(values: np.ndarray[Any, Any]) -> Iterator[Rounder]:
    """Yield every way to round float32 values, those that cannot be measured with the reason."""
    yield from _of_gfloat(values)
    for package, ways in (("torchao", _of_torchao), ("qtorch", _of_qtorch)):
        try:
            version(package)
        except PackageNotFoundError:
            yield Rounder(package, "", INT8, "torch", reason="not installed")
            continue
        try:
            found = list(ways(torch.from_numpy(values)))
            for way in found:
                assert way.call is not None
                way.call()
        except Exception as error:  # a package of others may fail in any way: that is the row
            reason = f"{type(error).__name__}: {str(error).splitlines()[0]}"
            yield Rounder(package, "", INT8, "torch", reason=reason)
            continue
        yield from found
