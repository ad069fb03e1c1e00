"""Plain textbook rounding units as Verilog, written without esru: a yardstick of counts.

A Fibonacci LFSR of L bits (synchronous reset to 1) whose k top bits are added to the n
dropped bits. No saturation, no output register; `en` is a port that only `enable` connects.
"""

from __future__ import annotations

from esru.flow.measure import Netlist

#: Exponents of a primitive polynomial, without the constant term.
TAPS = {3: (3, 2), 4: (4, 3), 5: (5, 3), 8: (8, 6, 5, 4), 16: (16, 15, 13, 4), 24: (24, 23, 22, 17)}

#: The designs (n, k, L) that were measured first: 24, 24, 24; 8, 8, 8; 8, 3, 3.
MEASURED = ((24, 24, 24), (8, 8, 8), (8, 3, 3))


def lfsr(length: int, bits: int, enable: bool = False) -> str:
    """Return the register `s` and the random word `r`, its top `bits` bits."""
    feedback = " ^ ".join(f"s[{tap - 1}]" for tap in TAPS[length])
    step = f"s <= {{s[{length - 2}:0], {feedback}}};"
    return f"""
  reg [{length - 1}:0] s;
  always @(posedge clk)
    if (rst) s <= {length}'d1;
    else {"if (en) " if enable else ""}{step}
  wire [{bits - 1}:0] r = s[{length - 1}:{length - bits}];"""


def decision(n: int, k: int, length: int, lanes: int = 1, enable: bool = False) -> Netlist:
    """Return the random source and, for each lane, the carry out of fraction + word."""
    name = f"decision_{n}_{k}_{length}" + (f"_x{lanes}" if lanes > 1 else "")
    name += "_en" if enable else ""
    body = lfsr(length, k, enable)
    for lane in range(lanes):
        body += f"""
  wire [{n}:0] t{lane} = frac[{n * lane + n - 1}:{n * lane}] + {_aligned(n, k)};
  assign up[{lane}] = t{lane}[{n}];"""
    ports = f"input clk, input rst, input en, input [{n * lanes - 1}:0] frac"
    text = f"module {name}({ports}, output [{lanes - 1}:0] up);{body}\nendmodule\n"
    return Netlist(name, text, "verilog")


def unit(n: int, k: int, length: int) -> Netlist:
    """Return the random source, the addition and the 8-bit result that it increments."""
    name = f"unit_{n}_{k}_{length}"
    ports = f"input clk, input rst, input en, input [{n + 7}:0] x, output [7:0] y"
    body = f"""{lfsr(length, k)}
  wire [{n + 7}:0] t = x + {_aligned(n, k)};
  assign y = t[{n + 7}:{n}];"""
    return Netlist(name, f"module {name}({ports});{body}\nendmodule\n", "verilog")


def measured() -> list[Netlist]:
    """Return the decision and the unit of each point of `MEASURED`."""
    return [decision(*point) for point in MEASURED] + [unit(*point) for point in MEASURED]


def dozen() -> list[Netlist]:
    """Return sixteen modules in which packing has every kind of work: chains, wires, constants."""
    nothing = "module wires(input a, output b, output c, output d);\n"
    nothing += "  assign b = a;\n  assign c = a;\n  assign d = 1'b0;\nendmodule\n"
    parts = "module parts_inverter #(parameter W = 2)(input [W-1:0] a, output [W-1:0] b);\n"
    parts += "  assign b = ~a;\nendmodule\nmodule parts(input [4:0] a, output [4:0] b);\n"
    parts += "  parts_inverter #(.W(5)) inside(.a(a), .b(b));\nendmodule\n"
    return [
        *measured(),
        decision(8, 3, 8),
        decision(16, 16, 16),
        decision(5, 5, 5),
        decision(4, 4, 4, enable=True),
        decision(8, 8, 8, lanes=4),
        decision(8, 3, 3, lanes=5),
        unit(8, 3, 8),
        unit(16, 16, 16),
        Netlist("wires", nothing, "verilog"),
        Netlist("parts", parts, "verilog"),
    ]


def _aligned(n: int, k: int) -> str:
    return "r" if n == k else f"{{r, {n - k}'d0}}"
