"""The result of a rounding unit: increment, then saturation or wrapping."""

from __future__ import annotations

from amaranth.hdl import Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from esru.design import Design
from esru.hdl.float_unit import add_float_result
from esru.hdl.rounder import add_draw, add_round_up


def fraction_of(design: Design, x: Value) -> Value:
    """Return the top n dropped bits of an input word; dropped bits below them are ignored."""
    return x[design.dropped - design.n : design.dropped]


def add_result(m: Module, design: Design, x: Value, up: Value, suffix: str = "") -> Value:
    """Add increment and saturation to a module and return the output word, W_out bits.

    Parameters
    ----------
    m : Module
        Gets the logic, combinational.
    design : Design
        The unit: its formats and what it does on overflow.
    x : Value
        Input word, W_in bits, in units of the input format's last place.
    up : Value
        1 bit: the decision.
    suffix : str
        Ends the names of the signals.
    """
    source, out = design.input, design.out_format
    kept: Value = x[design.dropped :]
    if source.signed:
        # All integer bits dropped: what is left of a signed word is its sign.
        kept = (kept if len(kept) else x[-1]).as_signed()
    sum_width = max(len(kept) + 1, out.width + 1)
    rounded = Signal(signed(sum_width) if source.signed else sum_width, name=f"rounded{suffix}")
    m.d.comb += rounded.eq(kept + up)
    ends = source.low >> design.dropped, (source.high >> design.dropped) + 1
    return add_overflow(m, design, rounded, ends, suffix)


def add_overflow(
    m: Module, design: Design, value: Value, ends: tuple[int, int], suffix: str = ""
) -> Value:
    """Add saturation or wrapping to a module and return the output word, W_out bits.

    Parameters
    ----------
    m : Module
        Gets the logic, combinational.
    design : Design
        The design; only its output format and what it does on overflow are looked at.
    value : Value
        In units of the output's last place; wider than the output.
    ends : tuple of int
        The least and the greatest value that can come. An end of the output's range that none
        of them passes costs nothing.
    suffix : str
        Ends the names of the signals.
    """
    out = design.out_format
    low_bits = value[: out.width]
    if design.overflow == "wrap":
        return low_bits
    least, most = ends
    magnitude = out.width - out.signed
    negative = value[-1] if value.shape().signed else Const(0, 1)
    result: Value = low_bits
    if most > out.high:
        over = Signal(name=f"over{suffix}")
        m.d.comb += over.eq(~negative & value[magnitude:].any())
        result = Mux(over, Const(out.high, out.width), result)
    if least < out.low:
        under = Signal(name=f"under{suffix}")
        beyond = ~value[magnitude:].all() if out.signed else Const(1, 1)
        m.d.comb += under.eq(negative & beyond)
        result = Mux(under, Const(out.encode(out.low), out.width), result)
    return result


class UnitLogic(wiring.Component):
    """Rounding without a source, combinational: input word and random word in, output word out.

    Parameters
    ----------
    design : Design
        The unit; its source is not looked at.

    Attributes
    ----------
    x : In(W_in)
        Input word.
    word : In(k)
        The random word.
    y : Out(W_out)
        Output word.
    """

    def __init__(self, design: Design):
        self.design = design
        super().__init__(
            {
                "x": In(design.input.width),
                "word": In(design.k),
                "y": Out(design.out_format.width),
            }
        )

    def elaborate(self, platform) -> Module:
        """Return the rounding logic."""
        m = Module()
        design = self.design
        draw = add_draw(m, design, self.word)
        if design.floats:
            m.d.comb += self.y.eq(add_float_result(m, design, self.x, draw))
            return m
        up = add_round_up(m, design, fraction_of(design, self.x), draw)
        m.d.comb += self.y.eq(add_result(m, design, self.x, up))
        return m
