"""An independent description of a float unit's result in Verilog, for proofs.

It is written from the contract's sentences and in another style than the hardware: a case for
every binade below the normal ones, with the shift as a constant, where the hardware subtracts
and shifts by a variable; exponent and significand kept apart and renormalised after the increment
where the hardware lets one integer carry. It shares no code with `esru.hdl`.
"""

from __future__ import annotations

from esru.design import Design
from esru.float_formats import SCALE_BIAS, FloatFormat


def _arm(out: FloatFormat, pattern: str, binade: int, last: int) -> str:
    """Return the case of one binade of the input.

    Parameters
    ----------
    out : FloatFormat
        The output format.
    pattern : str
        Of exponent and fraction field, in binary.
    binade : int
        Exponent of the leading bit.
    last : int
        Exponent of the input's last bit.
    """
    dropped = max(binade, out.least_exponent) - out.fraction - last
    field = max(binade + out.bias, 0)
    shifted = f"scaled {'>>' if dropped >= 0 else '<<'} {abs(dropped)}"
    size = len(pattern)
    return f"          {size}'b{pattern}: begin scaled = {shifted}; field = {field}; end\n"


def _arms(design: Design, source: FloatFormat, out: FloatFormat) -> str:
    """Return a case for every binade in which a magnitude is subnormal, as input or as output.

    A binade so low that f is 0 whatever the significand needs none.
    """
    lowest = source.least_exponent - source.fraction
    seen = out.least_exponent - out.fraction - design.n
    text = ""
    for place in reversed(range(source.fraction)):
        if lowest + place >= seen:
            pattern = "0" * (source.exponent + source.fraction - 1 - place) + "1" + "?" * place
            text += _arm(out, pattern, lowest + place, lowest)
    for field in range(1, out.least_exponent + source.bias):
        binade = field - source.bias
        if binade >= seen:
            pattern = f"{field:0{source.exponent}b}" + "?" * source.fraction
            text += _arm(out, pattern, binade, binade - source.fraction)
    return text


def _field_bits(source: FloatFormat, out: FloatFormat) -> int:
    """Return the width of a variable for the output's exponent field without an upper end."""
    return max(source.exponent, out.exponent, source.scale) + 1 + (source.scale > 0)


def _placed(design: Design, source: FloatFormat, out: FloatFormat) -> str:
    """Return statements that shift `scaled` to the output's ulp and set `field`."""
    mi, high = source.fraction, source.exponent + source.fraction - 1
    # Input binades that are normal in both formats: their ulp is a fixed share of the input's.
    first = max(out.least_exponent + source.bias, 1)
    wide = _field_bits(source, out)
    return (
        f"      if (x[{high}:{mi}] >= {first}) begin\n"
        f"        scaled = scaled >> {mi - out.fraction};\n"
        f"        field = x[{high}:{mi}] + {wide}'d{(out.bias - source.bias) % (1 << wide)};\n"
        "      end else begin\n"
        "        field = 0;\n"
        f"        casez (x[{high}:0])\n"
        f"{_arms(design, source, out)}"
        "          default: scaled = 0;\n"
        "        endcase\n"
        "      end\n"
    )


def _scaled(source: FloatFormat, out: FloatFormat, n: int) -> str:
    """Return the same for a value that is divided by a scale, by normalising bit for bit."""
    mi, high = source.fraction, source.exponent + source.fraction - 1
    low = high + 2
    constant = SCALE_BIAS - source.bias - out.least_exponent
    return (
        # How many binades the quotient lies above the output's least one.
        f"      above = $signed({{8'd0, x[{high}:{mi}]}});\n"
        f"      above = above - $signed({{8'd0, x[{low + 7}:{low}]}});\n"
        f"      above = above {'+' if constant >= 0 else '-'} 16'sd{abs(constant)};\n"
        f"      if (x[{high}:{mi}] == 0) above = above + 16'sd1;\n"
        f"      for (i = 0; i < {mi}; i = i + 1)\n"
        f"        if (!scaled[{mi + n}]) begin\n"
        "          scaled = scaled << 1;\n"
        "          above = above - 16'sd1;\n"
        "        end\n"
        f"      scaled = scaled >> {mi - out.fraction};\n"
        "      field = 0;\n"
        "      if (above < 0) scaled = scaled >> (-above);\n"
        f"      else if (x[{high}:0] != 0) field = above + 16'sd1;\n"
    )


def float_result(design: Design, pair: tuple[FloatFormat, FloatFormat]) -> str:
    """Return a Verilog function ``result(x, word)``, which calls ``decide(frac, word)``."""
    source, out = pair
    n, mi, mo = design.n, source.fraction, out.fraction
    bits = source.exponent + mi
    wide = _field_bits(source, out)
    width = max(mi + 1, mo + 2) + n + 1
    most, greatest = out.highest >> mo, out.highest % (1 << mo)
    below = out.width - 1
    beyond = out.highest if design.overflow == "saturate" else out.overflow
    nan = out.highest if out.nan is None else out.nan
    ones = (1 << source.exponent) - 1
    return (
        f"  function [{out.width - 1}:0] result(\n"
        f"    input [{source.width - 1}:0] x, input [{max(design.k, 1) - 1}:0] word\n"
        "  );\n"
        f"    reg [{width - 1}:0] scaled;\n"
        f"    reg [{width - 1}:0] whole;\n"
        f"    reg [{n - 1}:0] rest;\n"
        f"    reg [{wide - 1}:0] field;\n"
        "    reg signed [15:0] above;\n"
        "    integer i;\n"
        "    begin\n"
        # The significand with n zeros below: after the shift the lowest n bits are the fraction.
        f"      scaled = {{x[{bits - 1}:{mi}] != 0, x[{mi - 1}:0], {n}'d0}};\n"
        f"{_scaled(source, out, n) if source.scale else _placed(design, source, out)}"
        f"      rest = scaled[{n - 1}:0];\n"
        f"      whole = scaled >> {n};\n"
        "      if (decide(rest, word)) whole = whole + 1;\n"
        f"      if (whole == {2 << mo}) begin whole = {1 << mo}; field = field + 1; end\n"
        f"      else if (field == 0 && whole == {1 << mo}) field = 1;\n"
        f"      result[{below}] = x[{bits}];\n"
        f"      if (x[{bits - 1}:{mi}] == {ones} && x[{mi - 1}:0] != 0)\n"
        f"        result[{below - 1}:0] = {below}'d{nan};\n"
        f"      else if (x[{bits - 1}:{mi}] == {ones} || field > {most}\n"
        f"               || field == {most} && whole > {greatest + (1 << mo)})\n"
        f"        result[{below - 1}:0] = {below}'d{beyond};\n"
        f"      else begin\n"
        f"        result[{mo - 1}:0] = whole[{mo - 1}:0];\n"
        f"        result[{below - 1}:{mo}] = field[{out.exponent - 1}:0];\n"
        "      end\n"
        "    end\n"
        "  endfunction\n"
    )
