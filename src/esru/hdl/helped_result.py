"""Increment and saturation in a structure given cell by cell.

With as many kept bits as the output has, an increment passes the end only from the greatest word,
and only by one. So nothing need be chosen at the output:

- iCE40: each sum's LUT has an input to spare. The overflow, one cell behind the sign's carry, goes
  to all of them; no carry depends on a LUT, so there is no loop.
- LUTs alone: the carry is found at a few places, from which each bit's LUT finds its own sum. That
  takes no more cells than carry chains of the ECP5 or the 7-series with what feeds them.
"""

from __future__ import annotations

from typing import NamedTuple

from amaranth.hdl import Cat, Const, Module, Signal, Value

from esru.design import Design
from esru.hdl.fabric import Fabric, add_ice40_carry, add_lut


class Decision(NamedTuple):
    """A lane's decision, and whether it is the output of a carry cell, fit for the next alone."""

    value: Value
    is_carry: bool = False


def fits(design: Design) -> bool:
    """Return whether a design's result has this structure: as many bits kept as put out."""
    if design.floats:
        return False
    kept = design.input.width - design.dropped
    same = design.input.signed == design.out_format.signed
    return same and kept == design.out_format.width and kept > 1


def add_helped_result(
    m: Module, design: Design, fabric: Fabric, x: Value, up: Decision, suffix: str = ""
) -> Value:
    """Add increment and saturation and return the output word; arguments as `add_result`'s."""
    kept = [x[i] for i in range(design.dropped, design.input.width)]
    add = _of_ice40 if fabric.carry == "ice40" else _of_luts
    return Cat(add(m, design, fabric, kept, up, suffix))


def _greatest(design: Design, bits: int) -> list[int]:
    """Return the value of each of the highest `bits` bits at the greatest word, lowest first."""
    width = design.out_format.width
    return [design.out_format.high >> i & 1 for i in range(width - bits, width)]


def _of_ice40(
    m: Module, design: Design, fabric: Fabric, kept: list[Value], up: Decision, suffix: str
) -> list[Value]:
    zero = Const(0, 1)
    saturates, signed = design.overflow == "saturate", design.out_format.signed
    over: Value = Signal(name=f"over{suffix}") if saturates else zero
    top = len(kept) - 1
    carry, added = (up.value, zero) if up.is_carry else (zero, up.value)
    result: list[Value] = []
    for place, bit in enumerate(kept):
        name = f"result_{place}{suffix}"
        # nextpnr puts a LUT beside the carry cell with the same I1, I2 and carry in.
        other = zero if place else added
        if saturates and signed and place == top:
            # The overflow stands where the sign's carry is; the carry out tells the sign.
            found = add_lut(
                m,
                fabric,
                [zero, bit, zero, carry],
                lambda _, k, __, c: c & ~k,
                f"over_found{suffix}",
            )
            m.d.comb += over.eq(found)
            carry = add_ice40_carry(m, bit, zero, carry, f"carried_{place}{suffix}")
            result.append(
                add_lut(m, fabric, [bit, zero, zero, carry], lambda k, _, __, c: k & ~c, name)
            )
            break
        result.append(
            add_lut(m, fabric, [over, bit, other, carry], lambda o, k, u, c: (k ^ u ^ c) | o, name)
        )
        if place < top or saturates:
            carry = add_ice40_carry(m, bit, other, carry, f"carried_{place}{suffix}")
    if saturates and not signed:
        found = add_lut(
            m, fabric, [zero, zero, zero, carry], lambda _, __, ___, c: c, f"over_found{suffix}"
        )
        m.d.comb += over.eq(found)
    return result


def _of_luts(
    m: Module, design: Design, fabric: Fabric, kept: list[Value], up: Decision, suffix: str
) -> list[Value]:
    saturates = design.overflow == "saturate"
    greatest = _greatest(design, len(kept))
    width = fabric.width
    # The highest bits are found from the carry into them; each block below needs the overflow.
    top = min(width - 1, len(kept))
    size = width - 2 if saturates else width - 1
    low = len(kept) - top
    blocks = [list(range(start, min(start + size, low))) for start in range(0, low, size)]
    over: Value = Signal(name=f"over{suffix}") if saturates and blocks else Const(0, 1)
    carry = up.value
    result: list[Value] = []
    for number, block in enumerate(blocks):
        for place in block:
            bits = [kept[i] for i in block if i <= place]
            inputs = [carry, *bits, over] if saturates else [carry, *bits]

            def total(*values: int, count: int = len(bits)) -> int:
                into = all(values[:count])
                return (values[count] ^ into) | (values[count + 1] if saturates else 0)

            result.append(add_lut(m, fabric, inputs, total, f"result_{place}{suffix}"))
        inputs = [carry, *(kept[i] for i in block)]
        name = f"carried_{number}{suffix}"
        carry = add_lut(m, fabric, inputs, lambda *values: int(all(values)), name)
    inputs = [carry, *kept[low:]]
    for place in range(low, len(kept)):

        def high(*values: int, at: int = place - low + 1) -> int:
            full = saturates and list(values[1:]) == greatest[low:]
            return values[at] ^ (int(all(values[:at])) if not full else 0)

        used = inputs if saturates else inputs[: place - low + 2]
        result.append(add_lut(m, fabric, used, high, f"result_{place}{suffix}"))
    if saturates and blocks:
        found = add_lut(
            m,
            fabric,
            inputs,
            lambda *values: int(bool(values[0]) and list(values[1:]) == greatest[low:]),
            f"over_found{suffix}",
        )
        m.d.comb += over.eq(found)
    return result
