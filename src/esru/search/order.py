"""The order of the race: cost, then quality, then id; costing no more than must be known.

Synthesis is the dearest stage, so a design is costed only when its lower bound says that it
might come next. The bound is derived from counting, not from experience:

- The source has L flip-flops, one a cell where a cell holds only one (ice40).
- A lane's decision depends on n fraction bits and on the random word, whose distinguishable
  values need k bits (log2 n for `select`; of a table, log2 of its columns). A connected
  circuit of c cells with one output and at most q inputs a cell has at most c(q-1) + 1 free
  inputs.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction

from esru.boundaries import ACCUMULATORS
from esru.decision_table import decision_table, is_table
from esru.design import Design

#: Inputs of one cell, its carry or wide-multiplexer inputs included, and whether a flip-flop
#: occupies a cell. ice40: LUT4 and carry-in. ecp5: a LUT4 with carry or multiplexer inputs.
#: xc7: LUT6 with carry-in, carry bypass or multiplexer input.
_CELL = {
    "ice40": (5, True),
    "ecp5": (7, False),
    "xc7": (8, False),
    "lut4": (4, False),
    "lut6": (6, False),
}

#: Less than any cost. At an accumulator's boundary it is a difference of two netlists, each
#: found by heuristics: it may be below 0.
NO_BOUND = Fraction(-1_000_000)

#: Designs costed together: enough for a batch per worker.
BATCH = 48


def lane_inputs(design: Design) -> int:
    """Return on how many bits a lane's decision depends, at least."""
    design = design.canonical()
    if design.k == 0:
        return 0 if design.rule == "zero" else 1
    if is_table(design.rule):
        return decision_table(design.rule, design.n, design.k).inputs
    word = (design.n - 1).bit_length() if design.rule == "select" else design.k
    return design.n + word


def lower_bound(design: Design, target: str, objective: str) -> Fraction:
    """Return what the decision costs per lane at the very least.

    Parameters
    ----------
    design : Design
        The design; more than the decision costs more. At an accumulator's boundary there is no
        bound but that of the flip-flops.
    target : str
        FPGA target; an unknown one has the bound 0.
    objective : str
        ``cells``, ``lut``, ``ff`` or ``area``.
    """
    if design.boundary in ACCUMULATORS and objective != "ff":
        return NO_BOUND
    registers = Fraction(design.length, design.lanes)
    if objective == "ff":
        return registers
    inputs, holds_registers = _CELL.get(target, (0, False))
    if not inputs or objective != "cells":
        return Fraction(0)
    lane = Fraction(max(0, -(-(lane_inputs(design) - 1) // (inputs - 1))))
    # A flip-flop may share a cell with a carry of a lane, so the two do not add up.
    return max(lane, registers) if holds_registers else lane


Rank = tuple[float, float, str]


def in_order(
    designs: Sequence[Design],
    bound: Callable[[Design], Fraction],
    cost: Callable[[Sequence[Design]], Sequence[float]],
    quality: Callable[[Design], float],
    batch: int = BATCH,
) -> Iterator[tuple[Design, float]]:
    """Yield (design, cost) by cost, then quality, then id.

    Parameters
    ----------
    designs : sequence of Design
        The space.
    bound : callable
        Lower bound of a design's cost; must never exceed it.
    cost : callable
        Costs of several designs at once.
    quality : callable
        Less is better; the exact rms bias.
    batch : int
        Designs costed together, those of the lowest bounds first.
    """
    waiting = sorted(designs, key=lambda design: (bound(design), design.id), reverse=True)
    known: list[tuple[Rank, Design]] = []
    while waiting or known:
        # Not <: a design whose bound equals the cheapest known cost may still come before it.
        while waiting and (not known or bound(waiting[-1]) <= known[0][0][0]):
            chosen = [waiting.pop() for _ in range(min(batch, len(waiting)))]
            for design, cells in zip(chosen, cost(chosen), strict=True):
                heapq.heappush(known, ((cells, quality(design), design.id), design))
        rank, design = heapq.heappop(known)
        yield design, rank[0]
