"""The random sources of `esru.flow.reference`: true register states, single steps, no folding."""

from __future__ import annotations

from itertools import islice, permutations
from math import factorial

from esru.design import Design
from esru.sources import source_model
from esru.sources.lfsr import LfsrModel
from esru.sources.polynomial import power_mod

#: Up to this many register steps per word are written out one by one.
UNROLLED_STEPS = 64


def lane_words(design: Design, lanes: int) -> tuple[str, list[str]]:
    """Return the sources of an array as Verilog, and the word of each lane as an expression."""
    model = source_model(design)
    if not isinstance(model, LfsrModel):
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


def _history(design: Design, model: LfsrModel, phase: int, name: str) -> str:
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
        f"    else if (en) history{name} <= {{history{name}, word{name}}};\n"
    )


def _mapped(design: Design, name: str, lane: int) -> str:
    """Return what a lane of a source sees of its word."""
    k, word = design.k, f"word{name}"
    if design.map == "delay" and lane:
        return f"history{name}[{(lane - 1) * k} +: {k}]"
    if design.map == "rotate" and lane % k:
        return f"({word} << {lane % k} | {word} >> {k - lane % k})"
    if design.map == "invert" and lane % 2:
        return f"({word} ^ {k}'h{(1 << k) - 1:x})"
    if design.map == "permute":
        number = lane % factorial(k)
        (order,) = islice(permutations(range(k)), number, number + 1)
        return "{" + ", ".join(f"{word}[{bit}]" for bit in reversed(order)) + "}"
    return word


def _step(design: Design) -> str:
    """Return a function ``step(s)``: the register's state one word later."""
    length, p = design.length, design.taps
    low = p & ((1 << length) - 1)
    head = (
        f"  function [{length - 1}:0] step(input [{length - 1}:0] start);\n"
        f"    reg [{length - 1}:0] s;\n    integer i;\n    begin\n      s = start;\n"
    )
    if design.leap > UNROLLED_STEPS and design.source != "debruijn":
        body = _long_leap(design)
    else:
        splice = f" ^ (s[{length - 2}:0] == 0)" if design.source == "debruijn" else ""
        if design.form == "galois":
            # Multiplication by x modulo p.
            once = f"(s << 1) ^ ((s[{length - 1}]{splice}) ? {length}'h{low:x} : {length}'h0)"
        else:
            fed = " ^ ".join(f"s[{length - 1 - i}]" for i in range(length) if p >> i & 1)
            once = f"{{s[{length - 2}:0], {fed}{splice}}}"
        body = f"      for (i = 0; i < {design.leap}; i = i + 1) s = {once};\n"
    return head + body + "      step = s;\n    end\n  endfunction\n"


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


def _source(design: Design, model: LfsrModel, phase: int, name: str) -> str:
    """Return the registers of one source: its true state, and whether its word is inverted."""
    length = design.length
    start = f"{length}'h{design.seed if phase == 0 else model.register_at(phase):x}"
    odd = f"1'b{phase % 2}"
    word = f"state{name}[{length - 1}:{length - design.k}]"
    if design.source == "plateau":
        word = f"odd{name} ? ~{word} : {word}"
    return (
        f"  reg [{length - 1}:0] state{name};\n"
        f"  reg odd{name};\n"
        f"  initial state{name} = {start};\n"
        f"  initial odd{name} = {odd};\n"
        f"  wire [{design.k - 1}:0] word{name} = {word};\n"
        "  always @(posedge clk)\n"
        f"    if (rst) state{name} <= {start};\n"
        f"    else if (en) state{name} <= step(state{name});\n"
        "  always @(posedge clk)\n"
        f"    if (rst) odd{name} <= {odd};\n"
        f"    else if (en) odd{name} <= !odd{name};\n"
    )
