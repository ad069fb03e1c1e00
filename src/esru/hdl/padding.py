"""Operands as wide as their operator's result, in RTLIL text.

Verilog extends operands of unequal widths by rules that linters warn of, and by which an
expression may mean another thing inside a larger one. With equal widths there is no question.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

#: Operators of which the low bits of the result depend on the low bits of the operands alone.
_EQUAL = frozenset(("$add", "$sub", "$mul", "$and", "$or", "$xor", "$xnor", "$not", "$neg"))
_COMPARE = frozenset(("$eq", "$ne", "$lt", "$le", "$gt", "$ge"))

_CELL = re.compile(r"^  cell (\$\w+) \S+\n(?:.*\n)*?  end\n", re.MULTILINE)
_PARAMETER = re.compile(r"    parameter \\(\w+) (\d+)\n")


def pad_operands(rtlil: str) -> str:
    """Return RTLIL text in which operands are as wide as their operator's result."""
    return _CELL.sub(lambda match: _padded(match[0], match[1]), rtlil)


def _padded(cell: str, kind: str) -> str:
    found = {name: int(value) for name, value in _PARAMETER.findall(cell)}
    if kind in _EQUAL:
        width = found["Y_WIDTH"]
    elif kind in _COMPARE:
        width = max(found["A_WIDTH"], found["B_WIDTH"])
    else:
        return cell
    for name in ("A", "B"):
        if f"{name}_WIDTH" in found:
            cell = _fit(cell, name, found[f"{name}_WIDTH"], width, found[f"{name}_SIGNED"] == 1)
            if kind in _EQUAL:
                cell = cell.replace(f"\\{name}_SIGNED 1\n", f"\\{name}_SIGNED 0\n")
    return cell


def _fit(cell: str, name: str, width: int, wanted: int, signed: bool) -> str:
    """Extend or cut one operand of a cell."""
    if width == wanted:
        return cell
    match = re.search(rf"    connect \\{name} (.*)\n", cell)
    assert match is not None
    bits = list(_bits(match[1], width))  # the highest first
    if width > wanted:
        bits = bits[width - wanted :]
    else:
        bits = [bits[0] if signed else "1'0"] * (wanted - width) + bits
    cell = cell.replace(match[0], f"    connect \\{name} {{ {' '.join(bits)} }}\n")
    return cell.replace(f"\\{name}_WIDTH {width}\n", f"\\{name}_WIDTH {wanted}\n")


def _bits(text: str, width: int) -> Iterator[str]:
    """Yield the bits of an RTLIL signal, the highest first."""
    for part in _parts(text):
        if match := re.fullmatch(r"(\d+)'([01x]+)", part):
            digits = match[2].rjust(int(match[1]), "0")
            yield from (f"1'{digit}" for digit in digits)
        elif match := re.fullmatch(r"(\S+) \[(\d+)(?::(\d+))?\]", part):
            low = int(match[3] or match[2])
            yield from (f"{match[1]} [{bit}]" for bit in range(int(match[2]), low - 1, -1))
        elif width == 1:
            yield part
        else:
            yield from (f"{part} [{bit}]" for bit in range(width - 1, -1, -1))


def _parts(text: str) -> list[str]:
    return re.findall(r"\d+'[01x]+|[\\$][^\s]+(?: \[\d+(?::\d+)?\])?", text.strip("{} "))
