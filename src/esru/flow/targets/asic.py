"""What the targets of standard cells share: the smallest area, and no initial values.

The yardstick is area alone. So carries ripple, and ABC maps for area (`amap`, twice: the second
round starts from what the first has found). A chip of standard cells has no initial values:
those of the hardware are dropped, and its reset does the work.
"""

from __future__ import annotations

from collections.abc import Mapping

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
"""

#: Files that the commands below read.
FILES = {"ripple.v": _RIPPLE, "area.abc": _ABC}


def synthesis(registers: str, library: str) -> tuple[str, ...]:
    """Return the commands that map modules to standard cells.

    Parameters
    ----------
    registers : str
        The command that maps the flip-flops.
    library : str
        ABC's option for the gates, such as ``-genlib FILE``.
    """
    return (
        "setattr -unset init w:*",
        # Yosys tries the techmap modules of a cell in the order of their names.
        "synth -noabc -extra-map ripple.v -run coarse:check",
        registers,
        # Not its flip-flop passes, which would take resets and enables in again.
        "opt -nodffe -nosdff",
        f"abc {library} -script area.abc",
        "opt_clean",
    )


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
