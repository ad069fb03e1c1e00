"""The demo's replies: mark, command, payload, status and checksum, a byte at a time."""

from __future__ import annotations

from amaranth.hdl import Const, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from esru.demo.config import DemoConfig
from esru.demo.protocol import REPLY_MARK, STATISTICS_BYTES, Command, Status
from esru.hdl.uart import Transmitter, crc16_after

_CRC_START = 0xFFFF


class DemoReply(wiring.Component):
    """One reply after the other, onto the line.

    Parameters
    ----------
    config : DemoConfig
        The demo.

    Attributes
    ----------
    start : In(1)
        1: a reply begins in the next cycle; only while `resting`.
    abort : In(1)
        1: the payload of ROUND ends here, and with it the reply.
    command : In(8)
        What it answers; held while it is sent.
    status : In(3)
        How that went; looked at once `whole` is 1.
    whole : In(1)
        1: no more blocks come.
    statistics : In(13 * 8)
        Payload of STATS, first byte lowest.
    load : In(1)
        1: `answers` is the next block of ROUND's payload.
    answers : In(lanes * answer_bits)
        A block's answers.
    resting : Out(1)
        1: no reply is being sent.
    overrun : Out(1)
        1: since `start`, a block came before the last one had been handed to the line.
    tx : Out(1)
        The line, 1 when idle.
    """

    def __init__(self, config: DemoConfig):
        self.config = config
        super().__init__(
            {
                "start": In(1),
                "abort": In(1),
                "command": In(8),
                "status": In(3),
                "whole": In(1),
                "statistics": In(8 * STATISTICS_BYTES),
                "load": In(1),
                "answers": In(config.lanes * config.answer_bits),
                "resting": Out(1),
                "overrun": Out(1),
                "tx": Out(1, init=1),
            }
        )

    def elaborate(self, platform) -> Module:
        """Return the sender."""
        m = Module()
        config, info = self.config, self.config.info
        m.submodules.transmitter = line = Transmitter(config.divisor)
        crc = Signal(16, init=_CRC_START)
        index = Signal(range(max(len(info), STATISTICS_BYTES)))
        block = Signal(8 * config.answer_bytes)
        filled = Signal(range(config.answer_bytes + 1))
        sent = Signal()
        m.d.comb += [self.tx.eq(line.tx), sent.eq(line.valid & line.ready)]
        # The mark is not covered; the checksum's own bytes do not matter any more.
        with m.If(sent):
            m.d.sync += crc.eq(crc16_after(crc, line.data))

        good = self.status == Status.OK
        with m.FSM(name="reply"):
            with m.State("REST"):
                m.d.comb += self.resting.eq(1)
                with m.If(self.start):
                    m.d.sync += [filled.eq(0), self.overrun.eq(0), index.eq(0)]
                    m.next = "MARK"
            with m.State("MARK"):
                m.d.comb += [line.valid.eq(1), line.data.eq(REPLY_MARK)]
                with m.If(sent):
                    m.d.sync += crc.eq(_CRC_START)
                    m.next = "COMMAND"
            with m.State("COMMAND"):
                m.d.comb += [line.valid.eq(1), line.data.eq(self.command)]
                with m.If(sent):
                    m.next = "STATUS"
                    with m.If(self.command == Command.ROUND):
                        m.next = "BLOCKS"
                    with m.Elif(good & (self.command == Command.INFO)):
                        m.next = "INFO"
                    with m.Elif(good & (self.command == Command.STATS)):
                        m.next = "STATISTICS"
            with m.State("INFO"):
                text = Const(int.from_bytes(info, "little"), 8 * len(info))
                m.d.comb += [line.valid.eq(1), line.data.eq(text.word_select(index, 8))]
                with m.If(sent):
                    m.d.sync += index.eq(index + 1)
                    with m.If(index == len(info) - 1):
                        m.next = "STATUS"
            with m.State("STATISTICS"):
                m.d.comb += [line.valid.eq(1), line.data.eq(self.statistics.word_select(index, 8))]
                with m.If(sent):
                    m.d.sync += index.eq(index + 1)
                    with m.If(index == STATISTICS_BYTES - 1):
                        m.next = "STATUS"
            with m.State("BLOCKS"):
                m.d.comb += [line.valid.eq(filled != 0), line.data.eq(block[:8])]
                with m.If(sent):
                    m.d.sync += [block.eq(block >> 8), filled.eq(filled - 1)]
                with m.If((filled == 0) & self.whole):
                    m.next = "STATUS"
                # Only a request whose data stays away is given up.
                with m.If(self.abort):
                    m.next = "REST"
            with m.State("STATUS"):
                m.d.comb += [line.valid.eq(1), line.data.eq(self.status)]
                with m.If(sent):
                    m.next = "LOW"
            with m.State("LOW"):
                m.d.comb += [line.valid.eq(1), line.data.eq(crc[:8])]
                with m.If(sent):
                    m.d.sync += crc.eq(crc >> 8)
                    m.next = "HIGH"
            with m.State("HIGH"):
                m.d.comb += [line.valid.eq(1), line.data.eq(crc[:8])]
                with m.If(sent):
                    m.next = "REST"
        with m.If(self.load):
            m.d.sync += [block.eq(self.answers), filled.eq(config.answer_bytes)]
            with m.If(filled != 0):
                m.d.sync += self.overrun.eq(1)
        return m
