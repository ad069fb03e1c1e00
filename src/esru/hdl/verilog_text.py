"""One Verilog module's text, taken apart into wires and statements, and written again."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

#: Columns of a line, at most, where there is a place to break it.
WIDEST = 96

#: Yosys' name of an intermediate result.
AUTO = re.compile(r"_\d+_")

#: A name; not a number's base and digits, and no $signed.
NAME = re.compile(r"(?<![\w'$])[a-zA-Z_]\w*")

#: A signal, whole or in part.
REFERENCE = re.compile(NAME.pattern.replace("[a-zA-Z_]\\w*", "([a-zA-Z_]\\w*)(?:\\[([^\\]]+)\\])?"))

_DECLARATION = re.compile(
    r"(input|output|wire|reg)(?: signed)?(?: \[(\d+):0\])? (\w+)(?: = ([^;]+))?;"
)
_ASSIGN = re.compile(r"assign (.+?) = (.+);")
_ESCAPED = re.compile(r"\\(\S+) ")
_REGISTER = re.compile(r"(\w+)(?:\[[^\]]*\])? <=")


@dataclass
class Wire:
    """A signal.

    Attributes
    ----------
    kind : str
        ``input``, ``output``, ``wire`` or ``reg``.
    width : int
    output : bool
        Whether it is an output port, too.
    initial : str
        The value that a register starts with; empty if it has none.
    """

    kind: str
    width: int
    output: bool = False
    initial: str = ""


@dataclass(eq=False)
class Statement:
    """``assign target = lines[0]``; without a target the lines of an always block."""

    target: str
    lines: list[str]

    @property
    def name(self) -> str:
        """The signal that is assigned."""
        if self.target:
            return self.target.partition("[")[0]
        found = _REGISTER.search("\n".join(self.lines))
        assert found is not None, self.lines
        return found[1]

    def map(self, change: Callable[[str], str]) -> None:
        """Change every expression; what is assigned stays."""
        if self.target:
            self.lines = [change(self.lines[0])]
            return
        changed = self.lines[:1]  # the clock
        for line in self.lines[1:]:
            before, arrow, after = line.partition(" <= ")
            before = re.sub(r"\((.*)\)", lambda match: f"({change(match[1])})", before)
            changed.append(before + (f" <= {change(after[:-1])};" if arrow else ""))
        self.lines = changed

    def expressions(self) -> list[str]:
        """Return every expression."""
        found: list[str] = []

        def take(text: str) -> str:
            found.append(text)
            return text

        self.map(take)
        return found

    def names(self) -> list[str]:
        """Return every signal that is read, in order, as often as it is."""
        return [name for text in self.expressions() for name in NAME.findall(text)]

    def text(self) -> list[str]:
        """Return the statement's lines in the module."""
        if not self.target:
            head, *rest = self.lines
            return [f"  {head}", *(part for line in rest for part in broken(f"    {line}"))]
        return broken(f"  assign {self.target} = {self.lines[0]};")


def _plain(text: str) -> str:
    r"""Return a module's text without escaped names: what was ``\sum$14`` is called ``sum_14``.

    Amaranth numbers signals of the same name so, and Yosys the parts of a register that it took
    apart; no name of the text is taken twice.
    """
    names = set(NAME.findall(text))
    for name in sorted(set(_ESCAPED.findall(text))):
        plain = re.sub(r"\W+", "_", name).strip("_")
        while plain in names:
            plain += "_"
        names.add(plain)
        text = text.replace(f"\\{name} ", plain)
    return text


class Module:
    """A module's text, taken apart.

    Parameters
    ----------
    text : str
        From ``module`` on, as Yosys writes it.
    """

    def __init__(self, text: str) -> None:
        lines = [line.strip() for line in _plain(text).splitlines()]
        head = re.match(r"module (\w+)\((.*)\);", lines[0])
        assert head is not None, lines[0]
        self.name, self.ports = head[1], head[2].split(", ")
        self.wires: dict[str, Wire] = {}
        self.statements: list[Statement] = []
        for line in lines[1:]:
            if match := _DECLARATION.fullmatch(line):
                self._declare(match)
            elif match := _ASSIGN.fullmatch(line):
                self._assign(match[1], match[2])
            elif line.startswith("always"):
                self.statements.append(Statement("", [line]))
            elif line and line != "endmodule":
                assert not self.statements[-1].target, line
                self.statements[-1].lines.append(line)

    def _declare(self, match: re.Match[str]) -> None:
        kind, high, name, value = match.groups()
        wire = self.wires.setdefault(name, Wire(kind, int(high or 0) + 1))
        wire.output |= kind == "output"
        if kind == "reg":
            wire.kind, wire.initial = "reg", value or ""

    def _assign(self, target: str, text: str) -> None:
        if not target.startswith("{"):
            self.statements.append(Statement(target, [text]))
            return
        # One result for several signals: a wire for the whole, and its parts.
        parts = [REFERENCE.fullmatch(part) for part in target.strip("{ }").split(", ")]
        number, low, pieces = len(self.wires), 0, []
        while (whole := f"_{number}_") in self.wires:
            number += 1
        for part in reversed(parts):
            assert part is not None, target
            high = low + len(self.bits(part[1], part[2])) - 1
            pieces.append((part[0], high, low))
            low = high + 1
        self.wires[whole] = Wire("wire", low)
        self.statements.append(Statement(whole, [text]))
        for name, high, low in pieces:
            self.statements.append(Statement(name, [self.slice(whole, high, low)]))

    def assigned(self) -> dict[str, list[Statement]]:
        """Return the statements that assign each signal."""
        found: dict[str, list[Statement]] = {}
        for statement in self.statements:
            found.setdefault(statement.name, []).append(statement)
        return found

    def users(self) -> dict[str, list[Statement]]:
        """Return the statements that read each signal, each as often as it does."""
        found: dict[str, list[Statement]] = {}
        for statement in self.statements:
            for name in statement.names():
                found.setdefault(name, []).append(statement)
        return found

    def read(self) -> dict[str, set[int]]:
        """Return the bits of each signal that something reads."""
        found: dict[str, set[int]] = {name: set() for name in self.wires}
        for statement in self.statements:
            for text in statement.expressions():
                for match in REFERENCE.finditer(text):
                    if match[1] in found:
                        found[match[1]] |= set(self.bits(match[1], match[2]))
                    for name in NAME.findall(match[2] or ""):
                        found[name] |= set(self.bits(name))
        return found

    def bits(self, name: str, part: str | None = None) -> range:
        """Return the bits of a signal that a reference means."""
        if part is not None and (match := re.fullmatch(r"(\d+)(?::(\d+))?", part)):
            return range(int(match[2] or match[1]), int(match[1]) + 1)
        return range(self.wires[name].width)

    def slice(self, name: str, high: int, low: int) -> str:
        """Return a reference to some bits."""
        if high - low + 1 == self.wires[name].width:
            return name
        return f"{name}[{high}]" if high == low else f"{name}[{high}:{low}]"

    def sort(self) -> None:
        """Put every assignment after those that it depends on, always blocks last."""
        assigned = self.assigned()
        done: dict[Statement, None] = {}
        assignments = [statement for statement in self.statements if statement.target]
        begun: set[Statement] = set()
        for root in assignments:
            stack = [root]
            while stack:
                statement = stack[-1]
                begun.add(statement)
                needed = [
                    other
                    for name in statement.names()
                    for other in assigned.get(name, ())
                    if other.target and other not in begun
                ]
                if needed:
                    stack += reversed(needed)
                else:
                    done.setdefault(stack.pop())
        self.statements = [*done, *(s for s in self.statements if not s.target)]

    def text(self) -> str:
        """Return the module, written again."""
        lines = [f"module {self.name} ("]
        for index, port in enumerate(self.ports):
            wire = self.wires[port]
            kind = "output" if wire.output else "input "
            kind += " reg " if wire.kind == "reg" else " wire"
            comma = "," if index < len(self.ports) - 1 else ""
            lines.append(f"  {kind} {_range(wire.width)}{port}{comma}")
        lines.append(");")
        for kind in ("reg", "wire"):
            for name, wire in self.wires.items():
                if wire.kind == kind and name not in self.ports:
                    lines.append(f"  {kind:4} {_range(wire.width)}{name};")
        initial = [
            f"  initial {name} = {wire.initial};"
            for name, wire in self.wires.items()
            if wire.initial
        ]
        assigns = [line for s in self.statements if s.target for line in s.text()]
        clocked = [s.text() for s in self.statements if not s.target]
        for block in (initial, assigns, *clocked, self._unused()):
            if block:
                lines += ["", *block]
        return "\n".join([*lines, "endmodule", ""])

    def _unused(self) -> list[str]:
        """Return the lines that tell a linter which bits are not read on purpose."""
        read = self.read()
        clocks = {"clk"} if any(not s.target for s in self.statements) else set()
        parts: list[str] = []
        for name, wire in self.wires.items():
            if wire.output or name in clocks:
                continue
            left = [bit for bit in range(wire.width) if bit not in read[name]]
            while left:
                low = high = left.pop(0)
                while left and left[0] == high + 1:
                    high = left.pop(0)
                parts.append(self.slice(name, high, low))
        if not parts:
            return []
        line = f"  wire unused = &{{ 1'b0, {', '.join(parts)} }};"
        return ["  // Not read, on purpose.", *broken(line)]


def _range(width: int) -> str:
    return "" if width == 1 else f"[{width - 1}:0] "


def broken(line: str) -> list[str]:
    """Return a line in pieces that are not too long, broken after commas and operators."""
    pieces = []
    indent = " " * (len(line) - len(line.lstrip()) + 2)
    while len(line) > WIDEST:
        breaks = (", ", " : ", " ^ ", " | ", " & ")
        place = max(line.rfind(mark, 0, WIDEST - 2) + len(mark) - 1 for mark in breaks)
        if place <= len(indent):
            break
        pieces.append(line[:place])
        line = indent + line[place:].lstrip()
    return [*pieces, line]
