"""Read and-inverter graphs in the AIGER format, as far as proofs need it.

The format is A. Biere's, "The AIGER And-Inverter Graph (AIG) Format", 2007: a literal is twice a
variable, plus 1 if inverted; 0 and 1 are the constants.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from esru.errors import ToolFailed


@dataclass(frozen=True)
class Aiger:
    """An and-inverter graph.

    Attributes
    ----------
    inputs : list of int
        Literals of the inputs; empty for the binary form.
    latches : dict of int to int
        Latch literal to next-state literal; binary form: only the number counts.
    outputs : list of int
        Literals of the outputs.
    gates : dict of int to tuple
        Gate literal to its two input literals; binary form: only the number counts.
    input_names, output_names : dict
        Names of inputs by variable, and literals of outputs by name, where given.
    """

    inputs: list[int]
    latches: dict[int, int]
    outputs: list[int]
    gates: dict[int, tuple[int, int]]
    input_names: dict[int, str] = field(default_factory=dict)
    output_names: dict[str, int] = field(default_factory=dict)

    def cone(self, outputs: list[str]) -> set[str]:
        """Return the names of all inputs that some outputs can depend on, in any cycle."""
        pending = [self.output_names[name] >> 1 for name in outputs]
        seen: set[int] = set()
        names: set[str] = set()
        while pending:
            variable = pending.pop()
            if variable in seen:
                continue
            seen.add(variable)
            if variable in self.input_names:
                names.add(self.input_names[variable])
            elif 2 * variable in self.latches:
                pending.append(self.latches[2 * variable] >> 1)
            elif 2 * variable in self.gates:
                pending += [literal >> 1 for literal in self.gates[2 * variable]]
        return names


def read_aiger(path: Path) -> Aiger:
    """Read a file in the ASCII form, or of a binary one the header, latches and outputs.

    Raises
    ------
    ToolFailed
        If the file is missing or is no AIGER file.
    """
    try:
        lines = path.read_bytes().split(b"\n")
        header = lines[0].split()
        form = header[0]
        _, count_in, count_latch, count_out, count_and = (int(word) for word in header[1:6])
        if form not in (b"aag", b"aig"):
            raise ValueError
        rows = iter(lines[1:])
        if form == b"aig":
            following = [int(next(rows).split()[0]) for _ in range(count_latch)]
            outputs = [int(next(rows)) for _ in range(count_out)]
            return Aiger(
                [], dict(enumerate(following)), outputs, dict.fromkeys(range(count_and), (0, 0))
            )
        inputs = [int(next(rows)) for _ in range(count_in)]
        latches = dict(_pair(next(rows)) for _ in range(count_latch))
        outputs = [int(next(rows)) for _ in range(count_out)]
        gates = {}
        for _ in range(count_and):
            gate, a, b = (int(word) for word in next(rows).split())
            gates[gate] = (a, b)
    except (OSError, ValueError, IndexError, StopIteration):
        raise ToolFailed("AIGER", "the file cannot be read", path) from None
    graph = Aiger(inputs, latches, outputs, gates)
    for row in rows:
        kind, _, name = row.decode().partition(" ")
        if kind == "c" or not name:
            break
        if kind[0] == "i":
            graph.input_names[inputs[int(kind[1:])] >> 1] = name
        elif kind[0] == "o":
            graph.output_names[name] = outputs[int(kind[1:])]
    return graph


def _pair(row: bytes) -> tuple[int, int]:
    first, second = row.split()[:2]
    return int(first), int(second)
