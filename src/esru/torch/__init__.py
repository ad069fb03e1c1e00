"""A unit's rounding in your own PyTorch training, bit for bit.

`Rounding` says which tensors go through which unit; `quantise` puts it into a model; `Quantiser`
rounds one tensor; `LowBitOptimizer` keeps the weights in the low-bit format. Every phase is part
of a ``state_dict``, so that a restored checkpoint continues bit for bit. `docs/emulation.md`
shows how they fit together.
"""

from __future__ import annotations

from importlib.util import find_spec

from esru.errors import ToolMissing

if find_spec("torch") is None:
    raise ToolMissing("torch", "pip install 'esru[train]'", "is not installed")

from esru.torch.config import Rounding
from esru.torch.layers import Conv2d, Embedding, Linear
from esru.torch.model import quantise
from esru.torch.optimizer import LowBitOptimizer
from esru.torch.quantiser import GradientQuantiser, Quantiser, rank_offset

__all__ = [
    "Conv2d",
    "Embedding",
    "GradientQuantiser",
    "Linear",
    "LowBitOptimizer",
    "Quantiser",
    "Rounding",
    "quantise",
    "rank_offset",
]
