"""The dithered accumulators of `esru.flow.reference`: sums, and what they start from.

The bare proof says that such a sum, cut off, is the sum rounded by the contract's decision
(`result`); the whole module is compared with the accumulator as it stands, whose additions do not
depend on their order.
"""

from __future__ import annotations

from collections.abc import Sequence

from esru.design import Design


def dithered_lanes(design: Design, words: Sequence[str]) -> list[str]:
    """Return each lane's register and output, from each lane's word as an expression."""
    source, out = design.fixed
    wide, wide_out = source.width, out.width
    parts = [_start(design), _cut(design)]
    for lane, word in enumerate(words):
        x = f"x[{lane * wide} +: {wide}]"
        parts.append(
            f"  reg [{wide - 1}:0] total{lane} = 0;\n"
            f"  assign y[{lane * wide_out} +: {wide_out}] = cut(total{lane});\n"
            f"  always @(posedge clk)\n    if (rst) total{lane} <= 0;\n"
            f"    else if (en && first) total{lane} <= start({word}) + {x};\n"
            f"    else if (en) total{lane} <= total{lane} + {x};\n"
        )
    return parts


def _start(design: Design) -> str:
    """Return a function ``start(word)``: in units of the input's last place."""
    n, k, wide = design.n, design.k, design.input.width
    width = max(k, 1)
    place = 1 << (design.dropped - n)
    if design.rule == "replicate":
        bits = ", ".join(f"word[{k - 1 - i % k}]" for i in range(n))
        value = f"{{{bits}}}"
    else:
        value = f"word * {wide}'d{1 << (n - k)}"
        if design.rule == "half":
            value = f"({value} + {wide}'d{1 << (n - k - 1)})"
    return (
        f"  function [{wide - 1}:0] start(input [{width - 1}:0] word);\n"
        f"    start = {value} * {wide}'d{place};\n  endfunction\n"
    )


def _cut(design: Design) -> str:
    """Return a function ``cut(total)``: without the dropped bits, then within the output."""
    source, out = design.fixed
    value = "$signed(total)" if source.signed else "$signed({1'b0, total})"
    limits = ""
    if design.overflow == "saturate":
        # Compared before the bits are dropped: the ends in the units of the input.
        high, low = (out.high + 1) << design.dropped, out.low << design.dropped
        limits = (
            f"      if (whole >= {_literal(high)}) cut = {out.width}'d{out.encode(out.high)};\n"
            f"      if (whole < {_literal(low)}) cut = {out.width}'d{out.encode(out.low)};\n"
        )
    return (
        f"  function [{out.width - 1}:0] cut(input [{source.width - 1}:0] total);\n"
        f"    reg signed [{_WIDE - 1}:0] whole;\n"
        "    begin\n"
        f"      whole = {value};\n"
        f"      cut = whole >>> {design.dropped};\n"
        f"{limits}"
        "    end\n"
        "  endfunction\n"
    )


#: Wide enough for every word and both ends of every output above the dropped bits.
_WIDE = 132


def _literal(value: int) -> str:
    return f"-{_WIDE}'sd{-value}" if value < 0 else f"{_WIDE}'sd{value}"
