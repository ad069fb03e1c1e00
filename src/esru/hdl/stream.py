"""The array as a valid/ready stream: what a datapath with back-pressure connects to."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from esru.boundaries import ROUNDINGS
from esru.design import Design
from esru.errors import InputError
from esru.hdl.bank import Bank
from esru.hdl.sources import load_ports
from esru.hdl.structure import Plain


class StreamBank(Bank):
    """A `Bank` between two streams; a rounding happens in every cycle with a transfer in.

    Throughput: one transfer of M lanes per clock cycle. Boundary ``unit``: latency 1; the result
    is held until it is taken, and ``i.ready`` is 1 while there is none or it is being taken.
    Boundaries ``decision`` and ``result``: latency 0; both handshakes are passed through. The
    sources step once for each transfer in, so that back-pressure uses up no random words and the
    words of a run do not depend on when the neighbours were ready. At latency 0 a waiting result
    is not held: what stands beside its input (``r``, ``scale``) must stay as that does, and
    ``load`` be 0.

    Parameters
    ----------
    design, lanes
        As `Bank` takes them.

    Attributes
    ----------
    i : In(stream.Signature(M * W_in))
        Input words (boundary ``decision``: what `Bank` calls ``frac``) of all lanes, lane 0 lowest.
    r : In(G * k)
        Source ``port`` only: the random words that the next transfer in is rounded with.
    scale : In(8 * blocks)
        Designs with ``block=`` only: the scales that the next transfer in is divided by.
    load, seed
        Only with ``load=1``: as `Bank` has them. The first transfer in after a load is rounded
        with the seed's word, however long the neighbours wait.
    o : Out(stream.Signature(M * W_out))
        Output words (boundary ``decision``: the decisions) of all lanes, lane 0 lowest.

    Raises
    ------
    InputError
        As `Bank` raises it; if the boundary is an accumulator's.
    """

    def __new__(cls, design: Design, lanes: int | None = None):
        """Check before the object exists: Amaranth complains about one never elaborated."""
        if design.boundary not in ROUNDINGS:
            rule = f"one of {', '.join(ROUNDINGS)}"
            raise InputError.must("Boundary of a stream", rule, design.boundary)
        return super().__new__(cls, design, lanes)

    def __init__(self, design: Design, lanes: int | None = None):
        lanes = design.lanes if lanes is None else lanes
        self.design = design
        self.lanes = lanes
        self.groups = lanes // design.lanes
        self.structure = Plain()
        decision = design.boundary == "decision"
        width_in = design.fraction_bits if decision else design.x_bits
        width_out = 1 if decision else design.out_format.width
        members = {
            "i": In(stream.Signature(lanes * width_in)),
            "o": Out(stream.Signature(lanes * width_out)),
        }
        members |= {name: In(bits) for name, bits in design.side_inputs(lanes).items()}
        wiring.Component.__init__(self, load_ports(design, self.groups) | members)
        self.en = Signal()
        if decision:
            self.frac, self.up = self.i.payload, self.o.payload
        else:
            self.x, self.y = self.i.payload, self.o.payload

    def elaborate(self, platform) -> Module:
        """Return the array with its handshakes, one flat module."""
        m = super().elaborate(platform)
        m.d.comb += self.en.eq(self.i.valid & self.i.ready)
        if not self.design.latency:
            m.d.comb += [self.o.valid.eq(self.i.valid), self.i.ready.eq(self.o.ready)]
        else:
            m.d.comb += self.i.ready.eq(~self.o.valid | self.o.ready)
            with m.If(self.i.ready):
                m.d.sync += self.o.valid.eq(self.i.valid)
        return m
