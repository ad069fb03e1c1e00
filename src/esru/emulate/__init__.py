"""The same rounding as `esru.rounding`, on whole arrays, with exactly the hardware's words.

`Array` delivers the words of an M-lane array of units cycle by cycle, `round_array` is the
vectorised twin of `esru.rounding.round_word`, and `round_tensor` joins the two for NumPy arrays
and PyTorch tensors. Nothing here keeps state: a phase goes in and the next phase comes out.
"""

from __future__ import annotations

from esru.emulate.arrays import decision_values, round_array, round_up_array
from esru.emulate.dispatch import round_tensor
from esru.emulate.operand import operand_words
from esru.emulate.scaled import split_scales
from esru.emulate.stream import Array

__all__ = [
    "Array",
    "decision_values",
    "operand_words",
    "round_array",
    "round_tensor",
    "round_up_array",
    "split_scales",
]
