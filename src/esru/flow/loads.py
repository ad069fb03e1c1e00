"""Simulation of loading seeds at run time: what follows a load is the design with that seed."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from esru.design import Design
from esru.emulate.stream import Array, Words
from esru.flow.checks import Check
from esru.flow.simulate import lane_difference
from esru.flow.stimuli import Plan, Round, rounds_of
from esru.sources import source_model
from esru.sources.register import RegisterModel
from esru.sources.settings import loaded_seed

#: Loads, at most; with many lanes fewer.
MOST_LOADS = 64
_MOST_CASES = 1 << 16
#: Roundings between two loads, at most.
_STRETCH = 12
#: Different seeds beside the least and the greatest: a long de Bruijn register is slow to place.
_SEEDS = 30

_SEED = 20260117


class LoadedArray(Array):
    """An array whose sources have just been given seeds, one each: cycle 0 comes after the load."""

    def __init__(self, design: Design, lanes: int, seeds: Sequence[int]) -> None:
        super().__init__(design, lanes)
        self.seeds = seeds

    def lane_words(self, cycle: int, cycles: int) -> Words:
        """Return the words of successive cycles, as `Array.lane_words`."""
        made = {seed: self._words(seed, cycle, cycles) for seed in set(self.seeds)}
        return self.to_lanes(np.stack([made[seed] for seed in self.seeds], axis=1))

    def _words(self, seed: int, cycle: int, cycles: int) -> Words:
        model = source_model(replace(self.design, seed=loaded_seed(self.design, seed)))
        assert isinstance(model, RegisterModel)
        words = model.cut(model.states(cycle, cycles))
        inverted = [model.inverted_at(at) for at in range(cycle, cycle + cycles)]
        words[inverted] ^= np.uint32((1 << self.design.k) - 1)
        return words


@dataclass(frozen=True)
class LoadCycle:
    """One clock cycle: the inputs, and the output in it (latency 0) or after it (1)."""

    rst: bool
    en: bool
    load: bool
    seed: int
    round: Round
    expected: int


def load_cycles(design: Design, lanes: int, loads: int = MOST_LOADS) -> Iterator[LoadCycle]:
    """Yield clock cycles with loads at random, from start-up or a reset on.

    Some loads come while nothing is rounded, some one after the other, some together with a
    reset, which goes before them. Where nothing is loaded the port ``seed`` is busy all the same.

    Parameters
    ----------
    design : Design
        The unit; its ``load`` is 1.
    lanes : int
        Lanes of the array.
    loads : int
        How many, at most.
    """
    rng = random.Random(_SEED)
    length = design.length
    loads = max(6, min(loads, _MOST_CASES // (lanes * _STRETCH)))
    pool = [0, (1 << length) - 1, *(rng.randrange(1 << length) for _ in range(_SEEDS))]
    array: Array = Array(design, lanes)
    held = 0
    for number in range(loads):
        todo = Plan(_STRETCH + 1, False, "")
        rounds = rounds_of(design, array, todo, number)
        now = next(rounds)
        seeds = [rng.choice(pool) for _ in array.phases]
        for left in reversed(range(1 + rng.randrange(_STRETCH))):
            load = not left
            en = rng.randrange(4) > 0
            rst = load and rng.randrange(8) == 0
            given = seeds if load else [rng.choice(pool) for _ in seeds]
            seed = sum(one << length * place for place, one in enumerate(given))
            if design.latency:
                held = 0 if rst else now.expected if en else held
            yield LoadCycle(rst, en, load, seed, now, held if design.latency else now.expected)
            if en:
                now = next(rounds)
        array = Array(design, lanes) if rst else LoadedArray(design, lanes, seeds)


def simulate_loads(design: Design, lanes: int | None = None, component: Any = None) -> Check:
    """Simulate the Amaranth module while seeds are loaded; compare every lane in every cycle.

    Parameters
    ----------
    design : Design
        The unit; its ``load`` is 1.
    lanes : int or None
        Lanes of a whole array; None: the lanes of one source.
    component : Component or None
        Simulated instead of `esru.hdl.bank.Bank`, for tests with seeded faults.

    Returns
    -------
    Check
        `cases`: comparisons of one lane in one clock cycle.
    """
    from amaranth.hdl import ClockDomain, Module
    from amaranth.sim import Simulator

    from esru.hdl.bank import Bank

    began = time.monotonic()
    count = design.lanes if lanes is None else lanes
    bank = Bank(design, lanes) if component is None else component
    decision = design.boundary == "decision"
    port, output = (bank.frac, bank.up) if decision else (bank.x, bank.y)
    sync = ClockDomain("sync")
    top = Module()
    top.domains += sync
    top.submodules += bank
    failure = ""
    loads = compared = 0

    async def bench(ctx: Any) -> None:
        nonlocal failure, loads, compared
        for number, cycle in enumerate(load_cycles(design, count)):
            ctx.set(sync.rst, cycle.rst)
            ctx.set(bank.en, cycle.en)
            ctx.set(bank.load, cycle.load)
            ctx.set(bank.seed, cycle.seed)
            ctx.set(port, cycle.round.data)
            for name, value in cycle.round.beside.items():
                ctx.set(getattr(bank, name), value)
            got = ctx.get(output)
            await ctx.tick()
            got = ctx.get(output) if design.latency else got
            compared += count
            loads += cycle.load and not cycle.rst
            if got != cycle.expected:
                known = not design.latency or (cycle.en and not cycle.rst)
                failure = lane_difference(design, number, cycle.expected, got, cycle.round, known)
                return

    simulator = Simulator(top)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return Check(
        "simulation",
        "Amaranth == model, seeds loaded",
        compared,
        not failure,
        failure or f"{loads} loads, {count} lane{'s' * (count > 1)}, en and rst",
        time.monotonic() - began,
    )
