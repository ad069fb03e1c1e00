"""A FuseSoC core description (CAPI2) of what `esru gen` wrote."""

from __future__ import annotations

from esru import __version__
from esru.design import Design
from esru.hdl.emit import module_name

_CORE = """\
CAPI=2:
name: esru:rounding:{stem}:{version}
description: "Stochastic rounding unit {design}"

filesets:
  rtl:
    files:
{rtl}
    file_type: verilogSource-2005
{bench_set}
targets:
  default: &default
    filesets: [rtl]
    toplevel: {module}

  lint:
    <<: *default
    description: "Lint with Verilator"
    default_tool: verilator
    tools:
      verilator:
        mode: lint-only
        verilator_options: [-Wall]
{bench_target}"""

_BENCH_SET = """\
  bench:
    files:
      - {stem}_tb.v
    file_type: verilogSource-2005
"""

_BENCH_TARGET = """\

  sim:
    description: "Vectors from the exact model; prints PASS or FAIL"
    default_tool: icarus
    filesets: [rtl, bench]
    toplevel: {module}_tb
    tools:
      icarus:
        iverilog_options: [-g2005]
"""


def core_file(design: Design, lanes: int | None, names: list[str]) -> str:
    """Return the core description.

    Parameters
    ----------
    design : Design
        The unit.
    lanes : int or None
        Lanes of a whole array; None: the lanes of one source.
    names : list of str
        Every file in the folder; the Verilog among them is listed, and the target ``sim`` is
        there if the testbench is.
    """
    module = module_name(design, lanes)
    stem = module.removeprefix("esru_")
    bench = f"{stem}_tb.v" in names
    rtl = [name for name in (f"{stem}.v", f"{stem}_stream.v") if name in names]
    return _CORE.format(
        stem=stem,
        version=__version__,
        design=design,
        module=module,
        rtl="\n".join(f"      - {name}" for name in rtl),
        bench_set=_BENCH_SET.format(stem=stem) if bench else "",
        bench_target=_BENCH_TARGET.format(module=module) if bench else "",
    )
