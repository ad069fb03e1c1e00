"""Gates of static CMOS, counted in NAND2 equivalents: an area without a technology.

A gate's size is its transistors over the four of a NAND2. The transistors are those of Yosys'
`stat -tech cmos` (kernel/cost.h: inverter 2, NAND and NOR 4, AOI21 and OAI21 6, AOI22 and OAI22
8, XOR, XNOR and multiplexer 12, D flip-flop 16), and two for each input of a NAND or NOR.
"""

from __future__ import annotations

from dataclasses import replace

from esru.flow.targets import asic, clock_gate
from esru.flow.targets.target import Json, Target

#: Each gate with its transistors and its function, as ABC's genlib has it.
GATES = {
    "INV": (2, "!A"),
    "BUF": (4, "A"),
    "NAND2": (4, "!(A*B)"),
    "NAND3": (6, "!(A*B*C)"),
    "NAND4": (8, "!(A*B*C*D)"),
    "NOR2": (4, "!(A+B)"),
    "NOR3": (6, "!(A+B+C)"),
    "NOR4": (8, "!(A+B+C+D)"),
    "AOI21": (6, "!(A*B+C)"),
    "OAI21": (6, "!((A+B)*C)"),
    "AOI22": (8, "!(A*B+C*D)"),
    "OAI22": (8, "!((A+B)*(C+D))"),
    "XOR2": (12, "A*!B+!A*B"),
    "XNOR2": (12, "A*B+!A*!B"),
    "MUX2": (12, "A*!S+B*S"),
    "ZERO": (0, "CONST0"),
    "ONE": (0, "CONST1"),
}

FLIP_FLOP = asic.FLIP_FLOP
_FLIP_FLOP_TRANSISTORS = 16

#: NAND2 equivalents by cell type.
EQUIVALENTS = {name: transistors / 4 for name, (transistors, _) in GATES.items()} | {
    FLIP_FLOP: _FLIP_FLOP_TRANSISTORS / 4
}


#: The same with the two cells of a clock gate; its AND is a NAND2 and an inverter.
_AND = "AND2"
GATED_EQUIVALENTS = EQUIVALENTS | {
    clock_gate.FALLING: EQUIVALENTS[FLIP_FLOP],
    _AND: EQUIVALENTS["NAND2"] + EQUIVALENTS["INV"],
}

#: A gate takes 5.5 and an OR of enable and reset 1.5, and saves the enable's inverter (0.5): 6.5.
#: In front of a flip-flop's reset (a NOR2) the enable is an AOI22 (2) instead of an inverter (0.5).
#: So a gate saves 1.5 a flip-flop, and pays from five on.
_LEAST = 5


def _files() -> dict[str, str]:
    return asic.files(
        asic.Gate(name, EQUIVALENTS[name], "Y", function) for name, (_, function) in GATES.items()
    )


def equivalents(module: Json) -> float:
    """Return the NAND2 equivalents of a mapped module."""
    return asic.area(module, EQUIVALENTS)


def gated_equivalents(module: Json) -> float:
    """Return the NAND2 equivalents of a mapped module with clock gates."""
    return asic.area(module, GATED_EQUIVALENTS)


NAND2 = Target(
    name="nand2",
    summary="standard cells of no technology, Yosys and ABC",
    counts="NAND2 equivalents: transistors of static CMOS over four, a flip-flop four",
    synthesis=asic.SYNTHESIS,
    mapping=asic.MAPPING,
    ff=(FLIP_FLOP,),
    headline=equivalents,
    area=equivalents,
    weaker="no wires, no drive strengths, no clock tree, no scan",
    files=_files,
)

NAND2_GATED = replace(
    clock_gate.gated(NAND2, _AND, _LEAST),
    counts=f"{NAND2.counts}, a clock gate 5.5",
    ff=(FLIP_FLOP, clock_gate.FALLING),
    headline=gated_equivalents,
    area=gated_equivalents,
)

TARGETS = (NAND2, NAND2_GATED)
