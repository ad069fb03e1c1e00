"""The demo on the chip: lanes of a unit behind a serial line, and a test of themselves.

`docs/protocol.md` is its contract, `esru.demo.model` what it computes.
"""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, ResetInserter, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from esru import __version__
from esru.demo.config import DemoConfig
from esru.demo.model import self_test_signature
from esru.demo.protocol import FORGET_BITS, REQUEST_MARK, SELF_TEST_CYCLES, Command, Status
from esru.hdl.demo_array import DemoArray
from esru.hdl.demo_reply import DemoReply
from esru.hdl.emit import convert, flat_verilog
from esru.hdl.uart import Receiver, crc16_after

_CRC_START = 0xFFFF

#: Half periods of `hurry` in a second; `blink` has two.
_BEATS = 16


class Demo(wiring.Component):
    """The demo.

    After a reset it runs the known stream for `SELF_TEST_CYCLES` cycles and compares the
    signature with the model's. Then it rounds its held operands in every cycle, for the LED
    `mean`, until the first request that fits its checksum.

    Parameters
    ----------
    config : DemoConfig
        Everything about it.

    Attributes
    ----------
    rx, tx : In(1), Out(1)
        The serial line, 1 when idle; `rx` is asynchronous.
    blink, hurry : Out(1)
        Square waves of 1 Hz and 8 Hz.
    passed, failed : Out(1)
        How the self-test ended; both 0 before.
    mean : Out(1)
        Lowest bit of lane 0's answer to 0.3 until the first request, then 0.
    """

    def __init__(self, config: DemoConfig):
        self.config = config
        outputs = ("blink", "hurry", "passed", "failed", "mean")
        lines = {"rx": In(1, init=1), "tx": Out(1, init=1)}
        super().__init__(lines | {name: Out(1) for name in outputs})

    def elaborate(self, platform) -> Module:
        """Return the demo."""
        m = Module()
        config = self.config
        m.submodules.receiver = receiver = Receiver(config.divisor)
        m.submodules.reply = reply = DemoReply(config)
        array, seed = DemoArray(config), Signal()
        m.submodules.array = ResetInserter(seed)(array)
        finished, passed, showing = Signal(), Signal(), Signal()
        self._beats(m)

        # The request: `left` is its count, later what is left to do.
        byte, strobe = receiver.data, receiver.strobe
        command = Signal(8, init=Command.STREAM)
        left = Signal(24, init=SELF_TEST_CYCLES)
        crc, wrong = Signal(16, init=_CRC_START), Signal()
        place = Signal(range(max(config.block_bytes, 6)))
        operands = Signal(8 * config.block_bytes, init=self._held())
        waiting, forget, fire = Signal(), Signal(), Signal()
        self._patience(m, waiting & ~strobe, forget)

        m.d.comb += [
            receiver.rx.eq(self.rx),
            self.tx.eq(reply.tx),
            self.passed.eq(finished & passed),
            self.failed.eq(finished & ~passed),
            self.mean.eq(showing & array.answers[0]),
            # A block is rounded in the cycle after its last byte; its answers come one later.
            array.step.eq(fire | showing),
            array.count.eq(fire),
            array.held.eq(operands),
            reply.command.eq(command),
            reply.abort.eq(forget),
            reply.load.eq(array.valid & (command == Command.ROUND)),
            reply.answers.eq(array.answers),
            reply.statistics.eq(Cat(array.cycles, array.sum, array.misr, finished, self.passed)),
        ]
        m.d.sync += fire.eq(0)
        counted = (command >= Command.STEP) & (command <= Command.STREAM)

        with m.FSM(init="RUN"):
            with m.State("REST"), m.If(strobe & reply.resting & (byte == REQUEST_MARK)):
                m.d.sync += [crc.eq(_CRC_START), place.eq(0), wrong.eq(0)]
                m.next = "HEAD"
            with m.State("HEAD"):
                m.d.comb += waiting.eq(1)
                with m.If(strobe):
                    m.d.sync += place.eq(place + 1)
                    with m.If(place == 0):
                        m.d.sync += command.eq(byte)
                    with m.Elif(place < 4):
                        m.d.sync += left.eq(Cat(left[8:], byte))
                    with m.If(place < 4):
                        m.d.sync += crc.eq(crc16_after(crc, byte))
                    with m.Else():
                        # The checksum's low byte comes first.
                        m.d.sync += [crc.eq(crc >> 8), wrong.eq(wrong | (byte != crc[:8]))]
                    with m.If(place == 5):
                        m.next = "JUDGE"
                with m.Elif(forget):
                    m.next = "REST"
            with m.State("JUDGE"):
                m.d.comb += reply.start.eq(1)
                m.d.sync += [reply.status.eq(Status.OK), reply.whole.eq(1)]
                m.d.sync += [crc.eq(_CRC_START), place.eq(0)]
                m.next = "REST"
                with m.If(wrong):
                    m.d.sync += [command.eq(0), reply.status.eq(Status.REQUEST_CHECKSUM)]
                with m.Else():
                    # The first request finds sources and statistics at their start.
                    m.d.comb += seed.eq(showing | (command == Command.SEED))
                    m.d.sync += showing.eq(0)
                    with m.If((command == 0) | (command > Command.STATS)):
                        m.d.sync += reply.status.eq(Status.UNKNOWN_COMMAND)
                    with m.Elif(counted & (left == 0)):
                        m.d.sync += reply.status.eq(Status.COUNT)
                    with m.Elif(command == Command.ROUND):
                        m.d.sync += reply.whole.eq(0)
                        m.next = "DATA"
                    with m.Elif(counted):
                        m.d.comb += reply.start.eq(0)
                        m.next = "RUN"
            with m.State("DATA"):
                m.d.comb += waiting.eq(1)
                with m.If(strobe):
                    m.d.sync += operands.eq(Cat(operands[8:], byte))
                    m.d.sync += [crc.eq(crc16_after(crc, byte)), place.eq(place + 1)]
                    with m.If(place == config.block_bytes - 1):
                        m.d.sync += [fire.eq(1), place.eq(0), left.eq(left - 1)]
                        with m.If(left == 1):
                            m.next = "CHECK"
                with m.Elif(forget):
                    m.next = "REST"
            with m.State("CHECK"):
                m.d.comb += waiting.eq(1)
                with m.If(strobe):
                    mismatch = wrong | (byte != crc[:8])
                    m.d.sync += [crc.eq(crc >> 8), wrong.eq(mismatch), place.eq(place + 1)]
                    with m.If(place == 1):
                        late = Mux(reply.overrun, Status.OVERRUN, Status.OK)
                        m.d.sync += reply.status.eq(Mux(mismatch, Status.DATA_CHECKSUM, late))
                        m.d.sync += reply.whole.eq(1)
                        m.next = "REST"
                with m.Elif(forget):
                    m.next = "REST"
            with m.State("RUN"):
                m.d.comb += array.step.eq(1)
                m.d.comb += array.count.eq(command != Command.STEP)
                m.d.comb += array.stream.eq(command == Command.STREAM)
                m.d.sync += left.eq(left - 1)
                with m.If(left == 1):
                    m.next = "SETTLE"
            # The last rounding is in the statistics two cycles after it.
            with m.State("SETTLE"):
                m.next = "DONE"
            with m.State("DONE"):
                m.next = "REST"
                with m.If(finished):
                    m.d.comb += reply.start.eq(1)
                with m.Else():
                    right = array.misr == self_test_signature(config)
                    m.d.sync += [finished.eq(1), passed.eq(right), showing.eq(1)]
                    m.d.comb += seed.eq(1)
        return m

    def _beats(self, m: Module) -> None:
        """Add what blinks."""
        least = max(self.config.clock_hz // _BEATS, 1)
        timer, beats = Signal(range(least)), Signal(range(_BEATS))
        m.d.comb += [self.hurry.eq(beats[0]), self.blink.eq(beats[-1])]
        with m.If(timer == least - 1):
            m.d.sync += [timer.eq(0), beats.eq(beats + 1)]
        with m.Else():
            m.d.sync += timer.eq(timer + 1)

    def _patience(self, m: Module, silent: Value, forget: Signal) -> None:
        """Add what gives an unfinished request up after a long silence."""
        longest = FORGET_BITS * self.config.divisor
        timer = Signal(range(longest + 1))
        m.d.comb += forget.eq(timer == longest)
        with m.If(silent & ~forget):
            m.d.sync += timer.eq(timer + 1)
        with m.Else():
            m.d.sync += timer.eq(0)

    def _held(self) -> int:
        """Return the operands that are held after start-up: 0.3 in every lane."""
        config = self.config
        return sum(config.held << lane * config.operand_bits for lane in range(config.lanes))


def demo_module(config: DemoConfig) -> str:
    """Return the name of the demo's module: ``esru_demo_<id>_x<M>``."""
    return f"esru_demo_{config.design.id}_x{config.lanes}"


def demo_verilog(config: DemoConfig) -> str:
    """Return the demo as Verilog, one flat module: clk, rst (synchronous, high), rx, tx and LEDs.

    The text names no source paths, no dates and no tools.

    Raises
    ------
    ToolMissing, ToolFailed
        If there is no Yosys, or it fails.
    """
    head = (
        f"// esru {__version__}: demo of the stochastic rounding unit {config.design}\n"
        f"// id {config.design.id}, lanes {config.lanes}, clock {config.clock_hz / 1e6:g} MHz, "
        f"{config.baud} baud\n"
    )
    return head + flat_verilog(convert(Demo(config), demo_module(config), clocked=True))
