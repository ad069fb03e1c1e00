"""A serial line, 8N1: receiver, transmitter, and the checksum of its frames."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from esru.demo.protocol import crc16

#: Bits of a byte on the line: start, data, stop.
_BITS = 10


class Receiver(wiring.Component):
    """Bytes from a serial line.

    The line goes through two flip-flops, and every bit is sampled in its middle, found to one
    clock cycle. A start bit that is gone in its middle is none, and a byte whose stop bit is not
    1 is dropped. Throughput: a byte in 10 bits; the next start bit may come half a bit early.

    Parameters
    ----------
    divisor : int
        Clock cycles of a bit, at least 4.

    Attributes
    ----------
    rx : In(1)
        The line, 1 when idle, asynchronous.
    data : Out(8)
        The byte.
    strobe : Out(1)
        1 for the one cycle in which `data` is a new byte.
    """

    def __init__(self, divisor: int):
        self.divisor = divisor
        super().__init__({"rx": In(1, init=1), "data": Out(8), "strobe": Out(1)})

    def elaborate(self, platform) -> Module:
        """Return the receiver."""
        m = Module()
        line = Signal(2, init=0b11)
        m.d.sync += line.eq(Cat(line[1], self.rx))
        bit = line[0]
        timer = Signal(range(self.divisor))
        left = Signal(range(_BITS + 1))
        m.d.sync += self.strobe.eq(0)
        with m.If(left == 0):
            m.d.sync += timer.eq(self.divisor // 2 - 1)
            with m.If(~bit):
                m.d.sync += left.eq(_BITS)
        with m.Elif(timer != 0):
            m.d.sync += timer.eq(timer - 1)
        with m.Else():
            m.d.sync += [timer.eq(self.divisor - 1), left.eq(left - 1)]
            with m.If(left == _BITS):
                m.d.sync += left.eq(Mux(bit, 0, _BITS - 1))
            with m.Elif(left == 1):
                m.d.sync += self.strobe.eq(bit)
            with m.Else():
                m.d.sync += self.data.eq(Cat(self.data[1:], bit))
        return m


class Transmitter(wiring.Component):
    """Bytes to a serial line, one right after the other if they come in time.

    Parameters
    ----------
    divisor : int
        Clock cycles of a bit, at least 2.

    Attributes
    ----------
    data : In(8)
        The byte.
    valid : In(1)
        1: `data` is to be sent.
    ready : Out(1)
        1: `data` is taken at the end of this cycle if `valid` is 1.
    tx : Out(1)
        The line, 1 when idle.
    """

    def __init__(self, divisor: int):
        self.divisor = divisor
        super().__init__({"data": In(8), "valid": In(1), "ready": Out(1), "tx": Out(1, init=1)})

    def elaborate(self, platform) -> Module:
        """Return the transmitter."""
        m = Module()
        shift = Signal(_BITS - 1, init=(1 << (_BITS - 1)) - 1)
        timer = Signal(range(self.divisor))
        left = Signal(range(_BITS + 1))
        over = Signal()
        m.d.comb += [
            over.eq(timer == 0),
            self.ready.eq((left == 0) | ((left == 1) & over)),
            self.tx.eq(shift[0]),
        ]
        with m.If(self.ready):
            with m.If(self.valid):
                m.d.sync += [
                    shift.eq(Cat(Const(0, 1), self.data)),
                    timer.eq(self.divisor - 1),
                    left.eq(_BITS),
                ]
            with m.Else():
                m.d.sync += left.eq(0)
        with m.Elif(over):
            m.d.sync += [
                shift.eq(Cat(shift[1:], Const(1, 1))),
                timer.eq(self.divisor - 1),
                left.eq(left - 1),
            ]
        with m.Else():
            m.d.sync += timer.eq(timer - 1)
        return m


def crc16_after(crc: Value, byte: Value) -> Value:
    """Return the frames' checksum after one more byte, 16 bits: `esru.demo.protocol.crc16`.

    The checksum is linear in its state and in the byte, so that each of its bits is the parity
    of those inputs whose own checksums have it.
    """
    inputs = [(crc[i], crc16(b"\0", 1 << i)) for i in range(16)]
    inputs += [(byte[i], crc16(bytes((1 << i,)), 0)) for i in range(8)]
    return Cat(Cat(value for value, image in inputs if image >> bit & 1).xor() for bit in range(16))
