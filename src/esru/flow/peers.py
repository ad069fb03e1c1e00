"""Published stochastic rounding units as plain textbook Verilog, to compare with.

Each is written here from the published description alone, as a reader of it would: the random
source, how its word meets the fraction, and how many bits of each. What else a published unit
has (other rounding modes, seeds by core) is left out. All take the same operands: 24 dropped bits
below an 8-bit two's complement result, whose sum saturates, in a register; one PRNG per lane.

Each is the same as a `Design`, whose exact bias and training are therefore its own. That is
proved, for every input in every cycle, by `prove_peer`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from esru.boundaries import ROUNDINGS
from esru.design import Design, parse
from esru.errors import InputError
from esru.flow.checks import Check
from esru.flow.formal import prove_design
from esru.flow.measure import Netlist
from esru.flow.yosys import run_script
from esru.hdl.emit import module_name

#: The operands of every peer: 8 bits kept, 24 dropped.
INPUT = "s32.24"

_DROPPED = 24


@dataclass(frozen=True)
class Peer:
    """A published unit.

    Attributes
    ----------
    name, summary : str
        For tables.
    publication : str
        Where its structure is described.
    design : Design
        The design that does the same, at the boundary ``decision``.
    source : str
        Verilog: the register `s` and its step.
    rule : str
        Verilog at the boundary ``decision``: drives `up` from `frac`.
    total : str
        Verilog at ``result`` and ``unit``: the wire `total`, 9 bits signed, from `x`.
    """

    name: str
    summary: str
    publication: str
    design: Design
    source: str
    rule: str
    total: str

    def at(self, boundary: str) -> Design:
        """Return the design that does the same at a boundary."""
        return replace(self.design, boundary=boundary)

    def verilog(self, boundary: str, name: str) -> str:
        """Return one lane as a module, ports as those of every unit (docs/hardware.md).

        Parameters
        ----------
        boundary : str
            ``decision``, ``result`` or ``unit``.
        name : str
            The module's name.

        Raises
        ------
        InputError
            For any other boundary.
        """
        head = f"module {name}(input clk, input rst, input en, "
        if boundary == "decision":
            ports = f"input [{self.design.n - 1}:0] frac, output up);\n"
            return head + ports + self.source + self.rule + "endmodule\n"
        if boundary not in ROUNDINGS:
            raise InputError.must(
                "Boundary of a peer", f"one of {', '.join(ROUNDINGS)}", repr(boundary)
            )
        kind, output = ("reg", _REGISTERED) if boundary == "unit" else ("wire", _COMBINATIONAL)
        ports = f"input signed [{_DROPPED + 7}:0] x, output {kind} signed [7:0] y);\n"
        return head + ports + self.source + self.total + output + "endmodule\n"


_SATURATED = "total > 127 ? 8'sd127 : total[7:0]"

_COMBINATIONAL = f"  assign y = {_SATURATED};\n"

_REGISTERED = f"""\
  initial y = 0;
  always @(posedge clk)
    if (rst) y <= 0;
    else if (en) y <= {_SATURATED};
"""


def _register(length: int, step: str) -> str:
    return (
        f"  reg [{length - 1}:0] s;\n"
        "  initial s = 1;\n"
        "  always @(posedge clk)\n"
        "    if (rst) s <= 1;\n"
        f"    else if (en) s <= {step};\n"
    )


PEERS: dict[str, Peer] = {
    peer.name: peer
    for peer in (
        Peer(
            name="comparator12",
            summary="12-bit LFSR, compared with the top 12 bits; then an increment",
            publication="CVFPU (FPnew), expanding dot product with stochastic rounding",
            design=parse(f"12:12:zero:lfsr12,map=complement,in={INPUT}"),
            # x^12 + x^6 + x^4 + x + 1
            source=_register(12, "{s[10:0], s[11] ^ s[10] ^ s[7] ^ s[5]}"),
            rule="  assign up = s < frac;\n",
            total="  wire up = s < x[23:12];\n"
            "  wire signed [8:0] total = $signed(x[31:24]) + $signed({1'b0, up});\n",
        ),
        Peer(
            name="adder16",
            summary="16-bit LFSR, added to the top 16 bits",
            publication="Gupta et al., Deep Learning with Limited Numerical Precision, ICML 2015",
            design=parse(f"16:16:zero:lfsr16,in={INPUT}"),
            # x^16 + x^5 + x^3 + x^2 + 1
            source=_register(16, "{s[14:0], s[15] ^ s[13] ^ s[12] ^ s[10]}"),
            rule="  wire [16:0] sum = frac + s;\n  assign up = sum[16];\n",
            total="  wire signed [32:0] sum = x + $signed({1'b0, s, 8'd0});\n"
            "  wire signed [8:0] total = sum >>> 24;\n",
        ),
        Peer(
            name="galois32",
            summary="32-bit Galois LFSR, its top 24 bits added to all 24 dropped bits",
            publication="AMD CDNA 4 instruction set: V_PRNG_B32 and V_CVT_SR_*",
            design=parse(f"24:24:zero:lfsr32,form=galois,in={INPUT}"),
            # x^32 + x^7 + x^6 + x^2 + 1
            source=_register(32, "{s[30:0], 1'b0} ^ (s[31] ? 32'd197 : 32'd0)"),
            rule="  wire [24:0] sum = frac + s[31:8];\n  assign up = sum[24];\n",
            total="  wire signed [32:0] sum = x + $signed({1'b0, s[31:8]});\n"
            "  wire signed [8:0] total = sum >>> 24;\n",
        ),
    )
}


def peer_netlist(peer: Peer, boundary: str) -> Netlist:
    """Return a peer's lane for `esru.flow.measure.measure`."""
    name = f"{peer.name}_{boundary}"
    return Netlist(name, peer.verilog(boundary, name), "verilog")


def prove_peer(peer: Peer, boundary: str, folder: Path, text: str | None = None) -> Check:
    """Prove that a peer's Verilog does what its design does, in every cycle.

    Parameters
    ----------
    peer : Peer
        The unit.
    boundary : str
        ``decision``, ``result`` or ``unit``.
    folder : Path
        Where scripts and logs go.
    text : str or None
        Verilog to prove instead of the peer's own, for tests with seeded faults.

    Raises
    ------
    ToolMissing, ToolFailed
        If there is no Yosys, or it fails or comes to no conclusion.
    """
    design = peer.at(boundary)
    name = module_name(design)
    text = peer.verilog(boundary, name) if text is None else text
    (folder / "peer.v").write_text(text, encoding="utf-8")
    script = (
        f"read_verilog -sv peer.v\nproc\nopt_clean\nselect {name}\nwrite_rtlil -selected peer.il\n"
    )
    run_script(script, cwd=folder, log=folder / "peer.log")
    return prove_design(design, folder, text=(folder / "peer.il").read_text(encoding="utf-8"))
