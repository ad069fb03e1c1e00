"""The text form of a design, ``n:k:rule:source[,key=value...]``: reading and writing it.

Reading returns the fields of an `esru.design.Design`, which judges what they are worth together.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from esru.errors import InputError
from esru.formats import INT8, parse_format
from esru.sources.settings import KEYS, check_key, default_taps, parse_integer, parse_source

if TYPE_CHECKING:
    from esru.design import Design

#: Names for designs that everybody compares with.
ALIASES = {
    "reference": "24:24:zero:lfsr24",
    "papers": "8:3:replicate:plateau3",
    "papers-zero": "8:3:zero:plateau3",
    "nearest": "8:0:half:none",
    # What `esru search --bits 8` answers; tests/docs holds it to the committed result.
    "winner": "4:3:select:lfsr24,leap=4,lanes=64",
}

#: What may follow the source, in the order in which it is written.
TEXT_KEYS = (*KEYS, "in", "out", "block", "overflow", "boundary")

#: A truth table of more than 16 digits, and more than 12 weights: the first and the last ones.
_LONG_TABLE = re.compile(r"(?<=table-)([0-9a-f]{6})[0-9a-f]{7,}([0-9a-f]{4})")
_LONG_WEIGHTS = re.compile(r"(?<=[0-9a-f])((?:\.[0-9]+){4})(?:\.[0-9]+){5,}((?:\.[0-9]+){4})(?=:)")

_ALPHABET = re.compile(r"[a-z0-9_.:=,-]+")


def read_fields(text: str) -> dict[str, Any]:
    """Return the fields of the design that a text describes, by their names in `Design`.

    Parameters
    ----------
    text : str
        As `esru.design.parse` takes it.

    Raises
    ------
    InputError
        If the text is malformed.
    """
    if not _ALPHABET.fullmatch(text):
        raise InputError.must("Design", "made of the characters a-z 0-9 _.:=,-", repr(text))
    head, *pairs = text.split(",")
    head, *more = ALIASES.get(head, head).split(",")
    pairs = more + pairs
    parts = head.split(":")
    if len(parts) != 4:
        rule = f"n:k:rule:source[,key=value...] or one of {', '.join(ALIASES)}"
        raise InputError.must("Design", rule, repr(text))
    family, length = parse_source(parts[3])
    values: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if key not in TEXT_KEYS or not equals or not value:
            rule = f"one of {', '.join(TEXT_KEYS)}, with a value"
            raise InputError.must("Design key", rule, pair)
        if key in values:
            raise InputError.must("Design key", "given once", key)
        check_key(family, key, pair)
        values[key] = value
    numbers = {
        key: parse_integer(key.capitalize(), values.get(key, "1")) for key in ("seed", "leap")
    }
    if "taps" in values:
        numbers["taps"] = parse_integer("Taps", values["taps"], 16)
        if not numbers["taps"]:
            raise InputError.must("Taps", "above 0", "0x0")
    return {
        "n": parse_integer("Rounding bits (n)", parts[0]),
        "k": parse_integer("Random bits (k)", parts[1]),
        "rule": parts[2],
        "source": family,
        "length": length,
        "form": values.get("form", "fibonacci"),
        "lanes": parse_integer("Lanes", values.get("lanes", "1")),
        "map": values.get("map", "same"),
        "recover": parse_integer("Recover", values.get("recover", "0")),
        "block": parse_integer("Lanes of a block", values["block"]) if "block" in values else 0,
        "load": parse_integer("Load", values.get("load", "0")),
        "in_format": parse_format(values["in"]) if "in" in values else None,
        "out_format": parse_format(values.get("out", "int8")),
        "overflow": values.get("overflow", "saturate"),
        "boundary": values.get("boundary", "decision"),
        **numbers,
    }


def write_text(design: Design) -> str:
    """Return a design's text form, without what is the default."""
    default = design.__dataclass_fields__
    text = f"{design.n}:{design.k}:{design.rule}:{design.source_name}"
    pairs = []
    if design.form != default["form"].default:
        pairs.append(f"form={design.form}")
    if design.length and design.taps != default_taps(design.source, design.length):
        pairs.append(f"taps={design.taps:#x}")
    for key in ("seed", "leap", "lanes", "map", "recover", "load"):
        if getattr(design, key) != default[key].default:
            pairs.append(f"{key}={getattr(design, key)}")
    if not design.takes_default:
        pairs.append(f"in={design.input}")
    if design.out_format != INT8:
        pairs.append(f"out={design.out_format}")
    for key in ("block", "overflow", "boundary"):
        if getattr(design, key) != default[key].default:
            pairs.append(f"{key}={getattr(design, key)}")
    return ",".join((text, *pairs))


def short_design(design: Design | str) -> str:
    """Return a design's text for people to read: a long truth table, and many weights, are cut.

    What is cut is no design: `esru.design.parse` refuses its dots.
    """
    return _LONG_WEIGHTS.sub(r"\1...\2", _LONG_TABLE.sub(r"\1...\2", str(design)))


def copied_design(design: Design | str) -> str:
    """Return what a command line to be copied calls a design: its text, ``DESIGN`` if it is long.

    Long is what `short_design` cuts.
    """
    text = str(design)
    return text if short_design(text) == text else "DESIGN"
