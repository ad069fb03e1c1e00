"""The rounding lanes of the demo, with the known stream, the statistics and the signature."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from esru.demo.config import DemoConfig
from esru.demo.model import SIGNATURE_POLYNOMIAL, STIMULUS_POLYNOMIAL, STIMULUS_START
from esru.hdl.bank import Bank

_WORD = 32


class DemoArray(wiring.Component):
    """Lanes under test: `esru.demo.model.DemoModel` is what they do.

    All registers return to their start at a reset (domain ``sync``). Throughput: a rounding a
    lane and clock cycle. Latency of `answers`: 1 at either boundary.

    Parameters
    ----------
    config : DemoConfig
        Design and lanes.

    Attributes
    ----------
    step : In(1)
        1: a rounding happens in this cycle.
    count : In(1)
        1: it counts in the statistics and the signature.
    stream : In(1)
        1: the operands are the known stream's, which moves on; 0: they are `held`.
    held : In(lanes * operand_bits)
        Operands, lane 0 lowest.
    answers : Out(lanes * answer_bits)
        The answers of the last cycle with `step`, from the cycle after it on.
    valid : Out(1)
        1: `answers` are those of a rounding in the cycle before that counts.
    cycles, sum, misr : Out(32)
        The statistics and the signature register; a rounding is in them two cycles after it
        happened.
    """

    def __init__(self, config: DemoConfig):
        self.config = config
        super().__init__(
            {
                "step": In(1),
                "count": In(1),
                "stream": In(1),
                "held": In(config.lanes * config.operand_bits),
                "answers": Out(config.lanes * config.answer_bits),
                "valid": Out(1),
                "cycles": Out(_WORD),
                "sum": Out(_WORD),
                "misr": Out(_WORD),
            }
        )

    def elaborate(self, platform) -> Module:
        """Return the lanes and what watches them."""
        m = Module()
        config, design = self.config, self.config.design
        m.submodules.bank = bank = Bank(design, config.lanes)
        operands = Mux(self.stream, self._stream(m), self.held)
        m.d.comb += bank.en.eq(self.step)
        m.d.sync += self.valid.eq(self.step & self.count)
        if design.boundary == "decision":
            m.d.comb += bank.frac.eq(operands)
            with m.If(self.step):
                m.d.sync += self.answers.eq(bank.up)
        else:
            m.d.comb += [bank.x.eq(operands), self.answers.eq(bank.y)]
        lane = self.answers[: config.answer_bits]
        signed = design.boundary == "unit" and design.out_format.signed
        with m.If(self.valid):
            m.d.sync += [
                self.cycles.eq(self.cycles + 1),
                self.sum.eq(self.sum + (lane.as_signed() if signed else lane)),
                self.misr.eq(self._signature(m)),
            ]
        return m

    def _stream(self, m: Module):
        """Add the stimulus register and return the known stream's operands."""
        config = self.config
        state = Signal(_WORD, name="stimulus", init=STIMULUS_START)
        feedback = Const(STIMULUS_POLYNOMIAL & ((1 << _WORD) - 1), _WORD)
        shifted = Cat(Const(0, 1), state[:-1])
        with m.If(self.step & self.stream):
            m.d.sync += state.eq(shifted ^ Mux(state[-1], feedback, 0))
        ring = Cat(state, state)
        return Cat(
            ring[first : first + min(config.operand_bits - low, _WORD)]
            for lane in range(config.lanes)
            for low in range(0, config.operand_bits, _WORD)
            for first in [(13 * (low // _WORD) + 5 * lane + lane // _WORD) % _WORD]
        )

    def _signature(self, m: Module) -> Value:
        """Return the signature register's next value: times x, and the answers folded in."""
        width = len(self.answers)
        words = [self.answers[low : low + _WORD] for low in range(0, width, _WORD)]
        folded: Value = words.pop()
        while words:
            # A signal of its own: an expression that holds the last one twice doubles each time.
            step = Signal(_WORD, name=f"folded_{len(words)}")
            m.d.comb += step.eq(_times_x(folded) ^ words.pop())
            folded = step
        return _times_x(self.misr) ^ folded


def _times_x(word: Value) -> Value:
    """Return a word times x modulo the signature's polynomial, 32 bits."""
    if len(word) < _WORD:
        return word << 1
    return Cat(Const(0, 1), word[:-1]) ^ Mux(word[-1], Const(SIGNATURE_POLYNOMIAL, _WORD), 0)
