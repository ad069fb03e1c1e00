"""Verilog as a person would write it, from what Yosys writes.

Yosys names every intermediate result (`_07_`), declares every port twice and forgets the names of
wires that are parts of others. `tidy` puts intermediate results where they are used, calls what is
left after its purpose, gives registers their values in `initial` lines, sorts by dependence and
collects the bits that nothing reads in one wire that says so. What the circuit does is not
touched: it relies on `esru.hdl.padding`, after which all operands of an operator are as wide as
its result, so that an expression means the same wherever it stands.
"""

from __future__ import annotations

import re

from esru.hdl.verilog_text import AUTO, NAME, REFERENCE, WIDEST, Module, Statement

#: Beyond this an expression keeps its intermediate results.
_LONGEST = 3 * WIDEST

_OPERATOR = re.compile(r"(?<=[\w\]})]) (\^|&|\||\+|-|\*|\?|==|!=|<=?|>=?|<<|>>>?|~\^) ")
_UNARY = re.compile(r"^([~!&|^-]+) ")


def tidy(verilog: str) -> str:
    """Return a module of Yosys' Verilog, from ``module`` on, in readable form."""
    module = Module(verilog)
    for statement in module.statements:
        statement.map(_compact)
    _use_names(module)
    _use_whole_words(module)
    module.sort()
    _inline(module)
    for statement in module.statements:
        _select_bit(module, statement)
    _drop_unread(module)
    _name_rest(module)
    module.sort()
    return module.text()


def _compact(text: str) -> str:
    """Return an expression with a unary operator next to its operand."""
    return _UNARY.sub(r"\1", text)


def _next(name: str) -> str:
    """Return what a register's next state is called: before the number of its lane."""
    return re.sub(r"(_\d+)?$", r"_next\1", name, count=1)


def _use_names(module: Module) -> None:
    """Say `word` and `frac_2` for the parts of other signals that they are."""
    aliases: dict[str, list[tuple[str, range]]] = {}
    for statement in module.statements:
        source = REFERENCE.fullmatch(statement.lines[0]) if statement.target else None
        name = statement.name
        if source is None or source[1] not in module.wires or statement.target != name:
            continue
        if not AUTO.fullmatch(name) and not module.wires[name].output:
            span = module.bits(source[1], source[2])
            aliases.setdefault(source[1], []).append((name, span))
    for statement in module.statements:
        named = statement.name
        found: set[str] = set()

        def renamed(match: re.Match[str], named: str = named, found: set[str] = found) -> str:
            base = match[1]
            if base not in aliases or named in (base, _next(base)):
                return match[0]
            bits = module.bits(base, match[2])
            for name, span in aliases[base]:
                inside = span[0] <= bits[0] and bits[-1] <= span[-1]
                part = module.wires[base].kind == "input" or name in found
                # Two names of the same bits: neither may be said to be the other.
                twins = (named, span) in aliases[base]
                if named != name and not twins and inside and (part or bits == span):
                    found.add(name)
                    return module.slice(name, bits[-1] - span[0], bits[0] - span[0])
            return match[0]

        statement.map(lambda text, renamed=renamed: REFERENCE.sub(renamed, text))


def _use_whole_words(module: Module) -> None:
    """Say `lfsr_next` where its parts stand side by side."""
    origin: dict[tuple[str, int], tuple[str, int]] = {}
    for statement in module.statements:
        source = REFERENCE.fullmatch(statement.lines[0]) if statement.target else None
        target = REFERENCE.fullmatch(statement.target)
        if source is None or target is None or source[1] not in module.wires:
            continue
        to, came = module.bits(*target.groups()), module.bits(*source.groups())
        origin |= {(target[1], a): (source[1], b) for a, b in zip(to, came, strict=True)}

    def resolved(bit: tuple[str, int]) -> tuple[str, int]:
        while bit in origin:
            bit = origin[bit]
        return bit

    whole = {
        tuple(resolved((name, bit)) for bit in range(wire.width)): name
        for name, wire in module.wires.items()
        if wire.kind == "wire" and wire.width > 1 and not AUTO.fullmatch(name)
    }

    def replaced(match: re.Match[str]) -> str:
        bits: list[tuple[str, int]] = []
        for part in reversed(match[1].split(", ")):
            found = REFERENCE.fullmatch(part)
            if found is None or found[1] not in module.wires:
                return match[0]
            bits += [resolved((found[1], bit)) for bit in module.bits(*found.groups())]
        return whole.get(tuple(bits), match[0])

    named = set(whole.values())
    for statement in module.statements:
        if not (statement.target and statement.name in named):
            statement.map(lambda text: re.sub(r"\{ ([^{}]*) \}", replaced, text))


def _operator(text: str) -> str:
    """Return the outermost operator of an expression: "" for an operand, "~" for a unary one."""
    depth, bare = 0, []
    for character in text:
        depth -= character in ")}]"
        bare.append("_" if depth else character)
        depth += character in "({["
    found = _OPERATOR.search("".join(bare))
    if found is not None:
        return found[1]
    return "~" if text[0] in "~!&|^-" else ""


def _inline(module: Module) -> None:
    """Put intermediate results where they are used, if that is one place and not too long."""
    users = module.users()
    gone = set()
    for definition in module.statements:
        name = definition.name
        if definition.target != name or not AUTO.fullmatch(name):
            continue
        text = definition.lines[0]
        places = users.get(name, [])
        if not places or (len(places) > 1 and _operator(text)):
            continue
        if any(f"{name}[" in part for user in places for part in user.expressions()):
            continue
        before = [(user, list(user.lines)) for user in places]
        for user in places:
            user.map(lambda old, name=name, text=text: _put(old, name, text))
        if _operator(text) and any(len(line) > _LONGEST for user in places for line in user.lines):
            for user, lines in before:
                user.lines = lines
            continue
        gone.add(definition)
        del module.wires[name]
        for inner in NAME.findall(text):
            users[inner] = [user for user in users[inner] if user is not definition] + places
    module.statements = [s for s in module.statements if s not in gone]


def _put(text: str, name: str, value: str) -> str:
    """Replace a name by its value, in brackets where they help."""
    pattern = rf"\b{name}\b"
    outer, inner = _operator(text), _operator(value)
    if not inner or text == name:
        return re.sub(pattern, lambda _: value, text)
    chain = outer == inner and inner in ("^", "&", "|", "+")
    invert = value.startswith("~") and inner == "~" and outer != "~"
    branch = outer == "?" and not text.startswith(name)
    listed = re.search(rf"[{{,] {name}(,| \}})", text) is not None
    bare = chain or invert or branch or listed
    return re.sub(pattern, lambda _: value if bare else f"({value})", text)


def _select_bit(module: Module, statement: Statement) -> None:
    """Say `word[index]` for the lowest bit of a shifted word."""
    target = REFERENCE.fullmatch(statement.target)
    if target is None or len(module.bits(*target.groups())) != 1:
        return
    match = re.fullmatch(r"(\w+) >> (\w+)", statement.lines[0])
    if match is not None and module.wires[match[1]].width > 1:
        statement.lines = [f"{match[1]}[{match[2]}]"]


def _drop_unread(module: Module) -> None:
    """Remove wires that nothing reads."""
    while True:
        users = module.users()
        unread = {
            name
            for name, wire in module.wires.items()
            if wire.kind == "wire" and not wire.output and name not in users
        }
        if not unread:
            return
        module.statements = [s for s in module.statements if s.name not in unread]
        for name in unread:
            del module.wires[name]


def _name_rest(module: Module) -> None:
    """Call intermediate results that are left after the first signal that they serve."""
    users, assigned = module.users(), module.assigned()
    for name in [name for name in module.wires if AUTO.fullmatch(name)]:
        stem = re.sub(r"_term(_\d+)?$", "", users[name][0].name)
        number = 1
        while (new := f"{stem}_term" + (f"_{number}" if number > 1 else "")) in module.wires:
            number += 1
        module.wires[new] = module.wires.pop(name)
        for statement in {*users[name], *assigned[name]}:
            # In an always block the register on the left side, too.
            statement.lines = [re.sub(rf"\b{name}\b", new, line) for line in statement.lines]
            statement.target = re.sub(rf"\b{name}\b", new, statement.target)
