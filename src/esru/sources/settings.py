"""What a design's source may be: families, their keys, and the checks of their settings."""

from __future__ import annotations

import re
from math import gcd
from typing import TYPE_CHECKING

from esru.errors import InputError
from esru.sources.cellular import default_rules, format_rules, is_maximal
from esru.sources.lane_maps import MAPS
from esru.sources.polynomial import default_polynomial, format_polynomial, is_primitive

if TYPE_CHECKING:
    from esru.design import Design

MAX_LANES = 1024

#: A de Bruijn register's steps are written out one by one, forwards or backwards: at most so many.
MAX_UNROLLED = 64

#: Source families, each with a one-line summary.
SOURCES = {
    "lfsr": "linear feedback shift register, period 2^L - 1, never zero",
    "debruijn": "LFSR with the zero state spliced in: exactly uniform, period 2^L",
    "plateau": "LFSR words and inverted LFSR words in turn, period 2(2^L - 1)",
    "cellular": "cellular automaton of rules 90 and 150, period 2^L - 1, never zero",
    "counter": "bit-reversed counter (van der Corput), L = k: exactly uniform, period 2^L",
    "operand-own": "the lowest k dropped bits of the lane's own operand, D >= n + k",
    "operand-prev": "the lowest k dropped bits of the lane's operand of the cycle before",
    "operand-neighbour": "the lowest k dropped bits of the next lane's operand",
    "operand-xor": "operand-own XOR operand-neighbour",
    "port": "the word is an input of the module",
    "none": "no random bits (k = 0): truncation or round half up",
}

#: Families that take their words from the operands.
OPERANDS = ("operand-own", "operand-prev", "operand-neighbour", "operand-xor")

#: Families that make no words themselves.
GIVEN = (*OPERANDS, "port")

FORMS = ("fibonacci", "galois")

#: The keys of a design that are its source's, in the order in which they print.
KEYS = ("form", "taps", "seed", "leap", "lanes", "map", "recover", "load")

_SHIFT = frozenset(KEYS)

#: The keys that each family has.
KEYS_OF = {
    "lfsr": _SHIFT,
    "debruijn": _SHIFT - {"recover"},
    "plateau": _SHIFT,
    "cellular": _SHIFT - {"form"},
    "counter": _SHIFT - {"form", "taps", "recover"},
    **{family: frozenset({"lanes"}) for family in OPERANDS},
    "port": frozenset({"lanes", "map"}),
    "none": frozenset[str](),
}

#: Families named without a length.
WITHOUT_LENGTH = (*GIVEN, "none")

#: Families whose register passes through the zero state.
VISITS_ZERO = ("debruijn", "counter")

_NAME = re.compile(r"([a-z-]+?)([0-9]*)")


def one_of(subject: str, allowed: tuple[str, ...], value: str) -> None:
    """Raise unless a value is one of those allowed."""
    if value not in allowed:
        raise InputError.must(subject, f"one of {', '.join(allowed)}", repr(value))


def in_range(subject: str, low: int, high: int, value: int) -> None:
    """Raise unless a value lies between two others."""
    if not low <= value <= high:
        raise InputError.must(subject, f"between {low} and {high}", value)


def register_period(family: str, length: int) -> int:
    """Return the states that a family's register of some length passes through."""
    return (1 << length) - (family not in VISITS_ZERO)


def spliced_steps(length: int, leap: int) -> int:
    """Return the single steps of a de Bruijn register's leap; negative: so many backwards.

    Going on 2^L - s steps is going back s.
    """
    return leap if leap <= MAX_UNROLLED else leap - (1 << length)


def loaded_seed(design: Design, seed: int) -> int:
    """Return the state that a source has after a seed was loaded: 1 for 0 if it would lock up."""
    return seed if seed or design.source in VISITS_ZERO else 1


def default_taps(family: str, length: int) -> int:
    """Return the taps that a family's register has unless it is told; 0 for one without."""
    if "taps" not in KEYS_OF[family]:
        return 0
    return default_rules(length) if family == "cellular" else default_polynomial(length)


def structure(design: Design) -> list[str] | None:
    """Return what the taps of a design are, as a name and a text; None without taps."""
    if not design.taps:
        return None
    if design.source == "cellular":
        return ["automaton", format_rules(design.taps)]
    return ["polynomial", format_polynomial(design.taps)]


def parse_integer(subject: str, text: str, base: int = 10) -> int:
    """Return the integer that a text is.

    Raises
    ------
    InputError
        If it is none, or has a sign.
    """
    try:
        if not text.isalnum():
            raise ValueError
        return int(text, base)
    except ValueError:
        kind = "an integer" if base == 10 else "a hexadecimal integer such as 0xb"
        raise InputError.must(subject, kind, repr(text)) from None


def parse_source(text: str) -> tuple[str, int]:
    """Return a source's family and length, 0 for one without.

    Raises
    ------
    InputError
        If there is no such source.
    """
    match = _NAME.fullmatch(text)
    family, digits = match.groups() if match else (text, "")
    one_of("Source", tuple(SOURCES), family)
    if family in WITHOUT_LENGTH:
        if digits:
            raise InputError.must(f"Source {family}", "without a length", repr(text))
        return family, 0
    if not digits:
        raise InputError.must(f"Source {family}", f"followed by its length ({family}8)", repr(text))
    return family, parse_integer("Source length (L)", digits)


def check_key(family: str, key: str, text: str) -> None:
    """Raise if a key is a source's, but not this family's."""
    if key in KEYS and key not in KEYS_OF[family]:
        rule = f"without {key}" if KEYS_OF[family] else "without settings"
        raise InputError.must(f"Source {family}", rule, text)


def check_source(design: Design) -> None:
    """Raise if a design's source, or a setting of it, is impossible.

    Raises
    ------
    InputError
        Saying what it must be.
    """
    family = design.source
    one_of("Source", tuple(SOURCES), family)
    if (family == "none") != (design.k == 0):
        rule = "none when k is 0" if design.k == 0 else "one with random bits when k is above 0"
        raise InputError.must("Source", rule, repr(design.source_name))
    for key in KEYS:
        value = getattr(design, key)
        if value != type(design).__dataclass_fields__[key].default:
            check_key(family, key, f"{key}={value}")
    one_of("Form", FORMS, design.form)
    one_of("Lane map", tuple(MAPS), design.map)
    in_range("Lanes", 1, MAX_LANES, design.lanes)
    in_range("Recover", 0, 1, design.recover)
    in_range("Load", 0, 1, design.load)
    if family in WITHOUT_LENGTH:
        if design.length:
            raise InputError.must(f"Source {family}", "without a length", design.length)
        _check_given(design)
        return
    _check_length(design)
    if "taps" in KEYS_OF[family]:
        _check_taps(design)
    period = register_period(family, design.length)
    zero = family in VISITS_ZERO
    in_range("Seed", 0 if zero else 1, (1 << design.length) - 1, design.seed)
    in_range("Leap", 1, period - 1, design.leap)
    if family == "debruijn" and -spliced_steps(design.length, design.leap) > MAX_UNROLLED:
        least = (1 << design.length) - MAX_UNROLLED
        rule = f"at most {MAX_UNROLLED}, or at least {least} (so many less than 2^L)"
        raise InputError.must("Leap of a debruijn source", rule, design.leap)
    if design.length > 24 and gcd(design.leap, period) != 1:
        rule = f"coprime with the period ({period}) of a register above 24 bits"
        raise InputError.must("Leap", rule, design.leap)
    if design.load and design.map == "delay":
        rule = "any but delay (no words precede a loaded seed)"
        raise InputError.must("Lane map of a source that loads a seed", rule, "'delay'")


def _check_given(design: Design) -> None:
    if design.source == "port" and design.map == "delay":
        rule = "same, rotate, permute, invert or complement (no words precede the first)"
        raise InputError.must("Lane map of source port", rule, "'delay'")
    if design.source in ("operand-neighbour", "operand-xor") and design.lanes < 2:
        rule = "at least 2, to be neighbours"
        raise InputError.must(f"Lanes of source {design.source}", rule, design.lanes)


def _check_length(design: Design) -> None:
    if design.source == "counter":
        if design.length != design.k:
            rule = f"k ({design.k}): a word sees no further bits"
            raise InputError.must("Source length (L) of a counter", rule, design.length)
        return
    shortest = design.k + (design.rule == "select" and design.source not in VISITS_ZERO)
    in_range("Source length (L)", max(2, shortest), 32, design.length)


def _check_taps(design: Design) -> None:
    length, taps = design.length, design.taps
    if design.source == "cellular":
        if taps >> length:
            raise InputError.must("Taps", f"a rule vector of {length} bits", hex(taps))
        if not is_maximal(taps, length):
            rule = f"the rule vector of an automaton with the period {(1 << length) - 1}"
            raise InputError.must("Taps", rule, f"{taps:#x} ({format_rules(taps)})")
        return
    if taps.bit_length() != length + 1:
        raise InputError.must("Taps", f"of degree {length}", hex(taps))
    if not is_primitive(taps):
        value = f"{taps:#x} ({format_polynomial(taps)})"
        raise InputError.must("Taps", "a primitive polynomial", value)
