"""Every rule with every source, lane map, boundary and format that can be built, exhaustively.

Inputs of up to 16 bits together with the random word: every input with every word of the period,
in every lane, hardware against model. The lists come from the catalogues, so that what is new
there is covered here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import compiled
import pytest
from compiled import Run, mismatch, outputs
from marks import slow_where

from esru.boundaries import ACCUMULATORS, ADDED, ROUNDINGS
from esru.design import BOUNDARIES, RULES, SOURCES, Design, parse
from esru.errors import InputError
from esru.formats import parse_format
from esru.sources.lane_maps import MAPS
from esru.sources.settings import KEYS_OF, OPERANDS

#: Rounding bits and random bits, by boundary.
_SIZES = [(6, 6), (6, 5), (6, 3), (6, 0), (3, 3), (3, 2), (4, 2)]
SIZES = {
    "decision": [(8, 8), (8, 7), (8, 3), (8, 0), (5, 5), (5, 4), (5, 2)],
    "result": _SIZES,
    "unit": _SIZES,
    "accumulator": [(3, 3), (3, 2), (3, 0), (2, 2), (2, 1)],
    "dither": _SIZES,
}
_FORMATS = ["in=s10.6,out=int4", "in=u9.6,out=uint3", "in=s10.6,out=uint3", "in=u10.6,out=int4"]
#: Input and output formats by boundary, ends that can be passed and ends that cannot.
FORMATS = {
    "decision": [""],
    "result": _FORMATS,
    "unit": _FORMATS,
    "accumulator": [
        "in=s6.3,out=int3",
        "in=u5.3,out=uint3",
        "in=s6.3,out=uint2",
        "in=s4.3,out=s3.0",
    ],
    "dither": [*_FORMATS, "in=s8.6,out=int4"],
}

FORMS = ("fibonacci", "galois")
OVERFLOWS = ("saturate", "wrap")

#: Pairs that the contract rules out: rules that need random bits, with a source of none.
IMPOSSIBLE = {("replicate", "none"), ("select", "none")}

#: What the boundary `dither` takes: rules that add their word, sources that have it beforehand.
DITHERED = {
    (rule, source)
    for rule, source in product(ADDED, SOURCES)
    if source not in OPERANDS and (rule, source) not in IMPOSSIBLE
}

#: Sources that need a neighbour, and lanes for maps that differ from lane to lane.
NEIGHBOURS = ("operand-neighbour", "operand-xor")
_LANES = 3

#: Designs in one program.
_BATCH = 64


def _bits(design: Design) -> int:
    """Return how many bits of a lane's input and random word there are together."""
    width = design.fraction_bits if design.boundary == "decision" else design.input.width
    width += design.out_format.width if design.boundary == "accumulator" else 0
    return width + (design.k if design.source != "operand-own" else 0)


def _shortest(head: str, k: int, tail: str) -> Design | None:
    """Return the design with the shortest source that can be built, or None."""
    for length in ("", *range(2, k + 2)):
        try:
            design = parse(f"{head}{length}{tail}")
        except InputError:
            continue
        return design if _bits(design) <= 16 else None
    return None


def combinations(
    boundary: str,
    sizes: int | None = None,
    forms: Sequence[str] = FORMS[:1],
    formats: int | None = None,
    overflows: Sequence[str] = OVERFLOWS[:1],
    keys: str = "",
) -> list[Design]:
    """Return designs: the first `sizes` that fit each rule and source, the first formats.

    `keys` are more keys of all designs; sources that have none of them are left out.
    """
    ends = [text and f",{text}" for text in FORMATS[boundary][:formats]]
    found = []
    for rule, source in product(RULES, SOURCES):
        for form, end, overflow in product(forms, ends, overflows):
            lanes = ",lanes=2" if source in NEIGHBOURS and not keys else keys
            tail = f"{lanes}{end},overflow={overflow},boundary={boundary}"
            fitting = []
            for n, k in SIZES[boundary]:
                head = f"{n}:{k}:{rule}:{source}"
                # A source without forms is built once.
                fitting += [_shortest(head, k, f",form={form}{tail}") or _shortest(head, k, tail)]
            found += [design for design in fitting if design is not None][:sizes]
    return list(dict.fromkeys(found))


def _unequal(designs: list[Design], folder: Path) -> list[str]:
    """Return the first difference of every design that has one."""
    found = []
    for first in range(0, len(designs), _BATCH):
        batch = designs[first : first + _BATCH]
        place = folder / str(first)
        place.mkdir()
        pairs = zip(batch, outputs(batch, place), strict=True)
        found += [text for text in (mismatch(*pair) for pair in pairs) if text]
    return found


def test_every_boundary_has_sizes() -> None:
    assert set(SIZES) == set(BOUNDARIES)
    for boundary in BOUNDARIES:
        for design in combinations(boundary):
            assert Run(design).design.k <= 8 and _bits(design) <= 16


def test_every_rule_and_source(tmp_path: Path) -> None:
    """At the boundary `decision`, in every form, at two sizes."""
    designs = combinations("decision", sizes=2, forms=FORMS)
    built = {(design.rule, design.source) for design in designs}
    assert built == set(product(RULES, SOURCES)) - IMPOSSIBLE
    assert {design.form for design in designs} == set(FORMS)
    assert not _unequal(designs, tmp_path)


def test_every_rule_and_source_of_a_unit(tmp_path: Path) -> None:
    """With an adder and one pair of formats, every second one without the register."""
    designs = combinations("unit", sizes=1, formats=1)
    designs[1::2] = [replace(design, boundary="result") for design in designs[1::2]]
    built = {(design.rule, design.source) for design in designs}
    assert built == set(product(RULES, SOURCES)) - IMPOSSIBLE
    assert not _unequal(designs, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("boundary", ["result", "unit", *ACCUMULATORS])
def test_every_rule_source_and_format(boundary: str, tmp_path: Path) -> None:
    """With as many random bits as the rule takes."""
    designs = combinations(boundary, sizes=1)
    built = {(d.rule, d.source, d.input, d.out_format) for d in designs}
    wanted = set(product(RULES, SOURCES)) - IMPOSSIBLE
    if boundary == "dither":
        wanted = DITHERED
    pairs = [[parse_format(part.partition("=")[2]) for part in text.split(",")]
             for text in FORMATS[boundary]]  # fmt: skip
    assert built == {(*pair, *ends) for pair, ends in product(wanted, pairs)}
    assert not _unequal(designs, tmp_path)


#: A table whose codes are words, one whose codes have weights.
TABLES = ["3:2:table-f0cceea8", "4:4:table-ff00f0f0fc30fa5000000000ccccaaaa.1.2.1.0.0.0.4.8"]


@pytest.mark.parametrize("boundary", slow_where({"result"}, ROUNDINGS))
def test_tables_with_every_source(boundary: str, tmp_path: Path) -> None:
    """In both forms of the name; with an adder to a format whose ends can be passed."""
    designs = []
    for head, source in product(TABLES, SOURCES):
        lanes = ",lanes=2" if source in NEIGHBOURS else ""
        end = ",in=s8.4,out=int3" if boundary != "decision" and source[:7] != "operand" else ""
        k = int(head[2])
        found = _shortest(f"{head}:{source}", k, f"{lanes}{end},boundary={boundary}")
        designs += [found] if found is not None else []
    assert {design.source for design in designs} >= set(SOURCES) - {"none"}
    assert not _unequal(designs, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("boundary", [*ROUNDINGS, "dither"])
def test_every_rule_and_map(boundary: str, tmp_path: Path) -> None:
    """With every source that has lane maps, at one size."""
    designs = []
    for name in MAPS:
        keys = f",lanes={_LANES},map={name}"
        designs += combinations(boundary, sizes=1, formats=1, keys=keys)
    with_maps = {source for source in SOURCES if "map" in KEYS_OF[source]}
    built = {(design.rule, design.source, design.map) for design in designs}
    # The word of a port does not know its past.
    rules = ADDED if boundary == "dither" else RULES
    missing = {triple for triple in product(rules, with_maps, MAPS) if triple not in built}
    if boundary == "dither":
        missing = {triple for triple in missing if triple[:2] in DITHERED}
    assert {triple[1:] for triple in missing} <= {("port", "delay")}
    assert not _unequal(designs, tmp_path)


def test_accumulators_of_every_rule(tmp_path: Path) -> None:
    """At both boundaries, with every source that is not the operands'."""
    designs = []
    for boundary in ACCUMULATORS:
        found = combinations(boundary, sizes=1, formats=1)
        designs += [design for design in found if design.source not in OPERANDS]
    assert {d.rule for d in designs if d.boundary == "accumulator"} == set(RULES)
    assert {d.rule for d in designs if d.boundary == "dither"} == set(ADDED)
    assert not _unequal(designs, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_every_size_form_and_overflow(boundary: str, tmp_path: Path) -> None:
    overflows = OVERFLOWS[:1] if boundary == "decision" else OVERFLOWS
    # How a register steps has nothing to do with what an accumulator adds, or with what holds
    # the result.
    forms = FORMS[:1] if boundary in ("result", *ACCUMULATORS) else FORMS
    designs = combinations(boundary, forms=forms, overflows=overflows)
    assert {design.overflow for design in designs} == set(overflows)
    assert not _unequal(designs, tmp_path)


def test_differences_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hardware of another rule, source or overflow than the model's."""
    true = compiled.emit_rtlil
    text = "6:3:half:lfsr3,seed={},in=s10.6,out=int4,boundary={}"
    ends = [(1, "unit"), (2, "unit"), (3, "unit"), (3, "result"), (4, "unit"), (4, "result")]
    designs = [parse(text.format(*end)) for end in ends]
    wraps = {"overflow": "wrap"}
    changes = [{"rule": "nearest"}, {"source": "plateau"}, wraps, wraps, {}, {}]
    wrong = {d: replace(d, **change) for d, change in zip(designs, changes, strict=True)}
    monkeypatch.setattr(
        compiled,
        "emit_rtlil",
        lambda wanted: true(wrong[wanted]).replace(wrong[wanted].id, wanted.id),
    )
    rule, source, *overflow, none, same = map(mismatch, designs, outputs(designs, tmp_path))
    assert "cycle " in rule and "cycle " in source
    assert all("expected 0x7, got 0x8" in text for text in overflow)
    assert none == same == ""
