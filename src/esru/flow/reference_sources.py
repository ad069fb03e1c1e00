"""The random sources of `esru.flow.reference`: true register states, single steps, no folding."""

from __future__ import annotations

from itertools import islice, permutations
from math import factorial

from esru.design import Design
from esru.sources import source_model
from esru.sources.cellular import characteristic
from esru.sources.polynomial import power_mod
from esru.sources.register import RegisterModel
from esru.sources.settings import MAX_UNROLLED, OPERANDS

#: Up to this many register steps per word are written out one by one.
UNROLLED_STEPS = 64
#: Of an automaton fewer: every cell has an XOR in every step, and proofs drown in them.
UNROLLED_CELLULAR_STEPS = 6


def lane_words(design: Design, lanes: int) -> tuple[str, list[str]]:
    """Return the sources of an array as Verilog, and the word of each lane as an expression."""
    model = source_model(design)
    if design.source in OPERANDS:
        return _operand_words(design, lanes)
    if design.source == "port":
        wide = design.k
        text = [
            f"  wire [{wide - 1}:0] word{group} = r[{group * wide} +: {wide}];\n"
            for group in range(lanes // design.lanes)
        ]
        places = [divmod(lane, design.lanes) for lane in range(lanes)]
        return "".join(text), [_mapped(design, f"{group}", lane) for group, lane in places]
    if not isinstance(model, RegisterModel):
        return "", ["1'b0"] * lanes
    parts, words = [_step(design)], []
    groups = lanes // design.lanes
    for group in range(groups):
        phase = group * model.period // groups
        parts.append(_source(design, model, phase, f"{group}"))
        if design.map == "delay" and design.lanes > 1:
            parts.append(_history(design, model, phase, f"{group}"))
        words += [_mapped(design, f"{group}", lane) for lane in range(design.lanes)]
    return "".join(parts), words


def _operand_words(design: Design, lanes: int) -> tuple[str, list[str]]:
    """Return the registers of operand sources and each lane's word: remainders modulo 2^k."""
    decision, k = design.boundary == "decision", design.k
    port, wide = ("frac", design.fraction_bits) if decision else ("x", design.x_bits)
    low = [f"{port}[{lane * wide} +: {wide}] % (1 << {k})" for lane in range(lanes)]
    parts = [f"  wire [{k - 1}:0] low{lane} = {text};\n" for lane, text in enumerate(low)]
    words = []
    for lane in range(lanes):
        last = lane % design.lanes == design.lanes - 1
        beside = f"low{lane - design.lanes + 1 if last else lane + 1}"
        if design.source == "operand-prev":
            parts.append(
                f"  reg [{k - 1}:0] before{lane} = 0;\n"
                f"  always @(posedge clk)\n    if (rst) before{lane} <= 0;\n"
                f"    else if (en) before{lane} <= low{lane};\n"
            )
        words.append(
            {
                "operand-own": f"low{lane}",
                "operand-prev": f"before{lane}",
                "operand-neighbour": beside,
                "operand-xor": f"(low{lane} ^ {beside})",
            }[design.source]
        )
    return "".join(parts), words


def _taken(design: Design) -> str:
    """Return when a source's word has been used and the next one comes."""
    return "en && first" if design.boundary == "dither" else "en"


def _history(design: Design, model: RegisterModel, phase: int, name: str) -> str:
    """Return the register of a source's last words: one long shift register, the latest lowest."""
    wide = design.k * (design.lanes - 1)
    start = 0
    for age in range(1, design.lanes):
        start |= model.word_at((phase - age) % model.period) << design.k * (age - 1)
    return (
        f"  reg [{wide - 1}:0] history{name};\n"
        f"  initial history{name} = {wide}'h{start:x};\n"
        "  always @(posedge clk)\n"
        f"    if (rst) history{name} <= {wide}'h{start:x};\n"
        f"    else if ({_taken(design)}) history{name} <= {{history{name}, word{name}}};\n"
    )


def _mapped(design: Design, name: str, lane: int) -> str:
    """Return what a lane of a source sees of its word."""
    k, word = design.k, f"word{name}"
    if design.map == "delay" and lane:
        return f"history{name}[{(lane - 1) * k} +: {k}]"
    if design.map == "rotate" and lane % k:
        return f"({word} << {lane % k} | {word} >> {k - lane % k})"
    if design.map == "complement" or (design.map == "invert" and lane % 2):
        return f"({word} ^ {k}'h{(1 << k) - 1:x})"
    if design.map == "permute":
        number = lane % factorial(k)
        (order,) = islice(permutations(range(k)), number, number + 1)
        return "{" + ", ".join(f"{word}[{bit}]" for bit in reversed(order)) + "}"
    return word


def _step(design: Design) -> str:
    """Return a function ``step(s)``: the register's state one word later."""
    length = design.length
    if design.source == "debruijn" and design.leap > MAX_UNROLLED:
        return _step_back(design)
    head = (
        f"  function [{length - 1}:0] step(input [{length - 1}:0] start);\n"
        f"    reg [{length - 1}:0] s;\n    integer i;\n    begin\n      s = start;\n"
    )
    if design.source == "counter":
        body = f"      s = start + {length}'d{design.leap};\n"
    elif design.source == "cellular" and design.leap > UNROLLED_CELLULAR_STEPS:
        body = _long_cellular_leap(design)
    elif design.leap <= UNROLLED_STEPS or design.source == "debruijn":
        body = f"      for (i = 0; i < {design.leap}; i = i + 1) s = {_once(design)};\n"
    else:
        body = _long_leap(design)
    end = f"      if (start == 0) step = {length}'d1;\n" if design.recover else ""
    return head + body + f"      step = s;\n{end}    end\n  endfunction\n"


def _step_back(design: Design) -> str:
    """Return ``step(s)`` of a de Bruijn register that all but goes round: some steps back.

    Two states, which differ in the top bit alone, may lead to s: the one that does is before it.
    """
    length, taps = design.length, design.taps & ((1 << design.length) - 1)
    lower = "s"
    if design.form == "galois":
        lower = f"s ^ (s[0] ? {length}'h{taps:x} : {length}'h0)"
    wide = f"[{length - 1}:0]"
    return (
        f"  function {wide} once(input {wide} s);\n    once = {_once(design)};\n  endfunction\n"
        f"  function {wide} step(input {wide} start);\n"
        f"    reg {wide} s, before;\n    integer i;\n    begin\n      s = start;\n"
        f"      for (i = 0; i < {(1 << length) - design.leap}; i = i + 1) begin\n"
        f"        before = ({lower}) >> 1;\n"
        f"        s = once(before) == s ? before : before | {length}'h{1 << (length - 1):x};\n"
        "      end\n      step = s;\n    end\n  endfunction\n"
    )


def _once(design: Design) -> str:
    """Return the state after s, one register step on."""
    length, p = design.length, design.taps
    if design.source == "cellular":
        return f"(s << 1) ^ (s >> 1) ^ (s & {length}'h{p:x})"
    splice = f" ^ (s[{length - 2}:0] == 0)" if design.source == "debruijn" else ""
    if design.form == "galois":
        # Multiplication by x modulo p.
        low = p & ((1 << length) - 1)
        return f"(s << 1) ^ ((s[{length - 1}]{splice}) ? {length}'h{low:x} : {length}'h0)"
    fed = " ^ ".join(f"s[{length - 1 - i}]" for i in range(length) if p >> i & 1)
    return f"{{s[{length - 2}:0], {fed}{splice}}}"


def _long_cellular_leap(design: Design) -> str:
    """Return the statement of a long leap of an automaton, by Cayley and Hamilton.

    Where x^leap = sum of c_j x^j modulo the characteristic polynomial, the leap is the sum of the
    c_j times j single steps: here of each cell on its own, followed cell by cell.
    """
    length = design.length
    sums = power_mod(2, design.leap, characteristic(design.taps, length))
    terms = []
    for cell in range(length):
        state, image = 1 << cell, 0
        for j in range(length):
            image ^= state if sums >> j & 1 else 0
            cells = f"0{state:0{length}b}0"
            own = f"{design.taps:0{length}b}"
            following = [
                (cells[i] + cells[i + 2] + cells[i + 1] * int(own[i])).count("1") % 2
                for i in range(length)
            ]
            state = int("".join(map(str, following)), 2)
        terms.append(f"(start[{cell}] ? {length}'h{image:x} : {length}'h0)")
    return f"      s = {' ^ '.join(terms)};\n"


def _long_leap(design: Design) -> str:
    """Return the statements of a long leap, from powers of x modulo p.

    Galois: the state is a polynomial, and a leap multiplies it by x^leap. Fibonacci: the states
    are windows on a bit stream a with bit i = a[L-1-i]; a[m] is the sum of the c_j a[j] where
    x^m = sum of c_j x^j modulo p.
    """
    length, p = design.length, design.taps
    top = length - 1
    if design.form == "galois":
        terms = [
            f"(start[{j}] ? {length}'h{power_mod(2, j + design.leap, p):x} : {length}'h0)"
            for j in range(length)
        ]
        return f"      s = {' ^ '.join(terms)};\n"
    lines = []
    for i in range(length):
        sums = power_mod(2, design.leap + top - i, p)
        taps = " ^ ".join(f"start[{top - j}]" for j in range(length) if sums >> j & 1)
        lines.append(f"      s[{i}] = {taps};\n")
    return "".join(lines)


def load_inputs(design: Design, sources: int) -> str:
    """Return the declarations of the ports that load so many sources; empty without them."""
    wide = sources * design.length
    return f"  input load,\n  input [{wide - 1}:0] seed,\n" if design.load else ""


def locked_verilog(design: Design, phase: int, name: str = "reference") -> str:
    """Return a bare source that starts in lockup: ports as `esru.hdl.emit.locked_rtlil`."""
    model = source_model(design)
    assert isinstance(model, RegisterModel)
    return (
        f"module {name}(\n  input clk,\n  input rst,\n  input en,\n{load_inputs(design, 1)}"
        f"  output [{design.k - 1}:0] word\n);\n"
        f"{_step(design)}{_source(design, model, phase, '', locked=True)}endmodule\n"
    )


def _source(
    design: Design, model: RegisterModel, phase: int, name: str, locked: bool = False
) -> str:
    """Return the registers of one source: its true state, and whether its word is inverted."""
    length = design.length
    start = f"{length}'h{design.seed if phase == 0 else model.register_at(phase):x}"
    if locked:
        start = f"{length}'h0"
    odd = f"1'b{phase % 2}"
    word = f"state{name}[{length - 1}:{length - design.k}]"
    if design.source == "cellular":
        word = f"state{name}[{design.k - 1}:0]"
    if design.source == "counter":
        word = "{" + ", ".join(f"state{name}[{i}]" for i in range(length)) + "}"
    if design.source == "plateau":
        word = f"odd{name} ? ~{word} : {word}"
    fresh = even = ""
    if design.load:
        low = int(name or "0") * length
        given = f"seed[{low + length - 1}:{low}]"
        if not model.visits_zero:
            given = f"(|{given}) ? {given} : {length}'d1"
        fresh = f"    else if (load) state{name} <= {given};\n"
        even = f"    else if (load) odd{name} <= 1'b0;\n"
    return (
        f"  reg [{length - 1}:0] state{name};\n"
        f"  reg odd{name};\n"
        f"  initial state{name} = {start};\n"
        f"  initial odd{name} = {odd};\n"
        f"  {'assign' if locked else f'wire [{design.k - 1}:0]'} word{name} = {word};\n"
        "  always @(posedge clk)\n"
        f"    if (rst) state{name} <= {start};\n{fresh}"
        f"    else if ({_taken(design)}) state{name} <= step(state{name});\n"
        "  always @(posedge clk)\n"
        f"    if (rst) odd{name} <= {odd};\n{even}"
        f"    else if ({_taken(design)}) odd{name} <= !odd{name};\n"
    )
