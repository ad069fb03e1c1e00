"""Switching activity: how often the gates of a unit change, a proxy for its energy.

The netlist is the one of the target `nand2`, whatever the design is for: gates and flip-flops
of no technology. It is simulated with random operands of a fixed seed, many operand streams side
by side in the bits of Python's integers. What is counted is the changes of the outputs of gates
and flip-flops from one cycle's settled value to the next one's. Not counted: glitches, the clock,
the operands' own changes, and what a change costs (every output counts the same).
"""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from esru.errors import ToolFailed
from esru.flow.measure import Netlist, mapped_modules, require
from esru.flow.targets import Json, target
from esru.flow.targets.nand2 import FLIP_FLOP

#: Operand streams side by side; each meets the same random words.
STREAMS = 32
CYCLES = 512
SEED = 1

#: Cycles before those that are counted: of reset, since flip-flops of standard cells wake up at
#: random, and then until a long register has left its seed, which is mostly zeros, behind.
_RESET = 2
_SETTLING = 256

Function = Callable[..., int]

# The inputs in the order of their names; the mask inverts.
_FUNCTIONS: dict[str, Function] = {
    "INV": lambda m, a: a ^ m,
    "BUF": lambda m, a: a,
    "NAND2": lambda m, a, b: (a & b) ^ m,
    "NAND3": lambda m, a, b, c: (a & b & c) ^ m,
    "NAND4": lambda m, a, b, c, d: (a & b & c & d) ^ m,
    "NOR2": lambda m, a, b: (a | b) ^ m,
    "NOR3": lambda m, a, b, c: (a | b | c) ^ m,
    "NOR4": lambda m, a, b, c, d: (a | b | c | d) ^ m,
    "AOI21": lambda m, a, b, c: ((a & b) | c) ^ m,
    "OAI21": lambda m, a, b, c: ((a | b) & c) ^ m,
    "AOI22": lambda m, a, b, c, d: ((a & b) | (c & d)) ^ m,
    "OAI22": lambda m, a, b, c, d: ((a | b) & (c | d)) ^ m,
    "XOR2": lambda m, a, b: a ^ b,
    "XNOR2": lambda m, a, b: a ^ b ^ m,
    "MUX2": lambda m, a, b, s: (a & ~s) | (b & s),
    "ZERO": lambda m: 0,
    "ONE": lambda m: m,
}


@dataclass(frozen=True)
class Activity:
    """How often a module's cells change.

    Attributes
    ----------
    toggles : float
        Changes of gates' and flip-flops' outputs in a cycle.
    registers : float
        Those of them that are flip-flops'.
    cycles, streams, seed : int
        How it was simulated.
    """

    toggles: float
    registers: float
    cycles: int
    streams: int
    seed: int


def measure_activity(
    netlist: Netlist, cycles: int = CYCLES, streams: int = STREAMS, seed: int = SEED
) -> Activity:
    """Map a module to gates, simulate it and count changes.

    Parameters
    ----------
    netlist : Netlist
        The module, with the ports clk, rst and en; its other inputs are random in every cycle.
    cycles : int
        Cycles that are counted, all with en = 1.
    streams : int
        Independent operand streams.
    seed : int
        Of the operands.

    Raises
    ------
    ToolMissing, ToolFailed
        If a tool is not there or fails.
    """
    recipe = target("nand2")
    synthesiser, _ = require(recipe)
    cwd = Path(tempfile.mkdtemp(prefix="esru-activity-"))
    (module,) = mapped_modules([netlist], recipe, synthesiser, cwd)
    shutil.rmtree(cwd, ignore_errors=True)
    gates, registers = count_changes(module, cycles, streams, seed)
    share = cycles * streams
    return Activity((gates + registers) / share, registers / share, cycles, streams, seed)


def count_changes(
    module: Json, cycles: int, streams: int = STREAMS, seed: int = SEED
) -> tuple[int, int]:
    """Simulate a module mapped for `nand2`; return the changes of gates and of flip-flops.

    Raises
    ------
    ToolFailed
        If the module has a loop of gates.
    """
    generator = random.Random(seed)
    mask = (1 << streams) - 1
    gates, registers = _sorted_cells(module)
    values: dict[int | str, int] = {"0": 0, "1": mask, "x": 0}
    values |= dict.fromkeys((q for _, q in registers), 0)
    fixed = {"clk": 0, "rst": 0, "en": mask}
    ports = module["ports"]
    inputs = [(name, p["bits"]) for name, p in ports.items() if p["direction"] == "input"]
    changed = [0, 0]
    first = _RESET + _SETTLING
    for cycle in range(first + cycles):
        for name, bits in inputs:
            for bit in bits:
                known = fixed.get(name)
                values[bit] = generator.getrandbits(streams) if known is None else known
        if "rst" in ports and cycle < _RESET:
            values[ports["rst"]["bits"][0]] = mask
        changes = 0
        for function, pins, output in gates:
            new = function(mask, *[values[pin] for pin in pins])
            changes += (new ^ values.get(output, 0)).bit_count()
            values[output] = new
        counted = cycle >= first
        changed[0] += changes if counted else 0
        after = [values[d] for d, _ in registers]
        for (_, q), new in zip(registers, after, strict=True):
            changed[1] += (new ^ values[q]).bit_count() if counted else 0
            values[q] = new
    return changed[0], changed[1]


Gate = tuple[Function, Sequence[int | str], int]


def _sorted_cells(module: Json) -> tuple[list[Gate], list[tuple[int | str, int]]]:
    """Return the gates, each after those that drive it, and (D, Q) of the flip-flops."""
    registers: list[tuple[int | str, int]] = []
    waiting: dict[int, tuple[str, list[int | str]]] = {}
    for cell in module["cells"].values():
        pins = {name: bits[0] for name, bits in cell["connections"].items()}
        if cell["type"] == FLIP_FLOP:
            registers.append((pins["D"], pins["Q"]))
        else:
            inputs = [pins[name] for name in sorted(pins) if name != "Y"]
            waiting[pins["Y"]] = cell["type"], inputs
    gates: list[Gate] = []
    done: set[int] = set()
    for root in waiting:
        stack = [root]
        path: set[int] = set()
        while stack:
            net = stack[-1]
            kind, inputs = waiting[net]
            needed = [pin for pin in inputs if pin in waiting and pin not in done]
            if net in done or not needed:
                if net not in done:
                    gates.append((_FUNCTIONS[kind], inputs, net))
                    done.add(net)
                path.discard(net)
                stack.pop()
                continue
            if net in path:
                raise ToolFailed("Yosys", "its netlist has a loop of gates")
            path.add(net)
            stack += [pin for pin in needed if isinstance(pin, int)]
    return gates, registers
