"""An independent description of every design in Verilog, for proofs.

It is written from the contract's sentences and in another style than the hardware: thresholds and
comparisons where the hardware adds, a case table where it multiplexes, true register states and a
flag where it folds the inversion into the register, single register steps where it leaps, wide
signed arithmetic where it looks at bits. It shares no code with `esru.hdl`.
"""

from __future__ import annotations

from itertools import accumulate

from esru.decision_table import is_table
from esru.design import Design
from esru.float_formats import SCALE_BITS
from esru.flow.float_reference import float_result
from esru.flow.reference_accumulators import dithered_lanes
from esru.flow.reference_sources import lane_words, load_inputs

#: Wide enough for every sum of a 64-bit word and a decision.
_WIDE = 68


def _decision(design: Design) -> str:
    """Return a function ``decide(frac, word)``; a design without random bits gets word = 0."""
    n, k = design.n, design.k
    width = max(k, 1)
    head = (
        f"  function decide(input [{n - 1}:0] frac, input [{width - 1}:0] word);\n"
        f"    reg [{n + 1}:0] addend, kept, rest;\n"
        "    begin\n"
    )
    if is_table(design.rule):
        return _table_decision(design)
    half = 1 << max(n - k - 1, 0)
    if design.rule == "select":
        lines = ["      casez (word)"]
        for zeros in range(k):
            pattern = "0" * zeros + "1" + "?" * (k - 1 - zeros)
            lines.append(f"        {k}'b{pattern}: decide = frac[{n - 1 - zeros}];")
        lines += ["        default: decide = frac[0];", "      endcase"]
    elif design.rule == "nearest" and n > k:
        one = f"{n + 2}'d1"
        lines = [
            f"      kept = frac / {n + 2}'d{1 << (n - k)};",
            f"      rest = frac % {n + 2}'d{1 << (n - k)};",
            f"      if (rest > {half}) kept = kept + {one};",
            f"      else if (rest == {half} && kept % 2 == 1) kept = kept + {one};",
            f"      decide = kept >= {n + 2}'d{1 << k} - word;",
        ]
    else:
        if design.rule == "replicate":
            bits = ", ".join(f"word[{k - 1 - i % k}]" for i in range(n))
            lines = [f"      addend = {{{bits}}};"]
        else:
            lines = [f"      addend = word * {n + 2}'d{1 << (n - k)};"]
        if design.rule == "half":
            lines.append(f"      addend = addend + {n + 2}'d{half};")
        lines.append(f"      decide = frac >= {n + 2}'d{1 << n} - addend;")
    return head + "\n".join(lines) + "\n    end\n  endfunction\n"


def _table_decision(design: Design) -> str:
    """Return `decide` of a table: the number's bit, by the sum of the weights below the word."""
    digits, *weights = design.rule.removeprefix("table-").split(".")
    n, width = design.n, max(design.k, 1)
    size = max(4, 4 * len(digits))
    place = n + ((len(weights) - 1).bit_length() if weights else design.k)
    code = "      code = word;"
    if weights:
        reached = list(accumulate(int(weight) for weight in weights))
        # The code is the number of sums that the word has reached.
        terms = " + ".join(f"(whole >= {bound})" for bound in reached)
        code = f"      whole = word;\n      code = 32'd0 + {terms};"
    return (
        f"  function decide(input [{n - 1}:0] frac, input [{width - 1}:0] word);\n"
        f"    reg [{size - 1}:0] truth;\n"
        "    reg [31:0] code, whole;\n"
        # Not 32 bits: Yosys would make a shifter of them, which takes minutes for a long table.
        f"    reg [{place - 1}:0] place;\n"
        "    begin\n"
        f"      truth = {size}'h{digits};\n"
        f"{code}\n"
        f"      place = code * {1 << n} + frac;\n"
        "      decide = truth[place];\n"
        "    end\n  endfunction\n"
    )


def _result(design: Design) -> str:
    """Return a function ``result``: of x and word; at an accumulator's boundary as it says."""
    if design.floats:
        return float_result(design, design.floats)
    source, out = design.fixed
    w = _WIDE
    value = "$signed(x)" if source.signed else "$signed({1'b0, x})"
    top, low = design.dropped - 1, design.dropped - design.n
    stored, adds, wraps = "", "", ""
    if design.boundary == "accumulator":
        stored = f"input [{out.width - 1}:0] w, "
        number = "$signed(w)" if out.signed else "$signed({1'b0, w})"
        adds = f"      whole = whole + {number};\n"
    if design.boundary == "dither":
        # The accumulator has so many bits above the dropped ones and wraps.
        wraps = _wrapped(source.width - design.dropped, source.signed)
    limits = ""
    if design.overflow == "saturate":
        limits = (
            f"      if (whole > {_signed(out.high)}) whole = {_signed(out.high)};\n"
            f"      if (whole < {_signed(out.low)}) whole = {_signed(out.low)};\n"
        )
    return (
        f"  function [{out.width - 1}:0] result(\n"
        f"    {stored}input [{source.width - 1}:0] x, input [{max(design.k, 1) - 1}:0] word\n"
        "  );\n"
        f"    reg signed [{w - 1}:0] whole;\n"
        "    begin\n"
        f"      whole = {value};\n"
        f"      whole = whole >>> {design.dropped};\n"
        f"      if (decide(x[{top}:{low}], word)) whole = whole + {w}'sd1;\n"
        f"{adds}{wraps}{limits}"
        "      result = whole;\n"
        "    end\n"
        "  endfunction\n"
    )


def _wrapped(bits: int, signed: bool) -> str:
    """Return statements that bring `whole`, at most one beyond the ends of some bits, back."""
    high = (1 << (bits - signed)) - 1
    return f"      if (whole > {_signed(high)}) whole = whole - {_signed(1 << bits)};\n"


def _signed(value: int) -> str:
    return f"-{_WIDE}'sd{-value}" if value < 0 else f"{_WIDE}'sd{value}"


def rounder_verilog(design: Design, name: str = "reference") -> str:
    """Return the bare rule as a combinational module: ports as `esru.hdl.emit.rounder_rtlil`."""
    inputs = [("frac" if design.boundary == "decision" else "x", _bare_width(design))]
    if design.boundary == "accumulator":
        inputs.insert(0, ("w", design.out_format.width))
    values = [name for name, _ in inputs]
    if design.k:
        inputs.append(("word", design.k))
    values.append("word" if design.k else "1'b0")
    decision = design.boundary == "decision"
    out, wide_out = ("up", 1) if decision else ("y", design.out_format.width)
    function = "decide" if design.boundary == "decision" else "result"
    ports = "".join(f"  input [{width - 1}:0] {port},\n" for port, width in inputs)
    body = _decision(design) + ("" if function == "decide" else _result(design))
    return (
        f"module {name}(\n{ports}  output [{wide_out - 1}:0] {out}\n);\n{body}"
        f"  assign {out} = {function}({', '.join(values)});\nendmodule\n"
    )


def _bare_width(design: Design) -> int:
    return design.n if design.boundary == "decision" else design.input.width


def design_verilog(design: Design, lanes: int | None = None, name: str = "reference") -> str:
    """Return a whole design as a module: ports as `esru.hdl.emit.emit_rtlil` gives them."""
    lanes = design.lanes if lanes is None else lanes
    decision = design.boundary == "decision"
    if decision:
        wide = lanes * design.fraction_bits
        ports = f"  input [{wide - 1}:0] frac,\n  output [{lanes - 1}:0] up\n"
    else:
        wide_in, wide_out = lanes * design.x_bits, lanes * design.out_format.width
        ports = f"  input [{wide_in - 1}:0] x,\n  output [{wide_out - 1}:0] y\n"
    for side, bits in design.side_inputs(lanes).items():
        ports = f"  input [{bits - 1}:0] {side},\n{ports}"
    ports = load_inputs(design, lanes // design.lanes) + ports
    parts = [f"module {name}(\n  input clk,\n  input rst,\n  input en,\n{ports});\n"]
    parts.append(_decision(design))
    if design.boundary != "decision":
        parts.append(_result(design))
    text, words = lane_words(design, lanes)
    parts.append(text)
    if design.boundary == "dither":
        parts += dithered_lanes(design, words)
        return "".join([*parts, "endmodule\n"])
    for lane, word in enumerate(words):
        if design.boundary == "decision":
            top = (lane + 1) * design.fraction_bits - design.n
            data = f"frac[{top} +: {design.n}]"
            parts.append(f"  assign up[{lane}] = decide({data}, {word});\n")
            continue
        wide_in, wide_out = design.x_bits, design.out_format.width
        data = f"x[{lane * wide_in} +: {wide_in}]"
        if design.block:
            # Every lane its own copy of its block's scale, above its sign.
            data = f"{{scale[{lane // design.block * SCALE_BITS} +: {SCALE_BITS}], {data}}}"
        if design.boundary == "accumulator":
            data = f"w[{lane * wide_out} +: {wide_out}], {data}"
        if design.boundary == "result":
            place = f"y[{lane * wide_out} +: {wide_out}]"
            parts.append(f"  assign {place} = result({data}, {word});\n")
            continue
        parts.append(
            f"  reg [{wide_out - 1}:0] y{lane} = 0;\n"
            f"  assign y[{lane * wide_out} +: {wide_out}] = y{lane};\n"
            f"  always @(posedge clk)\n    if (rst) y{lane} <= 0;\n"
            f"    else if (en) y{lane} <= result({data}, {word});\n"
        )
    parts.append("endmodule\n")
    return "".join(parts)
