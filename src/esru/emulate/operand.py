"""Words from the operands themselves: the twin of the hardware's `operand-*` sources.

Operands are laid out as the array meets them: one row a cycle, one column a lane. The neighbour
of lane i is lane i+1 among the `lanes=` lanes of its source, that of the last one the first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from esru.design import Design
from esru.errors import InputError

Words = npt.NDArray[np.uint32]


def operand_words(
    design: Design, operands: npt.NDArray[Any], previous: npt.NDArray[Any] | None = None
) -> Words:
    """Return the random word that each lane takes from the operands in each cycle.

    Parameters
    ----------
    design : Design
        The unit; its source is one of the operand sources.
    operands : ndarray of integers, shape (cycles, lanes)
        Input words in units of the input format's last place, of cycles in use; `lanes` is a
        multiple of ``design.lanes``.
    previous : ndarray of integers or None
        The operands of the cycle in use before the first, shape (lanes,), for `operand-prev`;
        None: there is none since the reset, and the words are 0.

    Returns
    -------
    ndarray of uint32, shape (cycles, lanes)

    Raises
    ------
    InputError
        If the source takes no words from operands or the lanes do not fit it.
    """
    if not design.source.startswith("operand-"):
        raise InputError.must("Source", "one of the operand sources", repr(design.source))
    if operands.shape[1] % design.lanes:
        rule = f"a multiple of the lanes that share a source ({design.lanes})"
        raise InputError.must("Lanes of the array", rule, operands.shape[1])
    own = _low(design, operands)
    if design.source == "operand-own":
        return own
    if design.source == "operand-prev":
        first = np.zeros(own.shape[1], np.uint32) if previous is None else _low(design, previous)
        return np.concatenate((first[None, :], own))[: len(own)]
    groups = own.reshape(len(own), -1, design.lanes)
    neighbour: Words = np.roll(groups, -1, axis=2).reshape(own.shape)
    if design.source == "operand-xor":
        neighbour ^= own
    return neighbour


def _low(design: Design, operands: npt.NDArray[Any]) -> Words:
    """Return the lowest k bits, which are dropped bits that the rule does not look at."""
    low: Words = (operands & operands.dtype.type((1 << design.k) - 1)).astype(np.uint32)
    return low


def tensor_words(design: Design, x: npt.NDArray[Any], lanes: int) -> Words:
    """Return the words of a tensor's elements, taken from the tensor itself.

    Idle lanes of the last cycle have the operand 0.

    Parameters
    ----------
    design : Design
        The unit; its source is one of the operand sources but `operand-prev`, for which a tensor
        does not hold the operands of the cycle before.
    x : ndarray of integers
        Input words of the tensor, of any shape.
    lanes : int
        Lanes of the array.
    """
    if design.source == "operand-prev":
        rule = "one that needs no operand of the cycle before (use operand_words)"
        raise InputError.must("Source of a tensor's rounding", rule, repr(design.source))
    cycles = -(-x.size // lanes)
    rows = np.zeros(cycles * lanes, x.dtype)
    rows[: x.size] = x.reshape(-1)
    words = operand_words(design, rows.reshape(cycles, lanes))
    return words.reshape(-1)[: x.size].reshape(x.shape)
