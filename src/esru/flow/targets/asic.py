"""What the targets of standard cells share: the smallest area, and no initial values.

The yardstick is area alone. So carries ripple, and ABC maps for area (`amap`, three times: each
round starts from what the one before has found). A chip of standard cells has no initial values:
those of the hardware are dropped, and its reset does the work.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from esru.errors import ToolFailed
from esru.flow.targets.target import Json

_RIPPLE = """\
(* techmap_celltype = "$lcu" *)
module _80_lcu_ripple(P, G, CI, CO);
  parameter WIDTH = 2;
  input [WIDTH-1:0] P, G;
  input CI;
  output [WIDTH-1:0] CO;
  genvar i;
  generate
    for (i = 0; i < WIDTH; i = i + 1) begin : stage
      if (i == 0) assign CO[i] = G[i] | (P[i] & CI);
      else assign CO[i] = G[i] | (P[i] & CO[i-1]);
    end
  endgenerate
endmodule
"""

_ABC = """\
strash
&get -n
&fraig -x
&put
scorr
dc2
strash
dch -f
amap
strash
dch -f
amap
strash
dch -f
amap
"""

#: What sets two gates of one area apart: too little to change which of two netlists is smaller.
_APART = 1e-5


@dataclass(frozen=True)
class Gate:
    """A gate that ABC may map to.

    Attributes
    ----------
    name : str
        Its cell type.
    area : float
        What is minimised.
    output : str
        Its output pin.
    function : str
        What the output is, as ABC's genlib has it, such as ``!(A*B+C)``.
    """

    name: str
    area: float
    output: str
    function: str


def files(gates: Iterable[Gate]) -> dict[str, str]:
    """Return the files that these commands read; `gates` are what ABC maps to."""
    return {"ripple.v": _RIPPLE, "area.abc": _ABC, "gates.genlib": genlib(gates)}


def genlib(gates: Iterable[Gate]) -> str:
    """Return gates as a genlib in which no two areas are the same.

    ABC's `amap` tries gates in the order of their areas, and `qsort` may leave those of one area
    in any order: it does in one C library what it does not in another. So two builds of Yosys
    would find other netlists. Gates of one area keep the order in which they come.
    """
    lines = []
    for number, gate in enumerate(sorted(gates, key=lambda gate: gate.area)):
        pins = "" if gate.function.startswith("CONST") else " PIN * UNKNOWN 1 999 1 0 1 0"
        area = gate.area + number * _APART
        lines.append(f"GATE {gate.name} {area:.5f} {gate.output}={gate.function};{pins}\n")
    return "".join(lines)


#: The flip-flop of Yosys that every register becomes.
FLIP_FLOP = "$_DFF_P_"

#: The commands that make modules of gates, and of registers of every kind.
GATES_AND_REGISTERS = (
    "setattr -unset init w:*",
    # Yosys tries the techmap modules of a cell in the order of their names.
    "synth -noabc -extra-map ripple.v -run coarse:check",
)

#: The commands that simplify them, once every register is a `FLIP_FLOP`.
CLEANED = (
    # Not its flip-flop passes, which would take resets and enables in again.
    "opt -nodffe -nosdff",
    "opt_clean",
)

#: The commands that make modules of Yosys' own gates and flip-flops.
SYNTHESIS = (*GATES_AND_REGISTERS, f"dfflegalize -cell {FLIP_FLOP} x", *CLEANED)

#: The commands that map these gates, once they are in an order of their own.
MAPPING = ("abc -genlib gates.genlib -script area.abc", "opt_clean")


def area(module: Json, areas: Mapping[str, float]) -> float:
    """Return the area of a mapped module: the sum over its cells.

    Raises
    ------
    ToolFailed
        If a cell of the module is none of the library's.
    """
    kinds = [cell["type"] for cell in module["cells"].values()]
    for kind in kinds:
        if kind not in areas:
            raise ToolFailed("Yosys", f"it left a cell {kind}, which the library has not")
    return sum(areas[kind] for kind in kinds)
