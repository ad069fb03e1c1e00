"""Amaranth simulation of the hardware against the vectorised model, word for word."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

from esru.design import Design
from esru.emulate.stream import Array
from esru.float_formats import SCALE_BITS
from esru.flow.checks import Check
from esru.flow.stimuli import Round, plan, rounds_of

Progress = Callable[[int, int], None]

#: Clock cycles before the reset in the middle.
_WARM_UP = 48

_SEED = 20230417


def lane_difference(
    design: Design, cycle: int, expected: int, got: int, seen: Round, known: bool
) -> str:
    """Return the first lane's difference in words; `known`: it is what `seen` leads to."""
    decision = design.boundary == "decision"
    port, wide = ("frac", design.fraction_bits) if decision else ("x", design.x_bits)
    wide_out = 1 if decision else design.out_format.width
    differing = expected ^ got
    lane = ((differing & -differing).bit_length() - 1) // wide_out
    value = seen.data >> lane * wide & ((1 << wide) - 1)
    said = f", word {seen.words[lane]}" if known else ""
    if "scale" in seen.beside:
        scale = seen.beside["scale"] >> lane // design.block * SCALE_BITS
        said = f", scale {scale % (1 << SCALE_BITS)}{said}"
    ones = (1 << wide_out) - 1
    if "w" in seen.beside:
        said = f", w {seen.beside['w'] >> lane * wide_out & ones:#x}{said}"
    if seen.beside.get("first"):
        said = f", first{said}"
    return (
        f"cycle {cycle}, lane {lane}, {port} {value:#x}{said}: "
        f"expected {expected >> lane * wide_out & ones:#x}, "
        f"got {got >> lane * wide_out & ones:#x}"
    )


def simulate(
    design: Design,
    lanes: int | None = None,
    progress: Progress | None = None,
    component: Any = None,
) -> Check:
    """Simulate the Amaranth module and compare every lane in every clock cycle.

    Start-up without a reset, some cycles, a reset while enabled, then the words from the seed on:
    the whole period up to 65536 words (`plan` says what of a longer one), with every fraction
    where that is at most 65536 pairs; in one clock cycle of eight, en is 0.

    Parameters
    ----------
    design : Design
        The unit.
    lanes : int or None
        Lanes of a whole array; None: the lanes of one source.
    progress : callable or None
        Called with clock cycles done and in all.
    component : Component or None
        Simulated instead of `esru.hdl.array.array`'s, for tests with seeded faults.

    Returns
    -------
    Check
        `cases`: comparisons of one lane in one clock cycle.
    """
    from amaranth.hdl import ClockDomain, Module
    from amaranth.sim import Simulator

    from esru.hdl.array import array as build

    began = time.monotonic()
    array = Array(design, design.lanes if lanes is None else lanes)
    bank = build(design, lanes) if component is None else component
    todo = plan(design, array.lanes)
    decision = design.boundary == "decision"
    port, output = (bank.frac, bank.up) if decision else (bank.x, bank.y)
    sync = ClockDomain("sync")
    top = Module()
    top.domains += sync
    top.submodules += bank
    failure = ""
    compared = 0

    async def bench(ctx: Any) -> None:
        nonlocal failure, compared
        rng = random.Random(_SEED)
        rounds = rounds_of(design, array, todo)
        held = done = cycle = 0
        now = next(rounds)
        reset_done = False
        while not failure:
            reset = not reset_done and cycle == _WARM_UP
            enabled = reset or rng.randrange(8) > 0
            ctx.set(sync.rst, reset)
            ctx.set(bank.en, enabled)
            ctx.set(port, now.data)
            for name, value in now.beside.items():
                ctx.set(getattr(bank, name), value)
            if not design.latency:
                got, wanted = ctx.get(output), now.expected
                await ctx.tick()
            else:
                await ctx.tick()
                held = 0 if reset else now.expected if enabled else held
                got, wanted = ctx.get(output), held
            compared += array.lanes
            if got != wanted:
                known = not design.latency or (enabled and not reset)
                failure = lane_difference(design, cycle, wanted, got, now, known)
            cycle += 1
            if reset:
                reset_done = True
                rounds = rounds_of(design, array, todo)
                done = 0
            elif enabled:
                done += 1
            else:
                continue
            if progress is not None and cycle % 256 == 0:
                progress(done, todo.words)
            following = next(rounds, None)
            if following is None and not reset_done:
                # Shorter than the cycles before the reset: from the first word again.
                rounds = rounds_of(design, array, todo)
                following = next(rounds)
                if array.period and done % array.period:
                    raise AssertionError("a plan covers whole periods or is long")
            if following is None:
                return
            now = following

    simulator = Simulator(top)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return Check(
        "simulation",
        "Amaranth == model",
        compared,
        not failure,
        failure or f"{todo.text}, {array.lanes} lane{'s' * (array.lanes > 1)}, en and rst",
        time.monotonic() - began,
    )
