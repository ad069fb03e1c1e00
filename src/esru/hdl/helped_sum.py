"""An accumulator's sum and its saturation in LUTs given cell by cell, without carry cells.

With words, kept bits and results of one width the sum w + x + up passes an end only by one bit:
the overflow and, if there are signs, the stored word's tell every result what it is. Let c be
the carry into a place. A bit's result needs w, x, c and those two, which are five inputs.

- LUTs of four inputs hand on x ^ c in the carry's place. With w it makes the sum's bit, and with
  w and x the next carry: two LUTs a bit.
- LUTs of six inputs take all five. A carry stands in a LUT of its own only where what uses it has
  no inputs left for what it is made of.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from amaranth.hdl import Cat, Const, Module, Signal, Value

from esru.design import Design
from esru.hdl.fabric import Fabric, add_lut

#: Two bits of equal weight: the stored word's and the update's.
Pair = tuple[Value, Value]


class Carry(NamedTuple):
    """A carry that has no LUT yet: one below, or none, and the pairs of bits above that."""

    below: Value | None
    pairs: tuple[Pair, ...] = ()

    @property
    def inputs(self) -> list[Value]:
        """What a LUT needs to find it."""
        start = [] if self.below is None else [self.below]
        return start + [bit for pair in self.pairs for bit in pair]

    def found(self, bits: Sequence[int]) -> int:
        """Return its value from those of its inputs."""
        carry, *rest = bits if self.below is not None else (0, *bits)
        for w, x in zip(rest[::2], rest[1::2], strict=True):
            carry = (w + x + carry) >> 1
        return carry


def add_helped_sum(
    m: Module,
    design: Design,
    fabric: Fabric,
    w: Value,
    kept: Value,
    up: Value | None,
    suffix: str = "",
    met: Value | None = None,
) -> Value:
    """Add w + kept + up, saturated, and return the output word.

    Parameters
    ----------
    m : Module
        Gets the cells.
    design : Design
        The accumulator: one for which `esru.hdl.helped_result.fits`, and which saturates.
    fabric : Fabric
        The target's LUTs.
    w, kept : Value
        The stored word, and the update without its dropped bits: of the output's width.
    up : Value or None
        The decision; the constant 0 of a truncating accumulator takes no cell. None: `met`
        stands in its place.
    suffix : str
        Ends the names of cells and signals.
    met : Value or None
        The decision XOR the lowest bit of `kept`, for LUTs of four inputs alone.
    """
    assert design.overflow == "saturate"
    pairs = [(w[i], kept[i]) for i in range(len(w))]
    if isinstance(up, Const) and not up.value:
        up = None
    ends = _Ends(m, design, fabric, w[-1], suffix)
    if fabric.width >= 6:
        assert met is None
        return Cat(_of_six(ends, pairs, up))
    if met is None:
        low = pairs[0][1]
        met = low if up is None else ends.add([low, up], lambda x, up: x ^ up, "met_0")
    return Cat(_of_four(ends, pairs, met))


class _Ends:
    """The overflow, and what a sum's bits become where there is one."""

    def __init__(self, m: Module, design: Design, fabric: Fabric, sign: Value, suffix: str):
        self.m, self.fabric, self.suffix = m, fabric, suffix
        self.signed = design.out_format.signed
        over = Signal(name=f"over{suffix}")
        #: What a result needs beside its sum.
        self.inputs = [over, sign] if self.signed else [over]

    def add(self, inputs: list[Value], function: Callable[..., int], name: str) -> Value:
        """Add a LUT."""
        return add_lut(self.m, self.fabric, inputs, function, f"{name}{self.suffix}")

    def limited(self, bit: int, ends: Sequence[int]) -> int:
        """Return a result's bit below the highest, from the sum's and the values of `inputs`."""
        over, *sign = ends
        if not over:
            return bit
        return 1 - sign[0] if sign else 1

    def add_last(self, inputs: list[Value], carry: Callable[..., int], place: int) -> Value:
        """Add the overflow and the highest result, and return that.

        The inputs are the highest bits of word and update and what else `carry` needs to say what
        is carried into their place.
        """

        def over(w: int, x: int, *bits: int) -> int:
            into = carry(w, x, *bits)
            out = (w + x + into) >> 1
            return into ^ out if self.signed else out

        def last(w: int, x: int, *bits: int) -> int:
            if over(w, x, *bits):
                return w if self.signed else 1
            return w ^ x ^ carry(w, x, *bits)

        self.m.d.comb += self.inputs[0].eq(self.add(inputs, over, "over_found"))
        return self.add(inputs, last, f"result_{place}")


def _of_six(ends: _Ends, pairs: list[Pair], up: Value | None) -> list[Value]:
    carry = Carry(up)
    result: list[Value] = []
    for place, (w, x) in enumerate(pairs):
        last = place == len(pairs) - 1
        beside = [w, x] if last else [w, x, *ends.inputs]
        if len(beside) + len(carry.inputs) > ends.fabric.width:
            made = carry
            into = ends.add(made.inputs, lambda *bits, c=made: c.found(bits), f"carry_{place}")
            carry = Carry(into)
        inputs = [*beside, *carry.inputs]
        if last:
            found = ends.add_last(inputs, lambda w, x, *bits, c=carry: c.found(bits), place)
            result.append(found)
            break

        def limited(w: int, x: int, *bits: int, c: Carry = carry) -> int:
            count = len(ends.inputs)
            return ends.limited(w ^ x ^ c.found(bits[count:]), bits[:count])

        result.append(ends.add(inputs, limited, f"result_{place}"))
        carry = carry._replace(pairs=(*carry.pairs, (w, x)))
    return result


def _of_four(ends: _Ends, pairs: list[Pair], met: Value) -> list[Value]:
    """Add the results; `met` is an update's bit XOR the carry into its place: what is handed on."""
    w, x = pairs[0]
    result: list[Value] = []
    for place, (next_w, next_x) in enumerate(pairs[1:]):
        inputs = [met, w, *ends.inputs]
        result.append(
            ends.add(inputs, lambda met, w, *bits: ends.limited(met ^ w, bits), f"result_{place}")
        )

        def following(next_x: int, w: int, x: int, met: int = -1) -> int:
            # Without a carry into the lowest place both are the update's bit.
            carry = 0 if met < 0 else met ^ x
            return next_x ^ ((w + x + carry) >> 1)

        inputs = [next_x, w, x] if met is x else [next_x, w, x, met]
        met = ends.add(inputs, following, f"met_{place + 1}")
        w, x = next_w, next_x
    result.append(ends.add_last([w, x, met], lambda w, x, met: met ^ x, len(pairs) - 1))
    return result
