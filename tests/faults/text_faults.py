"""Seeded faults in what comes after Amaranth: emitted RTLIL and Verilog, mapped netlists."""

from __future__ import annotations

import re
from collections.abc import Callable

from fault import EMITTED, Fault, Plant, around

from esru.flow import mapped
from esru.hdl import emit

Rewrite = Callable[[str], str]


def replaced(pattern: str, new: str, count: int = 1) -> Rewrite:
    """Return a rewriting of the first places where a pattern is; there must be one."""

    def rewrite(text: str) -> str:
        result, places = re.subn(pattern, new, text, count=count, flags=re.MULTILINE | re.DOTALL)
        assert places and result != text, f"nothing to break: {pattern}"
        return result

    return rewrite


def _clocked(rewrite: Rewrite) -> Plant:
    """Plant a fault in the RTLIL of whole modules; the bare rule has no register to break."""

    def fault(true: Callable[..., str], component: object, name: str, clocked: bool) -> str:
        text = true(component, name, clocked)
        return rewrite(text) if clocked else text

    return around(emit, "convert", fault)


def _verilog(rewrite: Rewrite) -> Plant:
    return around(emit, "_verilog", lambda true, *args: rewrite(true(*args)))


def _netlist(rewrite: Rewrite) -> Plant:
    return around(mapped, "synthesise", lambda true, *args: rewrite(true(*args)))


def _rtlil(name: str, what: str, design: str, rewrite: Rewrite) -> Fault:
    return Fault(name, "emitted RTLIL", what, design, _clocked(rewrite), EMITTED)


def _written(name: str, what: str, design: str, rewrite: Rewrite) -> Fault:
    return Fault(name, "written Verilog", what, design, _verilog(rewrite), ("cocotb",))


def _mapped(name: str, target: str, what: str, rewrite: Rewrite, design: str = "papers") -> Fault:
    design = f"{design},boundary=unit"
    plant = _netlist(rewrite)
    return Fault(name, f"{target} netlist", what, design, plant, ("mapped",), target=target)


FAULTS = [
    _rtlil(
        "wrong reset value",
        "the register returns to another state than it starts with",
        "8:3:zero:lfsr5",
        replaced(r"(assign \$\d+ \[4:0\]) 5'00001", r"\1 5'00010"),
    ),
    _rtlil(
        "wrong initial value",
        "the register starts at another state than a reset brings",
        "8:3:zero:lfsr5",
        replaced(r"(init) 5'00001", r"\1 5'10001"),
    ),
    _rtlil(
        "result not reset",
        "the output keeps its word at a reset",
        "8:3:zero:lfsr5,boundary=unit",
        replaced(r"switch \\rst \[0\]\n +case 1'1\n +assign \$\d+ \[7:0\] 8'00000000\n +end\n", ""),
    ),
    _rtlil(
        "reset waits for enable",
        "en = 0 keeps a reset out",
        "8:3:zero:lfsr5",
        replaced(r"(switch \\en \[0\].*?)end\n +(switch \\rst \[0\].*? end)", r"\1  \2\n    end"),
    ),
    _rtlil(
        "input sign not extended",
        "the increment takes its input for unsigned",
        "8:3:zero:lfsr5,boundary=unit",
        replaced(
            r"A_SIGNED 1(\n +parameter .B_SIGNED) 1(.*?connect .B \{ 1'0 .sum)", r"A_SIGNED 0\1 0\2"
        ),
    ),
    _written(
        "falling edge",
        "the registers take the falling clock edge",
        "8:3:zero:lfsr5",
        replaced("posedge clk", "negedge clk", 0),
    ),
    _written(
        "no initial value",
        "the register is X until a reset",
        "8:3:zero:lfsr5",
        replaced("reg \\[4:0\\] lfsr = 5'h01", "reg [4:0] lfsr"),
    ),
    _written(
        "fraction bit lost",
        "the lowest fraction bit is tied to 0",
        "8:8:zero:lfsr8",
        replaced(r"(assign sum = [^;]*?)\bfrac\b", r"\1frac & 8'hfe"),
    ),
    _written(
        "port order",
        "the lanes of the output are swapped",
        "8:3:zero:lfsr5,lanes=2",
        replaced(r"assign up = \{ (\w+\[\d\]), (\w+\[\d\]) \}", r"assign up = { \2, \1 }"),
    ),
    _mapped(
        "LUT bit",
        "ice40",
        "one bit of one LUT's table",
        replaced(r"(LUT_INIT 16'110000110011110)0", r"\g<1>1"),
    ),
    _mapped(
        "carry cut",
        "ice40",
        "one carry cell's input is tied to 0",
        replaced(r"connect \\CI \\[^\n]+", "connect \\\\CI 1'0"),
    ),
    _mapped(
        "set for reset",
        "ice40",
        "one register's reset is a set",
        replaced(r"cell \\SB_DFFESR (.*?connect) \\R ", r"cell \\SB_DFFESS \1 \\S "),
    ),
    _mapped(
        "clock enable lost",
        "ice40",
        "one register's enable is tied to 1",
        replaced(r"connect \\E \\[^\n]+", "connect \\\\E 1'1"),
    ),
    _mapped(
        "falling clock of one cell",
        "ice40",
        "one register on the falling edge",
        replaced(r"cell \\SB_DFFESR ", r"cell \\SB_DFFNESR "),
    ),
    _mapped(
        "power-up value",
        "ecp5",
        "one register starts at the other level",
        replaced(r'REGSET "RESET"', 'REGSET "SET"'),
    ),
    _mapped(
        "carry chain cut",
        "ecp5",
        "a carry cell passes no carry to its upper half",
        replaced(r'INJECT1_0 "NO"', 'INJECT1_0 "YES"'),
    ),
    _mapped(
        "LUT table",
        "xc7",
        "one bit of one LUT's table",
        replaced(r"(cell \\LUT3 .*?INIT 8'0110100)1", r"\g<1>0"),
    ),
    _mapped(
        "register's initial value",
        "xc7",
        "one register starts at the other level",
        replaced(r"(INIT) 1'0", r"\1 1'1"),
    ),
]
