"""Which formats the units of a task have, and a design's counterpart in them.

A design that names no formats has the default ones, int8. The decision hardware is the same for
every format, so such a design stands for its counterparts too: the same rule and the same words
between other formats.
"""

from __future__ import annotations

from dataclasses import replace

from esru.design import Design
from esru.errors import InputError
from esru.float_formats import FloatFormat
from esru.formats import INT8, FixedFormat, parse_format
from esru.sources.settings import OPERANDS
from esru.train.task import Task

#: Widths of the fixed-point formats and of the floats that weights are stored in.
LEAST_WIDTH, MOST_WIDTH = 2, 8

#: Formats of the units that round errors in blocks with a scale.
ERRORS_IN, ERRORS_OUT = "mx_float32", "ocp_e2m1"


def plain(design: Design) -> bool:
    """Return whether a design names no formats: int8, and an input that drops what n and k need."""
    if design.floats:
        return False
    return design == replace(design, in_format=None, out_format=INT8)


def counterpart(design: Design, out: str, source: str | None = None) -> Design:
    """Return the design between other formats, if it names none itself, else the design.

    Parameters
    ----------
    design : Design
        A unit.
    out : str
        The output format.
    source : str, optional
        The input format; None: the default one.

    Raises
    ------
    InputError
        If there is no such format, or no unit with it.
    """
    if not plain(design):
        return design
    return replace(
        design,
        in_format=None if source is None else parse_format(source),
        out_format=parse_format(out),
    )


def formats_of(design: Design) -> tuple[str, str | None]:
    """Return the formats of a design as `counterpart` takes them."""
    return str(design.out_format), str(design.input) if design.floats else None


def in_format(design: Design, out: str) -> Design:
    """Return the design with weights in a format, as ``--format`` asks for it.

    Raises
    ------
    InputError
        If the design names other formats itself, or there is no such unit.
    """
    found = counterpart(design, out)
    if found.out_format != parse_format(out):
        rule = f"{out}, as --format says, or left out"
        raise InputError.must("Output format of the design", rule, found.out_format)
    return found


def trained_unit(task: Task, design: Design) -> Design:
    """Return the unit that a task trains with: the design, or its counterpart for errors.

    Raises
    ------
    InputError
        If there is no such counterpart.
    """
    if not task.gradients:
        return design
    return counterpart(replace(design, boundary="decision"), ERRORS_OUT, ERRORS_IN)


def _check_errors(task: Task, design: Design) -> None:
    found = trained_unit(task, design)
    if formats_of(found) != (ERRORS_OUT, ERRORS_IN):
        rule = f"in={ERRORS_IN},out={ERRORS_OUT} in {task.name}, or left out"
        source, out = found.input, found.out_format
        raise InputError.must("Formats of the design", rule, f"in={source},out={out}")
    if found.source in OPERANDS:
        rule = f"one that makes its own words in {task.name}"
        raise InputError.must("Source of the design", rule, found.source)
    block = task.rounded[0][-1]
    if found.block not in (0, block):
        rule = f"{block} in {task.name}, or left out"
        raise InputError.must("Lanes of a block", rule, found.block)


def check_formats(task: Task, design: Design) -> None:
    """Refuse a design whose formats are not those of a task's weights.

    Raises
    ------
    InputError
        Naming the format that is wrong.
    """
    source, out = design.input, design.out_format
    if task.gradients:
        _check_errors(task, design)
        return
    if isinstance(out, FloatFormat):
        if not task.float_weights:
            rule = f"intW with W from {LEAST_WIDTH} to {MOST_WIDTH} in {task.name}"
            raise InputError.must("Output format of the design", rule, out)
        if out.width > MOST_WIDTH:
            rule = f"one of at most {MOST_WIDTH} bits in {task.name}"
            raise InputError.must("Output format of the design", rule, out)
        if design.source in OPERANDS:
            rule = "one that makes its own words"
            raise InputError.must("Source of a trained float unit", rule, design.source)
        if isinstance(source, FloatFormat) and source.scale:
            raise InputError.must("Input format of the design", "one without a scale", source)
        if design.overflow != "saturate":
            raise InputError.must("Overflow of a trained float unit", "saturate", design.overflow)
        return
    fits = out.signed and LEAST_WIDTH <= out.width <= MOST_WIDTH and out.fraction == 0
    if not fits:
        floats = " or a float of at most 8 bits" if task.float_weights else ""
        rule = f"intW with W from {LEAST_WIDTH} to {MOST_WIDTH}{floats} in {task.name}"
        raise InputError.must("Output format of the design", rule, out)
    assert isinstance(source, FixedFormat)
    if source.low > out.low << source.fraction or source.high < (out.high << source.fraction):
        rule = f"one that holds every {out} with {source.fraction} fraction bits"
        raise InputError.must("Input format of the design", rule, source)
