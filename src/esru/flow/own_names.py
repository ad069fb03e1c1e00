"""Names of a module's own, so that its counts do not depend on what is synthesised beside it.

Yosys numbers names in the order in which it first meets them, whatever module they are in, and
sorts signals by these numbers. A module whose wires are called as another's would have its gates
in the order of the other's, and large XORs and ANDs would be mapped to more or fewer cells
(measured: up to a third).
"""

from __future__ import annotations

import re

_MODULE = re.compile(r"^module \\\S+$(.*?)^end$", re.MULTILINE | re.DOTALL)
_WIRE = re.compile(r"^\s*wire (?P<options>(?:.* )?)(?P<name>[\\$]\S+)$", re.MULTILINE)
_NAMED = re.compile(r"^\s*(?:cell \S+|process) (?P<name>[\\$]\S+)$", re.MULTILINE)
_PORT = re.compile(r"\b(?:input|output|inout)\b")
_TOKEN = re.compile(r"(?<=[ {])[\\$]\S+")


def own_names(rtlil: str, owner: str) -> str:
    """Return RTLIL whose wires, cells and processes have names that begin with the top's.

    Parameters
    ----------
    rtlil : str
        A top module and its submodules; the ports of these keep their names, since cells name
        them. So do memories.
    owner : str
        The top module's name.
    """
    return _MODULE.sub(lambda module: _renamed(module.group(), owner), rtlil)


def _renamed(module: str, owner: str) -> str:
    top = module.startswith(f"module \\{owner}\n")
    names = {m["name"] for m in _WIRE.finditer(module) if top or not _PORT.search(m["options"])}
    names |= {m["name"] for m in _NAMED.finditer(module)}

    def own(token: re.Match[str]) -> str:
        name = token.group()
        return f"{name[0]}{owner}.{name[1:]}" if name in names else name

    lines = []
    in_cell = False
    for line in module.split("\n"):
        words = line.split(maxsplit=2)
        first = words[0] if words else ""
        if first == "cell":
            in_cell = True
        elif first == "end":
            in_cell = False
        kept = 0
        if first in ("parameter", "attribute"):
            kept = len(line)
        elif first == "cell" or (first == "connect" and in_cell):
            kept = line.index(words[1]) + len(words[1])
        lines.append(line[:kept] + _TOKEN.sub(own, line[kept:]))
    return "\n".join(lines)
